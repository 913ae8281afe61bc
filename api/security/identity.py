"""Whose a credential is: looked up in the store, and kept for a few seconds."""

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from api.security.tokens import Tokens
from gis.access import Area, AreaKind, Grant, Held, Permission, Principal, Role, authorise, scope_of
from gis.database.engine import transaction
from gis.errors import CredentialsError, ForbiddenError
from gis.scope import Scope
from gis.services.accounts import principal_of, there_is_an_admin
from gis.services.keys import read_key
from gis.services.signing_in import read_session

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session, sessionmaker

    from api.security.credentials import Credential, Kind
    from gis.settings import Settings

#: Callers that are kept at most; above it all are forgotten and looked up anew.
MOST_KEPT = 10_000
#: Whoever comes from elsewhere while there is no admin: sees what everybody may, changes nothing.
_VISITOR = Principal(
    "anonymous", (Held(Grant(Role.VIEWER, Area(AreaKind.EVERYWHERE)), community_ids=None),)
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who is known.

    Parameters
    ----------
    principal
        With what was granted.
    by
        The kind of credential; ``None``: none was asked for.
    user_id, language
        The account; ``None``: it has none.
    session_id
        The session of the pages, if it is one.
    expires_at
        When a token ends, in seconds since 1970; ``None``: it does not by itself.
    """

    principal: Principal
    by: "Kind | None" = None
    user_id: str | None = None
    language: str | None = None
    session_id: str | None = None
    expires_at: int | None = None
    _scopes: "dict[tuple[Permission, date], Scope]" = field(default_factory=dict, repr=False)

    @property
    def is_owner(self) -> bool:
        """Whether it is whoever sits at this machine."""
        return self.by is None and self.principal.name == "local_owner"

    @property
    def is_visitor(self) -> bool:
        """Whether it is somebody from elsewhere while there is no admin."""
        return self.by is None and not self.is_owner

    def permissions(self, day: "date") -> list[Permission]:
        """Return what the caller may do on a day, somewhere."""
        if self.is_owner:
            return list(Permission)
        return [one for one in Permission if scope_of(self.principal, one, day).actions]

    def scope_for(self, permission: "Permission", day: "date") -> Scope:
        """Return what the caller may touch when it asks for a permission.

        Raises
        ------
        gis.errors.ForbiddenError
            It has it nowhere.
        """
        if self.is_owner:
            return Scope.local_owner()
        found = self._scopes.get((permission, day))
        if found is None:
            try:
                found = authorise(self.principal, permission, day)
            except ForbiddenError:
                if self.is_visitor:
                    raise _no_admin_yet() from None
                raise
            self._scopes[(permission, day)] = found
        return found


OWNER = Caller(Principal("local_owner"))
VISITOR = Caller(_VISITOR)


@dataclass(slots=True)
class Identities:
    """Looks up whose credentials are, for one database.

    What is found is kept for ``settings.access_cache_s`` seconds, by the hash of the credential:
    so long a role that was taken back by another process still holds here.

    Parameters
    ----------
    sessions
        Sessions of the database.
    settings
        How long to keep what is found.
    tokens
        Reads signed tokens.
    """

    sessions: "sessionmaker[Session]"
    settings: "Settings"
    tokens: Tokens
    _kept: "dict[bytes, tuple[float, Caller]]" = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _generation: int = 0
    _admin: tuple[float, bool] = (0.0, False)

    def kept(self, credential: "Credential") -> Caller | None:
        """Return the caller if it was looked up a moment ago."""
        found = self._kept.get(credential.digest)
        return found[1] if found is not None and time.time() < found[0] else None

    def look_up(self, credential: "Credential") -> Caller:
        """Return whose a credential is, from the store.

        Raises
        ------
        gis.errors.CredentialsError
            Nobody's: it is wrong, ended or taken back, or the account is closed.
        """
        generation = self._generation
        with transaction(self.sessions) as session:
            caller = _LOOK_UP[credential.kind](self, session, credential.secret)
        until = time.time() + self.settings.access_cache_s
        if caller.expires_at is not None:
            until = min(until, caller.expires_at)
        with self._lock:
            if generation == self._generation:  # else somebody changed accounts meanwhile
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                self._kept[credential.digest] = (until, caller)
        return caller

    def has_admin_kept(self) -> bool | None:
        """Return whether there is an admin, if it was looked up a moment ago; once is for ever."""
        until, found = self._admin
        return found if found or time.time() < until else None

    def has_admin(self) -> bool:
        """Return whether there is an admin with a password, from the store."""
        with transaction(self.sessions) as session:
            found = there_is_an_admin(session)
        self._admin = (time.time() + self.settings.access_cache_s, found)
        return found

    def forget(self) -> None:
        """Forget everybody: accounts, roles, keys or sessions have changed here."""
        with self._lock:
            self._generation += 1
            self._kept.clear()
            self._admin = (0.0, self._admin[1])

    def _of_token(self, session: "Session", secret: str) -> Caller:
        claims = self.tokens.read(secret)
        principal = principal_of(
            session, claims.user_id, claims.permissions, issued_at=claims.issued_at
        )
        return Caller(principal, "token", claims.user_id, expires_at=claims.expires_at)

    def _of_key(self, session: "Session", secret: str) -> Caller:
        holder = read_key(session, secret)
        if holder is None:
            raise CredentialsError(
                "The key does not hold.", remedy="Make another: wangge key make, or /v1/keys."
            )
        return Caller(
            principal_of(session, holder.user_id, holder.limited_to), "key", holder.user_id
        )

    def _of_session(self, session: "Session", secret: str) -> Caller:
        visitor = read_session(session, secret)
        if visitor is None:
            raise CredentialsError("The session has ended.", remedy="Sign in again.")
        return Caller(
            principal_of(session, visitor.user_id),
            "session",
            visitor.user_id,
            visitor.language,
            visitor.session_id,
        )


_LOOK_UP = {
    "token": Identities._of_token,  # noqa: SLF001 - its own methods
    "key": Identities._of_key,  # noqa: SLF001 - its own methods
    "session": Identities._of_session,  # noqa: SLF001 - its own methods
}


def of_request(scope: Scope, request_id: str | None, address: str) -> Scope:
    """Return a scope with the request that it is for, for the audit trail."""
    return replace(scope, request_id=request_id, address=address)


def common_ground(one: Scope, other: Scope) -> Scope:
    """Return a scope on the ground that another one has too.

    A grid that one has by itself and the other within a whole community is left out: which
    community it lies in is not known here.
    """
    if other.community_ids is None:
        communities, grids = one.community_ids, one.grid_ids
    elif one.community_ids is None:
        communities, grids = other.community_ids, other.grid_ids
    else:
        communities = one.community_ids & other.community_ids
        grids = one.grid_ids & other.grid_ids
    return replace(
        one,
        community_ids=communities,
        grid_ids=grids,
        organisations=_common(one.organisations, other.organisations),
        full_counts=one.full_counts and other.full_counts,
    )


def _common(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _no_admin_yet() -> ForbiddenError:
    return ForbiddenError(
        "This server can be reached from other machines and has no admin yet: it shows what "
        "everybody may see, and changes nothing.",
        remedy="Make one where it runs: wangge user add NAME --role admin.",
    )
