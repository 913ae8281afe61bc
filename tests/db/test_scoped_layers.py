"""Every public function of the layers that takes a scope keeps to its ground.

The town has communities A and B. Each function that reads is asked by somebody of A, with the keys
and codes of B where it takes any, and nothing of B may be in what it returns; each that writes must
refuse B, or leave it as it is. Row-level security is off here: the queries themselves are tried.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import layers
from gis.errors import ForbiddenError, NotFoundError, WanggeError
from gis.layers import (
    buildings,
    coverage_runs,
    findings,
    geocoding,
    jobs,
    matters,
    overview,
    plans,
)
from gis.layers.activities import Activity
from gis.layers.demands import Demand
from gis.layers.incidents import Incident
from gis.scope import Scope
from tests.db.layer_calls import (
    ALL,
    DAY,
    EVERYTHING,
    EVERYWHERE_ONLY,
    INSTALLATION_WIDE,
    OF_A,
    OF_GRID_A,
    OF_NO_GROUND,
    READS,
    WRITES,
    A,
    B,
    Foreign,
    job_of,
    values_of,
)
from tests.town import CODE_OF, TIMEZONE, grid_id, key, lon_lat

pytestmark = pytest.mark.db


def public_functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the functions of the layers that take a session and a scope, by module and name."""
    for found in pkgutil.iter_modules(layers.__path__):
        module = importlib.import_module(f"gis.layers.{found.name}")
        for name, function in vars(module).items():
            own = inspect.isfunction(function) and function.__module__ == module.__name__
            if not own or name.startswith("_"):
                continue
            if {"session", "scope"} <= set(inspect.signature(function).parameters):
                yield f"{found.name}.{name}", function


@pytest.fixture
def foreign(town_session: Session, scope: Scope) -> Foreign:
    """B with something in every layer."""
    for layer in ("incidents", "demands"):
        matters.assign(
            town_session, scope, layer, kind="community", timezone=TIMEZONE, only_unassigned=False
        )
    values = {"name": "B only", "kind": "community", "scope_code": CODE_OF["B"]}
    plans.add_plan(town_session, scope, values)
    jobs.add(town_session, Scope("bob", ALL, frozenset({B})), "siting", {"of": B})
    jobs.add_line(town_session, scope, job_of(town_session), "info", B)
    of_b = Scope("bob", ALL, frozenset({B}))
    run = coverage_runs.NewRun(DAY, "v", "walking", {"of": B})
    coverage_runs.add(town_session, of_b, run, values_of(B))
    findings.add_run(town_session, of_b, {"counts": {B: 1}}, pd.DataFrame())
    lon, lat = lon_lat(5.5, 1.5)
    candidate = {"id": B, "lon": lon, "lat": lat}
    geocoding.add_requests(town_session, scope, [{"text": B, "candidates": [candidate]}])
    station = Foreign(town_session).stations[0]
    town_session.add(
        Activity(
            station_id=station,
            name=B,
            starts_at=datetime(2026, 6, 1, 8, tzinfo=UTC),
            ends_at=datetime(2026, 6, 1, 9, tzinfo=UTC),
        )
    )
    town_session.flush()
    return Foreign(town_session)


def told(answer: Any) -> str:
    """Return whatever an answer holds, as one text."""
    if isinstance(answer, pd.DataFrame):
        return answer.drop(columns="geometry", errors="ignore").to_csv()
    if isinstance(answer, list | tuple | set):
        return "\n".join(told(one) for one in answer)
    if isinstance(answer, dict):
        return told([*answer.items()])
    if hasattr(answer, "rows") and hasattr(answer, "next_after"):
        return told([answer.rows, answer.next_after])
    if hasattr(answer, "_mapping"):
        return told(list(answer))
    return str(answer)


def digest(session: Session) -> list[Any]:
    """Return all of B's rows, to see that they stay as they are."""
    of = {"communities": "id"}
    of |= dict.fromkeys(("buildings", "grids", "stations", "incidents"), "community_id")
    rows = [
        session.execute(
            text(f"SELECT to_jsonb(t)::text FROM {table} t WHERE {column} = :b ORDER BY 1"),
            {"b": B},
        )
        for table, column in of.items()
    ]
    rows.append(session.execute(text("SELECT to_jsonb(t)::text FROM grid_plans t ORDER BY 1")))
    return [one.scalars().all() for one in rows]


def test_every_public_function_is_tried_or_says_why_not():
    known = {*READS, *WRITES, *OF_NO_GROUND}
    strange = [
        name
        for name, _ in public_functions()
        if name not in known and name.split(".")[0] not in {*INSTALLATION_WIDE, *OF_NO_GROUND}
    ]
    assert strange == []
    there = {name for name, _ in public_functions()}
    assert {*READS, *WRITES} <= there


