"""What putting a plan in effect takes from others: shown before, told after, kept on the record."""

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.errors import StaleVersionError
from gis.layers import audit, plans
from gis.layers.plans import GridPlan, PlanEffect
from gis.scope import Scope
from gis.services import plan_lifecycle
from gis.services.plan_lifecycle import Effect
from tests.db.planning import TOWN_PLAN, drawn
from tests.town import CODE_OF, key

pytestmark = pytest.mark.db

SINCE, LATER = date(2027, 1, 1), date(2028, 1, 1)
Periods = dict[tuple[str, str], list[tuple[date | None, date | None]]]


def in_effect(sessions: sessionmaker[Session], plan_id: str, since: date) -> Effect:
    with transaction(sessions) as session:
        return plan_lifecycle.put_in_effect(session, Scope.local_owner(), plan_id, since)


def periods(sessions: sessionmaker[Session]) -> Periods:
    """Return when which plan is in effect in which community, by plain reading."""
    with transaction(sessions) as session:
        rows = session.execute(
            select(PlanEffect.plan_id, PlanEffect.community_id, PlanEffect.during)
            .where(PlanEffect.kind == "community")
            .order_by(PlanEffect.during)
        )
        found: Periods = {}
        for plan_id, community, during in rows:
            found.setdefault((plan_id, community), []).append((during.lower, during.upper))
    return found


def told(effect: Effect) -> Periods:
    """Return what is said to remain of the periods that are replaced, as :func:`periods`."""
    remaining: Periods = {}
    for one in effect.replaced:
        left = remaining.setdefault((one.plan_id, one.community_id), [])
        if one.remains is not None:
            left.append((one.remains.lower, one.remains.upper))
    return remaining


@pytest.fixture
def planned(town_factory: sessionmaker[Session], scope: Scope) -> str:
    """Have a plan that comes into effect in 2028, in community A alone."""
    plan_id = drawn(town_factory, scope, name="Planned", scope_code=CODE_OF["A"])
    in_effect(town_factory, plan_id, LATER)
    return plan_id


def test_what_a_plan_replaces_is_what_is_cut_back_and_taken_out(
    town_factory: sessionmaker[Session], scope: Scope, planned: str, draft: str
):
    before = periods(town_factory)
    with transaction(town_factory) as session:
        shown = plan_lifecycle.effect_of(session, scope, draft, SINCE)
    assert periods(town_factory) == before, "to look changes nothing"
    said = [(one.plan_name, one.community_code, one.during, one.remains) for one in shown.replaced]
    a, b = CODE_OF["A"], CODE_OF["B"]
    assert said == [
        ("plan", a, Range(date(2026, 1, 1), LATER), Range(date(2026, 1, 1), SINCE)),
        ("Planned", a, Range(LATER, None), None),
        ("plan", b, Range(date(2026, 1, 1), None), Range(date(2026, 1, 1), SINCE)),
    ]
    assert in_effect(town_factory, draft, SINCE) == shown
    after = periods(town_factory)
    for key_, left in told(shown).items():
        assert after.get(key_, []) == left
    untouched = set(before) - set(told(shown))
    assert untouched == {(key("plans", "old"), key("communities", x)) for x in "AB"}
    assert all(after[key_] == before[key_] for key_ in untouched)


def test_the_record_tells_what_was_replaced_from_both_sides(
    town_factory: sessionmaker[Session], scope: Scope, planned: str, draft: str
):
    in_effect(town_factory, draft, SINCE)
    with transaction(town_factory) as session:
        [*_, effect] = audit.history(session, scope, "grid_plans", draft)
        [*_, lost] = audit.history(session, scope, "grid_plans", planned)
        [cut] = audit.history(session, scope, "grid_plans", TOWN_PLAN)[-1:]
    assert effect.action == "effect"
    assert effect.after["from"] == "2027-01-01"
    assert effect.after["communities"] == 3
    assert [(one["plan_id"], one["remains"]) for one in effect.after["replaced"]] == [
        (TOWN_PLAN, {"from": "2026-01-01", "until": "2027-01-01"}),
        (planned, None),
        (TOWN_PLAN, {"from": "2026-01-01", "until": "2027-01-01"}),
    ]
    assert lost.action == "replaced"
    assert lost.after["by"] == draft
    [gone] = lost.after["replaced"]
    assert gone["community_code"] == CODE_OF["A"]
    assert gone["during"] == {"from": "2028-01-01", "until": None}
    assert [one["community_code"] for one in cut.after["replaced"]] == [CODE_OF["A"], CODE_OF["B"]]


def test_a_plan_does_not_replace_itself_or_one_of_another_kind(
    town_factory: sessionmaker[Session], scope: Scope, draft: str
):
    party = drawn(town_factory, scope, name="Party", kind="party")
    assert in_effect(town_factory, party, SINCE).replaced == ()
    in_effect(town_factory, draft, LATER)
    again = in_effect(town_factory, draft, SINCE)
    assert {one.plan_id for one in again.replaced} == {TOWN_PLAN}
    with transaction(town_factory) as session:
        assert {one.during.lower for one in plans.effects_of(session, scope, draft)} == {SINCE}
        assert {one.during.lower for one in plans.effects_of(session, scope, party)} == {SINCE}


def test_what_was_not_shown_is_not_replaced(
    town_factory: sessionmaker[Session], scope: Scope, draft: str
):
    """Somebody puts another plan in effect while the question is on the screen."""
    with transaction(town_factory) as session:
        shown = plan_lifecycle.effect_of(session, scope, draft, SINCE)
    other = drawn(town_factory, scope, name="Other", scope_code=CODE_OF["C"])
    in_effect(town_factory, other, LATER)
    before = periods(town_factory)
    with (
        pytest.raises(StaleVersionError, match="other periods"),
        transaction(town_factory) as session,
    ):
        plan_lifecycle.put_in_effect(session, scope, draft, SINCE, seen=shown)
    assert periods(town_factory) == before
    with transaction(town_factory) as session:
        assert session.get(GridPlan, draft).status == "draft"
