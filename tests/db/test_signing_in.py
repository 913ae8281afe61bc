"""Signing in: one hash whatever the login, back-off, sessions that rotate and end."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.errors import CredentialsError, InvalidInputError
from gis.layers import audit
from gis.layers.audit import Wanted
from gis.services import accounts, passwords, signing_in
from tests.people import OWNER, PASSWORD, add_person, hash_cheaply

pytestmark = pytest.mark.db

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
WRONG = "four other words there"


@pytest.fixture
def planner(session: Session) -> str:
    return add_person(session, "planner", password=PASSWORD)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_cheaply(monkeypatch)


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Count the hashes that are compared."""
    asked: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, against: str, given: str | bytes) -> bool:
        asked.append(against)
        return verify(self, against, given)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    return asked


def tried(session: Session, password: str = WRONG, *, after_s: float = 0) -> bool:
    at = NOW + timedelta(seconds=after_s)
    return signing_in.sign_in(session, "planner", password, None, now=at).user_id is not None


def trail(session: Session) -> list[Any]:
    wanted = Wanted(action="sign_in")
    return list(reversed(audit.entries(session, OWNER, wanted, limit=100)))


def test_the_right_password_signs_in(session: Session, planner: str):
    done = signing_in.sign_in(session, " Planner ", PASSWORD, "192.0.2.7", request_id="r-1")
    assert done.required() == planner
    assert (done.login, done.language) == ("planner", None)
    [entry] = trail(session)
    assert (entry.principal, entry.outcome, entry.address, entry.request_id, entry.row_id) == (
        "planner",
        "done",
        "192.0.2.7",
        "r-1",
        planner,
    )


@pytest.mark.parametrize(
    ("login", "password", "why", "who"),
    [
        ("planner", WRONG, "wrong_password", "planner"),
        ("planner", "", "wrong_password", "planner"),
        ("nobody", PASSWORD, "unknown_login", "unknown"),
        ("four unrelated words here", PASSWORD, "unknown_login", "unknown"),
        ("half \ud800 of a pair\x00", PASSWORD, "unknown_login", "unknown"),
        ("closed", PASSWORD, "closed_account", "closed"),
        ("no-password", PASSWORD, "wrong_password", "no-password"),
        ("waiting", PASSWORD, "waits", "waiting"),
    ],
)
def test_all_that_fails_looks_the_same_but_in_the_audit_log(
    session: Session, hashes: list[str], login: str, password: str, why: str, who: str
):
    for name in ("planner", "closed", "waiting"):
        add_person(session, name, password=PASSWORD)
    add_person(session, "no-password")
    accounts.disable(session, OWNER, accounts.user_called(session, OWNER, "closed").id)
    waits = "UPDATE users SET locked_until = now() + interval '1 minute' WHERE login = 'waiting'"
    session.execute(text(waits))
    hashes.clear()
    failed = signing_in.sign_in(session, login, password, "192.0.2.7")
    assert failed == signing_in.SignedIn()
    with pytest.raises(CredentialsError, match=r"^The login or the password is not right, or"):
        failed.required()
    assert len(hashes) == 1
    [entry] = trail(session)
    assert (entry.principal, entry.outcome, entry.after) == (who, "failed", {"why": why})
    assert login == who or login not in str(entry)


def test_an_unknown_login_runs_the_same_statements_as_a_wrong_password(
    session: Session, planner: str
):
    assert planner
    told: list[str] = []

    def listen(_: Any, __: Any, statement: str, *___: Any) -> None:
        told.append(statement)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", listen)
    runs = []
    for login in ("planner", "nobody"):
        told.clear()
        signing_in.sign_in(session, login, WRONG, None)
        runs.append(list(told))
    event.remove(connection, "before_cursor_execute", listen)
    assert runs[0] == runs[1]
    assert len(runs[0]) == 4


