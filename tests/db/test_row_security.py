"""The backstop: PostgreSQL itself keeps a transaction to the ground of its scope."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from gis.database import migrate, row_security
from gis.database.engine import make_engine, session_factory, transaction
from gis.errors import WanggeError
from gis.scope import Action, Scope
from tests.town import key, lon_lat

pytestmark = pytest.mark.db

A, B, C = (key("communities", letter) for letter in "ABC")
GRID_A = key("grids", "plan/a")
#: Every table that a policy guards and that says of a row in which community it is.
OF_COMMUNITIES = ("buildings", "grids", "cells", "incidents", "demands", "indicator_values")
LINKS = ("building_grids", "cell_grids", "building_cells", "units")


def of(*communities: str, grids: tuple[str, ...] = (), name: str = "ann") -> Scope:
    return Scope(name, frozenset(Action), frozenset(communities), frozenset(grids))


EVERYWHERE = Scope("adm", frozenset(Action), None)


def communities_seen(session: Session, table: str) -> set[str | None]:
    asked = text(f"SELECT DISTINCT community_id::text FROM {table}")
    return set(session.execute(asked).scalars())


def count(session: Session, table: str) -> int:
    return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.mark.parametrize("table", OF_COMMUNITIES)
def test_without_any_condition_a_scope_sees_its_own_rows_only(
    town_factory: sessionmaker[Session], table: str
):
    with transaction(town_factory) as session:
        everything = communities_seen(session, table)
    with transaction(town_factory, of(A)) as session:
        assert communities_seen(session, table) == everything & {A}
    with transaction(town_factory, EVERYWHERE) as session:
        assert communities_seen(session, table) == everything


@pytest.mark.parametrize("table", LINKS)
def test_what_hangs_on_rows_is_hidden_with_them(town_factory: sessionmaker[Session], table: str):
    with transaction(town_factory) as session:
        everything = count(session, table)
    seen = []
    for community in (A, B, C):
        with transaction(town_factory, of(community)) as session:
            seen.append(count(session, table))
    assert sum(seen) == everything
    with transaction(town_factory, of()) as session:
        assert count(session, table) == 0


def test_a_description_is_seen_where_a_candidate_is(town_factory: sessionmaker[Session]):
    lon, lat = lon_lat(5.5, 1.5)
    there = json.dumps([{"lon": lon, "lat": lat}])
    add = text(
        "INSERT INTO geocoding_requests (text, candidates)"
        " VALUES ('there', CAST(:there AS jsonb)), ('nowhere', '[]')"
    )
    with transaction(town_factory) as session:
        session.execute(add, {"there": there})
    for scope, seen in ((of(A), set()), (of(B), {"there"}), (EVERYWHERE, {"there", "nowhere"})):
        with transaction(town_factory, scope) as session:
            found = session.execute(text("SELECT text FROM geocoding_requests")).scalars()
            assert set(found) == seen


def test_a_transaction_that_forgets_its_scope_sees_nothing(town_factory: sessionmaker[Session]):
    with transaction(town_factory) as session:
        session.execute(text("SET LOCAL ROLE wangge_app"))
        for table in (*OF_COMMUNITIES, *LINKS, "communities", "stations", "users", "jobs"):
            assert count(session, table) == 0, table


def test_a_worker_of_a_grid_sees_that_grid_with_its_buildings_and_no_other(
    town_factory: sessionmaker[Session],
):
    with transaction(town_factory, of(grids=(GRID_A,))) as session:
        assert list(session.execute(text("SELECT id::text FROM grids")).scalars()) == [GRID_A]
        assert list(session.execute(text("SELECT id::text FROM communities")).scalars()) == [A]
        seen = set(session.execute(text("SELECT id::text FROM buildings")).scalars())
    with transaction(town_factory) as session:
        asked = text("SELECT building_id::text FROM building_grids WHERE grid_id = :grid")
        theirs = set(session.execute(asked, {"grid": GRID_A}).scalars())
    assert theirs
    assert seen == theirs


def test_rows_of_other_ground_can_be_neither_changed_nor_added(
    town_factory: sessionmaker[Session],
):
    change = text("UPDATE buildings SET households = 0 WHERE community_id = :there")
    move = text("UPDATE stations SET community_id = :there WHERE community_id = :here")
    with transaction(town_factory, of(A)) as session:
        assert session.execute(change, {"there": B}).rowcount == 0
    with (
        pytest.raises(WanggeError),
        transaction(town_factory, of(A)) as session,
    ):
        session.execute(move, {"there": B, "here": A})


@pytest.mark.parametrize("verb", ["UPDATE audit_log SET action = ''", "DELETE FROM audit_log"])
@pytest.mark.parametrize("scope", [of(A), EVERYWHERE], ids=["bound", "everywhere"])
def test_the_application_cannot_change_the_audit_log(
    town_factory: sessionmaker[Session], scope: Scope, verb: str
):
    add = text("INSERT INTO audit_log (principal, action, layer, row_id) VALUES ('a','b','c','d')")
    with transaction(town_factory, scope) as session:
        session.execute(add)
    with (
        pytest.raises(DBAPIError, match="permission denied"),
        town_factory() as session,
    ):
        row_security.bind(session, scope)
        session.execute(text(verb))


@pytest.mark.parametrize("table", ["audit_log", "buildings", "communities"])
def test_the_application_cannot_truncate(town_factory: sessionmaker[Session], table: str):
    with pytest.raises(DBAPIError, match="permission denied"), town_factory() as session:
        row_security.bind(session, EVERYWHERE)
        session.execute(text(f"TRUNCATE {table} CASCADE"))


def test_every_table_with_a_community_or_of_people_is_guarded(
    town_factory: sessionmaker[Session],
):
    """A table that a later migration adds is not forgotten."""
    asked = text(
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
        " AND c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        " AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid"
        " AND a.attname IN ('community_id', 'grid_id', 'building_id', 'user_id', 'plan_id'))"
    )
    with transaction(town_factory) as session:
        assert list(session.execute(asked).scalars()) == []


def test_a_rollback_does_not_lose_the_scope(town_factory: sessionmaker[Session]):
    with transaction(town_factory, of(A)) as session:
        session.execute(text("SELECT 1"))
        session.rollback()
        assert communities_seen(session, "buildings") == {A}
        session.commit()
        assert communities_seen(session, "buildings") == {A}


def test_nothing_stays_on_a_connection(town_url: str):
    with lone_connection(town_url) as engine:
        sessions = session_factory(engine)
        with transaction(sessions, of(A)) as session:
            assert session.execute(text("SELECT current_user")).scalar_one() == "wangge_app"
        with engine.connect() as connection:
            told = text(
                "SELECT current_user, current_setting('wangge.principal', true),"
                " current_setting('wangge.communities', true)"
            )
            user, *rest = connection.execute(told).one()
    assert user != "wangge_app"
    assert [one or None for one in rest] == [None, None]


class lone_connection:  # noqa: N801 - used as a function
    """An engine whose sessions share one connection."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=60)

    def __enter__(self) -> Engine:
        return self.engine

    def __exit__(self, *error: object) -> None:
        self.engine.dispose()


