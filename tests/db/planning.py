"""What tests of plans over the hand-made town share: a drawing of it, and what the store has."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.districting import DrawOptions
from gis.layers.grids import BuildingGrid, CellGrid, Grid
from gis.layers.plans import GridPlan
from gis.scope import Scope
from gis.services.redistricting import PlanOrder, draw_plan
from tests.town import key

TOWN_PLAN = key("plans", "plan")
#: In the town 40 households are a large building.
SMALL = DrawOptions(target=300, minimum=150, maximum=450, preset="fast")


def drawn(sessions: sessionmaker[Session], scope: Scope, **order: object) -> str:
    with transaction(sessions) as session:
        return draw_plan(session, scope, PlanOrder(options=SMALL, **order)).plan_id


def stored(sessions: sessionmaker[Session], plan_id: str) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of a plan, to be compared."""
    tables = {
        "plan": select(*GridPlan.__table__.c).where(GridPlan.id == plan_id),
        "grids": select(
            Grid.id, Grid.code, Grid.sequence, Grid.exceptions, Grid.geometry.ST_AsText()
        )
        .where(Grid.plan_id == plan_id)
        .order_by(Grid.id),
        "cells": select(CellGrid.cell_id, CellGrid.grid_id)
        .where(CellGrid.plan_id == plan_id)
        .order_by(CellGrid.cell_id),
        "buildings": select(BuildingGrid.building_id, BuildingGrid.grid_id)
        .where(BuildingGrid.plan_id == plan_id)
        .order_by(BuildingGrid.building_id),
    }
    with transaction(sessions) as session:
        return {
            name: [tuple(row) for row in session.execute(asked)] for name, asked in tables.items()
        }


def codes(sessions: sessionmaker[Session], plan_id: str) -> list[str]:
    with transaction(sessions) as session:
        asked = select(Grid.code).where(Grid.plan_id == plan_id).order_by(Grid.code)
        return list(session.execute(asked).scalars())


def household_sums(sessions: sessionmaker[Session], plan_id: str) -> dict[str, int]:
    """Return the households of each grid, by plain SQL."""
    with transaction(sessions) as session:
        rows = session.execute(
            text(
                "SELECT g.code, sum(b.households) FROM grids g "
                "LEFT JOIN building_grids m ON m.grid_id = g.id "
                "LEFT JOIN buildings b ON b.id = m.building_id AND b.valid_to IS NULL "
                "WHERE g.plan_id = :plan GROUP BY g.code ORDER BY g.code"
            ),
            {"plan": plan_id},
        )
        return {code: int(people or 0) for code, people in rows}


def largest(sessions: sessionmaker[Session], plan_id: str) -> str:
    sums = household_sums(sessions, plan_id)
    return max(sums, key=lambda code: (sums[code], code))
