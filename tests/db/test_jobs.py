"""Jobs on the record and in the worker: progress, cancelling, failing, being abandoned."""

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.errors import ConflictError, InvalidInputError, NotFoundError
from gis.jobs import records
from gis.jobs.queue import SCHEMA, ensure_queue, hand_over
from gis.jobs.records import EVERY_S, JobCancelledError, Recorder, in_the_foreground
from gis.jobs.worker import UNSEEN_S, Work, do_job, sweep
from gis.layers import imports, jobs
from gis.scope import Scope
from gis.settings import Settings
from tests.working import work_once

pytestmark = pytest.mark.db


@pytest.fixture
def url(new_database: Callable[[str], str]) -> str:
    return new_database("empty")


@pytest.fixture
def sessions(url: str):
    from gis.database.engine import make_engine, session_factory

    engine = make_engine(url)
    yield session_factory(engine)
    engine.dispose()


def job(sessions: sessionmaker[Session], scope: Scope, job_id: str):
    with transaction(sessions) as session:
        return jobs.one(session, scope, job_id)


def newest(sessions: sessionmaker[Session], scope: Scope):
    with transaction(sessions) as session:
        return jobs.newest(session, scope, limit=1)[0]


def test_a_job_in_the_foreground_is_on_the_record(sessions: sessionmaker[Session], scope: Scope):
    def work(told: Recorder) -> Mapping[str, Any]:
        told.begin("read")
        told.told("read", 5, 10)
        assert newest(sessions, scope).status == "running"
        told.end("read", 0.1)
        return {"rows": 10}

    report = in_the_foreground(sessions, scope, "import", {"path": "a.csv"}, work)
    found = newest(sessions, scope)
    assert report == found.report == {"rows": 10}
    assert (found.status, found.kind, found.principal) == ("succeeded", "import", "local_owner")
    assert found.started_at <= found.ended_at
    with transaction(sessions) as session:
        assert [line.message for line in jobs.lines(session, scope, found.id)] == ["read: 0.1 s"]


def test_an_error_is_kept_with_its_remedy(sessions: sessionmaker[Session], scope: Scope):
    def work(told: Recorder) -> Mapping[str, Any]:
        raise InvalidInputError("Row 3 is bad.", remedy="Mend it.", row=3)

    with pytest.raises(InvalidInputError):
        in_the_foreground(sessions, scope, "import", {}, work)
    found = newest(sessions, scope)
    assert found.status == "failed"
    assert found.error["message"] == "Row 3 is bad."
    assert found.error["remedy"] == "Mend it."


def test_an_error_of_the_program_never_quotes_what_people_wrote(
    sessions: sessionmaker[Session], scope: Scope
):
    def work(told: Recorder) -> Mapping[str, Any]:
        raise RuntimeError("somebody's words")

    with pytest.raises(RuntimeError):
        in_the_foreground(sessions, scope, "import", {}, work)
    found = newest(sessions, scope)
    assert found.status == "failed"
    assert "somebody" not in str(found.error)


def test_cancelling_a_running_job_ends_it_at_its_next_word(
    sessions: sessionmaker[Session], scope: Scope
):
    def work(told: Recorder) -> Mapping[str, Any]:
        with transaction(sessions) as session:
            assert jobs.request_cancel(session, scope, told.job_id) == "running"
        told.begin("store")
        return {}

    with pytest.raises(JobCancelledError):
        in_the_foreground(sessions, scope, "import", {}, work)
    found = newest(sessions, scope)
    assert found.status == "cancelled"
    with pytest.raises(ConflictError, match="ended already"), transaction(sessions) as session:
        jobs.request_cancel(session, scope, found.id)


def test_a_job_can_be_cancelled_while_its_transaction_is_open(
    sessions: sessionmaker[Session], scope: Scope
):
    def work(told: Recorder) -> Mapping[str, Any]:
        with transaction(sessions) as session:
            imports.begin(session, scope, name="x", fingerprint="x", job_id=told.job_id)
            with transaction(sessions) as other:
                other.execute(text("SET LOCAL lock_timeout = '1s'"))
                jobs.request_cancel(other, scope, told.job_id)
            told.begin("store")
        return {}

    with pytest.raises(JobCancelledError):
        in_the_foreground(sessions, scope, "import", {}, work)
    assert newest(sessions, scope).status == "cancelled"


