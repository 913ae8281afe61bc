"""A job is told to who asked while they have the roles and the ground it was done with."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.database.row_security import bind
from gis.errors import ConflictError, NotFoundError
from gis.layers import jobs
from gis.scope import Action, Scope
from tests.people import OWNER, add_person
from tests.town import key

pytestmark = pytest.mark.db

A, B = key("communities", "A"), key("communities", "B")
PLANNER = Scope(
    "planner",
    frozenset(Action),
    frozenset({A, B}),
    roles=("planner",),
    full_counts=True,
    permission="siting.run",
)


@pytest.fixture
def job(town_session: Session) -> str:
    add_person(town_session, "planner")
    return jobs.add(town_session, PLANNER, "siting", {})


LESS = {
    "less ground": replace(PLANNER, community_ids=frozenset({A})),
    "other ground": replace(PLANNER, community_ids=frozenset({A}), grid_ids=frozenset({B})),
    "none": replace(PLANNER, community_ids=frozenset()),
    "another role": replace(PLANNER, roles=("manager",)),
    "everywhere by another role": replace(PLANNER, community_ids=None, roles=("viewer",)),
}


@pytest.mark.parametrize("now", LESS.values(), ids=LESS)
def test_who_has_less_than_it_was_done_with_is_not_told(
    town_session: Session, job: str, now: Scope
):
    assert jobs.one(town_session, PLANNER, job).id == job
    with pytest.raises(NotFoundError):
        jobs.one(town_session, now, job)
    with pytest.raises(NotFoundError):
        jobs.begins_with(town_session, now, job[:8])
    with pytest.raises(NotFoundError):
        jobs.request_cancel(town_session, now, job)
    assert jobs.newest(town_session, now) == []
    assert jobs.lines(town_session, now, job) == []


@pytest.mark.parametrize(
    "now",
    [
        replace(PLANNER, roles=("manager", "planner")),
        replace(PLANNER, community_ids=None),
        replace(PLANNER, community_ids=frozenset({A, B}), grid_ids=frozenset({A})),
    ],
    ids=["more roles", "everywhere", "more ground"],
)
def test_who_has_more_is_told(town_session: Session, job: str, now: Scope):
    assert jobs.one(town_session, now, job).id == job


def test_what_it_is_done_with_is_that_of_the_moment_in_which_it_begins(
    town_session: Session, job: str
):
    wider = replace(PLANNER, community_ids=None, roles=("planner", "reviewer"))
    jobs.allow(town_session, OWNER, job, wider)
    with pytest.raises(NotFoundError):
        jobs.one(town_session, PLANNER, job)
    assert jobs.one(town_session, wider, job).community_ids is None


def test_a_job_of_before_is_told_to_who_sees_everything(town_session: Session, job: str):
    row = jobs.one(town_session, OWNER, job)
    assert (row.roles, row.community_ids) == (["planner"], sorted([A, B]))
    old = jobs.add(town_session, OWNER, "siting", {})
    with pytest.raises(NotFoundError):
        jobs.one(town_session, PLANNER, old)
    with pytest.raises(ConflictError):
        jobs.begins_with(town_session, OWNER, "")


def test_postgresql_keeps_it_too(town_session: Session, job: str):
    town_session.flush()
    asked = "SELECT count(*) FROM jobs WHERE id = :id"
    for scope, found in ((PLANNER, 1), (LESS["less ground"], 0), (LESS["none"], 0)):
        bind(town_session, scope)
        with town_session.begin_nested():
            town_session.execute(
                text(
                    "SELECT set_config('wangge.principal', :who, true), "
                    "set_config('wangge.everywhere', 'off', true), "
                    "set_config('wangge.communities', :ground, true), "
                    "set_config('wangge.grids', '{}', true), set_config('role', 'wangge_app', true)"
                ),
                {
                    "who": scope.principal,
                    "ground": "{" + ",".join(sorted(scope.community_ids or ())) + "}",
                },
            )
            assert town_session.execute(text(asked), {"id": job}).scalar_one() == found
        town_session.execute(text("RESET ROLE"))
        town_session.execute(text("SELECT set_config('wangge.principal', '', true)"))
    bind(town_session, None)
