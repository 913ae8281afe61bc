"""What every import shares: data sets into the store as a job, audited and told."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gis.database.engine import transaction
from gis.ingest.boundary import read_boundary
from gis.ingest.osm import HouseholdOptions, read_osm
from gis.jobs.coverage_run import queue_after
from gis.jobs.steps import Steps
from gis.services import auditing, importing, opening
from gis.services.plan_fitness import UnfitPlan

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, sessionmaker

    from gis.frames import Dataset
    from gis.jobs.records import Recorder
    from gis.scope import Scope


def take_in_dataset(
    factory: "sessionmaker[Session]",
    scope: "Scope",
    recorder: "Recorder",
    make: "Callable[[Steps], Dataset]",
    *,
    timezone: str,
) -> dict[str, Any]:
    """Make a data set and store it, whole or not at all; return what is to be said of it.

    Parameters
    ----------
    factory, scope
        Where, and who asks.
    recorder
        Of the job.
    make
        Makes the data set; its steps are the job's.
    timezone
        Of opening hours.

    Raises
    ------
    gis.errors.WanggeError
        What ``make`` raises, or as :func:`gis.services.importing.import_dataset`.
    """
    steps = Steps(recorder)
    dataset = make(steps)
    told = rows_told(steps, sum(len(frame) for frame in dataset.layers.values()))
    with transaction(factory) as session:
        with steps.step("store"):
            stored = importing.import_dataset(
                session, scope, dataset, progress=told, job_id=recorder.job_id
            )
            lay_out_hours(session, scope, stored.rows, timezone)
        report = report_of(stored)
        report["audit"] = audited(session, scope, steps, stored.number, stored.rows)
    queue_after(factory, scope, stored.rows, timezone)
    plain: dict[str, Any] = json.loads(json.dumps(report, default=str))
    return {**plain, "seconds": dict(steps.seconds)}


def read_extract(
    path: Path,
    steps: Steps,
    *,
    boundary: Path | None,
    bbox: tuple[float, float, float, float] | None,
    community_size: int,
    known_households: int | None,
) -> "Dataset":
    """Return the data set of an extract; errors as :func:`gis.ingest.osm.read_osm`."""
    outline = read_boundary(boundary) if boundary is not None else None
    tell = steps.progress("read")
    with steps.step("read"):
        return read_osm(
            path,
            boundary=outline,
            bbox=bbox,
            community_size=community_size,
            households=HouseholdOptions(known_total=known_households),
            progress=lambda _, share: tell(share, 1.0),
        )


def rows_told(steps: Steps, total: int | None) -> importing.Progress:
    """Return what is told the rows of each layer as they are stored, of so many (if known)."""
    tell, done = steps.progress("store"), 0

    def told(_: str, rows: int) -> None:
        nonlocal done
        done += rows
        tell(done, total or done)

    return told


def lay_out_hours(
    session: "Session", scope: "Scope", rows: Mapping[str, int], timezone: str
) -> None:
    """Lay opening hours out if services of stations came in."""
    if "station_services" in rows:
        opening.ensure_hours(session, scope, timezone=timezone)


def audited(
    session: "Session", scope: "Scope", steps: Steps, number: int, layers: Iterable[str]
) -> dict[str, Any]:
    """Audit what an import of these layers may have brought about, and return what was found."""
    with steps.step("audit"):
        touching = auditing.Touching(tuple(layers))
        found = auditing.run_audit(session, scope, import_no=number, touching=touching)
    return {"run_id": found.run_id, "errors": found.errors, "counts": dict(found.counts)}


def report_of(stored: importing.ImportReport) -> dict[str, Any]:
    """Return what is to be said of an import."""
    return {
        "number": stored.number,
        "rows_by_layer": dict(stored.rows),
        "outside": dict(stored.outside),
        "unfit_plans": plans_told(stored.unfit_plans),
        **stored.report,
    }


def plans_told(plans: Iterable[UnfitPlan]) -> list[dict[str, Any]]:
    """Return plans that no longer fit, and why, as plain values."""
    return [
        {
            "plan_id": plan.plan_id,
            "name": plan.name,
            "reasons": {misfit.reason: misfit.things for misfit in plan.misfits},
        }
        for plan in plans
    ]
