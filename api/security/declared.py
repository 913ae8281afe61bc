"""What each operation asks for: the one table; an operation that is not in it stops the server."""

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from fastapi.routing import APIRoute, iter_route_contexts

from gis.access import Permission
from gis.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fastapi import FastAPI
    from starlette.routing import BaseRoute


class Door(Enum):
    """What an operation asks for where that is no permission."""

    #: Nobody is asked who they are.
    OPEN = "open"
    #: Whoever is known may, whatever roles they have: it touches no data.
    KNOWN = "known"


OPEN: Final = Door.OPEN
KNOWN: Final = Door.KNOWN

#: Operations that take a form, which carries the token against forgery in its body.
BY_FORM = frozenset({"sign_in_by_form", "sign_out"})
#: Pages: a browser that nobody signed in from is sent to the page for signing in.
PAGES = frozenset({"front", "docs", "coverage_map", "walking_map"})

#: Name of the operation to what it asks for.
DECLARED: "Mapping[str, Permission | Door]" = MappingProxyType(
    {
        # Pages and what they are made of
        "front": Permission.GROUND_READ,
        "docs": KNOWN,
        "openapi": KNOWN,
        "coverage_map": Permission.BUILDINGS_READ,  # it carries each building with its counts
        "walking_map": Permission.BUILDINGS_READ,
        "static": OPEN,
        "show_sign_in": OPEN,
        "sign_in_by_form": OPEN,
        "sign_out": KNOWN,
        # Is the server well
        "healthz": OPEN,
        "readyz": OPEN,
        # Ground
        "list_communities": Permission.GROUND_READ,
        "get_community": Permission.GROUND_READ,
        "list_grids": Permission.GROUND_READ,
        "get_grid": Permission.GROUND_READ,
        "locate_point": Permission.GROUND_READ,
        "list_stations": Permission.GROUND_READ,
        "get_station": Permission.GROUND_READ,
        "find_nearest_stations": Permission.GROUND_READ,
        "update_station": Permission.STATIONS_WRITE,
        "list_buildings": Permission.BUILDINGS_READ,
        "get_building": Permission.BUILDINGS_READ,
        "list_activities": Permission.GROUND_READ,
        "get_tile": Permission.GROUND_READ,  # and what its layer asks for, see EXPORTED
        "get_tileset": Permission.GROUND_READ,
        "get_coverage_tile": Permission.BUILDINGS_READ,
        "get_coverage_tileset": Permission.BUILDINGS_READ,
        # Incidents, demands, and descriptions of places
        "list_incidents": Permission.MATTERS_READ,
        "get_incident": Permission.MATTERS_READ,
        "create_incident": Permission.MATTERS_WRITE,
        "list_demands": Permission.MATTERS_READ,
        "get_demand": Permission.MATTERS_READ,
        "create_demand": Permission.MATTERS_WRITE,
        "match_descriptions": Permission.GEOCODING_READ,
        "list_geocoding_requests": Permission.GEOCODING_READ,
        "get_geocoding_request": Permission.GEOCODING_READ,
        "resolve_geocoding_request": Permission.GEOCODING_DECIDE,
        "reject_geocoding_request": Permission.GEOCODING_DECIDE,
        # Coverage
        "get_coverage": Permission.GROUND_READ,
        "get_coverage_week": Permission.GROUND_READ,
        "get_coverage_capacity": Permission.GROUND_READ,
        "get_coverage_accessibility": Permission.GROUND_READ,
        "get_coverage_sensitivity": Permission.GROUND_READ,
        "get_coverage_delivery": Permission.GROUND_READ,
        "get_isochrone": Permission.GROUND_READ,
        "list_catchments": Permission.GROUND_READ,
        "list_coverage_gaps": Permission.GROUND_READ,
        "list_coverage_buildings": Permission.BUILDINGS_READ,
        "get_coverage_path": Permission.BUILDINGS_READ,
        "start_coverage_run": Permission.COVERAGE_RUN,
        "list_coverage_runs": Permission.GROUND_READ,
        "list_indicators": Permission.GROUND_READ,
        "list_indicator_evidence": Permission.BUILDINGS_READ,
        # Siting
        "start_siting": Permission.SITING_RUN,
        "swap_siting": Permission.SITING_RUN,
        "get_siting": Permission.SITING_READ,
        "adopt_siting": Permission.STATIONS_WRITE,
        # Plans
        "list_plans": Permission.PLANS_READ,
        "get_plan": Permission.PLANS_READ,
        "evaluate_plan": Permission.PLANS_READ,
        "compare_two_plans": Permission.PLANS_READ,
        "create_plan": Permission.PLANS_DRAW,
        "draw_plan": Permission.PLANS_DRAW,
        "rebalance_plan": Permission.PLANS_DRAW,
        "delete_plan": Permission.PLANS_DRAW,
        # Checks
        "list_audits": Permission.CHECKS_READ,
        "get_audit": Permission.CHECKS_READ,
        "list_findings": Permission.CHECKS_READ,
        "create_audit": Permission.CHECKS_RUN,
        # Files in and out, and long work
        "receive_upload": Permission.IMPORTS_WRITE,
        "remove_upload": Permission.IMPORTS_WRITE,
        "start_import": Permission.IMPORTS_WRITE,
        "undo_import": Permission.IMPORTS_WRITE,
        "list_imports": Permission.IMPORTS_READ,
        "download_export": Permission.EXPORTS_MAKE,
        "export_coverage_file": Permission.EXPORTS_MAKE,
        "export_siting_file": Permission.EXPORTS_MAKE,
        "list_jobs": Permission.JOBS_READ,
        "get_job": Permission.JOBS_READ,
        "get_job_log": Permission.JOBS_READ,
        "get_job_rejects": Permission.IMPORTS_WRITE,
        "cancel_job": Permission.JOBS_CANCEL,
        # Accounts
        "create_token": OPEN,
        "get_me": KNOWN,
        "end_sessions": Permission.OWN_ACCOUNT,
        "change_own_password": Permission.OWN_ACCOUNT,
        "list_keys": Permission.OWN_ACCOUNT,
        "create_key": Permission.OWN_ACCOUNT,
        "revoke_key": Permission.OWN_ACCOUNT,
        "list_roles": KNOWN,
        "list_users": Permission.USERS_MANAGE,
        "get_user": Permission.USERS_MANAGE,
        "create_user": Permission.USERS_MANAGE,
        "disable_user": Permission.USERS_MANAGE,
        "enable_user": Permission.USERS_MANAGE,
        "set_user_password": Permission.USERS_MANAGE,
        "create_grant": Permission.USERS_MANAGE,
        "revoke_grant": Permission.USERS_MANAGE,
        "list_audit_log": Permission.AUDIT_LOG_READ,
    }
)

