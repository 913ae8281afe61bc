"""A plan that is not whole never reaches the store, whoever writes it."""

import threading
from datetime import date
from uuid import uuid4

import pytest
import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.database.faults import translate_database_error
from gis.errors import ConflictError, StaleVersionError, TessellationError
from gis.layers import grids, plans
from gis.layers.cells import Cell
from gis.layers.grids import BuildingGrid, CellGrid, Grid
from gis.layers.plans import PlanEffect
from gis.scope import Scope
from gis.services.editing import move_building
from tests.town import grid_id, key, square

pytestmark = pytest.mark.db
PLAN = key("plans", "plan")


def building(x: int, y: int) -> str:
    return key("buildings", f"{x},{y}")


def members(session: Session, grid: str) -> set[str]:
    asked = select(BuildingGrid.building_id).where(BuildingGrid.grid_id == grid)
    return set(session.execute(asked).scalars())


def test_a_building_moves_between_two_grids_in_one_transaction(
    town_factory: sessionmaker[Session], scope: Scope
):
    moved = building(2, 0)  # the first house of grid b, at the border to grid a
    with transaction(town_factory) as session:
        source, target = move_building(session, scope, PLAN, moved, grid_id("plan", "a"))
    assert (source, target) == (grid_id("plan", "b"), grid_id("plan", "a"))
    with transaction(town_factory) as session:
        assert moved in members(session, target)
        assert moved not in members(session, source)
        grown = grids.read_grids_of(session, scope, PLAN).set_index("id").geometry
        assert grown[target].contains(square(2, 0).centroid)
        assert not grown[source].intersects(square(2, 0).centroid)
        assert shapely.coverage_is_valid(grown.to_numpy())
        assert session.execute(select(plans.GridPlan.version)).scalars().all().count(2) == 1


def test_a_move_that_tears_a_grid_apart_is_refused(
    town_factory: sessionmaker[Session], scope: Scope
):
    far = building(0, 0)  # in grid a, two squares from grid c
    with pytest.raises(TessellationError, match="two pieces"), transaction(town_factory) as session:
        move_building(session, scope, PLAN, far, grid_id("plan", "b"))
    with transaction(town_factory) as session:
        assert far in members(session, grid_id("plan", "a"))


def test_of_two_writers_that_overlap_exactly_one_wins(
    town_factory: sessionmaker[Session], scope: Scope
):
    """Two planners saw version 1 of the plan; both move the same house."""
    ready, outcomes = threading.Barrier(2), []

    def write(target: str) -> None:
        try:
            with transaction(town_factory) as session:
                ready.wait(timeout=60)
                move_building(session, scope, PLAN, building(2, 3), target, version=1)
            outcomes.append("stored")
        except StaleVersionError:
            outcomes.append("stale")

    targets = [grid_id("plan", "a"), grid_id("plan", "a")]
    writers = [threading.Thread(target=write, args=(target,)) for target in targets]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert sorted(outcomes) == ["stale", "stored"]


