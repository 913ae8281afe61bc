"""Plans drawn over a real store: afresh, again, from another plan, by halves, and as a job."""

import threading
from dataclasses import replace
from datetime import date

import pytest
import shapely
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.districting import DrawOptions
from gis.errors import ConflictError, InvalidInputError, NotFoundError, StaleVersionError
from gis.jobs.plan_drawing import DrawJob, run_draw
from gis.jobs.records import JobCancelledError, Recorder, in_the_foreground
from gis.layers import audit, jobs, plans
from gis.layers.buildings import Building
from gis.scope import Action, Scope
from gis.services import plan_editing, plan_lifecycle
from gis.services.plan_ground import common_division, covers, read_plan
from gis.services.plan_measuring import find_plan, measure_plan, plan_facts
from gis.services.redistricting import PlanOrder, draw, draw_plan, keep, prepare
from tests.db.planning import SMALL, TOWN_PLAN, codes, drawn, household_sums, stored
from tests.town import CODE_OF, SUBDISTRICT, key

pytestmark = pytest.mark.db


def test_a_plan_is_drawn_told_and_measured_from_its_cells(
    town_factory: sessionmaker[Session], scope: Scope
):
    plan_id = drawn(town_factory, scope, name="New")
    sums = household_sums(town_factory, plan_id)
    with transaction(town_factory) as session:
        facts = plan_facts(session, scope, plan_id, trace=True)
        measured = measure_plan(session, scope, plan_id)
        assert find_plan(session, scope, "New") == find_plan(session, scope, plan_id[:8]) == plan_id
    table = measured.table().set_index("code")
    assert table["households"].to_dict() == sums
    # Measured anew, by another way than the one it was drawn by, it is what was stored.
    assert measured.summary == facts.row.measures
    assert (facts.row.status, facts.row.scope_code, facts.row.version) == (
        "draft",
        SUBDISTRICT,
        1,
    )
    assert facts.drawing is not None
    assert {one["grid_code"] for one in facts.drawing["trace"]} == set(sums)
    assert facts.row.options["codec"] == "unit_grid_15"


def test_areas_and_compactness_are_those_of_the_stored_polygons(
    town_factory: sessionmaker[Session], scope: Scope
):
    plan_id = drawn(town_factory, scope)
    with transaction(town_factory) as session:
        measured = measure_plan(session, scope, plan_id)
        rows = session.execute(
            text(
                "SELECT code, ST_Area(geometry::geography) AS m2 FROM grids WHERE plan_id = :plan"
            ),
            {"plan": plan_id},
        )
        areas = {row.code: row.m2 for row in rows}
    table = measured.table().set_index("code")
    for code, area in areas.items():
        assert table.loc[code, "area_m2"] == pytest.approx(area, rel=2e-3)
    shapes = shapely.union_all(measured.plan.grids.geometry.to_numpy())
    assert shapes.is_valid
    assert table["polsby_popper"].between(0, 1).all()


def test_a_plan_of_one_community_covers_that_one(town_factory: sessionmaker[Session], scope: Scope):
    plan_id = drawn(town_factory, scope, scope_code=CODE_OF["B"])
    assert {code[:12] for code in codes(town_factory, plan_id)} == {CODE_OF["B"]}
    with pytest.raises(InvalidInputError, match="no community in the division"):
        drawn(town_factory, scope, scope_code="990000000000")


def test_a_draft_is_drawn_again_and_what_goes_on_keeps_key_number_and_code(
    town_factory: sessionmaker[Session], scope: Scope
):
    plan_id = drawn(town_factory, scope)
    before = stored(town_factory, plan_id)
    with transaction(town_factory) as session:
        again = PlanOrder(options=SMALL, plan_id=plan_id, version=1, from_plan=plan_id)
        told = draw_plan(session, scope, again)
    after = stored(town_factory, plan_id)
    was = {row[0]: row[1:3] for row in before["grids"]}
    now = {row[0]: row[1:3] for row in after["grids"]}
    kept = set(was) & set(now)
    assert kept
    assert {grid: now[grid] for grid in kept} == {grid: was[grid] for grid in kept}
    assert told.measures["households_moved"] <= told.measures["households_compared"]
    with transaction(town_factory) as session:
        row = plans.one(session, scope, plan_id)
        assert (row.version, row.from_plan_id) == (2, None)
        [*_, last] = audit.history(session, scope, "grid_plans", plan_id)
        assert last.action == "draw"


