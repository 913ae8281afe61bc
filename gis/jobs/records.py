"""A job on the record: who asked, how far it is, what came of it, and that it may be cancelled.

Progress is written by short sessions of its own, so that others see it while the job's own
transaction is open, and it stays when that is rolled back.
"""

import threading
import time
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gis.database.engine import transaction
from gis.errors import WanggeError
from gis.jobs.steps import Silent, Watcher
from gis.layers import imports, jobs
from gis.logs import get_logger

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, sessionmaker

    from gis.scope import Scope

log = get_logger(__name__)

#: Seconds between two writings of progress; a wish to cancel is heard as often.
EVERY_S = 0.5
#: A running job of which nobody has heard for so long has lost its process.
UNSEEN_S = 120


class JobCancelledError(WanggeError):
    """Somebody asked the job to end; what it had done was rolled back."""


@dataclass
class Recorder:
    """Watches a job, writes down how far it is, and ends it when somebody asks for that.

    Parameters
    ----------
    factory, scope
        Sessions on the store, and who asked for the job.
    job_id
        The job.
    watcher
        Is told as well, for example a bar on the terminal.
    """

    factory: "sessionmaker[Session]"
    scope: "Scope"
    job_id: str
    watcher: Watcher = field(default_factory=Silent)
    _written: float = field(default=0.0, init=False)

    def begin(self, step: str) -> None:
        """Write down the step that begins."""
        self.watcher.begin(step)
        self._write(jobs.Progress(step))

    def told(self, step: str, done: float, total: float) -> None:
        """Write down how far the step is, now and then."""
        self.watcher.told(step, done, total)
        if time.monotonic() - self._written >= EVERY_S:
            self._write(jobs.Progress(step, done, total))

    def end(self, step: str, seconds: float) -> None:
        """Add the step and its time to the log."""
        self.watcher.end(step, seconds)
        self.line("info", f"{step}: {seconds:.1f} s")

    def line(self, level: str, message: str) -> None:
        """Add a line to the job's log."""
        with transaction(self.factory) as session:
            jobs.add_line(session, self.scope, self.job_id, level, message)

    def _write(self, progress: jobs.Progress) -> None:
        self._written = time.monotonic()
        with transaction(self.factory) as session:
            cancel = jobs.tell(session, self.scope, self.job_id, progress)
        if cancel:
            raise JobCancelledError(
                f"Job {self.job_id} was cancelled while it was at {progress.step}, or given up "
                "because nobody had heard of it.",
                remedy="Nothing of it was stored; start it again when it is wanted.",
            )


def in_the_foreground(
    factory: "sessionmaker[Session]",
    scope: "Scope",
    kind: str,
    arguments: Mapping[str, Any],
    work: Callable[[Recorder], Mapping[str, Any]],
    watcher: Watcher | None = None,
) -> Mapping[str, Any]:
    """Write a job down and do it here and now; return its report."""
    with transaction(factory) as session:
        jobs.fail_abandoned(session, scope, unseen_s=UNSEEN_S)
        job_id = jobs.add(session, scope, kind, arguments)
        jobs.start(session, scope, job_id)
    return recorded(Recorder(factory, scope, job_id, watcher or Silent()), work)


def recorded(
    recorder: Recorder, work: Callable[[Recorder], Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Do the work of a running job and write down how it ended, whatever happens.

    What ends an import after its commit takes nothing back: such a job has succeeded.

    Raises
    ------
    BaseException
        What the work raised.
    """
    try:
        with beating(recorder):
            report = work(recorder)
    except BaseException as error:
        _close_early(recorder, error)
        raise
    _close(recorder, "succeeded", report=report)
    return report


@contextmanager
def beating(recorder: Recorder, every_s: float = UNSEEN_S / 6) -> Generator[None]:
    """Say again and again that a job's process is alive, also while it tells no progress."""

    def beat() -> None:
        # A heart beat that is lost is followed by the next one.
        with suppress(WanggeError), transaction(recorder.factory) as session:
            jobs.see(session, recorder.scope, recorder.job_id)

    with repeating(beat, every_s, "heart"):
        yield


@contextmanager
def repeating(do: Callable[[], None], every_s: float, name: str) -> Generator[None]:
    """Do something every so often in a thread beside the work."""
    over = threading.Event()

    def again() -> None:
        while not over.wait(every_s):
            do()

    thread = threading.Thread(target=again, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _close_early(recorder: Recorder, error: BaseException) -> None:
    """Write down how a job ended that an error, an interrupt or somebody's wish has ended."""
    if not isinstance(error, WanggeError | KeyboardInterrupt):
        # The type alone: a message of another library may quote what somebody wrote.
        trace = traceback.format_tb(error.__traceback__)
        log.error("job_failed", job=recorder.job_id, kind=type(error).__name__, trace=trace)
    with transaction(recorder.factory) as session:
        number = imports.of_job(session, recorder.scope, recorder.job_id)
    if number is not None:
        recorder.line("warning", f"It was ended ({type(error).__name__}) after all was stored.")
        _close(recorder, "succeeded", report={"number": number})
    elif isinstance(error, JobCancelledError | KeyboardInterrupt):
        _close(recorder, "cancelled", error={"message": "It was cancelled; nothing was stored."})
    elif isinstance(error, WanggeError):
        _close(recorder, "failed", error=_told(error))
    else:
        said = f"An error of the program: {type(error).__name__}."
        _close(recorder, "failed", error={"message": said, "remedy": "See the log of the server."})


def _told(error: WanggeError) -> dict[str, Any]:
    return {
        "message": error.message,
        "remedy": error.remedy,
        "kind": type(error).__name__,
        "context": {key: str(value)[:500] for key, value in error.context.items()},
    }


def _close(
    recorder: Recorder,
    status: str,
    *,
    report: Mapping[str, Any] | None = None,
    error: Mapping[str, Any] | None = None,
) -> None:
    with transaction(recorder.factory) as session:
        jobs.end(session, recorder.scope, recorder.job_id, status, report=report, error=error)
