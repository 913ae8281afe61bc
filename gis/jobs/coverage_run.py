"""A run of coverage as a job: measured, stored with its network, and begun when things change.

The ground is read and the indicators are stored in short transactions of their own; while they are
measured, none is open.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gis.database.engine import transaction
from gis.errors import WanggeError
from gis.jobs.queue import hand_over
from gis.jobs.steps import Steps
from gis.layers import coverage_runs, jobs
from gis.layers.communities import Community
from gis.layers.queries import there_are
from gis.layers.stations import Station
from gis.logs import get_logger
from gis.scope import Action, Scope
from gis.services.indicators import RunOrder, keep_run, measure_run, read_run_ground, told_run
from gis.services.locating import local_day

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, sessionmaker

    from gis.jobs.records import Recorder

log = get_logger(__name__)

KIND = "coverage"
#: Layers that coverage is measured on: a change of one of them makes a new run due.
MEASURED_LAYERS = frozenset(
    {
        "communities",
        "buildings",
        "stations",
        "station_services",
        "roads",
        "barriers",
        "crossings",
        "quarters",
        "posts",
    }
)


def run_coverage(
    factory: "sessionmaker[Session]",
    scope: "Scope",
    arguments: Mapping[str, Any],
    recorder: "Recorder",
) -> Mapping[str, Any]:
    """Measure coverage and store it; the kind of job ``coverage``."""
    order = RunOrder.from_arguments(arguments)
    steps = Steps(recorder)
    with steps.step("read"), transaction(factory, scope) as session:
        ground = read_run_ground(session, scope, order, keep=True)
    with steps.step("walk"):
        found = measure_run(ground, steps.progress("walk"))
    with steps.step("store"), transaction(factory, scope) as session:
        run_id = keep_run(session, scope, ground, found)
    return {"run_id": run_id, **told_run(ground, found), "seconds": dict(steps.seconds)}


def queue_run(
    factory: "sessionmaker[Session]",
    scope: "Scope",
    timezone: str,
    *,
    url: str | None = None,
) -> str | None:
    """Queue a run of today's coverage unless one waits already; return the job, or ``None``.

    It is called after what made it due is committed, so a run that waits will see it; and it never
    fails: what was changed is changed, and the daily run comes anyway. The run is the
    installation's own and measures everything, whatever part of it somebody changed.

    Parameters
    ----------
    factory, scope
        Sessions on the store, and who changed something.
    timezone
        IANA name of the zone of the place.
    url
        Of the database: the worker hears of the job at once, else when it next looks.
    """
    try:
        scope.require(Action.WRITE)
        scope = Scope.local_owner()
        with transaction(factory) as session:
            waits = jobs.newest_of(session, scope, KIND, status="queued") is not None
            if waits or not _measurable(session, scope):
                return None
            job_id = jobs.add(session, scope, KIND, RunOrder(timezone).as_arguments())
        if url is not None:
            hand_over(url, job_id)
    except WanggeError as error:
        log.warning("coverage_not_queued", kind=type(error).__name__)
        return None
    log.info("coverage_queued", job=job_id)
    return job_id


def queue_daily(
    factory: "sessionmaker[Session]", scope: "Scope", timezone: str, *, url: str | None = None
) -> str | None:
    """Queue the run of today unless there is one, or one was begun today; return the job."""
    now = datetime.now(UTC)
    today = local_day(now, timezone)
    with transaction(factory) as session:
        last = jobs.newest_of(session, scope, KIND)
        begun = last is not None and local_day(last.created_at, timezone) == today
        if begun or coverage_runs.there_is(session, scope, today):
            return None
    return queue_run(factory, scope, timezone, url=url)


def queue_after(
    factory: "sessionmaker[Session]",
    scope: "Scope",
    layers: Iterable[str],
    timezone: str,
    *,
    url: str | None = None,
) -> str | None:
    """Queue a run as :func:`queue_run` does if rows of these layers are among what is measured."""
    if MEASURED_LAYERS.isdisjoint(layers):
        return None
    return queue_run(factory, scope, timezone, url=url)


def _measurable(session: "Session", scope: "Scope") -> bool:
    return there_are(session, scope, Community) and there_are(session, scope, Station)


#: What :func:`gis.jobs.worker.run_worker` does, by kind of job.
WORKS: Mapping[str, Callable[..., Mapping[str, Any]]] = {KIND: run_coverage}
