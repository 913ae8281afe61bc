"""The roles, and the one table of what each may do; docs/access.md is printed from it."""

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from gis.access.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping


class Role(StrEnum):
    """What somebody is within an area."""

    ADMIN = "admin"
    PLANNER = "planner"
    REVIEWER = "reviewer"
    DISPATCHER = "dispatcher"
    GRID_WORKER = "grid_worker"
    DEPARTMENT = "department"
    ORGANISATION = "organisation"
    MANAGER = "manager"
    VIEWER = "viewer"


_EVERYBODY = frozenset({Permission.GROUND_READ, Permission.OWN_ACCOUNT})

#: Role to permissions. What is not here is denied.
MATRIX: "Mapping[Role, frozenset[Permission]]" = MappingProxyType(
    {
        Role.ADMIN: frozenset(Permission),
        Role.PLANNER: _EVERYBODY
        | {
            Permission.BUILDINGS_READ,
            Permission.MATTERS_READ,
            Permission.GEOCODING_READ,
            Permission.GEOCODING_DECIDE,
            Permission.STATIONS_WRITE,
            Permission.COVERAGE_RUN,
            Permission.SITING_READ,
            Permission.SITING_RUN,
            Permission.PLANS_READ,
            Permission.PLANS_DRAW,
            Permission.CHECKS_READ,
            Permission.CHECKS_RUN,
            Permission.IMPORTS_READ,
            Permission.IMPORTS_WRITE,
            Permission.EXPORTS_MAKE,
            Permission.JOBS_READ,
            Permission.JOBS_CANCEL,
        },
        Role.REVIEWER: _EVERYBODY
        | {
            Permission.BUILDINGS_READ,
            Permission.SITING_READ,
            Permission.PLANS_READ,
            Permission.PLANS_APPROVE,
            Permission.CHECKS_READ,
            Permission.IMPORTS_READ,
            Permission.EXPORTS_MAKE,
            Permission.JOBS_READ,
        },
        Role.DISPATCHER: _EVERYBODY
        | {
            Permission.BUILDINGS_READ,
            Permission.MATTERS_READ,
            Permission.MATTERS_WRITE,
            Permission.GEOCODING_READ,
            Permission.GEOCODING_DECIDE,
        },
        Role.GRID_WORKER: _EVERYBODY
        | {Permission.BUILDINGS_READ, Permission.MATTERS_READ, Permission.MATTERS_WRITE},
        Role.DEPARTMENT: _EVERYBODY | {Permission.MATTERS_READ},
        Role.ORGANISATION: _EVERYBODY,
        Role.MANAGER: _EVERYBODY
        | {
            Permission.BUILDINGS_READ,
            Permission.COVERAGE_RUN,
            Permission.SITING_READ,
            Permission.SITING_RUN,
            Permission.PLANS_READ,
            Permission.EXPORTS_MAKE,
            Permission.JOBS_READ,
            Permission.JOBS_CANCEL,
        },
        Role.VIEWER: _EVERYBODY,
    }
)

#: Roles that see counts of their areas as they are; to the others small ones are withheld.
FULL_COUNTS = frozenset({Role.ADMIN, Role.PLANNER, Role.REVIEWER, Role.MANAGER})
#: Of them, those that see counts of areas so: of single buildings small ones are withheld.
AREA_COUNTS = frozenset({Role.MANAGER})


def sees_in_full(role: Role, permission: Permission) -> bool:
    """Return whether what a permission opens to a role has small counts as they are."""
    of_buildings = permission is Permission.BUILDINGS_READ
    return role in FULL_COUNTS and not (of_buildings and role in AREA_COUNTS)
