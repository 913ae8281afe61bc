"""Buildings larger than a grid may be, divided between grids by their units."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner

from cli.main import app
from gis.coverage.walking_coverage import WalkOptions
from gis.database.engine import transaction
from gis.districting import DrawOptions
from gis.errors import ConflictError, TessellationError
from gis.layers import exports, grids, plan_grids, plans
from gis.layers.buildings import Building, BuildingUnit
from gis.layers.queries import insert_layer
from gis.scope import Scope
from gis.services.coverage_asked import CoverageQuestion
from gis.services.coverage_by_walking import cover
from gis.services.coverage_shares import area_covers, read_areas
from gis.services.editing import move_building
from gis.services.indicator_reading import EvidenceQuestion, read_evidence
from gis.services.indicators import RunOrder, keep_run, measure_run, read_run_ground
from gis.services.plan_editing import merge_grids
from gis.services.plan_measuring import compare_plans, measure_plan, plan_facts
from gis.services.redistricting import DrawnPlan, PlanOrder, draw_plan, rebalance_order
from gis.services.walking import WalkingGrounds
from gis.settings import get_settings
from tests.town import key, square

pytestmark = pytest.mark.db
#: 240 households; the next largest have 200.
TOWER = key("buildings", "7,0")
DAY = date(2026, 6, 1)
BAND = DrawOptions(target=150, minimum=80, maximum=200, preset="fast")
#: Households by unit, along the building; written in the order in which names sort as texts.
UNITS = {"10单元": 30, "1单元": 50, "2单元": 50, "3单元": 50, "四单元": 60}


@pytest.fixture
def towered(town_factory: sessionmaker[Session], scope: Scope) -> sessionmaker[Session]:
    with transaction(town_factory) as session:
        rows = [
            {
                "id": key("units", name),
                "building_id": TOWER,
                "name": name,
                "households": number,
            }
            for name, number in UNITS.items()
        ]
        insert_layer(session, scope, BuildingUnit, pd.DataFrame(rows))
    return town_factory


@pytest.fixture
def at_home(towered: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let commands work on the town with its tower."""
    url = towered.kw["bind"].url.render_as_string(hide_password=False)
    monkeypatch.setenv("DATABASE_URL", url)
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


def draw(sessions: sessionmaker[Session], scope: Scope, **order: object) -> DrawnPlan:
    with transaction(sessions) as session:
        return draw_plan(session, scope, PlanOrder(options=BAND, **order))


def kinds(plan: DrawnPlan) -> list[str]:
    return [one["kind"] for one in plan.exceptions]


def test_a_tower_above_the_maximum_is_divided_between_grids_by_its_units(
    towered: sessionmaker[Session], scope: Scope
):
    plan = draw(towered, scope, split_buildings=True)
    with transaction(towered) as session:
        rows = session.execute(
            select(grids.GRID_BUILDINGS)
            .where(grids.GRID_BUILDINGS.c.plan_id == plan.plan_id)
            .where(grids.GRID_BUILDINGS.c.building_id == TOWER)
            .order_by(grids.GRID_BUILDINGS.c.share_from)
        ).all()
        assert [row.units for row in rows] == [["1单元", "2单元"], ["3单元", "四单元", "10单元"]]
        assert [(row.share_from, row.share_to, row.share_of) for row in rows] == [
            (0, 100, 240),
            (100, 240, 240),
        ]
        assert len({row.grid_id for row in rows}) == 2
        shown = grids.read_grids_of(session, scope, plan.plan_id)
        measured = measure_plan(session, scope, plan.plan_id)
        living = session.execute(
            text("SELECT sum(households), sum(residents) FROM buildings WHERE valid_to IS NULL")
        ).one()
    assert (shown["households"].sum(), shown["residents"].sum()) == tuple(living)
    assert measured.table()["households"].tolist() == shown["households"].tolist()
    assert shown["households"].max() <= BAND.maximum


