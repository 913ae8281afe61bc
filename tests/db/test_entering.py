"""Whose a transaction is, is said with its first command, whichever that is."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2 import InterfaceError
from psycopg2.extensions import cursor
from psycopg2.extras import DictCursor, execute_batch, execute_values
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from gis.database import row_security
from gis.database.engine import make_engine, session_factory, transaction
from gis.database.entering import EnteringConnection, EnteringCursor
from gis.database.row_security import APP_ROLE
from gis.scope import Action, Scope

pytestmark = pytest.mark.db
WHO = "SELECT coalesce(current_setting('wangge.principal', true), ''), current_user"
#: Raises unless somebody has said who it is, under the application's role.
KNOWN = f"""DO $$ BEGIN
    IF coalesce(current_setting('wangge.principal', true), '') = '' OR current_user <> '{APP_ROLE}'
    THEN RAISE 'nobody said who it is'; END IF;
END $$"""


def of(name: str) -> Scope:
    return Scope(name, frozenset(Action), frozenset({"00000000-0000-4000-8000-000000000001"}))


#: Names that would be commands if they were not quoted.
NAME = r"o'brien %s \\ 张"


@pytest.fixture(scope="module")
def lone(town_url: str) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(town_url, pool_size=1)
    factory = session_factory(engine)
    with transaction(factory, of("first")) as session:  # the role is known from here on
        session.execute(text("SELECT 1"))
    yield factory
    engine.dispose()


def driver_of(session: Session) -> EnteringConnection:
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, EnteringConnection)
    return driver


def copy_out(at: cursor) -> None:
    out = io.StringIO()
    at.copy_expert(f"COPY ({WHO}) TO STDOUT", out)
    assert out.getvalue().split() == ["ann", APP_ROLE]


def copy_in(at: cursor) -> None:
    with pytest.raises(Exception, match="permission denied"):
        at.copy_from(io.StringIO("x\n"), "alembic_version", columns=["version_num"])


def copy_to(at: cursor) -> None:
    with pytest.raises(Exception, match="permission denied"):
        at.copy_to(io.StringIO(), "pg_authid")


def call(at: cursor) -> None:
    at.callproc("current_setting", ["wangge.principal"])
    assert at.fetchone() == ("ann",)


def values(at: cursor) -> None:
    execute_values(at, f"SELECT * FROM (VALUES %s) v, LATERAL ({WHO}) w", [(1,), (2,)])
    assert {row[-1] for row in at.fetchall()} == {APP_ROLE}


FIRST: dict[str, Callable[[cursor], None]] = {
    "command": lambda at: at.execute(KNOWN),
    "bytes": lambda at: at.execute(KNOWN.encode()),
    "savepoint": lambda at: at.execute("SAVEPOINT here"),
    "many": lambda at: at.executemany(f"SELECT %s; {KNOWN}", [(1,), (2,)]),
    "batch": lambda at: execute_batch(at, f"SELECT %s; {KNOWN}", [(1,), (2,)]),
    "values": values,
    "copy out": copy_out,
    "call": call,
}


@pytest.mark.parametrize("name", FIRST)
def test_it_is_said_before_the_first_command(lone: sessionmaker[Session], name: str):
    with transaction(lone, of("ann")) as session, closing(driver_of(session).cursor()) as at:
        FIRST[name](at)
        at.execute(WHO)
        assert at.fetchone() == ("ann", APP_ROLE)
        if name == "savepoint":
            at.execute("ROLLBACK TO SAVEPOINT here")
            at.execute(WHO)
            assert at.fetchone() == ("ann", APP_ROLE)


@pytest.mark.parametrize("refused", [copy_in, copy_to])
def test_what_is_copied_is_copied_as_the_application(
    lone: sessionmaker[Session], refused: Callable[[cursor], None]
):
    with closing(lone()) as session:
        row_security.bind(session, of("ann"))
        with closing(driver_of(session).cursor()) as at:
            refused(at)


def test_a_named_cursor_reads_as_who_asks(lone: sessionmaker[Session]):
    with transaction(lone, of("ann")) as session, closing(driver_of(session).cursor("page")) as at:
        at.execute(WHO)
        assert at.fetchone() == ("ann", APP_ROLE)


def test_a_cursor_of_another_kind_is_not_given(lone: sessionmaker[Session]):
    with transaction(lone, of("ann")) as session:
        at = driver_of(session).cursor(cursor_factory=DictCursor)
        assert type(at) is EnteringCursor


def test_a_name_is_a_name(lone: sessionmaker[Session]):
    with transaction(lone, of(NAME)) as session:
        assert session.execute(text(WHO)).one() == (NAME, APP_ROLE)


def test_on_an_engine_of_another_make_it_is_said_all_the_same(town_url: str):
    engine = create_engine(town_url)
    for _ in range(2):  # once the role is asked for, then it is known
        with transaction(session_factory(engine), of("ann")) as session:
            assert session.execute(text(WHO)).one() == ("ann", APP_ROLE)
    engine.dispose()


def unfit(at: cursor) -> None:
    with pytest.raises(IndexError):
        at.execute("SELECT %s, %s", (1,))


def unfit_page(at: cursor) -> None:
    with closing(at.connection.cursor("page")) as page, pytest.raises(IndexError):
        page.execute("SELECT %s, %s", (1,))


def ended(at: cursor) -> None:
    at.close()
    with pytest.raises(InterfaceError):
        at.execute("SELECT 1")


@pytest.mark.parametrize("unsent", [unfit, unfit_page, ended])
def test_a_command_that_was_never_sent_has_said_nothing(
    lone: sessionmaker[Session], unsent: Callable[[cursor], None]
):
    with transaction(lone, of("ann")) as session:
        with closing(driver_of(session).cursor()) as at:
            unsent(at)
        assert session.execute(text(WHO)).one() == ("ann", APP_ROLE)


@settings(max_examples=40, deadline=None)
@given(
    turns=st.lists(
        st.tuples(
            st.sampled_from(["ann", "bob", None]),
            st.sampled_from(["nothing", "asks", "fails", "fails and goes on", "rolls back"]),
        ),
        max_size=8,
    )
)
def test_what_was_not_said_is_never_said_by_another(
    lone: sessionmaker[Session], turns: list[tuple[str | None, str]]
):
    for name, what in turns:
        with transaction(lone, name if name is None else of(name)) as session:
            driver = driver_of(session)
            if what.startswith("fails"):
                with pytest.raises(DBAPIError):
                    session.execute(text("SELECT 1 / 0"))
                session.rollback()
            if what == "rolls back":
                session.rollback()
            if what in ("asks", "fails and goes on", "rolls back"):
                said, role = session.execute(text(WHO)).one()
                assert said == (name or "")
                assert (role == APP_ROLE) == (name is not None)
        assert driver.entering is None
