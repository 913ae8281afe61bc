"""What an endpoint or a command asks for: one name for each thing that may be allowed."""

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from gis.scope import Action

if TYPE_CHECKING:
    from collections.abc import Mapping


class Permission(StrEnum):
    """Something that a role may be allowed to do within its areas."""

    GROUND_READ = "ground.read"
    BUILDINGS_READ = "buildings.read"
    MATTERS_READ = "matters.read"
    MATTERS_WRITE = "matters.write"
    GEOCODING_READ = "geocoding.read"
    GEOCODING_DECIDE = "geocoding.decide"
    STATIONS_WRITE = "stations.write"
    COVERAGE_RUN = "coverage.run"
    SITING_READ = "siting.read"
    SITING_RUN = "siting.run"
    PLANS_READ = "plans.read"
    PLANS_DRAW = "plans.draw"
    PLANS_APPROVE = "plans.approve"
    CHECKS_READ = "checks.read"
    CHECKS_RUN = "checks.run"
    IMPORTS_READ = "imports.read"
    IMPORTS_WRITE = "imports.write"
    EXPORTS_MAKE = "exports.make"
    JOBS_READ = "jobs.read"
    JOBS_CANCEL = "jobs.cancel"
    USERS_MANAGE = "users.manage"
    AUDIT_LOG_READ = "audit-log.read"
    OWN_ACCOUNT = "own-account"

    @property
    def action(self) -> Action:
        """What it comes down to in a layer: reading, writing or exporting."""
        if self is Permission.EXPORTS_MAKE:
            return Action.EXPORT
        return Action.READ if self.value.endswith(".read") else Action.WRITE

    @property
    def meaning(self) -> str:
        """What it allows, in a few words."""
        return MEANINGS[self]


MEANINGS: "Mapping[Permission, str]" = MappingProxyType(
    {
        Permission.GROUND_READ: "See communities, grids, stations, coverage and maps",
        Permission.BUILDINGS_READ: "See single buildings and their counts",
        Permission.MATTERS_READ: "See incidents and demands",
        Permission.MATTERS_WRITE: "Report incidents and demands",
        Permission.GEOCODING_READ: "See descriptions of places",
        Permission.GEOCODING_DECIDE: "Decide what a description of a place means",
        Permission.STATIONS_WRITE: "Change stations and their hours",
        Permission.COVERAGE_RUN: "Measure coverage anew",
        Permission.SITING_READ: "See proposed stations",
        Permission.SITING_RUN: "Ask where stations should go",
        Permission.PLANS_READ: "See plans and drafts",
        Permission.PLANS_DRAW: "Draw, edit, submit and withdraw plans",
        Permission.PLANS_APPROVE: "Approve plans, put them into effect, retire them",
        Permission.CHECKS_READ: "See what is wrong with the ground",
        Permission.CHECKS_RUN: "Check the ground",
        Permission.IMPORTS_READ: "See what was imported",
        Permission.IMPORTS_WRITE: "Import files and undo imports",
        Permission.EXPORTS_MAKE: "Take data away as files",
        Permission.JOBS_READ: "See long work",
        Permission.JOBS_CANCEL: "Cancel long work",
        Permission.USERS_MANAGE: "Manage accounts, roles and keys",
        Permission.AUDIT_LOG_READ: "Read the audit log",
        Permission.OWN_ACCOUNT: "Manage the own password, keys and sessions",
    }
)