def test_five_tries_are_free_and_then_each_waits_longer(session: Session, planner: str):
    assert planner
    for _ in range(4):
        assert not tried(session)
    assert tried(session, PASSWORD)
    for _ in range(5):
        assert not tried(session)
    assert not tried(session, PASSWORD, after_s=0.9)
    assert tried(session, PASSWORD, after_s=1)
    assert [entry.after["why"] for entry in trail(session)][-2:] == ["waits", "right"]


def test_tries_while_an_account_waits_do_not_lengthen_the_wait(session: Session, planner: str):
    for _ in range(20):
        tried(session)
    assert accounts.one_user(session, OWNER, planner).locked_until == NOW + timedelta(seconds=1)


def test_the_wait_doubles_up_to_a_quarter_of_an_hour():
    assert [signing_in.wait_s(n) for n in range(4, 9)] == [0, 1, 2, 4, 8]
    assert [signing_in.wait_s(n) for n in (14, 15, 16, 10_000)] == [512, 900, 900, 900]


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=40))
def test_nobody_tries_more_often_than_the_waits_allow(waits: list[float]):
    """However the tries are spread, the n-th that counts comes after the sum of the waits."""
    failed, locked_until, at, counted = 0, 0.0, 0.0, []
    for wait in waits:
        at += wait
        if at < locked_until:
            continue
        failed += 1
        counted.append(at)
        locked_until = at + signing_in.wait_s(failed)
    least = [sum(signing_in.wait_s(k) for k in range(1, n)) for n in range(1, len(counted) + 1)]
    assert all(at >= must for at, must in zip(counted, least, strict=True))


def test_another_password_by_an_admin_lifts_the_wait(session: Session, planner: str):
    for _ in range(12):
        tried(session)
    accounts.set_password(session, OWNER, planner, PASSWORD)
    assert tried(session, PASSWORD)


def test_many_tries_at_once_are_not_more_than_the_lock_allows(factory: sessionmaker[Session]):
    with transaction(factory) as session:
        user = add_person(session, "planner", password=PASSWORD)
    start = threading.Barrier(12)

    def attempt() -> None:
        start.wait()
        with transaction(factory) as session:
            signing_in.sign_in(session, "planner", WRONG, None)

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    with transaction(factory) as session:
        whys = [entry.after["why"] for entry in trail(session)]
        assert sorted(set(whys)) == ["waits", "wrong_password"]
        row = session.execute(text("SELECT failed_attempts FROM users")).scalar_one()
        assert row == whys.count("wrong_password") < 12
        assert accounts.one_user(session, OWNER, user).locked_until is not None


def test_a_hash_of_older_parameters_is_made_anew_at_the_next_sign_in(
    session: Session, planner: str
):
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    stored = text("UPDATE users SET password_hash = :weak")
    session.execute(stored, {"weak": weak})
    assert not tried(session)
    now = text("SELECT password_hash FROM users")
    assert session.execute(now).scalar_one() == weak
    assert tried(session, PASSWORD)
    made_anew = session.execute(now).scalar_one()
    assert made_anew != weak
    assert not passwords.is_outdated(made_anew)
    assert accounts.one_user(session, OWNER, planner).has_password
    assert tried(session, PASSWORD)


# Sessions.


def test_a_session_is_known_by_its_token_only(session: Session, planner: str):
    token = signing_in.open_session(session, planner)
    visitor = signing_in.read_session(session, token)
    assert visitor is not None
    assert (visitor.user_id, visitor.login) == (planner, "planner")
    assert len(token) >= 43
    stored = session.execute(text("SELECT sessions::text FROM sessions")).scalar_one()
    assert token not in stored
    for other in (token[:-1], token + "x", "", visitor.session_id, "half \ud800", "\x00"):
        assert signing_in.read_session(session, other) is None


def test_a_token_from_before_signing_in_is_worth_nothing_after(session: Session, planner: str):
    """Session fixation: somebody planted a token of their own session in a browser."""
    attacker = add_person(session, "attacker", password=PASSWORD)
    planted = signing_in.open_session(session, attacker)
    token = signing_in.open_session(session, planner, instead_of=planted)
    assert token != planted
    assert signing_in.read_session(session, planted) is None
    visitor = signing_in.read_session(session, token)
    assert visitor is not None
    assert visitor.login == "planner"
    assert signing_in.open_session(session, planner, instead_of="never a token") != token


