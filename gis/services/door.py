"""The scope by which accounts and credentials are looked up before anybody is known."""

from gis.scope import Action, Scope

#: Reads and writes accounts, sessions and keys only; whoever asks is checked by the services.
DOOR = Scope("door", frozenset({Action.READ, Action.WRITE}), None, roles=("door",))
