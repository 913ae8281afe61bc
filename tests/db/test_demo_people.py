"""The demo's people: every role signs in, in an area that fits it, with a password of the run."""

from datetime import date

import pytest
from sqlalchemy.orm import Session

from cli.demo import print_users
from gis.access import MATRIX, AreaKind, Permission, Role, authorise
from gis.errors import ForbiddenError
from gis.jobs.demo_people import ACTS_FOR, make_demo_users
from gis.services import accounts, signing_in
from tests.people import OWNER, hash_cheaply
from tests.town import CODE_OF, SUBDISTRICT, grid_id, key

pytestmark = pytest.mark.db


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_cheaply(monkeypatch)


TODAY = date(2026, 6, 1)


def test_each_role_has_one_account_with_what_the_matrix_says(town_session: Session):
    made = make_demo_users(town_session, OWNER, TODAY)
    assert [one.granted.role for one in made] == list(Role)
    assert [one.login for one in accounts.list_users(town_session, OWNER)] == sorted(
        one.login for one in made
    )
    for one in made:
        user = signing_in.sign_in(town_session, one.login, one.password, None).required()
        principal = accounts.principal_of(town_session, user, day=TODAY)
        role = one.granted.role
        for permission in Permission:
            if permission in MATRIX[role]:
                assert authorise(principal, permission, TODAY).actions
            else:
                with pytest.raises(ForbiddenError):
                    authorise(principal, permission, TODAY)
        assert one.granted.organisation == ACTS_FOR.get(role)


def test_each_role_is_at_home_where_it_fits(town_session: Session):
    made = {
        one.granted.role: one.granted.area for one in make_demo_users(town_session, OWNER, TODAY)
    }
    assert made[Role.ADMIN].kind is AreaKind.EVERYWHERE
    assert made[Role.PLANNER].code == SUBDISTRICT[:9]
    assert made[Role.MANAGER].code in CODE_OF.values()
    assert made[Role.GRID_WORKER].kind is AreaKind.GRID
    worker = accounts.user_called(town_session, OWNER, "grid-worker")
    [held] = accounts.principal_of(town_session, worker.id, day=TODAY).held
    assert len(held.grid_ids) == 1
    assert held.grid_ids <= {grid_id("plan", letter) for letter in "abcde"}
    assert key("communities", "A") not in (held.community_ids or ())


def test_a_second_run_has_other_passwords_and_the_first_ones_are_worth_nothing(
    town_session: Session,
):
    first = make_demo_users(town_session, OWNER, TODAY)[0]
    token = signing_in.open_session(
        town_session, signing_in.sign_in(town_session, first.login, first.password, None).required()
    )
    second = make_demo_users(town_session, OWNER, TODAY)[0]
    assert second.login == first.login
    assert second.password != first.password
    assert signing_in.sign_in(town_session, first.login, first.password, None).user_id is None
    assert signing_in.sign_in(town_session, first.login, second.password, None).user_id
    assert signing_in.read_session(town_session, token) is None
    assert len(accounts.list_users(town_session, OWNER)) == len(Role)


def test_how_to_sign_in_is_printed(town_session: Session, capsys: pytest.CaptureFixture[str]):
    made = make_demo_users(town_session, OWNER, TODAY)
    print_users(made)
    shown = capsys.readouterr().out
    for one in made:
        [line] = [line for line in shown.splitlines() if one.password in line]
        assert one.login in line
        assert str(one.granted.role) in line
    print_users(())
    assert capsys.readouterr().out == ""
