"""Plans come, take effect and go."""

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.errors import ConflictError, NotFoundError, StaleVersionError
from gis.layers import plans
from gis.layers.buildings import Building
from gis.layers.plans import PlanEffect
from gis.scope import Scope
from gis.services import plan_lifecycle
from gis.services.plan_fitness import flag_unfit_plans
from gis.services.plan_measuring import find_plan, measure_plan, plan_facts
from gis.services.redistricting import PlanOrder, draw_plan
from tests.db.planning import SMALL, TOWN_PLAN, stored
from tests.town import CODE_OF, SUBDISTRICT, key

pytestmark = pytest.mark.db


def test_an_empty_draft_is_made_drawn_put_in_effect_and_then_stays(
    town_factory: sessionmaker[Session], scope: Scope
):
    with transaction(town_factory) as session:
        plan_id = plan_lifecycle.create_draft(session, scope, name="2027")
        with pytest.raises(ConflictError, match="no grids"):
            plan_lifecycle.put_in_effect(session, scope, plan_id, date(2027, 1, 1))
        with pytest.raises(ConflictError, match="no grids"):
            measure_plan(session, scope, plan_id)
    with transaction(town_factory) as session:
        draw_plan(session, scope, PlanOrder(options=SMALL, plan_id=plan_id))
    with transaction(town_factory) as session:
        assert (
            plan_lifecycle.put_in_effect(session, scope, plan_id, date(2027, 1, 1)).communities == 3
        )
    with transaction(town_factory) as session:
        facts = plan_facts(session, scope, plan_id)
        assert {one["community_code"] for one in facts.effects} == set(CODE_OF.values())
        [old] = session.execute(
            select(PlanEffect.during).where(
                PlanEffect.plan_id == TOWN_PLAN,
                PlanEffect.community_id == key("communities", "A"),
            )
        ).scalars()
        assert old.upper == date(2027, 1, 1)
    with pytest.raises(ConflictError, match="no draft"), transaction(town_factory) as session:
        plan_lifecycle.delete_draft(session, scope, plan_id)


def test_a_plan_that_loses_all_its_days_is_retired(
    town_factory: sessionmaker[Session], scope: Scope
):
    with transaction(town_factory) as session:
        first, second = (plan_lifecycle.create_draft(session, scope, name=n) for n in "12")
        for plan_id in (first, second):
            draw_plan(session, scope, PlanOrder(options=SMALL, plan_id=plan_id))
        plan_lifecycle.put_in_effect(session, scope, first, date(2027, 6, 1))
    with transaction(town_factory) as session:
        plan_lifecycle.put_in_effect(session, scope, second, date(2027, 1, 1))
        told = [plans.one(session, scope, plan).status for plan in (first, second, TOWN_PLAN)]
    assert told == ["retired", "effective", "effective"]


def test_a_draft_that_does_not_fit_is_drawn_again_before_it_takes_effect(
    town_factory: sessionmaker[Session], scope: Scope, draft: str
):
    with transaction(town_factory) as session:
        house = session.execute(select(Building).limit(1)).scalar_one()
        session.add(
            Building(
                id=key("buildings", "new"),
                community_id=house.community_id,
                households=3,
                geometry=house.geometry,
            )
        )
    with transaction(town_factory) as session:
        unfit = {one.plan_id for one in flag_unfit_plans(session, scope, date(2026, 6, 1))}
        assert draft in unfit
    with pytest.raises(ConflictError, match="does not fit"), transaction(town_factory) as session:
        plan_lifecycle.put_in_effect(session, scope, draft, date(2027, 1, 1))
    with transaction(town_factory) as session:
        order = PlanOrder(options=SMALL, plan_id=draft, from_plan=draft)
        draw_plan(session, scope, order)
    with transaction(town_factory) as session:
        assert plans.one(session, scope, draft).unfit_reasons is None
        assert (
            plan_lifecycle.put_in_effect(session, scope, draft, date(2027, 1, 1)).communities == 3
        )
        unfit = {one.plan_id for one in flag_unfit_plans(session, scope, date(2027, 6, 1))}
        assert draft not in unfit


def test_a_draft_goes_with_everything_of_it(
    town_factory: sessionmaker[Session], scope: Scope, draft: str
):
    with transaction(town_factory) as session, pytest.raises(StaleVersionError):
        plan_lifecycle.delete_draft(session, scope, draft, version=7)
    with transaction(town_factory) as session:
        plan_lifecycle.delete_draft(session, scope, draft, version=1)
    assert all(not rows for rows in stored(town_factory, draft).values())
    with transaction(town_factory) as session, pytest.raises(NotFoundError):
        find_plan(session, scope, draft)


# ---- names ---------------------------------------------------------------------------------------


def test_a_name_is_given_once_among_the_plans_of_a_kind_and_division(
    town_factory: sessionmaker[Session], scope: Scope
):
    with transaction(town_factory) as session:
        first = plan_lifecycle.create_draft(session, scope, name="2027")
        with pytest.raises(ConflictError, match=f"called '2027' already: {first}") as refused:
            plan_lifecycle.create_draft(session, scope, name="2027", scope_code=SUBDISTRICT)
        assert "--name" in refused.value.remedy
        plan_lifecycle.create_draft(session, scope, name="2027", kind="party")
        plan_lifecycle.create_draft(session, scope, name="2027", scope_code=CODE_OF["A"])
        for _ in range(2):
            plan_lifecycle.create_draft(session, scope)
    with transaction(town_factory) as session:
        plans.change_plan(session, scope, first, {"status": "retired"})
        plan_lifecycle.create_draft(session, scope, name="2027")


@pytest.mark.slow
def test_a_drawing_is_not_lost_for_its_name(town_factory: sessionmaker[Session], scope: Scope):
    """Somebody has taken the name while the grids were drawn."""
    with transaction(town_factory) as session:
        made = [
            draw_plan(session, scope, PlanOrder(name="2027", options=SMALL)).plan_id
            for _ in range(3)
        ]
        names = [plans.one(session, scope, plan_id).name for plan_id in made]
    assert names == ["2027", "2027 (2)", "2027 (3)"]
