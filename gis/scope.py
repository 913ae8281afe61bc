"""Who asks, and for which ground: the one choke point of authorisation.

Every function of ``gis.layers`` takes a :class:`Scope`. :func:`gis.access.scope_of` makes it of
what somebody was granted; :meth:`Scope.local_owner` is whoever uses the command line of this
installation. An empty scope denies everything.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from gis.errors import ForbiddenError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Action(StrEnum):
    """What a principal wants to do with a layer."""

    READ = "read"
    WRITE = "write"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Scope:
    """A principal with the actions and ground it may touch; nothing is allowed by default.

    Parameters
    ----------
    principal
        An opaque name for the audit trail; never a person's name.
    actions
        The actions that are allowed.
    community_ids
        The communities that are allowed as a whole, or ``None`` for all of them.
    grid_ids
        Grids that are allowed beside those communities.
    roles
        The roles by which it is allowed, for the audit trail.
    organisations
        Departments or organisations whose matters alone are allowed; ``None``: not so bound.
    full_counts
        Whether small counts of people are shown as they are.
    request_id, address
        The request that asks and where it came from, for the audit trail.
    permission
        What it was allowed for, so that long work can ask again when it begins.
    limited_to
        Permissions that the credential was limited to; ``None``: to none in particular.
    sees_houses
        Whether single buildings are shown to the same person, of whatever area.
    """

    principal: str
    actions: frozenset[Action] = field(default_factory=frozenset)
    community_ids: frozenset[str] | None = field(default_factory=frozenset)
    grid_ids: frozenset[str] = field(default_factory=frozenset)
    roles: tuple[str, ...] = ()
    organisations: frozenset[str] | None = None
    full_counts: bool = False
    request_id: str | None = None
    address: str | None = None
    permission: str | None = None
    limited_to: frozenset[str] | None = None
    sees_houses: bool = False

    @classmethod
    def local_owner(cls) -> Self:
        """Return the owner of this installation, reached over loopback or the command line."""
        return cls("local_owner", frozenset(Action), None, roles=("local_owner",))

    @property
    def is_owner(self) -> bool:
        """Whether it is the owner of this installation and no account."""
        return self.roles == ("local_owner",)

    @property
    def is_everywhere(self) -> bool:
        """Whether every community is allowed."""
        return self.community_ids is None

    @property
    def ground_key(self) -> tuple[Any, ...]:
        """What an answer depends on beside the question: part of the key of every cache."""
        communities = None if self.community_ids is None else tuple(sorted(self.community_ids))
        organisations = None if self.organisations is None else tuple(sorted(self.organisations))
        return (
            communities,
            tuple(sorted(self.grid_ids)),
            organisations,
            self.full_counts,
            self.sees_houses,
        )

    def shown_below(self, threshold: int) -> int:
        """Return the count below which counts are withheld from this principal; 1: none is."""
        return 1 if self.full_counts else threshold

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

    def require_within(self, action: Action, community_ids: "Iterable[str | None]") -> None:
        """Raise unless ``action`` is allowed in each of these communities.

        ``None`` is a row that lies in none: it is for those who are allowed everywhere.

        Raises
        ------
        gis.errors.ForbiddenError
            The action is not allowed at all, or one of them is not the scope's.
        """
        self.require(action)
        if self.community_ids is not None and not set(community_ids) <= self.community_ids:
            msg = f"{self.principal} may {action} in its own communities only."
            raise ForbiddenError(msg, remedy="Leave the rest out, or ask an admin of that area.")

    def for_ground(self) -> Self:
        """Return the scope that reads the public ground: stations, ways and estates of all areas.

        Coverage does not end at a border: the nearest station may be the neighbour's. It is for
        layers that hold no people; what is made of it is about the scope's own buildings.
        """
        self.require(Action.READ)
        return replace(
            self, actions=frozenset({Action.READ}), community_ids=None, grid_ids=frozenset()
        )

    def require_community(self, community_id: str) -> None:
        """Raise unless the community is within this scope: nobody learns that it exists.

        Raises
        ------
        gis.errors.NotFoundError
            It is not.
        """
        if self.community_ids is not None and community_id not in self.community_ids:
            raise NotFoundError(
                f"There is no {community_id} among the communities.",
                remedy="List the communities.",
            )

    def restrict(self, statement: Any, community_column: Any, grid_column: Any = None) -> Any:  # noqa: ANN401 - any SQLAlchemy select, update or delete
        """Return ``statement`` limited to the ground of this scope, after a read check.

        ``community_column`` is the column that holds the row's community, ``grid_column`` the one
        that holds its grid, if it has one: rows of the scope's grids are allowed as well.
        """
        self.require(Action.READ)
        if self.community_ids is None:
            return statement
        own = community_column.in_(sorted(self.community_ids))
        if grid_column is not None and self.grid_ids:
            own |= grid_column.in_(sorted(self.grid_ids))
        return statement.where(own)
