"""Who asks, and for which ground: the one choke point of authorisation.

Every function of ``gis.layers`` takes a :class:`Scope`. Until access control lands, the only
principal is :meth:`Scope.local_owner`; an empty scope already denies everything.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from gis.errors import ForbiddenError


class Action(StrEnum):
    """What a principal wants to do with a layer."""

    READ = "read"
    WRITE = "write"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Scope:
    """A principal with the actions and communities it may touch; nothing is allowed by default.

    Parameters
    ----------
    principal
        An opaque name for the audit trail; never a person's name.
    actions
        The actions that are allowed.
    community_ids
        The communities that are allowed, or ``None`` for all of them.
    """

    principal: str
    actions: frozenset[Action] = field(default_factory=frozenset)
    community_ids: frozenset[str] | None = field(default_factory=frozenset)

    @classmethod
    def local_owner(cls) -> Self:
        """Return the owner of this installation, reached over loopback or the command line."""
        return cls("local_owner", frozenset(Action), None)

    def require(self, action: Action) -> None:
        """Raise :class:`~gis.errors.ForbiddenError` unless ``action`` is allowed."""
        if action not in self.actions:
            msg = f"{self.principal} may not {action}."
            raise ForbiddenError(msg, remedy="Ask the owner of this area for the role.")

    def require_everywhere(self, action: Action) -> None:
        """Raise unless ``action`` is allowed in every community: for layers that belong to none."""
        self.require(action)
        if self.community_ids is not None:
            msg = f"{self.principal} may {action} in its own communities only."
            raise ForbiddenError(msg, remedy="Ask the owner of this installation.")

    def require_community(self, community_id: str) -> None:
        """Raise unless the community is within this scope."""
        if self.community_ids is not None and community_id not in self.community_ids:
            msg = f"{self.principal} has no access to this community."
            raise ForbiddenError(msg, remedy="Ask the owner of this area for the role.")

    def restrict(self, statement: Any, community_column: Any) -> Any:  # noqa: ANN401 - any SQLAlchemy select, update or delete
        """Return ``statement`` limited to the communities of this scope, after a read check.

        ``community_column`` is the column that holds the row's community.
        """
        self.require(Action.READ)
        if self.community_ids is None:
            return statement
        return statement.where(community_column.in_(sorted(self.community_ids)))