def test_a_building_counts_for_the_grid_with_most_of_it_and_is_told(
    towered: sessionmaker[Session], scope: Scope
):
    plan = draw(towered, scope, split_buildings=True)
    [told] = [one for one in plan.exceptions if one["kind"] == "building_split"]
    assert (told["households"], told["count"]) == (240, 2)
    assert "building_above_maximum" not in kinds(plan)
    with transaction(towered) as session:
        facts = plan_facts(session, scope, plan.plan_id)
        members = session.execute(
            select(grids.BuildingGrid.grid_id).where(
                grids.BuildingGrid.plan_id == plan.plan_id, grids.BuildingGrid.building_id == TOWER
            )
        ).scalars()
        assert list(members) == [facts.parts[1]["grid_id"]]
    assert [(part["building"], part["units"], part["households"]) for part in facts.parts] == [
        ("House 7,0", ["1单元", "2单元"], 100),
        ("House 7,0", ["3单元", "四单元", "10单元"], 140),
    ]
    assert facts.row.options["split_buildings"] is True


def test_by_default_it_stays_whole_and_the_exception_names_the_option(
    towered: sessionmaker[Session], scope: Scope
):
    plan = draw(towered, scope)
    [told] = [one for one in plan.exceptions if one["kind"] == "building_above_maximum"]
    assert "--split-buildings" in told["note"]
    with transaction(towered) as session:
        assert plan_facts(session, scope, plan.plan_id).parts == ()
        assert "split_buildings" not in plan_facts(session, scope, plan.plan_id).row.options


@pytest.mark.slow
def test_without_units_on_record_it_stays_whole_and_says_so(
    town_factory: sessionmaker[Session], scope: Scope
):
    plan = draw(town_factory, scope, split_buildings=True)
    [told] = [one for one in plan.exceptions if one["kind"] == "building_above_maximum"]
    assert "could not be split" in told["note"]


def test_units_without_households_share_the_building_evenly(
    towered: sessionmaker[Session], scope: Scope
):
    with transaction(towered) as session:
        session.execute(update(BuildingUnit).values(households=0))
    plan = draw(towered, scope, split_buildings=True)
    with transaction(towered) as session:
        parts = plan_facts(session, scope, plan.plan_id).parts
    assert [(len(part["units"]), part["households"]) for part in parts] in (
        [(2, 96), (3, 144)],
        [(3, 144), (2, 96)],
    )


def test_a_place_is_in_the_grid_of_the_part_where_it_lies(
    towered: sessionmaker[Session], scope: Scope
):
    plan = draw(towered, scope, split_buildings=True, effective_from=DAY)
    with transaction(towered) as session:
        parts = plan_facts(session, scope, plan.plan_id).parts
        # Squares are longer from south to north, and so the units follow each other.
        west, south, east, north = square(7, 0, inset=0.3).bounds
        for at, part in ((0.1, parts[0]), (0.9, parts[1])):
            where = grids.Where((west + east) / 2, south + at * (north - south), "community", DAY)
            assert grids.locate(session, scope, where).grid_id == part["grid_id"]
        shares = plan_grids.grids_of_building(session, scope, TOWER, "community", DAY)
        assert [(row.grid_id, row.units, row.households, row.main) for row in shares] == [
            (part["grid_id"], part["units"], part["households"], i == 1)
            for i, part in enumerate(parts)
        ]
        other = plan_grids.grids_of_building(
            session, scope, key("buildings", "0,0"), "community", DAY
        )
        assert [(row.units, row.households, row.main) for row in other] == [(None, 160, True)]


def test_it_fits_the_ground_and_each_part_grows_by_its_share(
    towered: sessionmaker[Session], scope: Scope
):
    plan = draw(towered, scope, split_buildings=True)
    with transaction(towered) as session:
        assert plans.misfits(session, scope, DAY, 1.0) == []
        session.execute(update(Building).where(Building.id == TOWER).values(households=241))
        parts = plan_facts(session, scope, plan.plan_id).parts
        shown = grids.read_grids_of(session, scope, plan.plan_id)
        living = session.execute(
            text("SELECT sum(households) FROM buildings WHERE valid_to IS NULL")
        ).scalar_one()
        measured = measure_plan(session, scope, plan.plan_id)
    assert sum(part["households"] for part in parts) == 241
    assert shown["households"].sum() == living
    assert measured.table()["households"].tolist() == shown["households"].tolist()