@pytest.mark.slow
def test_drawn_afresh_a_draft_has_new_grids_from_number_one(
    town_factory: sessionmaker[Session], scope: Scope
):
    plan_id = drawn(town_factory, scope)
    before = {row[0] for row in stored(town_factory, plan_id)["grids"]}
    with transaction(town_factory) as session:
        draw_plan(session, scope, PlanOrder(options=replace(SMALL, seed=3), plan_id=plan_id))
    after = stored(town_factory, plan_id)["grids"]
    assert not before & {row[0] for row in after}
    assert {row[1][-3:] for row in after if row[1].startswith(CODE_OF["A"])} >= {"001"}


def test_a_drawing_starts_from_a_plan_on_other_cells_and_locked_grids_stay(
    town_factory: sessionmaker[Session], scope: Scope
):
    """The plan in effect lies on hand-drawn squares; the ground has cells of its own by now."""
    locked = f"{CODE_OF['A']}001"
    with transaction(town_factory) as session:
        order = PlanOrder(options=SMALL, from_plan=TOWN_PLAN, locked=(locked,))
        plan_id = draw_plan(session, scope, order).plan_id
        old, new = read_plan(session, scope, TOWN_PLAN), read_plan(session, scope, plan_id)
        assert str(plans.one(session, scope, plan_id).from_plan_id) == TOWN_PLAN
    assert set(old.members["cell_id"]).isdisjoint(new.members["cell_id"])
    mine = old.grids.set_index("code").geometry[locked]
    its = new.grids.set_index("code").geometry[locked]
    # Cells of buildings are cut differently from squares; the buildings are the same.
    assert its.intersection(mine).area > 0.9 * mine.area
    assert (
        household_sums(town_factory, plan_id)[locked]
        == household_sums(town_factory, TOWN_PLAN)[locked]
    )


def test_locks_want_a_plan_and_a_code_that_it_has(
    town_factory: sessionmaker[Session], scope: Scope
):
    with pytest.raises(InvalidInputError, match="starts from a plan"):
        drawn(town_factory, scope, locked=("340102001001001",))
    with pytest.raises(NotFoundError, match="no grid nowhere"):
        drawn(town_factory, scope, from_plan=TOWN_PLAN, locked=("nowhere",))


def test_a_plan_in_effect_is_not_drawn_over(town_factory: sessionmaker[Session], scope: Scope):
    before = stored(town_factory, TOWN_PLAN)
    with pytest.raises(ConflictError, match="no draft"):
        drawn(town_factory, scope, plan_id=TOWN_PLAN)
    with pytest.raises(ConflictError, match="no draft"), transaction(town_factory) as session:
        plan_editing.merge_grids(session, scope, TOWN_PLAN, ("340102001001001", "340102001001002"))
    assert stored(town_factory, TOWN_PLAN) == before


def test_a_draft_that_was_changed_meanwhile_is_not_overwritten(
    town_factory: sessionmaker[Session], scope: Scope
):
    plan_id = drawn(town_factory, scope)
    with transaction(town_factory) as session:
        sketch = draw(prepare(session, scope, PlanOrder(options=SMALL, plan_id=plan_id, version=1)))
    with transaction(town_factory) as session:
        draw_plan(session, scope, PlanOrder(options=SMALL, plan_id=plan_id))
    between = stored(town_factory, plan_id)
    with pytest.raises(StaleVersionError), transaction(town_factory) as session:
        keep(session, scope, sketch)
    assert stored(town_factory, plan_id) == between


def test_a_drawing_that_the_store_refuses_leaves_the_draft_as_it_was(
    town_factory: sessionmaker[Session], scope: Scope
):
    """Somebody builds a house while the plan is drawn: it would be left without a grid."""
    plan_id = drawn(town_factory, scope)
    before = stored(town_factory, plan_id)
    with transaction(town_factory) as session:
        sketch = draw(prepare(session, scope, PlanOrder(options=SMALL, plan_id=plan_id, version=1)))
    with transaction(town_factory) as session:
        house = session.execute(select(Building).limit(1)).scalar_one()
        session.add(
            Building(
                id=key("buildings", "built meanwhile"),
                community_id=house.community_id,
                households=3,
                geometry=house.geometry,
            )
        )
    with pytest.raises(Exception, match="without a grid"), transaction(town_factory) as session:
        keep(session, scope, sketch)
    assert stored(town_factory, plan_id) == before


