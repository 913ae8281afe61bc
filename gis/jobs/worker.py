"""The worker: takes queued jobs, one at a time, and does them in a process of its own."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gis.access import Permission, authorise
from gis.database.engine import database_url, make_engine, session_factory, transaction
from gis.database.migrate import upgrade
from gis.errors import ForbiddenError, WanggeError
from gis.jobs.coverage_run import KIND, queue_daily
from gis.jobs.queue import QUEUE, TASK, ensure_queue, hand_over, queue_app
from gis.jobs.records import UNSEEN_S, Recorder, recorded, repeating
from gis.jobs.uploads import Uploads
from gis.layers import jobs
from gis.logs import get_logger
from gis.scope import Scope
from gis.services.accounts import principal_of
from gis.services.locating import local_day
from gis.settings import get_settings

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session, sessionmaker

    from gis.settings import Settings

log = get_logger(__name__)

#: Does a job of one kind: arguments and recorder in, report out.
Work = Callable[["sessionmaker[Session]", Scope, Mapping[str, Any], Recorder], Mapping[str, Any]]


def run_worker(
    settings: "Settings", works: Mapping[str, Work], *, once: bool = False, signals: bool = True
) -> None:
    """Do queued jobs until SIGINT or SIGTERM; what is being done is finished first.

    Parameters
    ----------
    settings
        Where the database is.
    works
        What to do, by kind of job.
    once
        Whether to stop when nothing is queued, instead of waiting.
    signals
        Whether SIGINT and SIGTERM end it; only in the main thread of a process can they.
    """
    url = database_url(settings)
    upgrade(url)
    ensure_queue(url)
    engine = make_engine(url)
    factory, scope = session_factory(engine), Scope.local_owner()
    app = queue_app(url)

    @app.task(name=TASK, queue=QUEUE)
    def do(job_id: str) -> None:
        do_job(factory, scope, works, job_id)

    try:
        sweep(url, factory, scope)
        with sweeping(settings, factory, scope, daily=KIND in works):
            app.run_worker(
                queues=[QUEUE],
                wait=not once,
                concurrency=1,
                delete_jobs="always",
                install_signal_handlers=signals,
            )
    finally:
        engine.dispose()


def sweep(url: str, factory: "sessionmaker[Session]", scope: Scope) -> None:
    """Close jobs whose process is gone, and put those that nobody has before the worker again."""
    with transaction(factory) as session:
        lost = jobs.fail_abandoned(session, scope, unseen_s=UNSEEN_S)
        waiting = jobs.queued(session, scope)
    for job_id in lost:
        log.warning("job_abandoned", job=job_id)
    for job_id in waiting:
        hand_over(url, job_id)


@contextmanager
def sweeping(
    settings: "Settings",
    factory: "sessionmaker[Session]",
    scope: Scope,
    *,
    daily: bool = False,
    every_s: float = UNSEEN_S,
) -> Generator[None]:
    """Sweep again and again, remove old uploads, and queue each day's run of coverage if wanted."""
    url = database_url(settings)

    def clean() -> None:
        with suppress(OSError):
            Uploads.of(settings).sweep()
        # A store that does not answer now is asked again.
        with suppress(WanggeError):
            if daily:
                queue_daily(factory, scope, settings.timezone)
            sweep(url, factory, scope)

    with repeating(clean, every_s, "sweeper"):
        yield


def do_job(
    factory: "sessionmaker[Session]", scope: Scope, works: Mapping[str, Work], job_id: str
) -> None:
    """Do one queued job and write down how it ended; errors end there.

    It is done by what who asked for it may do now, which need not be what it was then.
    """
    with transaction(factory) as session:
        job = jobs.start(session, scope, job_id)
    if job is None:  # cancelled, or done by another worker
        return
    recorder = Recorder(factory, scope, job_id)
    log.info("job_begins", job=job_id, kind=job.kind)

    def work(told: Recorder) -> Mapping[str, Any]:
        asking = _asking(factory, scope, job)
        with transaction(factory) as session:
            jobs.allow(session, scope, job_id, asking)
        return _work(works, job.kind)(factory, asking, job.arguments, told)

    try:
        recorded(recorder, work)
    except WanggeError as error:
        log.warning("job_ended", job=job_id, kind=type(error).__name__)
    else:
        log.info("job_done", job=job_id)


def _asking(factory: "sessionmaker[Session]", scope: Scope, job: "Row[Any]") -> Scope:
    """Return the scope of who asked for a job, as it is today.

    Raises
    ------
    gis.errors.ForbiddenError
        The account is gone, or may not do this any more.
    gis.errors.CredentialsError
        The account is closed.
    """
    if job.principal == scope.principal and job.permission is None:
        return scope  # of the installation itself
    if job.user_id is None:
        raise ForbiddenError(
            f"The account {job.principal} that asked for this is gone.",
            remedy="Ask for it again with an account that is there.",
        )
    with transaction(factory) as session:
        principal = principal_of(session, str(job.user_id))
    try:
        permission = Permission(job.permission)
    except ValueError:
        raise ForbiddenError(
            "It is not known what this job was allowed for.", remedy="Ask for it again."
        ) from None
    return authorise(principal, permission, local_day(datetime.now(UTC), get_settings().timezone))


def _work(works: Mapping[str, Work], kind: str) -> Work:
    if kind not in works:
        raise WanggeError(
            f"No worker of this version does jobs of the kind {kind!r}.",
            remedy="Stop the old worker and start the new one.",
        )
    return works[kind]