@pytest.fixture(scope="module")
def lone_sessions(town_url: str) -> Iterator[sessionmaker[Session]]:
    with lone_connection(town_url) as engine:
        yield session_factory(engine)


#: Who asks one after another, and how each transaction ends.
TURNS = st.lists(
    st.tuples(
        st.sampled_from([(A,), (B,), (A, B), (), None]),
        st.sampled_from(["commit", "rollback", "error", "savepoint"]),
    ),
    min_size=2,
    max_size=8,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=TURNS)
def test_tenants_on_one_connection_never_mix(lone_sessions: sessionmaker[Session], turns):
    everything = {A, B, C}
    for communities, end in turns:
        scope = EVERYWHERE if communities is None else of(*communities)
        wanted = everything if communities is None else set(communities)
        try:
            with transaction(lone_sessions, scope) as session:
                assert communities_seen(session, "buildings") == wanted
                if end == "savepoint":
                    with session.begin_nested() as inner:
                        inner.rollback()
                if end == "rollback":
                    session.rollback()
                if end == "error":
                    session.execute(text("SELECT 1/0"))
                assert communities_seen(session, "buildings") == wanted
        except WanggeError:
            assert end == "error"


def test_tenants_in_threads_on_one_connection_never_mix(lone_sessions: sessionmaker[Session]):
    def ask(number: int) -> bool:
        mine = (A, B)[number % 3 // 2]
        with transaction(lone_sessions, of(mine, name=f"user{number}")) as session:
            return communities_seen(session, "buildings") == {mine}

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(80)))


