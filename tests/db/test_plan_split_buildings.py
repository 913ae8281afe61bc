"""Buildings larger than a grid may be, divided between grids by their units."""

import pandas as pd
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.districting import DrawOptions
from gis.layers import grids
from gis.layers.buildings import BuildingUnit
from gis.layers.queries import insert_layer
from gis.scope import Scope
from gis.services.plan_measuring import measure_plan
from gis.services.redistricting import DrawnPlan, PlanOrder, draw_plan
from tests.town import key

pytestmark = pytest.mark.db
#: 240 households; the next largest have 200.
TOWER = key("buildings", "7,0")
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
