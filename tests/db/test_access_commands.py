"""``wangge user``, ``role``, ``key`` and ``audit-log`` over a real store."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from cli.main import app
from gis.access import Permission, Role
from gis.services import keys, signing_in
from gis.settings import get_settings
from tests.people import OWNER, PASSWORD, add_person, hash_cheaply
from tests.town import CODE_OF

pytestmark = pytest.mark.db


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_cheaply(monkeypatch)


@pytest.fixture
def url(new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    url = new_database("town")
    monkeypatch.setenv("DATABASE_URL", url)
    get_settings.cache_clear()
    yield url
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\r\nand a second line\n", encoding="utf-8")
    return str(file)


def run(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=typed)


def ok(*words: str, typed: str | None = None) -> str:
    answer = run(*words, typed=typed)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def refused(*words: str) -> str:
    answer = run(*words)
    assert answer.exit_code == 1, answer.output
    assert "Traceback" not in answer.output
    return answer.stderr


@contextmanager
def sessions(url: str) -> Iterator[Session]:
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        yield session
    engine.dispose()


def signs_in(url: str, login: str, password: str = PASSWORD) -> bool:
    with sessions(url) as session:
        return signing_in.sign_in(session, login, password, None).user_id is not None


def test_a_user_with_a_role_is_added_by_a_typed_password(url: str):
    told = ok("user", "add", "boss", "--role", "admin", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert "Opened boss: admin everywhere." in told
    assert "From now on the API asks" in told
    assert PASSWORD not in told
    assert signs_in(url, "boss")


def test_only_the_first_admin_with_a_password_closes_the_door(url: str, secret_file: str):
    assert url
    for words in (
        ("helper", "--role", "planner", "--password-file", secret_file),
        ("keeper", "--role", "admin", "--no-password"),
    ):
        assert "From now on" not in ok("user", "add", *words)
    admin = ("--role", "admin", "--password-file", secret_file)
    assert "From now on" in ok("user", "add", "first", *admin)
    assert "From now on" not in ok("user", "add", "second", *admin)


def test_a_password_from_a_file_is_its_first_line(url: str, secret_file: str):
    ok("user", "add", "boss", "--password-file", secret_file)
    assert signs_in(url, "boss")
    assert not signs_in(url, "boss", PASSWORD + "\r")


def test_a_password_is_no_argument_of_any_command(url: str):
    for command in ("add", "password"):
        assert url
        answer = run("user", command, "boss", "--password", PASSWORD)
        assert answer.exit_code == 2


def test_what_is_wrong_with_a_password_is_said_without_it(url: str, tmp_path: Path):
    file = tmp_path / "password"
    file.write_text("qwertyuiop[]", encoding="utf-8")
    told = refused("user", "add", "boss", "--password-file", str(file))
    assert "easily guessed" in told
    assert "qwertyuiop" not in told
    assert "cannot be read" in refused("user", "add", "x2", "--password-file", str(tmp_path))
    assert "There are no accounts" in ok("user", "list")
    assert not signs_in(url, "boss", "qwertyuiop[]")


@pytest.mark.slow
def test_a_user_is_followed_through_its_life(url: str, secret_file: str):
    assert "It may do nothing yet" in ok("user", "add", "grid-012", "--no-password")
    code = CODE_OF["A"]
    granted = ["--community", code, "--from", "2026-01-01", "--to", "2030-01-01"]
    told = ok("user", "grant", "grid-012", "grid_worker", *granted)
    assert f"grid_worker in community {code} from 2026-01-01 until 2030-01-01" in told
    ok("user", "grant", "grid-012", "department", "--subdistrict", code[:9], "--organisation", "d7")
    assert "open, no password" in ok("user", "list")
    assert "department in subdistrict 340102001 for d7" in ok("user", "list")
    ok("user", "password", "grid-012", "--password-file", secret_file)
    assert signs_in(url, "grid-012")
    shown = ok("user", "show", "grid-012")
    grant = re.search(r"([0-9a-f]{8}) +grid_worker", shown)
    assert grant is not None
    ok("user", "revoke", "grid-012", grant[1])
    assert "grid_worker" not in ok("user", "list")
    assert "grid_worker" in ok("user", "show", "grid-012")
    ok("user", "disable", "grid-012")
    assert "closed" in ok("user", "list")
    assert not signs_in(url, "grid-012")
    ok("user", "enable", "grid-012")
    assert signs_in(url, "grid-012")


MISTAKES = (
    (("add", "张三", "--no-password"), "cannot be used"),
    (("add", "13800138000", "--no-password"), "a phone number"),
    (("add", "boss", "--no-password", "--community", "340102001001"), "no role"),
    (("add", "boss", "--no-password", "--role", "viewer", "--grid", "nowhere"), "no grid"),
    (("add", "known", "--no-password"), "known already"),
    (("show", "nobody"), "no user nobody"),
    (("password", "nobody"), "no user nobody"),
    (("grant", "nobody", "viewer"), "no user nobody"),
    (("grant", "known", "department"), "acts for an organisation"),
    (("grant", "known", "viewer", "--grid", "a", "--subdistrict", "340102001"), "one area"),
    (("revoke", "known", ""), "0 grants"),
    (("revoke", "known", "zz"), "0 grants"),
)


@pytest.mark.slow
def test_what_cannot_be_done_is_told_with_a_remedy(url: str):
    with sessions(url) as session:
        add_person(session, "known")
    for words, why in MISTAKES:
        assert why in refused("user", *words), words
    with sessions(url) as session:
        assert session.execute(text("SELECT string_agg(login, ',') FROM users")).scalar() == "known"


def test_an_unknown_role_is_told_with_those_there_are(url: str):
    answer = run("user", "grant", "known", "owner")
    assert url
    assert answer.exit_code == 2
    assert "planner" in answer.output


def test_the_matrix_is_that_of_the_code():
    shown = ok("role", "list")
    for permission in Permission:
        [line] = [line for line in shown.splitlines() if line.strip().startswith(f"{permission} ")]
        assert line.count("yes") + line.count("–") == len(Role)
    assert "Draw, edit, submit" in ok("role", "show", "planner")
    assert "no small counts" in ok("role", "show", "viewer")
    assert "plans.draw" not in ok("role", "show", "viewer")


def test_a_key_is_made_listed_and_revoked(url: str):
    with sessions(url) as session:
        user = add_person(session, "planner")
    assert user
    made = run("key", "make", "planner", "--label", "[red]nightly", "--permission", "ground.read")
    assert made.exit_code == 0
    secret = made.stdout.strip()
    assert "not shown again" in made.stderr
    assert secret not in made.stderr
    with sessions(url) as session:
        holder = keys.read_key(session, secret)
    assert holder is not None
    assert holder.limited_to == {Permission.GROUND_READ}
    listed = ok("key", "list", "planner")
    assert listed == ok("key", "list")
    assert "[red]nightly" in listed
    assert secret not in listed
    assert holder.prefix in ok("key", "revoke", secret)
    assert "revoked" in ok("key", "list")
    with sessions(url) as session:
        assert keys.read_key(session, secret) is None
    assert "no key" in refused("key", "revoke", "nosuchkey")
    assert run("key", "make", "planner", "--label", "x", "--permission", "all").exit_code == 2
    assert "no user" in refused("key", "make", "nobody", "--label", "x")


def test_the_audit_log_shows_who_did_and_tried_what(url: str, secret_file: str):
    assert "no such entries" in ok("audit-log")
    ok("user", "add", "boss", "--role", "admin", "--password-file", secret_file)
    assert not signs_in(url, "boss", "not these four words")
    told = ok("audit-log")
    assert told.index("wrong_password") < told.index("grant") < told.index("create")
    lines = ok("audit-log", "--who", "boss", "--json").splitlines()
    [entry] = [json.loads(line) for line in lines]
    assert (entry["action"], entry["outcome"]) == ("sign_in", "failed")
    assert "create" not in ok("audit-log", "--action", "grant")
    today = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    assert "no such entries" in ok("audit-log", "--since", today)
    assert "boss" in ok("audit-log", "--until", today)
    assert "outcome" in refused("audit-log", "--outcome", "won")
    assert PASSWORD not in ok("audit-log", "--json")


def test_old_entries_are_forgotten_when_somebody_agrees(url: str):
    with sessions(url) as session:
        written = (
            "INSERT INTO audit_log (at, principal, action, layer, row_id) "
            "VALUES (now() - interval '2 years', 'x', 'update', 'stations', 'y')"
        )
        session.execute(text(written))
    day = f"{datetime.now(UTC) - timedelta(days=365):%Y-%m-%d}"
    assert "Nothing was changed" in ok("audit-log", "forget", "--before", day, typed="n\n")
    assert "Removed 1 entry." in ok("audit-log", "forget", "--before", day, "--yes")
    assert "forgotten" in ok("audit-log", "--who", OWNER.principal)
    recent = f"{datetime.now(UTC):%Y-%m-%d}"
    assert "are kept" in refused("audit-log", "forget", "--before", recent, "--yes")