def test_whoever_may_not_write_draws_nothing(town_session: Session, scope: Scope):
    reader = Scope("reader", frozenset({Action.READ}), None)
    with pytest.raises(Exception, match="may not write"):
        draw_plan(town_session, reader, PlanOrder(options=SMALL))
    with pytest.raises(Exception, match="may not write"):
        plan_lifecycle.delete_draft(town_session, reader, TOWN_PLAN)


class Stops:
    """A recorder's watcher that asks the job to end once the drawing has begun."""

    def __init__(self, sessions: sessionmaker[Session], scope: Scope) -> None:
        self.sessions, self.scope, self.job = sessions, scope, ""

    def begin(self, step: str) -> None:
        if step == "grids":
            with transaction(self.sessions) as session:
                [job] = jobs.newest(session, self.scope, limit=1)
                jobs.request_cancel(session, self.scope, job.id)

    def told(self, step: str, done: float, total: float) -> None: ...

    def end(self, step: str, seconds: float) -> None: ...


@pytest.mark.slow
@pytest.mark.parametrize("keep_best", [False, True])
def test_a_drawing_that_is_cancelled_leaves_the_draft_as_it_was_unless_the_best_is_wanted(
    town_factory: sessionmaker[Session], scope: Scope, *, keep_best: bool
):
    plan_id = drawn(town_factory, scope)
    before = stored(town_factory, plan_id)
    order = PlanOrder(options=replace(SMALL, seed=9), plan_id=plan_id)
    told = DrawJob(order, keep_best=keep_best).as_arguments()

    def work(recorder: Recorder) -> dict[str, object]:
        return dict(run_draw(town_factory, scope, told, recorder))

    watcher = Stops(town_factory, scope)
    if keep_best:
        report = in_the_foreground(town_factory, scope, "draw", told, work, watcher)
        assert report["plan_id"] == plan_id
        assert stored(town_factory, plan_id) != before
    else:
        with pytest.raises(JobCancelledError):
            in_the_foreground(town_factory, scope, "draw", told, work, watcher)
        assert stored(town_factory, plan_id) == before
    with transaction(town_factory) as session:
        [job] = jobs.newest(session, scope, limit=1)
    assert job.status == ("succeeded" if keep_best else "cancelled")


@pytest.mark.slow
def test_while_a_plan_is_drawn_others_may_read_and_write_it(
    town_factory: sessionmaker[Session], scope: Scope
):
    plan_id = drawn(town_factory, scope)
    seen = threading.Event()

    class Renames:
        def begin(self, step: str) -> None:
            if step == "grids":
                with transaction(town_factory) as session:
                    plans.lock_plan(session, scope, plan_id, 1)
                seen.set()

        def told(self, step: str, done: float, total: float) -> None: ...

        def end(self, step: str, seconds: float) -> None: ...

    told = DrawJob(PlanOrder(options=SMALL, plan_id=plan_id)).as_arguments()
    with pytest.raises(StaleVersionError):
        in_the_foreground(
            town_factory,
            scope,
            "draw",
            told,
            lambda recorder: run_draw(town_factory, scope, told, recorder),
            Renames(),
        )
    assert seen.is_set()


def test_an_order_survives_the_way_to_the_worker():
    order = PlanOrder(
        SUBDISTRICT,
        "party",
        "Name",
        DrawOptions(target=700, minimum=600, maximum=800, weights={"shape": 2000.0}, seed=4),
        effective_from=date(2026, 1, 1),
        from_plan=TOWN_PLAN,
        locked=("1", "2"),
    )
    job = DrawJob(order, keep_best=True, preview=True, most_moved=5)
    assert DrawJob.from_arguments(job.as_arguments()) == job


@pytest.mark.parametrize(
    ("codes_", "division"),
    [
        (["340102001001"], "340102001001"),
        (["340102001001", "340102001002"], "340102001000"),
        (["340102001001", "340102002001"], "340102000000"),
        (["340102001001", "340103001001"], "340100000000"),
        (["340102001001", "340203001001"], "340000000000"),
        (["340102001001", "110101001001"], "000000000000"),
    ],
)
def test_the_smallest_division_of_communities_covers_them(codes_: list[str], division: str):
    assert common_division(codes_) == division
    assert all(covers(division, code) for code in codes_)
    assert not covers("340102001000", "340102002001")
