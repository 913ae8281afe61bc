"""Drafts edited by hand: grids split, merged and numbered."""

import pytest
import shapely
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.districting import DrawOptions
from gis.errors import InfeasiblePlanError, InvalidInputError, NotFoundError, StaleVersionError
from gis.layers.grids import Grid
from gis.scope import Scope
from gis.services import plan_editing
from gis.services.plan_ground import read_plan
from gis.services.plan_measuring import measure_plan
from gis.services.redistricting import PlanOrder, draw_plan, rebalance_order
from tests.db.planning import codes, household_sums, largest, stored
from tests.town import CODE_OF

pytestmark = pytest.mark.db


def test_a_grid_is_split_and_merged_again(
    town_factory: sessionmaker[Session], scope: Scope, draft: str
):
    before, code = stored(town_factory, draft), largest(town_factory, draft)
    sums = household_sums(town_factory, draft)
    with transaction(town_factory) as session:
        plan_editing.split_grid(session, scope, draft, code, by="cells", version=1)
    halves = household_sums(town_factory, draft)
    [new] = set(halves) - set(sums)
    assert halves[code] >= halves[new] > 0
    assert halves[code] + halves[new] == sums[code]
    # No house is larger than 240: two halves need not differ by more than that.
    assert halves[code] - halves[new] <= 240
    assert {c: n for c, n in halves.items() if c in sums and c != code} == {
        c: n for c, n in sums.items() if c != code
    }
    with transaction(town_factory) as session:
        measured = measure_plan(session, scope, draft)
        assert measured.measures.noncontiguous == 0
        plan_editing.merge_grids(session, scope, draft, (code, new))
    after = stored(town_factory, draft)
    assert after["cells"] == before["cells"]
    assert after["buildings"] == before["buildings"]
    assert [row[:3] for row in after["grids"]] == [row[:3] for row in before["grids"]]
    for (*_, was), (*_, now) in zip(before["grids"], after["grids"], strict=True):
        assert shapely.from_wkt(was).equals(shapely.from_wkt(now))
    assert after["plan"][0][-1] is not None


def test_what_cannot_be_split_or_merged_is_said(
    town_factory: sessionmaker[Session], scope: Scope, draft: str
):
    mine = [c for c in codes(town_factory, draft) if c.startswith(CODE_OF["A"])]
    other = next(c for c in codes(town_factory, draft) if c.startswith(CODE_OF["B"]))
    before = stored(town_factory, draft)
    with transaction(town_factory) as session:
        with pytest.raises(InfeasiblePlanError, match="cannot be split into 40"):
            plan_editing.split_grid(session, scope, draft, mine[0], into=40, by="cells")
        with pytest.raises(InvalidInputError, match="several communities"):
            plan_editing.merge_grids(session, scope, draft, (mine[0], other))
        with pytest.raises(InvalidInputError, match="One grid alone"):
            plan_editing.merge_grids(session, scope, draft, (mine[0], mine[0]))
        with pytest.raises(NotFoundError, match="no grid 9"):
            plan_editing.merge_grids(session, scope, draft, (mine[0], "9"))
    assert stored(town_factory, draft) == before


@pytest.mark.slow
def test_grids_that_do_not_touch_are_not_merged(town_factory: sessionmaker[Session], scope: Scope):
    """In the town's own plan, d lies between B and nothing of a: use grids of C cut in three."""
    small = DrawOptions(target=80, minimum=40, maximum=200, preset="fast")
    with transaction(town_factory) as session:
        plan_id = draw_plan(session, scope, PlanOrder(options=small)).plan_id
        plan = read_plan(session, scope, plan_id)
        own = plan.grids[plan.grids["community_code"] == CODE_OF["B"]].reset_index(drop=True)
        apart = next(
            (a.code, b.code)
            for i, a in enumerate(own.itertuples())
            for b in own.iloc[i + 1 :].itertuples()
            if a.geometry.disjoint(b.geometry)
        )
        with pytest.raises(InvalidInputError, match="do not touch"):
            plan_editing.merge_grids(session, scope, plan_id, apart)


def test_an_edit_on_a_stale_version_is_refused(
    town_factory: sessionmaker[Session], scope: Scope, draft: str
):
    code = largest(town_factory, draft)
    with transaction(town_factory) as session:
        plan_editing.split_grid(session, scope, draft, code, by="cells")
    with pytest.raises(StaleVersionError), transaction(town_factory) as session:
        plan_editing.split_grid(session, scope, draft, code, by="cells", version=1)
    with pytest.raises(StaleVersionError), transaction(town_factory) as session:
        plan_editing.renumber(session, scope, draft, version=1)


def test_numbers_follow_the_rule_and_swap_if_they_must(
    town_factory: sessionmaker[Session], scope: Scope, draft: str
):
    with transaction(town_factory) as session:
        assert plan_editing.new_numbers(session, scope, draft) == ()
        rule = {row.id: row.code for row in read_plan(session, scope, draft).grids.itertuples()}
        own = [g for g, c in rule.items() if c.startswith(CODE_OF["A"])]
        # Somebody has numbered them backwards.
        numbers = session.execute(select(Grid.id, Grid.sequence, Grid.code).where(Grid.id.in_(own)))
        rows = sorted(numbers, key=lambda row: row.sequence)
        aside = update(Grid).where(Grid.id.in_(own))
        session.execute(aside.values(sequence=Grid.sequence + 500, code=Grid.code + "x"))
        for row, other in zip(rows, reversed(rows), strict=True):
            session.execute(
                update(Grid)
                .where(Grid.id == row.id)
                .values(sequence=other.sequence, code=other.code)
            )
    with transaction(town_factory) as session:
        found = plan_editing.renumber(session, scope, draft)
        assert len(found) == len(own) - len(own) % 2
    with transaction(town_factory) as session:
        now = {row.id: row.code for row in read_plan(session, scope, draft).grids.itertuples()}
        assert now == rule
        assert plan_editing.new_numbers(session, scope, draft) == ()


def test_grids_that_go_on_keep_their_number_unless_all_are_numbered(
    town_factory: sessionmaker[Session], scope: Scope, draft: str
):
    with transaction(town_factory) as session:
        order = rebalance_order(session, scope, draft)
        made = draw_plan(session, scope, order).plan_id
    code = largest(town_factory, made)
    with transaction(town_factory) as session:
        plan_editing.split_grid(session, scope, made, code, by="cells")
        kept = {c for _, c in _rows(session, scope, draft)}
        changed = plan_editing.new_numbers(session, scope, made)
        assert not {one.code for one in changed} & kept
        everything = plan_editing.new_numbers(session, scope, made, everything=True)
        assert len(everything) >= len(changed)


def _rows(session: Session, scope: Scope, plan_id: str) -> list[tuple[str, str]]:
    grids = read_plan(session, scope, plan_id).grids
    return list(zip(grids["id"], grids["code"], strict=True))