def test_a_box_is_found_by_the_index_under_a_scope(new_database: Callable[[str], str]):
    """PostgreSQL asks an index before a policy only by operators that are marked leakproof."""
    engine = make_engine(new_database("town"))
    sessions = session_factory(engine)
    filled = text(
        "INSERT INTO buildings (community_id, geometry) SELECT :there, ST_Multi(ST_MakeEnvelope("
        "118 + (i % 100) * 0.001, 32 + (i / 100) * 0.001, 118.0005 + (i % 100) * 0.001,"
        " 32.0005 + (i / 100) * 0.001, 4326)) FROM generate_series(0, 9999) i"
    )
    asked = (
        "SELECT id FROM buildings WHERE geometry && ST_MakeEnvelope(118, 32, 118.01, 32.01, 4326)"
        " AND ST_Intersects(geometry, ST_MakeEnvelope(118, 32, 118.01, 32.01, 4326))"
    )
    with transaction(sessions) as session:
        session.execute(filled, {"there": A})
    with transaction(sessions) as session:
        session.execute(text("ANALYZE buildings"))
    for scope in (of(A), of(A, B), of(grids=(GRID_A,)), EVERYWHERE):
        with transaction(sessions, scope) as session:
            plan = "\n".join(session.execute(text(f"EXPLAIN {asked}")).scalars())
            assert "Index Cond: (geometry && " in plan, plan
            assert "ix_buildings_geometry" in plan
    engine.dispose()


def test_preparing_again_changes_nothing(town_factory: sessionmaker[Session]):
    rights = text(
        "SELECT relname, relacl::text FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace ORDER BY relname"
    )
    with transaction(town_factory) as session:
        before = session.execute(rights).all()
        row_security.prepare(session.connection())
        assert session.execute(rights).all() == before


@pytest.mark.slow
def test_an_owner_that_is_no_superuser_migrates_and_is_bound_by_its_own_policies(
    new_database: Callable[[str], str],
):
    """As where the database is somebody else's: no role can be made there, nor a parameter set."""
    url = new_database("empty")
    migrate.downgrade(url, "base")
    database = str(make_url(url).database)
    plain = f"{database}_plain"
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        if not connection.execute(text("SELECT current_setting('is_superuser')::bool")).scalar():
            pytest.skip("the server's user is no superuser already")
        me = connection.execute(text("SELECT quote_ident(current_user)")).scalar_one()
        for command in (
            "DROP TABLE alembic_version",
            f"CREATE ROLE {plain}",
            f"GRANT ALL ON SCHEMA public TO {plain}",
            "CREATE EXTENSION IF NOT EXISTS postgis",
            "CREATE EXTENSION IF NOT EXISTS btree_gist",
            f"ALTER ROLE {me} IN DATABASE {database} SET role = {plain}",
        ):
            connection.execute(text(command))
    server.dispose()
    engine = make_engine(url)
    try:
        migrate.upgrade(url)
        sessions = session_factory(engine)
        with transaction(sessions) as session:
            assert session.execute(text("SELECT current_user")).scalar_one() == plain
            for community, number in ((A, 1), (B, 2)):
                session.execute(
                    text(
                        "INSERT INTO communities (id, code, geometry) VALUES (:key, :code,"
                        " ST_Multi(ST_MakeEnvelope(117, 31, 118, 32, 4326)))"
                    ),
                    {"key": community, "code": f"{340102001000 + number}"},
                )
            assert count(session, "communities") == 2
        with transaction(sessions, of(A)) as session:
            assert session.execute(text("SELECT id::text FROM communities")).scalars().all() == [A]
            asked = text("SELECT wangge_reaches_beyond('340102001000', CAST(:own AS uuid[]))")
            for own, beyond in (([A], True), ([A, B], False)):
                assert session.execute(asked, {"own": own}).scalar_one() is beyond
            assert count(session, "communities") == 1
    finally:
        engine.dispose()
        with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("RESET role"))
            connection.execute(text("SET role = none"))
            connection.execute(text(f"ALTER ROLE {me} IN DATABASE {database} RESET role"))
            connection.execute(text(f"DROP OWNED BY {plain}"))
            connection.execute(text(f"DROP ROLE {plain}"))
