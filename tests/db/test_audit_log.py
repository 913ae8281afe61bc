"""The audit log: who did what, as whom and from where; nothing that is written is changed."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session, sessionmaker

from gis.access import Permission
from gis.database import migrate
from gis.database.engine import make_engine, session_factory, transaction
from gis.errors import ForbiddenError, InvalidInputError, WanggeError
from gis.layers import audit
from gis.layers.audit import Change, Wanted
from gis.scope import Action, Scope
from gis.services import audit_trail
from tests.people import OWNER

pytestmark = pytest.mark.db

WHO = Scope(
    "planner",
    frozenset(Action),
    frozenset({"a"}),
    roles=("manager", "planner"),
    request_id="r-1",
    address="192.0.2.7",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def at(session: Session, moment: datetime, who: str = "planner") -> None:
    """Write an entry of another day: only the owner of the tables can say when."""
    written = text(
        "INSERT INTO audit_log (at, principal, action, layer, row_id) "
        "VALUES (:at, :who, 'update', 'stations', 'x')"
    )
    session.execute(written, {"at": moment, "who": who})


def count(session: Session) -> int:
    return int(session.execute(text("SELECT count(*) FROM audit_log")).scalar_one())


def test_an_entry_says_who_as_whom_from_where_and_what(session: Session):
    change = Change("update", "stations", "s-1", {"name": "旧"}, {"name": "新", "beds": 2})
    audit.record(session, WHO, change)
    [entry] = audit.history(session, OWNER, "stations", "s-1")
    assert entry.principal == "planner"
    assert entry.role == "manager,planner"
    assert (entry.request_id, entry.address, entry.outcome) == ("r-1", "192.0.2.7", "done")
    assert entry.before_hash == sha256('{"name":"旧"}'.encode()).hexdigest()
    assert entry.after_hash == sha256('{"beds":2,"name":"新"}'.encode()).hexdigest()
    assert (entry.before, entry.after) == ({"name": "旧"}, {"name": "新", "beds": 2})


def test_where_there_was_nothing_there_is_no_hash(session: Session):
    audit.record(session, WHO, Change("create", "stations", "s-1", after={}))
    [entry] = audit.history(session, OWNER, "stations", "s-1")
    assert entry.before_hash is None
    assert entry.after_hash == sha256(b"{}").hexdigest()


@pytest.mark.slow
@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5))
def test_the_hash_goes_by_the_facts_and_not_by_their_order(facts: dict[str, object]):
    turned = dict(reversed(facts.items()))
    assert audit.digest_of(facts) == audit.digest_of(turned)
    assert audit.digest_of(json.loads(json.dumps(facts))) == audit.digest_of(facts)
    assert audit.digest_of(facts | {"another": 1}) != audit.digest_of(facts)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"b": 1, "a": [None, True, {"z": "旧", "y": ""}]},
        {10: "ten", 9: "nine", "x": {None: 1, True: 2}},
        {"metres": 0.1 + 0.2, "small": 1e-07, "whole": 2.0, "large": 123456789012345.5},
        {"text": 'quotes " and \\ and \n and \u2028 and 𠮷'},
    ],
)
def test_the_hash_is_that_of_the_facts_as_they_are_read_back(
    session: Session, facts: dict[Any, Any]
):
    audit.record(session, WHO, Change("update", "stations", "s-1", after=facts))
    [entry] = audit.history(session, OWNER, "stations", "s-1")
    assert entry.after_hash == audit.digest_of(entry.after)


def test_what_is_refused_is_written_down_and_nothing_is_done_by_nobody(session: Session):
    nobody = Scope("viewer", roles=("viewer",), address="192.0.2.9")
    audit_trail.note_refused(session, nobody, "draw_plan", {"permission": Permission.PLANS_DRAW})
    [entry] = audit.entries(session, OWNER, Wanted(outcome="refused"), limit=9)
    assert (entry.principal, entry.action, entry.row_id) == ("viewer", "ask", "draw_plan")
    assert entry.after == {"permission": "plans.draw"}
    with pytest.raises(ForbiddenError):
        audit.record(session, nobody, Change("update", "stations", "s-1"))


def test_entries_are_found_by_what_they_say(session: Session):
    for number in range(5):
        audit.record(session, WHO, Change("update", "stations", f"s-{number}"))
    audit.record(session, OWNER, Change("delete", "stations", "s-1"))
    at(session, datetime(2026, 1, 2, tzinfo=UTC))

    def found(wanted: Wanted, limit: int = 9) -> list[str]:
        rows = audit_trail.read_trail(session, OWNER, wanted, limit=limit)
        return [f"{row.action} {row.row_id}" for row in rows]

    assert found(Wanted())[:2] == ["update x", "delete s-1"]
    assert found(Wanted(who="local_owner")) == ["delete s-1"]
    assert found(Wanted(action="update", row_id="s-2")) == ["update s-2"]
    assert found(Wanted(layer="buildings")) == []
    day = audit_trail.beginning_of(date(2026, 1, 2))
    assert found(Wanted(since=day, until=day + timedelta(days=2))) == ["update x"]
    newest = audit.entries(session, OWNER, Wanted(who="planner", layer="stations"), limit=2)
    older = Wanted(who="planner", before_id=newest[-1].id)
    assert found(older, limit=2) == ["update s-3", "update s-2"]
    with pytest.raises(InvalidInputError, match="outcome"):
        found(Wanted(outcome="won"))


def test_only_who_sees_everything_reads_it(session: Session):
    with pytest.raises(ForbiddenError):
        audit_trail.read_trail(session, WHO, Wanted())
    with pytest.raises(ForbiddenError):
        audit.history(session, WHO, "stations", "s-1")


def others_who_forget(session: Session) -> int:
    """Count those who may call the function that forgets and do not own it."""
    allowed = text(
        "SELECT count(*) FROM pg_proc p, "
        "aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a "
        "WHERE p.proname = 'wangge_forget_audit' AND a.grantee <> p.proowner"
    )
    return int(session.execute(allowed).scalar_one())


CHANGES = (
    "UPDATE audit_log SET principal = 'somebody else'",
    "UPDATE audit_log SET principal = 'somebody else' WHERE false",
    "DELETE FROM audit_log",
    "TRUNCATE audit_log",
    "TRUNCATE audit_log RESTART IDENTITY CASCADE",
)


@pytest.mark.parametrize("statement", CHANGES)
def test_not_even_the_owner_of_the_tables_changes_what_is_written(session: Session, statement: str):
    audit.record(session, WHO, Change("update", "stations", "s-1"))
    with pytest.raises(ProgrammingError, match="only ever added to"), session.begin_nested():
        session.execute(text(statement))
    assert count(session) == 1


@pytest.mark.parametrize(
    "statement",
    [
        *CHANGES,
        "SELECT wangge_forget_audit('2020-01-01', 'somebody')",
        "ALTER TABLE audit_log DISABLE TRIGGER stays",
        "DROP TRIGGER stays ON audit_log",
    ],
)
def test_whoever_works_through_the_api_has_no_right_to(
    factory: sessionmaker[Session], statement: str
):
    """Even an admin of everything, and even with the setting by which the function forgets."""
    admin = Scope("boss", frozenset(Action), None, roles=("admin",))
    with transaction(factory, admin) as session:
        audit.record(session, admin, Change("update", "stations", "s-1"))
    with pytest.raises(WanggeError) as refused, transaction(factory, admin) as session:
        session.execute(text("SELECT set_config('wangge.forgetting', 'on', true)"))
        session.execute(text(statement))
    assert isinstance(refused.value.__cause__, ProgrammingError)
    assert re.search("permission denied|must be owner", str(refused.value.__cause__))
    with transaction(factory, admin) as session:
        assert count(session) == 1


def test_a_restored_backup_lets_nobody_else_forget_either(new_database: Callable[[str], str]):
    url = new_database("empty")
    engine = make_engine(url)
    with transaction(session_factory(engine)) as session:
        name = "wangge_forget_audit(timestamptz, text)"
        session.execute(text(f"GRANT EXECUTE ON FUNCTION {name} TO PUBLIC"))
    migrate.upgrade(url)
    with transaction(session_factory(engine)) as session:
        assert others_who_forget(session) == 0
    engine.dispose()


def test_what_is_older_than_half_a_year_is_forgotten_and_that_is_written_down(session: Session):
    today = datetime.now(UTC)
    for days in (400, 300, 200, 100, 0):
        at(session, today - timedelta(days=days))
    before = (today - timedelta(days=250)).date()
    assert audit_trail.forget(session, OWNER, before) == 2
    assert count(session) == 4
    [entry] = audit.entries(session, OWNER, Wanted(action="forgotten"), limit=9)
    moment = audit_trail.beginning_of(before).astimezone(UTC)
    assert (entry.principal, entry.row_id) == ("local_owner", f"before {moment:%Y-%m-%dT%H:%MZ}")
    assert entry.after["entries"] == 2
    with pytest.raises(ProgrammingError, match="only ever added to"), session.begin_nested():
        session.execute(text("DELETE FROM audit_log"))


@pytest.mark.parametrize("days", [0, 30, 182, -1])  # a day begins at another hour in each zone
def test_what_is_younger_is_kept(session: Session, days: int):
    day = (datetime.now(UTC) - timedelta(days=days)).date()
    with pytest.raises(InvalidInputError, match="are kept"):
        audit_trail.forget(session, OWNER, day)
    with pytest.raises(DBAPIError, match="last six months are kept"), session.begin_nested():
        audit.forget(session, OWNER, datetime.now(UTC) - timedelta(days=max(days - 5, 0)))


def test_whoever_may_not_write_everywhere_forgets_nothing(session: Session):
    with pytest.raises(ForbiddenError):
        audit_trail.forget(session, WHO, date(2020, 1, 1))


def test_the_functions_that_forget_are_for_the_owner_of_the_tables_alone(session: Session):
    assert others_who_forget(session) == 0
    name = "SELECT prosecdef, proconfig FROM pg_proc WHERE proname = 'wangge_forget_audit'"
    definer, settings = session.execute(text(name)).one()
    assert definer
    assert "search_path=pg_catalog, public, pg_temp" in settings


def test_an_entry_goes_with_the_change_it_speaks_of(factory: sessionmaker[Session]):
    """Nothing is done without an entry, and no entry says what was not done."""
    with pytest.raises(RuntimeError), transaction(factory) as session:
        audit.record(session, WHO, Change("update", "stations", "s-1"))
        raise RuntimeError
    with transaction(factory) as session:
        assert count(session) == 0
