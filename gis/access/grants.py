"""Grants: a role in an area for a time; and the scope that a principal's grants come to."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from gis.access.permissions import Permission
from gis.access.roles import MATRIX, Role, sees_in_full
from gis.errors import ForbiddenError
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date


class AreaKind(StrEnum):
    """What a grant is bound to."""

    EVERYWHERE = "everywhere"
    SUBDISTRICT = "subdistrict"
    COMMUNITY = "community"
    GRID = "grid"


@dataclass(frozen=True, slots=True)
class Area:
    """An area by its kind and code; everywhere has none.

    Parameters
    ----------
    kind
        What it is.
    code
        The 9-digit code of a subdistrict, the 12-digit one of a community, or a grid's code.
    """

    kind: AreaKind
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in an area, from a day (inclusive) to another (exclusive), open where ``None``.

    Parameters
    ----------
    role, area
        What somebody is, and where.
    from_day, to_day
        When.
    organisation
        Code of the department or organisation somebody acts for, where the role has one.
    """

    role: Role
    area: Area
    from_day: "date | None" = None
    to_day: "date | None" = None
    organisation: str | None = None

    def holds_on(self, day: "date") -> bool:
        """Return whether it holds on a day."""
        return (self.from_day is None or self.from_day <= day) and (
            self.to_day is None or day < self.to_day
        )


@dataclass(frozen=True, slots=True)
class Held:
    """A grant with the ground that its area is now.

    Parameters
    ----------
    grant
        The grant.
    community_ids
        Communities that lie in it as a whole; ``None``: all of them.
    grid_ids
        Grids that it is bound to, where it is bound to grids.
    """

    grant: Grant
    community_ids: frozenset[str] | None = field(default_factory=frozenset)
    grid_ids: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who is known, with what they were granted.

    Parameters
    ----------
    name
        Opaque name for the audit trail; never a person's name.
    held
        The grants with their ground.
    limited_to
        Permissions that the key or token was given, if fewer than the grants; ``None``: all.
    """

    name: str
    held: tuple[Held, ...] = ()
    limited_to: frozenset[Permission] | None = None


def scope_of(principal: Principal, permission: Permission, day: "date") -> Scope:
    """Return what a principal may touch when it asks for a permission; empty: nothing.

    Counts are shown in full only if every grant that gives the permission shows them so: of two
    areas with different roles both are suppressed, which gives nothing away.
    """
    used = [
        held
        for held in principal.held
        if permission in MATRIX[held.grant.role] and held.grant.holds_on(day)
    ]
    if principal.limited_to is not None and permission not in principal.limited_to:
        used = []
    if not used:
        return Scope(principal.name)
    return Scope(
        principal.name,
        actions=frozenset({Action.READ, permission.action}),
        community_ids=_united(held.community_ids for held in used),
        grid_ids=frozenset().union(*(held.grid_ids for held in used)),
        roles=tuple(sorted({str(held.grant.role) for held in used})),
        organisations=_organisations(used),
        full_counts=all(sees_in_full(held.grant.role, permission) for held in used),
        permission=str(permission),
        limited_to=None
        if principal.limited_to is None
        else frozenset(map(str, principal.limited_to)),
        sees_houses=any(_sees_houses(held.grant, day) for held in principal.held),
    )


def _sees_houses(grant: Grant, day: "date") -> bool:
    """Return whether a grant shows single buildings, anywhere."""
    return grant.holds_on(day) and Permission.BUILDINGS_READ in MATRIX[grant.role]


def authorise(principal: Principal, permission: Permission, day: "date") -> Scope:
    """Return the scope for a permission, if the principal has it anywhere.

    Raises
    ------
    gis.errors.ForbiddenError
        It has it nowhere on that day.
    """
    scope = scope_of(principal, permission, day)
    if not scope.actions:
        raise ForbiddenError(
            f"This needs the permission {permission}, which you do not have.",
            remedy="Ask an admin of your area for a role that has it.",
        )
    return scope


def _united(sets: "Iterable[frozenset[str] | None]") -> frozenset[str] | None:
    """Return the union of sets of communities; all of them if one is all."""
    listed = list(sets)
    known = [one for one in listed if one is not None]
    return frozenset().union(*known) if len(known) == len(listed) else None


def _organisations(used: "Iterable[Held]") -> frozenset[str] | None:
    """Return for whom somebody acts; ``None``: not bound to any organisation's matters."""
    bound = {Role.DEPARTMENT, Role.ORGANISATION}
    listed = list(used)
    if any(held.grant.role not in bound for held in listed):
        return None
    return frozenset(h.grant.organisation for h in listed if h.grant.organisation is not None)