def test_an_interrupt_is_written_down(sessions: sessionmaker[Session], scope: Scope):
    def work(told: Recorder) -> Mapping[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_the_foreground(sessions, scope, "import", {}, work)
    assert newest(sessions, scope).status == "cancelled"


def test_the_worker_does_what_is_queued_and_stops(
    url: str, sessions: sessionmaker[Session], scope: Scope
):
    done: list[str] = []

    def work(
        factory: sessionmaker[Session], who: Scope, given: Mapping[str, Any], told: Recorder
    ) -> Mapping[str, Any]:
        done.append(given["name"])
        if given["name"] == "bad":
            raise InvalidInputError("No.", remedy="Another.")
        return {"name": given["name"]}

    ids = {}
    for name in ("first", "bad", "cancelled", "last"):
        with transaction(sessions) as session:
            ids[name] = jobs.add(session, scope, "test", {"name": name})
        hand_over(url, ids[name])
        hand_over(url, ids[name])  # twice is once
    with transaction(sessions) as session:
        jobs.request_cancel(session, scope, ids["cancelled"])
    works: dict[str, Work] = {"test": work}
    work_once(Settings(database_url=url), works)
    assert done == ["first", "bad", "last"]
    states = {name: job(sessions, scope, key).status for name, key in ids.items()}
    assert states == {
        "first": "succeeded",
        "bad": "failed",
        "cancelled": "cancelled",
        "last": "succeeded",
    }


@pytest.mark.slow
def test_of_two_workers_each_job_is_done_by_one(
    url: str, sessions: sessionmaker[Session], scope: Scope
):
    done: list[str] = []
    begun, both = threading.Event(), threading.Barrier(2, timeout=120)

    def work(
        factory: sessionmaker[Session], who: Scope, given: Mapping[str, Any], told: Recorder
    ) -> Mapping[str, Any]:
        done.append(told.job_id)
        begun.set()
        if len(done) <= 2:
            both.wait()  # a worker has one job at a time: the other one has the other
        return {}

    with transaction(sessions) as session:
        ids = [jobs.add(session, scope, "test", {}) for _ in range(20)]
    for job_id in ids:
        hand_over(url, job_id)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(work_once, Settings(database_url=url), {"test": work})
        begun.wait(60)  # within one process the store is migrated by one at a time
        second = pool.submit(work_once, Settings(database_url=url), {"test": work})
        for one in (first, second):
            one.result(timeout=120)
    assert sorted(done) == sorted(ids)
    assert {job(sessions, scope, job_id).status for job_id in ids} == {"succeeded"}


def test_a_job_that_two_take_at_once_is_done_once(sessions: sessionmaker[Session], scope: Scope):
    done: list[str] = []

    def work(
        factory: sessionmaker[Session], who: Scope, given: Mapping[str, Any], told: Recorder
    ) -> Mapping[str, Any]:
        done.append(told.job_id)
        return {}

    for _ in range(5):
        with transaction(sessions) as session:
            job_id = jobs.add(session, scope, "test", {})
        together = threading.Barrier(4, timeout=60)

        def take(job_id: str = job_id, together: threading.Barrier = together) -> None:
            together.wait()
            do_job(sessions, scope, {"test": work}, job_id)

        with ThreadPoolExecutor(4) as pool:
            for one in [pool.submit(take) for _ in range(4)]:
                one.result(timeout=60)
        assert done.count(job_id) == 1


def test_a_kind_that_nobody_knows_fails_with_a_remedy(
    url: str, sessions: sessionmaker[Session], scope: Scope
):
    with transaction(sessions) as session:
        key = jobs.add(session, scope, "unknown", {})
    work_once(Settings(database_url=url), {})  # found though nobody handed it over
    assert job(sessions, scope, key).error["remedy"] == "Stop the old worker and start the new one."


def test_a_job_whose_process_is_gone_is_closed(
    url: str, sessions: sessionmaker[Session], scope: Scope
):
    ensure_queue(url)
    with transaction(sessions) as session:
        gone, busy, stored = (jobs.add(session, scope, "test", {}) for _ in range(3))
        for key in (gone, busy, stored):
            jobs.start(session, scope, key)
        silent = text("UPDATE jobs SET seen_at = now() - make_interval(secs => :s) WHERE id <> :id")
        session.execute(silent, {"s": UNSEEN_S + 10, "id": busy})
        number = imports.begin(session, scope, name="x", fingerprint="x", job_id=stored)
    sweep(url, sessions, scope)
    assert job(sessions, scope, gone).status == "failed"
    assert job(sessions, scope, busy).status == "running"
    assert job(sessions, scope, stored).status == "succeeded"
    assert job(sessions, scope, stored).report == {"number": number}


def test_a_worker_is_seen_while_its_heart_beats(
    url: str, sessions: sessionmaker[Session], scope: Scope
):
    def seen() -> bool:
        with transaction(sessions) as session:
            return jobs.worker_seen(session, scope)

    assert not seen()  # there is no queue
    ensure_queue(url)
    assert not seen()
    workers = f"{SCHEMA}.procrastinate_workers"
    with transaction(sessions) as session:
        session.execute(text(f"INSERT INTO {workers} DEFAULT VALUES"))
    assert seen()
    with transaction(sessions) as session:
        late = f"now() - make_interval(secs => {jobs.WORKER_UNSEEN_S + 1})"
        session.execute(text(f"UPDATE {workers} SET last_heartbeat = {late}"))
    assert not seen()


def test_a_worker_that_works_is_seen(
    url: str, sessions: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    found = []

    def work(*_: object) -> Mapping[str, Any]:
        with transaction(sessions) as session:
            found.append(jobs.worker_seen(session, scope))
        return {}

    with transaction(sessions) as session:
        hand = jobs.add(session, scope, "look", {})
    hand_over(url, hand)
    work_once(Settings(database_url=url, home=tmp_path), {"look": work})
    assert found == [True]


def test_the_queue_is_made_once_and_taken_to_the_librarys_version(url: str):
    makers = [threading.Thread(target=ensure_queue, args=(url,)) for _ in range(3)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(timeout=60)
    plain = url.replace("postgresql+psycopg2", "postgresql")
    with psycopg2.connect(plain) as connection, connection.cursor() as cursor:
        cursor.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '99.0.0'")
    connection.close()
    ensure_queue(url)  # nothing is newer: only the remark is put right
    with psycopg2.connect(plain) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s",
            [SCHEMA],
        )
        assert cursor.fetchone()[0] != "99.0.0"
    connection.close()


def test_a_job_that_is_not_there_is_not_found(sessions: sessionmaker[Session], scope: Scope):
    absent = "00000000-0000-4000-8000-000000000000"
    with transaction(sessions) as session:
        for ask in (jobs.one, jobs.request_cancel):
            with pytest.raises(NotFoundError):
                ask(session, scope, absent)


def test_progress_is_written_now_and_then_only(
    sessions: sessionmaker[Session], scope: Scope, monkeypatch: pytest.MonkeyPatch
):
    milliseconds = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: next(milliseconds) / 1000)
    monkeypatch.setattr(records, "time", clock)
    told_rows: list[float] = []

    def work(told: Recorder) -> Mapping[str, Any]:
        told.begin("store")
        engine = sessions.kw["bind"]

        @event.listens_for(engine, "before_cursor_execute")
        def seen(connection, cursor, statement, given, context, many) -> None:
            if statement.startswith("UPDATE jobs SET step"):
                told_rows.append(given["done"])

        for row in range(20_000):
            told.told("store", row, 20_000)
        event.remove(engine, "before_cursor_execute", seen)
        return {}

    in_the_foreground(sessions, scope, "import", {}, work)
    # Twenty seconds by a clock that goes on by a millisecond each time it is asked.
    assert len(told_rows) == pytest.approx(20 / EVERY_S, abs=1)
    assert told_rows == sorted(told_rows)
    assert newest(sessions, scope).total == 20_000


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_ends_at_the_first_signal(url: str, tmp_path: Path, ending: signal.Signals):
    environment = {**os.environ, "DATABASE_URL": url, "WANGGE_HOME": str(tmp_path)}
    ensure_queue(url)
    log = tmp_path / "worker.log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            [sys.executable, "-c", "from cli.main import app; app()", "worker"],
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            with psycopg2.connect(url.replace("+psycopg2", "")) as connection:
                _until_a_worker_listens(connection, process)
            process.send_signal(ending)
            assert process.wait(timeout=120) == 0, log.read_text()
        finally:
            process.kill()
    assert "Traceback" not in log.read_text()


def _until_a_worker_listens(connection: Any, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the worker's connection waits for notifications: its handlers are in place."""
    asked = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE query ILIKE 'listen%%' AND datname = current_database()"
    )
    for _ in range(1200):
        assert process.poll() is None
        with connection.cursor() as cursor:
            cursor.execute(asked, ())
            (count,) = cursor.fetchone()
        connection.rollback()
        if count:
            return
        threading.Event().wait(0.1)
    pytest.fail("The worker did not begin to listen within two minutes.")