def test_what_goes_out_has_each_part_and_every_household_once(
    towered: sessionmaker[Session], scope: Scope
):
    plan = draw(towered, scope, split_buildings=True)
    ground = exports.Ground(plan.plan_id, DAY)
    make = exports.EXPORT_LAYERS["building_parts"].make
    assert make is not None
    with transaction(towered) as session:
        parts = session.execute(make(scope, ground)).all()
        assert [(row.building_id, row.units, row.households) for row in parts] == [
            (TOWER, ["1单元", "2单元"], 100),
            (TOWER, ["3单元", "四单元", "10单元"], 140),
        ]
        counted = list(exports.counts_by_grid(session, scope, ground))
        assert sum(row.households for row in counted if row.id == TOWER) == 240
        living = session.execute(
            text("SELECT sum(households) FROM buildings WHERE valid_to IS NULL")
        ).scalar_one()
        assert sum(row.households for row in counted) == living


def test_a_split_building_is_not_moved_and_its_neighbours_are(
    towered: sessionmaker[Session], scope: Scope
):
    plan = draw(towered, scope, split_buildings=True)
    with transaction(towered) as session:
        parts = plan_facts(session, scope, plan.plan_id).parts
    target = parts[0]["grid_id"]
    with (
        pytest.raises(ConflictError, match="split by its units"),
        transaction(towered) as session,
    ):
        move_building(session, scope, plan.plan_id, TOWER, target)


@pytest.mark.slow
def test_a_plan_with_parts_is_rebalanced_edited_and_drawn_whole_again(
    towered: sessionmaker[Session], scope: Scope
):
    plan = draw(towered, scope, split_buildings=True)
    with transaction(towered) as session:
        order = rebalance_order(session, scope, plan.plan_id)
        assert order.split_buildings
        again = draw_plan(session, scope, order)
        assert again.measures["households_moved"] == 0
        parts = plan_facts(session, scope, plan.plan_id).parts
        merged = merge_grids(
            session, scope, plan.plan_id, tuple(part["grid_code"] for part in parts)
        )
        assert "building_split" not in [one["kind"] for one in merged.told]
    with transaction(towered) as session:
        order = rebalance_order(session, scope, again.plan_id, split_buildings=False)
        whole = draw_plan(session, scope, order)
        assert plan_facts(session, scope, whole.plan_id).parts == ()
        compared = compare_plans(session, scope, again.plan_id, whole.plan_id)
        assert compared.comparison.households_moved >= 100
        assert compared.buildings_moved >= 1


def test_parts_that_do_not_make_a_whole_are_refused(towered: sessionmaker[Session], scope: Scope):
    plan = draw(towered, scope, split_buildings=True)
    sabotage = {
        "UPDATE building_cells SET share_to = share_to - 1 WHERE share_of > 1 AND share_from = 0": (
            "split, but not wholly"
        ),
        "UPDATE building_grids SET grid_id = (SELECT id FROM grids WHERE plan_id = :plan"
        " AND id NOT IN (SELECT grid_id FROM grid_buildings WHERE share_of > 1) LIMIT 1)"
        " WHERE plan_id = :plan AND building_id = :tower": "counts for a grid that has no part",
        "DELETE FROM cell_grids WHERE plan_id = :plan AND cell_id IN"
        " (SELECT cell_id FROM building_cells WHERE share_of > 1 AND share_from = 0)": (
            "would be left without a grid"
        ),
    }
    known = {"plan": plan.plan_id, "tower": TOWER}
    touch = "UPDATE grids SET sequence = sequence WHERE plan_id = :plan"
    for statement, said in sabotage.items():
        given = {k: v for k, v in known.items() if f":{k}" in statement}
        with pytest.raises(TessellationError, match=said), transaction(towered) as session:
            session.execute(text(touch), {"plan": plan.plan_id})
            session.execute(text(statement), given)


