"""Siting as a job: the gap shrinks as it goes, and the best so far is kept if that is wanted.

The ground is read in a short transaction of its own; while it is solved, none is open. What came
of it is the report of the job.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.database.engine import transaction
from gis.errors import ConflictError, NotFoundError
from gis.jobs.plan_drawing import Patient, never
from gis.jobs.steps import Steps
from gis.layers import jobs
from gis.services.siting import prepare, solve
from gis.services.siting_order import SitingOrder
from gis.services.siting_telling import FORM, read_grids, told_siting

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session, sessionmaker

    from gis.coverage.siting import SitingProgress
    from gis.jobs.records import Recorder
    from gis.scope import Scope

KIND = "siting"
#: The step during which the gap shrinks; the part of it that is done is one less the gap.
CHOOSE = "choose"


@dataclass(frozen=True, slots=True)
class SitingJob:
    """A siting that is asked for, on its way to whoever does it.

    Parameters
    ----------
    order
        What is asked.
    keep_best
        Whether a job that is cancelled keeps the best so far as its report; else there is none.
    """

    order: SitingOrder
    keep_best: bool = False

    def as_arguments(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"order": self.order.as_arguments(), "keep_best": self.keep_best}

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> "SitingJob":
        """Return the job of :meth:`as_arguments`."""
        return cls(SitingOrder.from_arguments(arguments["order"]), arguments["keep_best"])


def run_siting(
    factory: "sessionmaker[Session]",
    scope: "Scope",
    arguments: Mapping[str, Any],
    recorder: "Recorder",
    stop: Callable[[], bool] = never,
) -> Mapping[str, Any]:
    """Choose the sites; the kind of job ``siting``."""
    job = SitingJob.from_arguments(arguments)
    patient = Patient(recorder, keep_best=job.keep_best, stop=stop, stoppable=CHOOSE)
    steps = Steps(patient)
    with steps.step("read"), transaction(factory, scope) as session:
        asked = prepare(session, scope, job.order, keep=True)
        places = read_grids(session, scope, asked)
    done = 0.0

    def progress(told: "SitingProgress") -> None:
        nonlocal done
        done = max(0.0, 1.0 - told.gap) if np.isfinite(told.gap) else 0.0
        patient.told(CHOOSE, done, 1.0)

    def stopped() -> bool:
        patient.told(CHOOSE, done, 1.0)  # a wish to cancel is heard here
        return not patient.goes_on()

    with steps.step(CHOOSE):
        result = solve(asked, progress, stopped)
    with steps.step("tell"):
        told = told_siting(asked, result, places)
    return {**told, "steps": steps.seconds}


def siting_job(session: "Session", scope: "Scope", job_id: str) -> "Row[Any]":
    """Return a job of this kind.

    Raises
    ------
    gis.errors.NotFoundError
        There is none.
    """
    row = jobs.one(session, scope, job_id)
    if row.kind != KIND:
        raise NotFoundError(
            f"Job {job_id} is no siting, but {row.kind}.", remedy="List the jobs of kind siting."
        )
    return row


def find_siting(session: "Session", scope: "Scope", called: str) -> "Row[Any]":
    """Return the one siting whose key begins so."""
    row = jobs.begins_with(session, scope, called)
    return siting_job(session, scope, str(row.id))


def swapped(row: "Row[Any]", rank: int) -> SitingOrder:
    """Return the order of a siting with one of its swaps taken: its sites are fixed by it.

    Raises
    ------
    gis.errors.ConflictError
        Nothing has come of the siting.
    gis.errors.NotFoundError
        It has no swap of this rank.
    """
    report = report_of(row)
    swap = next((one for one in report["swaps"] if one["rank"] == rank), None)
    if swap is None:
        raise NotFoundError(
            f"The siting {row.id} has {len(report['swaps'])} swaps, none of rank {rank}.",
            remedy="Take one of its swaps.",
            field="rank",
        )
    keys = {site["key"] for site in report["sites"]} - {swap["leave"]} | {swap["enter"]["key"]}
    order = SitingJob.from_arguments(row.arguments).order
    # As many as are fixed: nothing else is chosen.
    return replace(order, fixed=tuple(sorted(keys)), count=len(keys), forbidden=())


def report_of(row: "Row[Any]") -> dict[str, Any]:
    """Return what came of a siting.

    Raises
    ------
    gis.errors.ConflictError
        It has not ended, nothing came of it, or it was told in the form of another version.
    """
    if row.status == "succeeded":
        report: dict[str, Any] = row.report or {}
        if report.get("form") == FORM:
            return report
        raise ConflictError(
            f"The siting {row.id} was stored by another version, which told it otherwise.",
            remedy="Ask for it again, as it was asked for: "
            f"wangge siting run --from {str(row.id)[:8]}.",
        )
    if row.status in {"queued", "running"}:
        raise ConflictError(
            f"The siting {row.id} is {row.status}.", remedy="Ask again when it has ended."
        )
    said = (row.error or {}).get("message", "")
    raise ConflictError(
        f"The siting {row.id} was {row.status}. {said}".strip(),
        remedy=(row.error or {}).get("remedy") or "Begin another one.",
    )


#: What :func:`gis.jobs.worker.run_worker` does, by kind of job.
WORKS: Mapping[str, Callable[..., Mapping[str, Any]]] = {KIND: run_siting}
