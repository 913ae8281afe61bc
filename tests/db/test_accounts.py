"""Accounts: opened, granted roles in areas, closed; what grants come to; who may manage whom."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.access import Area, AreaKind, Grant, Permission, Role, authorise
from gis.errors import (
    ConflictError,
    CredentialsError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
)
from gis.layers import audit
from gis.scope import Action, Scope
from gis.services import accounts, signing_in
from tests.people import (
    EVERYWHERE,
    OWNER,
    PASSWORD,
    SUBDISTRICT,
    add_person,
    community,
    grid,
    hash_cheaply,
    role_in,
    scope_of,
)
from tests.town import grid_id, key

pytestmark = pytest.mark.db


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_cheaply(monkeypatch)


A, B = key("communities", "A"), key("communities", "B")
EVERY = frozenset(key("communities", letter) for letter in "ABC")
DAY = date(2026, 6, 1)


def trail(session: Session, user_id: str) -> list[str]:
    return [row.action for row in audit.history(session, OWNER, "users", user_id)]


def test_a_user_is_added_shown_and_closed(town_session: Session):
    user = accounts.add_user(town_session, OWNER, " Grid-012 ", password=PASSWORD, language="en")
    shown = accounts.one_user(town_session, OWNER, user)
    assert (shown.login, shown.language, shown.has_password) == ("grid-012", "en", True)
    assert PASSWORD not in repr(shown)
    assert "argon2" not in repr(shown)
    assert accounts.user_called(town_session, OWNER, "GRID-012") == shown
    accounts.disable(town_session, OWNER, user)
    accounts.disable(town_session, OWNER, user)
    assert accounts.one_user(town_session, OWNER, user).disabled_at is not None
    with pytest.raises(CredentialsError, match="closed"):
        accounts.principal_of(town_session, user)
    accounts.enable(town_session, OWNER, user)
    assert accounts.principal_of(town_session, user).name == "grid-012"
    assert trail(town_session, user) == ["create", "disable", "enable"]


@pytest.mark.parametrize(
    "login", ["x", "local_owner", "door", "张三", "a b", "../x", "-x", "x" * 64, "", "a\x00b"]
)
def test_a_login_that_is_no_work_name_is_refused(town_session: Session, login: str):
    with pytest.raises(InvalidInputError, match="login"):
        accounts.add_user(town_session, OWNER, login)


def test_a_login_is_taken_once(town_session: Session):
    accounts.add_user(town_session, OWNER, "planner")
    with pytest.raises(ConflictError, match="planner already"):
        accounts.add_user(town_session, OWNER, "Planner")


def test_a_bad_password_or_language_opens_no_account(town_session: Session):
    for faulty in ({"password": "short"}, {"language": "de"}):
        with pytest.raises(InvalidInputError):
            accounts.add_user(town_session, OWNER, "planner", **faulty)
    assert accounts.list_users(town_session, OWNER) == []


@pytest.mark.parametrize(
    ("area", "communities", "grids"),
    [
        (EVERYWHERE, None, set()),
        (SUBDISTRICT, EVERY, set()),
        (community("A"), {A}, set()),
        (grid("340102001001002"), set(), {grid_id("plan", "b")}),
    ],
)
def test_an_area_is_resolved_to_its_ground(
    town_session: Session, area: Area, communities: set[str] | None, grids: set[str]
):
    add_person(town_session, "somebody", role_in(Role.VIEWER, area))
    scope = scope_of(town_session, "somebody", "ground.read", day=DAY)
    assert scope.community_ids == communities
    assert scope.grid_ids == grids


def test_a_grid_is_the_one_of_the_plan_in_effect_on_the_day(town_session: Session):
    user = add_person(town_session, "worker-1", role_in(Role.GRID_WORKER, grid("340102001001001")))

    def grids_on(day: date) -> frozenset[str]:
        return accounts.principal_of(town_session, user, day=day).held[0].grid_ids

    assert grids_on(date(2026, 3, 1)) == {grid_id("plan", "a")}
    assert grids_on(date(2025, 3, 1)) == {grid_id("old", "A")}
    assert grids_on(date(2020, 1, 1)) == frozenset()


def turn_plans_into(session: Session, kind: str) -> None:
    """Make every plan one of another kind, with the same grids in effect on the same days."""
    columns = "plan_id, community_id, during"
    effects = session.execute(text(f"DELETE FROM plan_effect RETURNING {columns}")).mappings().all()
    session.execute(text("UPDATE grid_plans SET kind = :kind"), {"kind": kind})
    again = text(
        f"INSERT INTO plan_effect ({columns}, kind) "
        "VALUES (:plan_id, :community_id, :during, :kind)"
    )
    session.execute(again, [{**row, "kind": kind} for row in effects])


def test_a_party_grid_of_the_same_code_is_other_ground(town_session: Session):
    asked = role_in(Role.GRID_WORKER, grid("340102001001001"))
    user = add_person(town_session, "worker-1", asked)
    assert accounts.principal_of(town_session, user, day=DAY).held[0].grid_ids
    turn_plans_into(town_session, "party")
    assert not accounts.principal_of(town_session, user, day=DAY).held[0].grid_ids
    with pytest.raises(NotFoundError):
        accounts.grant(town_session, OWNER, user, asked)


def test_grants_hold_on_their_days_and_until_taken_back(town_session: Session):
    until = Grant(Role.PLANNER, community("A"), date(2026, 1, 1), date(2026, 7, 1))
    user = add_person(town_session, "planner", until, role_in(Role.VIEWER, community("B")))
    draw = Permission.PLANS_DRAW
    principal = accounts.principal_of(town_session, user, day=DAY)
    assert authorise(principal, draw, DAY).community_ids == {A}
    with pytest.raises(ForbiddenError):
        authorise(principal, draw, date(2026, 7, 1))
    read = authorise(principal, Permission.GROUND_READ, DAY)
    assert read.community_ids == {A, B}
    assert not read.full_counts
    given = accounts.one_user(town_session, OWNER, user).grants
    accounts.revoke(town_session, OWNER, user, given[0].id)
    with pytest.raises(ForbiddenError):
        authorise(accounts.principal_of(town_session, user, day=DAY), draw, DAY)
    with pytest.raises(NotFoundError):
        accounts.revoke(town_session, OWNER, user, given[0].id)
    kept = accounts.one_user(town_session, OWNER, user).grants
    assert [one.revoked_at is not None for one in kept] == [True, False]
    assert kept[0].granted_by == "local_owner"
    entry = audit.history(town_session, OWNER, "users", user)[-1]
    assert (entry.action, entry.before["role"], entry.before["to"]) == (
        "revoke",
        "planner",
        "2026-07-01",
    )


def test_permissions_of_a_key_limit_what_the_grants_give(town_session: Session):
    user = add_person(town_session, "planner", role_in(Role.PLANNER, EVERYWHERE))
    only = frozenset({Permission.GROUND_READ, Permission.USERS_MANAGE})
    principal = accounts.principal_of(town_session, user, only)
    assert authorise(principal, Permission.GROUND_READ, DAY).is_everywhere
    for wanted in (Permission.PLANS_DRAW, Permission.USERS_MANAGE):
        with pytest.raises(ForbiddenError):
            authorise(principal, wanted, DAY)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (Grant(Role.VIEWER, Area(AreaKind.SUBDISTRICT, "340102")), InvalidInputError),
        (Grant(Role.VIEWER, Area(AreaKind.COMMUNITY, "340102001")), InvalidInputError),
        (Grant(Role.VIEWER, Area(AreaKind.EVERYWHERE, "340102001")), InvalidInputError),
        (Grant(Role.VIEWER, Area(AreaKind.GRID)), InvalidInputError),
        (Grant(Role.VIEWER, community("A"), DAY, DAY), InvalidInputError),
        (Grant(Role.DEPARTMENT, community("A")), InvalidInputError),
        (Grant(Role.PLANNER, community("A"), organisation="org-1"), InvalidInputError),
        (Grant(Role.VIEWER, Area(AreaKind.COMMUNITY, "999999999999")), NotFoundError),
        (Grant(Role.VIEWER, Area(AreaKind.SUBDISTRICT, "34010200%")), InvalidInputError),
        (Grant(Role.VIEWER, Area(AreaKind.GRID, "no such grid")), NotFoundError),
    ],
)
def test_a_grant_that_means_nothing_is_refused(
    town_session: Session, asked: Grant, error: type[Exception]
):
    user = add_person(town_session, "somebody")
    with pytest.raises(error):
        accounts.grant(town_session, OWNER, user, asked)
    assert accounts.one_user(town_session, OWNER, user).grants == ()


def test_once_there_was_an_admin_with_a_password_it_stays_so(town_session: Session):
    assert not accounts.there_is_an_admin(town_session)
    ended = Grant(Role.ADMIN, EVERYWHERE, None, date(2020, 1, 1))
    user = add_person(town_session, "boss", ended)
    add_person(town_session, "planner", role_in(Role.PLANNER, EVERYWHERE), password=PASSWORD)
    assert not accounts.there_is_an_admin(town_session)
    accounts.set_password(town_session, OWNER, user, PASSWORD)
    assert accounts.there_is_an_admin(town_session)
    given = accounts.one_user(town_session, OWNER, user).grants
    accounts.revoke(town_session, OWNER, user, given[0].id)
    accounts.disable(town_session, OWNER, user)
    assert accounts.there_is_an_admin(town_session)


def test_another_password_ends_the_sessions(town_session: Session):
    user = add_person(town_session, "planner", password=PASSWORD)
    own = Scope("planner", frozenset(Action), frozenset({A}), roles=("planner",))
    token, other = (signing_in.open_session(town_session, user) for _ in range(2))
    used = signing_in.read_session(town_session, token)
    assert used is not None
    with pytest.raises(CredentialsError):
        signing_in.prove_password(town_session, own, "wrong words were given").required()
    assert signing_in.prove_password(town_session, own, PASSWORD).required() == user
    with pytest.raises(InvalidInputError):
        accounts.change_own_password(town_session, own, "short")
    new = "another four words entirely"
    accounts.change_own_password(town_session, own, new, session_id=used.session_id)
    assert signing_in.read_session(town_session, token) == used
    assert signing_in.read_session(town_session, other) is None
    assert signing_in.sign_in(town_session, "planner", new, None).required() == user
    accounts.set_password(town_session, OWNER, user, PASSWORD)
    assert signing_in.read_session(town_session, token) is None
    accounts.disable(town_session, OWNER, user)
    accounts.enable(town_session, OWNER, user)
    assert signing_in.read_session(town_session, other) is None


def test_the_command_line_has_no_account_of_its_own(town_session: Session):
    with pytest.raises(ForbiddenError, match="no account"):
        accounts.own_account(town_session, OWNER)


# An admin of one area.


@pytest.fixture
def admin_of_a(town_session: Session) -> Scope:
    add_person(
        town_session,
        "admin-a",
        role_in(Role.ADMIN, community("A")),
        role_in(Role.VIEWER, community("B")),
    )
    return scope_of(town_session, "admin-a", "users.manage", day=DAY)


def test_an_admin_of_an_area_grants_there_and_nowhere_else(
    town_session: Session, admin_of_a: Scope
):
    assert admin_of_a.community_ids == {A}
    user = accounts.add_user(town_session, admin_of_a, "helper")
    for inside in (community("A"), grid("340102001001001")):
        accounts.grant(town_session, admin_of_a, user, role_in(Role.VIEWER, inside))
    for outside in (community("B"), SUBDISTRICT, EVERYWHERE, grid("340102001002001")):
        with pytest.raises(NotFoundError):
            accounts.grant(town_session, admin_of_a, user, role_in(Role.ADMIN, outside))
    shown = accounts.one_user(town_session, admin_of_a, user)
    assert [one.granted_by for one in shown.grants] == ["admin-a", "admin-a"]


#: Every kind of area of the town with the ground that it is, by hand: what lies in what.
WHERE = {
    EVERYWHERE: {"the rest", "A", "B", "C", "a grid of A", "a grid of B"},
    SUBDISTRICT: {"A", "B", "C", "a grid of A", "a grid of B"},
    community("A"): {"A", "a grid of A"},
    community("B"): {"B", "a grid of B"},
    community("C"): {"C"},
    grid("340102001001001"): {"a grid of A"},
    grid("340102001002001"): {"a grid of B"},
}


@pytest.mark.parametrize("mine", WHERE, ids=lambda area: f"{area.kind} {area.code}")
def test_an_admin_grants_and_manages_exactly_what_lies_in_the_own_area(
    town_session: Session, mine: Area
):
    add_person(town_session, "admin-of", role_in(Role.ADMIN, mine))
    scope = scope_of(town_session, "admin-of", "users.manage", day=DAY)
    for number, (theirs, ground) in enumerate(WHERE.items()):
        target = add_person(town_session, f"target-{number}")
        subject = add_person(town_session, f"subject-{number}", role_in(Role.VIEWER, theirs))
        wanted = role_in(Role.ADMIN, theirs)
        if ground <= WHERE[mine]:
            accounts.grant(town_session, scope, target, wanted)
            assert len(accounts.one_user(town_session, OWNER, target).grants) == 1
            accounts.disable(town_session, scope, subject)
        else:
            with pytest.raises(NotFoundError):
                accounts.grant(town_session, scope, target, wanted)
            with pytest.raises(NotFoundError):
                accounts.disable(town_session, scope, subject)
            assert accounts.one_user(town_session, OWNER, target).grants == ()
            assert accounts.one_user(town_session, OWNER, subject).disabled_at is None


def test_whoever_reaches_beyond_the_area_does_not_exist_for_its_admin(
    town_session: Session, admin_of_a: Scope
):
    mine = add_person(town_session, "mine", role_in(Role.PLANNER, community("A")))
    both = add_person(
        town_session,
        "both",
        role_in(Role.PLANNER, community("A")),
        role_in(Role.PLANNER, community("B")),
    )
    boss = add_person(town_session, "boss", role_in(Role.ADMIN, EVERYWHERE))
    listed = [one.login for one in accounts.list_users(town_session, admin_of_a)]
    assert listed == ["mine"]
    assert accounts.one_user(town_session, admin_of_a, mine).login == "mine"
    for user in (both, boss):
        given = accounts.one_user(town_session, OWNER, user).grants
        with pytest.raises(NotFoundError):
            accounts.one_user(town_session, admin_of_a, user)
        with pytest.raises(NotFoundError):
            accounts.set_password(town_session, admin_of_a, user, PASSWORD)
        with pytest.raises(NotFoundError):
            accounts.disable(town_session, admin_of_a, user)
        with pytest.raises(NotFoundError):
            accounts.revoke(town_session, admin_of_a, user, given[-1].id)
    with pytest.raises(NotFoundError, match="no user boss"):
        accounts.user_called(town_session, admin_of_a, "boss")
    # What lies in the own area is taken back, whoever has it.
    within = accounts.one_user(town_session, OWNER, both).grants[0]
    accounts.revoke(town_session, admin_of_a, both, within.id)


def test_an_area_that_was_taken_back_still_keeps_an_account_out_of_reach(
    town_session: Session, admin_of_a: Scope
):
    """Else somebody else's account would be taken over once its grants had ended."""
    user = add_person(town_session, "gone", role_in(Role.PLANNER, community("B")))
    given = accounts.one_user(town_session, OWNER, user).grants[0]
    accounts.revoke(town_session, OWNER, user, given.id)
    with pytest.raises(NotFoundError):
        accounts.set_password(town_session, admin_of_a, user, PASSWORD)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_nobody_but_an_admin_manages_accounts(town_session: Session, role: Role):
    """Not even where an operation were declared with a permission that everybody has."""
    user = add_person(town_session, "somebody", role_in(role, EVERYWHERE))
    scope = scope_of(town_session, "somebody", "own-account", day=DAY)
    asked = role_in(Role.ADMIN, EVERYWHERE)
    with pytest.raises(ForbiddenError):
        accounts.grant(town_session, scope, user, asked)
    with pytest.raises(ForbiddenError):
        accounts.add_user(town_session, scope, "friend")
    with pytest.raises(ForbiddenError):
        accounts.list_users(town_session, scope)
    with pytest.raises(ForbiddenError):
        accounts.set_password(town_session, scope, user, PASSWORD)
    assert accounts.own_account(town_session, scope).id == user


def test_a_login_that_does_not_exist_is_not_found(town_session: Session):
    with pytest.raises(NotFoundError, match="no user nobody"):
        accounts.user_called(town_session, OWNER, "nobody")
    with pytest.raises(NotFoundError):
        accounts.one_user(town_session, OWNER, key("communities", "A"))
    with pytest.raises(CredentialsError):
        accounts.principal_of(town_session, key("communities", "A"))


def test_moments_are_told(town_session: Session):
    user = add_person(town_session, "planner", password=PASSWORD)
    shown = accounts.one_user(town_session, OWNER, user)
    assert shown.password_changed_at is not None
    assert abs(datetime.now(UTC) - shown.password_changed_at) < timedelta(minutes=5)
