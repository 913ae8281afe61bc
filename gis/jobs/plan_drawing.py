"""Drawing a plan as a job: with progress, cancelled when somebody asks, stored whole or not at all.

The ground is read and the drawing stored in short transactions of their own; while it is drawn,
none is open. Whoever changes the draft meanwhile wins, and the drawing is refused as stale.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from gis.database.engine import transaction
from gis.jobs.records import JobCancelledError, Recorder
from gis.jobs.steps import Steps, Watcher
from gis.layers import plans
from gis.services.redistricting import PlanOrder, draw_within, keep, prepare, told_sketch

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, sessionmaker

    from gis.scope import Scope
    from gis.services.redistricting import Sketch


def never() -> bool:
    """Return that nobody wants the drawing to stop."""
    return False


@dataclass(frozen=True, slots=True)
class DrawJob:
    """A drawing that is asked for, on its way to whoever does it.

    Parameters
    ----------
    order
        What is to be drawn.
    keep_best
        Whether a drawing that is cancelled is stored as far as it was; else nothing is.
    preview
        Whether it is only said who would change grid; nothing is stored.
    most_moved
        Households that may change grid at most; ``None``: no limit.
    """

    order: PlanOrder
    keep_best: bool = False
    preview: bool = False
    most_moved: int | None = None

    def as_arguments(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {**_shallow(self), "order": self.order.as_arguments()}

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> "DrawJob":
        """Return the job of :meth:`as_arguments`."""
        return cls(**{**arguments, "order": PlanOrder.from_arguments(arguments["order"])})


def _shallow(job: DrawJob) -> dict[str, Any]:
    return {one.name: getattr(job, one.name) for one in fields(job)}


@dataclass
class Patient:
    """Passes progress on to a watcher until somebody wants the work to stop.

    Parameters
    ----------
    watcher
        Writes progress down; raises :class:`gis.jobs.records.JobCancelledError` when somebody has
        asked for the job to end.
    keep_best
        Whether that stops the drawing with the best so far, instead of ending the job.
    stop
        Also asked whether to stop.
    stopped
        Whether it has.
    stoppable
        The step that can end with the best so far.
    """

    watcher: Watcher
    keep_best: bool = False
    stop: Callable[[], bool] = never
    stopped: bool = False
    stoppable: str = "grids"
    _drawing: bool = False

    def begin(self, step: str) -> None:
        """Pass it on."""
        self._drawing = step == self.stoppable
        self._pass(lambda: self.watcher.begin(step))

    def told(self, step: str, done: float, total: float) -> None:
        """Pass it on."""
        self._pass(lambda: self.watcher.told(step, done, total))

    def end(self, step: str, seconds: float) -> None:
        """Pass it on."""
        self._drawing = False
        self._pass(lambda: self.watcher.end(step, seconds))

    def goes_on(self) -> bool:
        """Return whether the drawing is to go on."""
        self.stopped = self.stopped or self.stop()
        return not self.stopped

    def _pass(self, tell: Callable[[], None]) -> None:
        """Tell; once the drawing has stopped, a wish to cancel has been met already."""
        try:
            tell()
        except JobCancelledError:
            if not self.keep_best or not (self.stopped or self._drawing):
                raise
            self.stopped = True


def run_draw(
    factory: "sessionmaker[Session]",
    scope: "Scope",
    arguments: Mapping[str, Any],
    recorder: Recorder,
    stop: Callable[[], bool] = never,
) -> Mapping[str, Any]:
    """Draw a plan and store it; the kinds of job ``draw`` and ``rebalance``."""
    job = DrawJob.from_arguments(arguments)
    patient = Patient(recorder, keep_best=job.keep_best, stop=stop)
    steps = Steps(patient)
    sketch = sketched(factory, scope, job, steps, patient)
    compared = None if sketch.start is None else told_sketch(sketch)
    report = {"stopped": sketch.drawn.stopped, "comparison": compared}
    if job.preview:
        return {**report, "seconds": steps.seconds}
    with steps.step("store"), transaction(factory, scope) as session:
        drawn = keep(session, scope, sketch)
    return {
        **report,
        "plan_id": drawn.plan_id,
        "measures": dict(drawn.measures),
        "exceptions": [dict(one) for one in drawn.exceptions],
        "seconds": steps.seconds,
    }


def sketched(
    factory: "sessionmaker[Session]",
    scope: "Scope",
    job: DrawJob,
    steps: Steps,
    patient: Patient,
) -> "Sketch":
    """Return a drawing that is not stored; the version of the draft is the one found now.

    Raises
    ------
    gis.errors.InfeasiblePlanError
        No drawing was found in which so few households change grid.
    """
    order = job.order
    cells, grids = steps.progress("cells"), steps.progress("grids")
    with steps.step("cells"), transaction(factory, scope) as session:
        if order.plan_id is not None and order.version is None:
            order = replace(order, version=plans.one(session, scope, order.plan_id).version)
        sketch = prepare(session, scope, order, progress=lambda _, i, n: cells(i, n))

    def tell(_: str, done: int, total: int) -> bool:
        grids(done, total)
        return patient.goes_on()

    with steps.step("grids"):
        return draw_within(sketch, job.most_moved, progress=tell)


#: What :func:`gis.jobs.worker.run_worker` does, by kind of job.
WORKS: Mapping[str, Callable[..., Mapping[str, Any]]] = {"draw": run_draw, "rebalance": run_draw}