def test_of_two_careless_writers_that_draw_over_each_other_exactly_one_wins(
    town_factory: sessionmaker[Session],
):
    """Nobody locks the plan: both grow a grid, with a cell of its own, over the same new ground."""
    strip = shapely.box(117.300, 31.88, 117.304, 31.8801)
    ready, outcomes = threading.Barrier(2), []

    def grow(letter: str) -> None:
        own, cell = grid_id("plan", letter), str(uuid4())
        with town_factory() as session:
            try:
                grid = session.get_one(Grid, own)
                shape = to_shape(grid.geometry).union(strip)
                session.add(
                    Cell(
                        id=cell,
                        community_id=grid.community_id,
                        data_version="town-1",
                        area_m2=1.0,
                        outer_border_m=1.0,
                        geometry=from_shape(strip, srid=4326),
                    )
                )
                session.flush()
                session.add(CellGrid(plan_id=PLAN, cell_id=cell, grid_id=own))
                grid.geometry = from_shape(shapely.MultiPolygon([shape]), srid=4326)
                session.flush()
                ready.wait(timeout=60)
                session.commit()
                outcomes.append("stored")
            except DBAPIError as error:
                outcomes.append(str(translate_database_error(error)))

    writers = [threading.Thread(target=grow, args=(letter,)) for letter in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert len(outcomes) == 2
    assert outcomes.count("stored") == 1
    assert any("overlap by" in outcome for outcome in outcomes)


@pytest.mark.parametrize(
    ("sabotage", "message"),
    [
        (delete(BuildingGrid).where(BuildingGrid.building_id == building(2, 0)), "without a grid"),
        (delete(CellGrid).where(CellGrid.cell_id == key("cells", "1,1")), "Cell .* without a grid"),
        (
            update(BuildingGrid)
            .where(BuildingGrid.building_id == building(2, 0), BuildingGrid.plan_id == PLAN)
            .values(grid_id=grid_id("plan", "a")),
            "its cell is not",
        ),
        (
            update(CellGrid)
            .where(CellGrid.cell_id == key("cells", "3,0"), CellGrid.plan_id == PLAN)
            .values(grid_id=grid_id("plan", "c")),
            "cross the line of its community",
        ),
        (
            update(Grid)
            .where(Grid.id == grid_id("plan", "a"))
            .values(geometry=from_shape(shapely.MultiPolygon([square(0, 0)]), srid=4326)),
            "differs from its cells",
        ),
        (
            update(Grid)
            .where(Grid.id == grid_id("plan", "a"))
            .values(
                geometry=from_shape(
                    shapely.MultiPolygon([shapely.box(117.3, 31.876, 117.303, 31.88)]), srid=4326
                )
            ),
            "overlap by",
        ),
    ],
)
def test_sabotage_is_found_at_the_commit_and_nothing_is_stored(
    town_factory: sessionmaker[Session], sabotage, message
):
    with pytest.raises(TessellationError, match=message), transaction(town_factory) as session:
        session.execute(sabotage)
    with transaction(town_factory) as session:
        session.execute(text("SELECT check_plan(id) FROM grid_plans"))


def test_a_check_is_not_fooled_by_an_earlier_one_in_the_same_transaction(
    town_factory: sessionmaker[Session],
):
    with pytest.raises(TessellationError), transaction(town_factory) as session:
        session.execute(update(Grid).where(Grid.plan_id == PLAN).values(compactness=0.5))
        grids.check_now(session)
        session.execute(delete(BuildingGrid).where(BuildingGrid.building_id == building(2, 0)))


def test_a_plan_is_checked_once_per_transaction(town_factory: sessionmaker[Session]):
    with town_factory() as session:
        session.execute(
            text(
                "CREATE TABLE checks (p uuid);"
                "ALTER FUNCTION check_plan(uuid) RENAME TO real_check;"
                "CREATE FUNCTION check_plan(p uuid) RETURNS void LANGUAGE sql AS"
                " 'INSERT INTO checks VALUES (p); SELECT real_check(p)'"
            )
        )
        session.execute(update(Grid).where(Grid.plan_id == PLAN).values(compactness=0.6))
        session.commit()
        assert session.execute(text("SELECT count(*) FROM checks")).scalar_one() == 1


def test_two_plans_of_a_kind_are_never_in_effect_at_once(
    town_factory: sessionmaker[Session], scope: Scope
):
    with pytest.raises(ConflictError), transaction(town_factory) as session:
        session.execute(update(PlanEffect).values(during=Range(date(2025, 1, 1), None)))
    with transaction(town_factory) as session:
        plans.put_in_effect(
            session, scope, key("plans", "old"), "community", Range(date(2026, 6, 1), None)
        )
    with transaction(town_factory) as session:
        for day, expected in [
            (date(2025, 5, 1), "old"),
            (date(2026, 5, 1), "plan"),
            (date(2026, 7, 1), "old"),
        ]:
            found = plans.read_effective(session, scope, "community", day)
            assert [row.id for row in found] == [key("plans", expected)]