@pytest.mark.parametrize("principal", [OF_A, OF_GRID_A], ids=["community", "grid"])
@pytest.mark.parametrize("name", READS)
def test_a_reader_of_one_community_is_told_nothing_of_another(
    town_session: Session, foreign: Foreign, name: str, principal: Scope
):
    try:
        answer = READS[name](town_session, principal, foreign)
    except (NotFoundError, ForbiddenError):
        return
    said = told(answer)
    # The station of a matter is public ground: the nearest may be the neighbour's.
    public = set(foreign.stations) if name.startswith("matters.") else set()
    assert [one for one in foreign.names - public if re.search(rf"(?<![0-9]){one}", said)] == []


@pytest.mark.parametrize("name", [*WRITES, *EVERYWHERE_ONLY])
def test_a_writer_of_one_community_cannot_change_another(
    town_session: Session, foreign: Foreign, name: str
):
    call = (WRITES | EVERYWHERE_ONLY)[name]
    before = digest(town_session)
    with town_session.begin_nested() as inner:
        with pytest.raises((NotFoundError, ForbiddenError)):
            call(town_session, OF_A, foreign)
        if inner.is_active:
            assert digest(town_session) == before


@pytest.mark.parametrize("communities", [None, frozenset({A})], ids=["everywhere", "A"])
def test_who_acts_for_an_organisation_is_shown_no_matter_of_others(
    town_session: Session, foreign: Foreign, communities: frozenset[str] | None
):
    """No matter says yet to which organisation it was given, so none is shown."""
    del foreign
    bound = Scope("dep", ALL, communities, organisations=frozenset({"water"}))
    for model in (Incident, Demand):
        page = matters.page(town_session, bound, model, EVERYTHING, matters.MatterFilter())
        assert not page.rows
        assert matters.assignment_counts(town_session, bound, model) == {}
    assert overview.read_overview(town_session, bound, DAY).counts["incidents"] == 0


@pytest.mark.parametrize("name", READS)
def test_an_empty_scope_is_refused(town_session: Session, foreign: Foreign, name: str):
    with pytest.raises(WanggeError):
        READS[name](town_session, Scope("nobody"), foreign)


def test_what_is_found_is_not_nothing(town_session: Session, foreign: Foreign, scope: Scope):
    """The search for leaks would find one: who sees everything is told of B."""
    found = {name for name in READS if leaks(town_session, scope, foreign, name)}
    few = {name for name in READS if name not in found}
    assert few <= {
        "cells.read_current_borders",
        "coverage_runs.newest_at",
        "coverage_runs.one",
        "coverage_runs.runs",
        "coverage_runs.there_is",
        "coverage_runs.days",
        "coverage_runs.history",
        "exports.community_exists",
        "exports.find_plan",
        "exports.households_by_building",
        "exports.plan_facts",
        "exports.units_of",
        "findings.newest_runs",
        "findings.one_run",
        "findings.page_findings",
        "geocoding.lock",
        "geocoding.place_of",
        "grids.read_building_parts",
        "matters.assignment_counts",
        "overview.read_overview",
        "plan_grids.parts_of_buildings",
        "plan_grids.read_borders",
        "plans.called_so",
        "plans.find",
        "plans.ids_named",
        "plans.read_effective",
        "plans.replaced_by",
        "queries.point_of",
        "queries.there_are",
        "stations.exceptions",
    }


def leaks(session: Session, scope: Scope, foreign: Foreign, name: str) -> bool:
    try:
        said = told(READS[name](session, scope, foreign))
    except WanggeError:
        return False
    return any(one in said for one in foreign.names)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mine=st.sets(st.sampled_from(sorted(CODE_OF))),
    grids_too=st.sets(st.sampled_from("abcde")),
)
def test_what_scopes_see_is_the_sum_of_their_parts(
    town_session: Session, mine: set[str], grids_too: set[str]
):
    """Of two scopes the union sees what either sees, and nothing else."""

    def seen(communities: set[str], letters: set[str]) -> set[str]:
        who = Scope(
            "ann",
            ALL,
            frozenset(key("communities", one) for one in communities),
            frozenset(grid_id("plan", letter) for letter in letters),
        )
        page = buildings.page(town_session, who, EVERYTHING, on_day=DAY)
        return {str(row.id) for row in page.rows}

    apart = [seen({one}, set()) for one in mine] + [seen(set(), {one}) for one in grids_too]
    assert seen(mine, grids_too) == set().union(*apart)