_BUILDINGS = (
    "buildings",
    "units",
    "cells",
    "cell_borders",
    "cell_grids",
    "building_grids",
    "building_parts",
    "coverage",
    "walking_verdicts",
)
_MATTERS = ("incidents", "demands", "assigned_incidents", "assigned_demands")
_GROUND = (
    "divisions",
    "communities",
    "quarters",
    "dedicated_areas",
    "organisations",
    "stations",
    "station_services",
    "activities",
    "roads",
    "barriers",
    "crossings",
    "pois",
    "posts",
    "grids",
    "coverage_scenarios",
    "isochrones",
    "catchments",
    "coverage_gaps",
    "indicators",
)
#: Layer of an export or of tiles to what it asks for besides.
EXPORTED: "Mapping[str, Permission]" = MappingProxyType(
    {
        **dict.fromkeys(_GROUND, Permission.GROUND_READ),
        **dict.fromkeys(_BUILDINGS, Permission.BUILDINGS_READ),
        **dict.fromkeys(_MATTERS, Permission.MATTERS_READ),
        "grid_plans": Permission.PLANS_READ,
        "grid_measures": Permission.PLANS_READ,
        "findings": Permission.CHECKS_READ,
        "geocoding_queue": Permission.GEOCODING_READ,
    }
)


def refuse_undeclared(app: "FastAPI") -> None:
    """Refuse an application that has an operation nobody declared: it would be open to all.

    Raises
    ------
    gis.errors.ConfigurationError
        There is one, or something else than an operation that answers requests.
    """
    for path, name in _operations(app.routes):
        if name not in DECLARED:
            raise ConfigurationError(
                f"The operation {name!r} at {path} does not say which permission it asks for.",
                remedy="Declare it in api/security/declared.py.",
            )


def _operations(routes: "Sequence[BaseRoute]") -> "Iterator[tuple[str, str]]":
    """Yield path and name of everything that answers.

    Only an operation of FastAPI runs the dependency that asks who calls; a mounted application, a
    plain route or a web socket would pass by it, and has a name that nobody declares.
    """
    for found in iter_route_contexts(routes):
        kind = type(found.original_route)
        name = found.name if issubclass(kind, APIRoute) else f"{kind.__name__} that asks nobody"
        yield str(found.path), str(name)