@pytest.mark.slow
def test_new_cells_leave_those_of_the_plan_with_their_parts(
    towered: sessionmaker[Session], scope: Scope
):
    plan = draw(towered, scope, split_buildings=True)
    with transaction(towered) as session:
        session.execute(
            text("UPDATE buildings SET valid_to = '2020-01-01' WHERE id = :gone"),
            {"gone": key("buildings", "4,0")},
        )
        draw_plan(session, scope, PlanOrder(options=BAND))
        kept = session.execute(
            text(
                "SELECT count(*) FROM cells c JOIN cells p ON p.part_of = c.id"
                " JOIN cell_grids n ON n.cell_id = p.id WHERE n.plan_id = :plan"
            ),
            {"plan": plan.plan_id},
        ).scalar_one()
        assert kept == 2
        assert len(measure_plan(session, scope, plan.plan_id).table()) == plan.grids


@pytest.mark.slow
@pytest.mark.usefixtures("at_home")
def test_a_planner_asks_for_it_and_sees_the_parts_on_page_and_terminal(
    tmp_path: Path,
):
    def ok(*words: str) -> str:
        answer = CliRunner().invoke(app, ["plan", *words])
        assert answer.exit_code == 0, answer.output
        return answer.stdout

    band = ["--target", "150", "--minimum", "80", "--maximum", "200", "--preset", "fast"]
    assert "Drawn with --split-buildings" in ok("draw", "--name", "Whole", *band)
    said = ok("draw", "--name", "Split", "--split-buildings", *band)
    assert "240 households lies in 2 grids, split by its staircases" in said
    shown = ok("show", "Split")
    assert "House 7,0, 1单元, 2单元: 100 households" in shown
    assert "House 7,0, 3单元, 四单元, 10单元: 140 households" in shown
    ok("rebalance", "Split", "--name", "As before", "--yes")
    assert "1单元" in ok("show", "As before")
    ok("rebalance", "Split", "--name", "Whole again", "--whole-buildings", "--yes")
    assert "1单元" not in ok("show", "Whole again")
    ok("report", "Split", str(tmp_path / "split.html"), "--language", "en")
    page = (tmp_path / "split.html").read_text(encoding="utf-8")
    assert "split by its staircases, whose places along it are assumed" in page


@pytest.mark.slow
def test_coverage_counts_each_part_in_its_own_grid(towered: sessionmaker[Session], scope: Scope):
    """Shares and indicators sum what SQL does, and all grids make up the whole."""
    draw(towered, scope, split_buildings=True, effective_from=DAY)
    options = WalkOptions((5000.0,), ())
    question = CoverageQuestion(
        "police", "Asia/Shanghai", as_of=DAY, method="straight_line", options=options
    )
    order = RunOrder("Asia/Shanghai", DAY, ("police",), (5000.0,), (15.0,), method="straight_line")
    with transaction(towered) as session:
        drawn = grids.read_grids(session, scope, "community", DAY)
        coverage = cover(session, scope, WalkingGrounds(), question)
        areas = read_areas(session, scope, coverage.places, "grid", DAY)
        found = area_covers(coverage, areas, 1)
        whole = area_covers(
            coverage, read_areas(session, scope, coverage.places, "subdistrict", DAY), 1
        )
        ground = read_run_ground(session, scope, order)
        measured = measure_run(ground)
        table = measured.table
        keep_run(session, scope, ground, measured)
        asked = EvidenceQuestion(
            "Asia/Shanghai", "households_covered:police_5000_m", "subdistrict", as_of=DAY
        )
        behind = read_evidence(session, scope, WalkingGrounds(), asked).table
    assert behind["id"].is_unique
    assert behind.set_index("id").loc[TOWER, "amount"] == sum(UNITS.values())
    for name in grids.COUNTS:
        by_grid = dict(zip(drawn["id"], drawn[name], strict=True))
        assert {one.id: one.counts[name] for one in found} == by_grid
        assert {one.id: one.within[0].covered[name] for one in found} == by_grid
        assert sum(by_grid.values()) == whole[0].counts[name]
        rows = table[
            (table["indicator"] == f"{name}_covered:police_5000_m") & (table["area_kind"] == "grid")
        ]
        assert dict(zip(rows["area_id"], rows["denominator"].astype(int), strict=True)) == by_grid
