"""How each public function of the layers is called, with the keys and codes of community B."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from gis import frames
from gis.layers import (
    activities,
    buildings,
    cells,
    communities,
    coverage_runs,
    exports,
    findings,
    geocoding,
    grids,
    jobs,
    matters,
    overview,
    people,
    plan_grids,
    plans,
    queries,
    station_edits,
    stations,
    tiles,
)
from gis.layers.buildings import Building
from gis.layers.cells import NewCells
from gis.layers.demands import Demand
from gis.layers.grids import Grid, GridFilter, Where
from gis.layers.incidents import Incident
from gis.layers.queries import Window, table_of
from gis.layers.stations import Station, StationFilter
from gis.layers.tiles import Tile
from gis.scope import Action, Scope
from tests.db.planning import TOWN_PLAN
from tests.town import CODE_OF, TIMEZONE, grid_id, key, lon_lat, tile_at

DAY = date(2026, 6, 1)
#: Long before anything of the town was there.
LONG_AGO = date(1900, 1, 1)
A, B = key("communities", "A"), key("communities", "B")
GRID_B, GRID_B_CODE = grid_id("plan", "c"), f"{CODE_OF['B']}001"
EVERYTHING = Window(limit=500)
GROUND = exports.Ground(TOWN_PLAN, DAY)
ALL = frozenset(Action)
OF_A = Scope("ann", ALL, frozenset({A}), roles=("planner",))
OF_GRID_A = Scope(
    "gus", ALL, frozenset(), frozenset({grid_id("plan", "a")}), roles=("grid_worker",)
)

Call = Callable[[Session, Scope, "Foreign"], Any]


class Foreign:
    """Keys of B in every layer that has a community, and one of each to ask for."""

    def __init__(self, session: Session) -> None:
        def ids(asked: str) -> list[str]:
            return [str(one) for one in session.execute(text(asked), {"b": B}).scalars()]

        of = "SELECT id FROM {} WHERE community_id = :b ORDER BY id"
        self.buildings = ids(of.format("buildings"))
        self.cells = ids(of.format("cells"))
        self.stations = ids(of.format("stations"))
        self.incidents = ids(of.format("incidents"))
        self.demands = ids(of.format("demands"))
        self.grids = ids(of.format("grids"))
        self.grid_codes = ids("SELECT code FROM grids WHERE community_id = :b")

    @property
    def names(self) -> set[str]:
        """Whatever of B would be a leak if it were told."""
        keys = self.buildings + self.cells + self.stations + self.incidents + self.demands
        return {B, CODE_OF["B"], *keys, *self.grids, *self.grid_codes}


#: What reads, by name; everything that is asked for is B's, or all there is.
READS: dict[str, Call] = {
    "activities.read_activities": lambda s, p, _: activities.read_activities(
        s, p, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    ),
    "buildings.page": lambda s, p, _: buildings.page(s, p, EVERYTHING, on_day=DAY),
    "buildings.one": lambda s, p, f: buildings.one(s, p, f.buildings[0]),
    "cells.read_current": lambda s, p, _: cells.read_current(s, p),
    "cells.read_current_borders": lambda s, p, _: cells.read_current_borders(s, p),
    "cells.read_current_buildings": lambda s, p, _: cells.read_current_buildings(s, p),
    "cells.data_versions": lambda s, p, _: cells.data_versions(s, p),
    "communities.page": lambda s, p, _: communities.page(s, p, EVERYTHING, on_day=DAY),
    "communities.one": lambda s, p, _: communities.one(s, p, B),
    "coverage_runs.runs": lambda s, p, _: coverage_runs.runs(s, p),
    "coverage_runs.one": lambda s, p, _: coverage_runs.one(s, p, run_of(s)),
    "coverage_runs.there_is": lambda s, p, _: coverage_runs.there_is(s, p, DAY),
    "coverage_runs.newest_at": lambda s, p, _: coverage_runs.newest_at(s, p, DAY),
    "coverage_runs.days": lambda s, p, _: coverage_runs.days(
        s, p, since=DAY, until=DAY, method="walking"
    ),
    "coverage_runs.values": lambda s, p, _: coverage_runs.values(s, p, run_of(s)),
    "coverage_runs.history": lambda s, p, _: coverage_runs.history(s, p, since=DAY, until=DAY),
    "exports.grids_meant": lambda s, p, _: exports.grids_meant(s, p, GROUND),
    "exports.counts_by_grid": lambda s, p, _: list(exports.counts_by_grid(s, p, GROUND)),
    "exports.counts_by_community": lambda s, p, _: list(exports.counts_by_community(s, p, GROUND)),
    "exports.households_by_building": lambda s, p, _: list(exports.households_by_building(s, p)),
    "exports.units_of": lambda s, p, f: exports.units_of(s, p, set(f.buildings)),
    "exports.community_exists": lambda s, p, _: exports.community_exists(s, p, CODE_OF["B"]),
    "exports.plan_facts": lambda s, p, _: exports.plan_facts(s, p, GROUND),
    "exports.find_plan": lambda s, p, _: exports.find_plan(s, p, plan_of_b(s)),
    "findings.read_standing": lambda s, p, _: [
        findings.read_standing(s, p, name, DAY) for name in ("buildings", "communities", "posts")
    ],
    "findings.read_audited_grids": lambda s, p, _: findings.read_audited_grids(s, p, DAY),
    "findings.newest_runs": lambda s, p, _: findings.newest_runs(s, p, 50),
    "findings.one_run": lambda s, p, _: findings.one_run(s, p, audit_of(s)),
    "findings.page_findings": lambda s, p, _: findings.page_findings(s, p, audit_of(s), EVERYTHING),
    "geocoding.page": lambda s, p, _: geocoding.page(s, p, EVERYTHING),
    "geocoding.one": lambda s, p, _: geocoding.one(s, p, request_of(s)),
    "geocoding.lock": lambda s, p, _: geocoding.lock(s, p, request_of(s)),
    "geocoding.place_of": lambda s, p, f: geocoding.place_of(s, p, "buildings", f.buildings[0]),
    "grids.read_grids": lambda s, p, _: grids.read_grids(s, p, "community", DAY),
    "grids.read_grids_of": lambda s, p, _: grids.read_grids_of(s, p, TOWN_PLAN),
    "grids.read_building_grids": lambda s, p, _: grids.read_building_grids(s, p, [TOWN_PLAN]),
    "grids.locate": lambda s, p, _: [
        grids.locate(s, p, Where(*lon_lat(x, y), "community", DAY, snap_m=50, near_m=500))
        for x, y in ((5.5, 1.5), (3.99, 1.5), (4.01, 1.5), (1.5, 1.5))
    ],
    "grids.read_building_parts": lambda s, p, _: grids.read_building_parts(s, p, [TOWN_PLAN]),
    "grids.codes_of": lambda s, p, _: grids.codes_of(s, p, TOWN_PLAN),
    "grids.page": lambda s, p, _: grids.page(s, p, EVERYTHING, GridFilter("community", DAY)),
    "grids.one": lambda s, p, f: grids.one(s, p, f.grids[0]),
    "grids.cells_of": lambda s, p, f: grids.cells_of(s, p, TOWN_PLAN, f.grids),
    "jobs.one": lambda s, p, _: jobs.one(s, p, job_of(s)),
    "jobs.begins_with": lambda s, p, _: jobs.begins_with(s, p, job_of(s)[:8]),
    "jobs.lines": lambda s, p, _: jobs.lines(s, p, job_of(s)),
    "jobs.newest": lambda s, p, _: jobs.newest(s, p),
    "jobs.newest_of": lambda s, p, _: jobs.newest_of(s, p, "siting"),
    "matters.assignment_counts": lambda s, p, _: matters.assignment_counts(s, p, Incident),
    "matters.page": lambda s, p, _: [
        matters.page(s, p, model, EVERYTHING, matters.MatterFilter())
        for model in (Incident, Demand)
    ],
    "matters.one": lambda s, p, f: matters.one(s, p, Incident, f.incidents[0]),
    "matters.existing": lambda s, p, f: matters.existing(s, p, Incident, f.incidents),
    "overview.read_overview": lambda s, p, _: overview.read_overview(s, p, DAY).counts["grids"],
    "people.of_communities": lambda s, p, _: people.of_communities(s, p),
    "people.of_grids_beside": lambda s, p, f: people.of_grids_beside(s, p, f.grids),
    "people.of_buildings_beside": lambda s, p, f: people.of_buildings_beside(
        s, p, f.buildings, DAY
    ),
    "people.not_standing": lambda s, p, f: people.not_standing(built(s), p, f.buildings, LONG_AGO),
    "people.not_in_effect": lambda s, p, f: people.not_in_effect(s, p, f.grids, LONG_AGO),
    "plan_grids.read_members": lambda s, p, _: plan_grids.read_members(s, p, TOWN_PLAN),
    "plan_grids.read_cells": lambda s, p, _: plan_grids.read_cells(s, p, TOWN_PLAN),
    "plan_grids.read_borders": lambda s, p, _: plan_grids.read_borders(s, p, TOWN_PLAN),
    "plan_grids.read_building_cells": lambda s, p, _: plan_grids.read_building_cells(
        s, p, TOWN_PLAN
    ),
    "plan_grids.parts_of_buildings": lambda s, p, _: plan_grids.parts_of_buildings(s, p, TOWN_PLAN),
    "plan_grids.grids_of_building": lambda s, p, f: plan_grids.grids_of_building(
        s, p, f.buildings[0], "community", DAY
    ),
    "plans.read_effective": lambda s, p, _: plans.read_effective(s, p, "community", DAY),
    "plans.ids_named": lambda s, p, _: plans.ids_named(s, p, ["B only"]),
    "plans.one": lambda s, p, _: [plans.one(s, p, TOWN_PLAN), plans.one(s, p, plan_of_b(s))],
    "plans.newest": lambda s, p, _: plans.newest(s, p),
    "plans.effects_of": lambda s, p, _: plans.effects_of(s, p, TOWN_PLAN),
    "plans.find": lambda s, p, _: plans.find(s, p, "B only"),
    "plans.called_so": lambda s, p, _: plans.called_so(s, p, "B only", "community", CODE_OF["B"]),
    "plans.communities_of": lambda s, p, _: plans.communities_of(s, p, TOWN_PLAN),
    "plans.replaced_by": lambda s, p, _: plans.replaced_by(
        s, p, plan_of_b(s), "community", Range(DAY, None)
    ),
    "queries.read_layer": lambda s, p, _: [
        queries.read_layer(s, p, Building, frames.BUILDINGS),
        queries.read_layer(s, p, Station, frames.STATIONS),
        queries.read_layer(s, p, Grid, frames.GRIDS),
    ],
    "queries.page_layer": lambda s, p, _: queries.page_layer(
        s, p, Building, [table_of(Building).c.id], EVERYTHING
    ),
    "queries.read_one": lambda s, p, f: queries.read_one(
        s, p, Building, [table_of(Building).c.id], f.buildings[0]
    ),
    "queries.point_of": lambda s, p, f: queries.point_of(s, p, Building, f.buildings[0]),
    "queries.count_of": lambda s, p, _: (
        [B] * queries.count_of(s, p, Building, table_of(Building).c.community_id == B)
    ),
    "queries.there_are": lambda s, p, _: queries.there_are(s, p, Building),
    "queries.labels_of": lambda s, p, _: queries.labels_of(s, p, Building, ["name"]),
    "stations.services": lambda s, p, _: stations.services(s, p),
    "stations.exceptions": lambda s, p, _: stations.exceptions(s, p),
    "stations.page": lambda s, p, _: stations.page(s, p, EVERYTHING, StationFilter()),
    "stations.one": lambda s, p, f: stations.one(s, p, f.stations[0]),
    "tiles.read_tile": lambda s, p, _: [
        tiles.read_tile(s, p, layer, tile, tiles.TileOrder(DAY, suppress_below=0))
        for layer in ("communities", "grids", "buildings")
        for tile in tiles_of_b()
    ],
    "tiles.building_ids": lambda s, p, _: [tiles.building_ids(s, p, one) for one in tiles_of_b()],
    "tiles.read_coverage_tile": lambda s, p, f: [
        tiles.read_coverage_tile(s, p, tile, verdicts_of(f)) for tile in tiles_of_b()
    ],
    "tiles.bounds": lambda s, p, _: reaches_b(tiles.bounds(s, p, DAY)),
}


#: What writes, with rows of B; it must be refused.
def built(session: Session) -> Session:
    """Let every building be one that was built some day, and return the session."""
    session.execute(text("UPDATE buildings SET valid_from = '2000-01-01'"))
    return session


WRITES: dict[str, Call] = {
    "cells.replace_cells": lambda s, p, _: cells.replace_cells(s, p, {B: "x"}, no_cells()),
    "cells.add_parts": lambda s, p, _: cells.add_parts(s, p, no_cells({"community_id": [B]})),
    "communities.forget_cells": lambda s, p, _: communities.forget_cells(s, p),
    "coverage_runs.add": lambda s, p, _: coverage_runs.add(
        s, p, coverage_runs.NewRun(DAY, "v", "walking", {}), values_of(B)
    ),
    "geocoding.close": lambda s, p, _: geocoding.lock(s, p, request_of(s)),
    "grids.store_plan": lambda s, p, _: grids.store_plan(
        s, p, pd.DataFrame({"community_id": [A, B]}), pd.DataFrame(), pd.DataFrame()
    ),
    "grids.remove_plans": lambda s, p, _: grids.remove_plans(s, p, [plan_of_b(s)]),
    "grids.move_building": lambda s, p, f: grids.move_building(
        s, p, TOWN_PLAN, f.buildings[0], f.grids[0]
    ),
    "jobs.request_cancel": lambda s, p, _: jobs.request_cancel(s, p, job_of(s)),
    "matters.add": lambda s, p, _: matters.add(
        s,
        p,
        Incident,
        {
            "category": "noise",
            "occurred_at": datetime(2026, 6, 1, tzinfo=UTC),
            "geometry": queries.point(*lon_lat(5.5, 1.5)),
        },
    ),
    "plan_grids.replace_grids": lambda s, p, _: plan_grids.replace_grids(
        s,
        p,
        plan_of_b(s),
        None,  # type: ignore[arg-type] # it is refused before
    ),
    "plan_grids.renumber": lambda s, p, f: plan_grids.renumber(
        s, p, TOWN_PLAN, [(f.grids[0], 9, "x")]
    ),
    "plans.require_division": lambda s, p, _: plans.require_division(
        s, p, Action.WRITE, CODE_OF["B"]
    ),
    "plans.require_plan": lambda s, p, _: plans.require_plan(s, p, plan_of_b(s)),
    "plans.change_plan": lambda s, p, _: plans.change_plan(s, p, TOWN_PLAN, {"name": "x"}),
    "plans.add_plan": lambda s, p, _: plans.add_plan(
        s, p, {"name": "x", "kind": "community", "scope_code": CODE_OF["B"]}
    ),
    "plans.put_in_effect": lambda s, p, _: plans.put_in_effect(
        s, p, TOWN_PLAN, "community", Range(DAY, None)
    ),
    "plans.lock_plan": lambda s, p, _: plans.lock_plan(s, p, plan_of_b(s)),
    "queries.insert_layer": lambda s, p, _: queries.insert_layer(
        s, p, Building, pd.DataFrame({"community_id": [B]})
    ),
    "station_edits.lock": lambda s, p, f: station_edits.lock(s, p, f.stations[0], ()),
    "station_edits.update_locked": lambda s, p, f: station_edits.update_locked(
        s, p, f.stations[0], {"status": "closed"}
    ),
    "station_edits.move": lambda s, p, _: station_edits.move(
        s, p, own_station(s), *lon_lat(5.5, 1.5)
    ),
    "station_edits.put_service": lambda s, p, f: station_edits.put_service(
        s, p, f.stations[0], "health", {}
    ),
    "station_edits.remove_service": lambda s, p, f: station_edits.remove_service(
        s, p, f.stations[0], "police"
    ),
    "station_edits.put_exception": lambda s, p, f: station_edits.put_exception(
        s, p, f.stations[0], {"day": DAY, "service": None, "hours": "off", "note": None}
    ),
    "station_edits.remove_exception": lambda s, p, f: station_edits.remove_exception(
        s, p, f.stations[0], DAY, None
    ),
    "stations.require_station": lambda s, p, f: stations.require_station(s, p, f.stations[0]),
    "stations.add_services": lambda s, p, f: stations.add_services(
        s, p, pd.DataFrame({"station_id": f.stations[:1], "service": ["health"]})
    ),
    "stations.set_horizon": lambda s, p, _: stations.set_horizon(
        s, p, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    ),
    "stations.replace_open_intervals": lambda s, p, f: stations.replace_open_intervals(
        s, p, [], f.stations[0]
    ),
    "matters.assign": lambda s, p, _: matters.assign(
        s, p, "incidents", kind="community", timezone=TIMEZONE, only_unassigned=False
    ),
}
#: Modules of what is installation-wide: each function that writes asks for everywhere first.
INSTALLATION_WIDE = {"deliveries", "history", "mappings", "placing"}
#: What is the same for all, and why it may be read on any ground.
OF_NO_GROUND = {
    "accounts": "checked by the services, which know whose area it is",
    "audit": "entries are added by all; test_row_security tries who may read them",
    "calendar_days": "holidays are the same everywhere",
    "credentials": "looked up before anybody is known",
    "divisions": "names and codes of divisions are public",
    "imports": "installation-wide: what is told of them is for who sees everything",
    "posts": "the demo's alone, everywhere only",
    "roads": "public ground",
    "walking_networks": "made of public ground alone",
    "findings.add_run": "marked with the communities of the scope: see the tests of audits",
    "findings.end_rows": "everywhere only, tried below",
    "findings.redraw_rows": "everywhere only, tried below",
    "geocoding.places_state": "a fingerprint",
    "geocoding.add_requests": "a question has no place yet",
    "geocoding.waiting_ids": "everywhere only, tried below",
    "geocoding.forget_open": "everywhere only, tried below",
    "grids.redraw": "limited in the statement; the plan is locked before",
    "jobs.add": "one's own",
    "jobs.worker_seen": "whether a worker lives is no row of anybody",
    "jobs.waiting": "counts one's own, wherever they are",
    "jobs.allow": "the worker's books",
    "jobs.start": "the worker's books",
    "jobs.tell": "the worker's books",
    "jobs.see": "the worker's books",
    "jobs.end": "the worker's books",
    "jobs.add_line": "the worker's books",
    "jobs.queued": "the worker's books",
    "jobs.fail_abandoned": "the worker's books",
    "overview.data_version": "a fingerprint that is a key of caches",
    "plans.misfits": "everywhere only, tried below",
    "plans.flag_unfit": "everywhere only, tried below",
    "queries.row_of": "of tables without ground, by key",
    "stations.horizon": "one for all",
    "stations.hours_are_laid_out": "one for all",
    "stations.hours_known_at": "one for all",
    "stations.nearest_open": "public ground: the nearest may be the neighbour's",
    "stations.offering": "public ground: the nearest may be the neighbour's",
    "stations.able_at": "public ground: the nearest may be the neighbour's",
    "stations.in_service_on": "public ground: the nearest may be the neighbour's",
}
EVERYWHERE_ONLY: dict[str, Call] = {
    "findings.end_rows": lambda s, p, _: findings.end_rows(s, p, "buildings", {}, 1),
    "findings.redraw_rows": lambda s, p, _: findings.redraw_rows(s, p, "buildings", {}, 1),
    "geocoding.waiting_ids": lambda s, p, _: geocoding.waiting_ids(s, p, "incidents", ["x"]),
    "geocoding.forget_open": lambda s, p, _: geocoding.forget_open(s, p, 1),
    "plans.misfits": lambda s, p, _: plans.misfits(s, p, DAY, 1.0),
    "plans.flag_unfit": lambda s, p, _: plans.flag_unfit(s, p, {}),
}


def plan_of_b(session: Session) -> str:
    asked = text("SELECT id FROM grid_plans WHERE name = 'B only'")
    return str(session.execute(asked).scalar_one())


def tiles_of_b() -> list[Tile]:
    """Return a far tile and a near one that a point of B lies in."""
    lon, lat = lon_lat(5.5, 1.5)
    return [tile_at(lon, lat, zoom) for zoom in (10, 16)]


def verdicts_of(foreign: Foreign) -> tiles.TileVerdicts:
    many = len(foreign.buildings)
    return tiles.TileVerdicts(
        foreign.buildings, [0] * many, [True] * many, [1.0] * many, [60] * many, [None] * many
    )


def reaches_b(bounds: tuple[float, float, float, float] | None) -> list[str]:
    """Return B's key if a point of it lies within, a little further inside than its edge."""
    lon, lat = lon_lat(5.5, 1.5)
    if bounds is None:
        return []
    west, south, east, north = bounds
    return [B] if west < lon < east and south < lat < north else []


def job_of(session: Session) -> str:
    return str(session.execute(text("SELECT id FROM jobs WHERE principal = 'bob'")).scalar_one())


def run_of(session: Session) -> str:
    return str(session.execute(text("SELECT id FROM coverage_runs")).scalar_one())


def audit_of(session: Session) -> str:
    return str(session.execute(text("SELECT id FROM audit_runs")).scalar_one())


def request_of(session: Session) -> str:
    return str(session.execute(text("SELECT id FROM geocoding_requests")).scalar_one())


def own_station(session: Session) -> str:
    asked = text("SELECT id FROM stations WHERE community_id = :a ORDER BY id LIMIT 1")
    return str(session.execute(asked, {"a": A}).scalar_one())


def no_cells(columns: dict[str, list[str]] | None = None) -> NewCells:
    empty = pd.DataFrame(columns or {"community_id": []})
    return NewCells(empty, pd.DataFrame(), pd.DataFrame())


def values_of(*ids: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "indicator": "share",
            "area_kind": "community",
            "area_id": list(ids),
            "community_id": list(ids),
            "value": 0.5,
        }
    )