def test_a_session_ends_when_it_is_not_used_and_at_its_last_hour(session: Session, planner: str):
    start = datetime.now(UTC)
    token = signing_in.open_session(session, planner, now=start)

    def stands(after: timedelta) -> bool:
        return signing_in.read_session(session, token, now=start + after) is not None

    almost = signing_in.IDLE - timedelta(minutes=2)
    steps = int(signing_in.ABSOLUTE / almost)
    assert all(stands(almost * n) for n in range(1, steps + 1))
    assert stands(signing_in.ABSOLUTE - timedelta(seconds=1))
    assert not stands(signing_in.ABSOLUTE)
    idle = signing_in.open_session(session, planner, now=start)
    late = start + signing_in.IDLE + timedelta(seconds=1)
    assert signing_in.read_session(session, idle, now=late) is None


def test_that_a_session_is_used_is_written_once_a_minute(session: Session, planner: str):
    token = signing_in.open_session(session, planner)
    seen = text("SELECT seen_at FROM sessions")
    first = session.execute(seen).scalar_one()
    for seconds, written in ((30, False), (61, True), (90, False), (125, True)):
        before = session.execute(seen).scalar_one()
        signing_in.read_session(session, token, now=first + timedelta(seconds=seconds))
        assert (session.execute(seen).scalar_one() != before) == written


def test_signing_out_ends_one_session_and_everywhere_all_but_one(session: Session, planner: str):
    first, second, third = (signing_in.open_session(session, planner) for _ in range(3))
    assert signing_in.close_session(session, OWNER, first)
    assert not signing_in.close_session(session, OWNER, first)
    assert not signing_in.close_session(session, OWNER, "never a token")
    kept = signing_in.read_session(session, second)
    assert kept is not None
    assert signing_in.close_all(session, OWNER, planner, but=kept.session_id) == 1
    assert signing_in.read_session(session, third) is None
    assert signing_in.read_session(session, second) == kept
    told = audit.history(session, OWNER, "users", planner)
    assert [entry.action for entry in told] == ["create", "sign_out", "sign_out_everywhere"]
    assert [entry.principal for entry in told] == ["local_owner", "planner", "local_owner"]


def test_a_closed_account_has_no_session(session: Session, planner: str):
    token = signing_in.open_session(session, planner)
    accounts.disable(session, OWNER, planner)
    assert signing_in.read_session(session, token) is None


def test_sessions_that_ended_long_ago_are_removed_at_the_next_sign_in(
    session: Session, planner: str
):
    start = datetime.now(UTC)
    other = add_person(session, "other")
    kept = signing_in.open_session(session, other, now=start)
    for _ in range(3):
        signing_in.open_session(session, planner, now=start)
    count = text("SELECT count(*) FROM sessions")
    for days, left in ((29, 5), (31, 3)):
        signing_in.open_session(session, planner, now=start + timedelta(days=days))
        assert session.execute(count).scalar_one() == left
    assert signing_in.read_session(session, kept, now=start) is not None


def test_a_failed_sign_in_is_kept_when_its_caller_commits_first(factory: sessionmaker[Session]):
    with transaction(factory) as session:
        add_person(session, "planner", password=PASSWORD)
    with transaction(factory) as session:
        failed = signing_in.sign_in(session, "planner", WRONG, None)
    with pytest.raises(CredentialsError):
        failed.required()
    with transaction(factory) as session:
        assert [entry.outcome for entry in trail(session)] == ["failed"]


def test_passwords_are_checked_before_they_are_set(session: Session, planner: str):
    with pytest.raises(InvalidInputError, match="contains the login"):
        accounts.set_password(session, OWNER, planner, "the-planner-of-7f-x")
    assert tried(session, PASSWORD)
