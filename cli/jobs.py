"""``wangge worker`` and ``wangge jobs``: long work in a process of its own."""

import gc
from typing import Annotated

import typer

from cli.store import opened
from gis.errors import InvalidInputError
from gis.settings import get_settings

app = typer.Typer()
jobs_app = typer.Typer(name="jobs", help="Long work: what was asked for, and how far it is.")

JobArgument = Annotated[str, typer.Argument(help="Id of the job, or its first characters.")]


@app.command()
def worker(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Do what is queued and stop, instead of waiting.")
    ] = False,
) -> None:
    """Do the jobs that the API was asked for, one at a time, until Ctrl-C."""
    from gis.jobs import coverage_run, imports, plan_drawing, siting
    from gis.jobs.uploads import Uploads
    from gis.jobs.worker import run_worker
    from gis.logs import configure_logs

    configure_logs()
    settings = get_settings()
    Uploads.of(settings).sweep()
    works = {**imports.WORKS, **plan_drawing.WORKS, **siting.WORKS, **coverage_run.WORKS}
    run_worker(settings, works, once=once)
    # Without a last look at all it holds the interpreter ends in 0.05 s instead of 0.9 s.
    gc.freeze()


@jobs_app.command("list")
def list_jobs(
    *,
    status: Annotated[
        str | None, typer.Option(help="queued, running, succeeded, failed or cancelled.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Jobs to show.")] = 20,
) -> None:
    """Show the newest jobs, newest first."""
    from cli.import_views import show_jobs
    from gis.database.engine import transaction
    from gis.layers import jobs

    if status is not None and status not in jobs.JOB_STATUSES:
        raise InvalidInputError(
            f"--status {status!r} is not known.",
            remedy=f"Use one of {', '.join(jobs.JOB_STATUSES)}.",
        )
    with opened() as (factory, scope), transaction(factory) as session:
        rows = jobs.newest(session, scope, limit=limit, status=status)
    if rows:
        show_jobs(rows)
    else:
        typer.echo("There are no such jobs.")


@jobs_app.command("show")
def show_job(job: JobArgument) -> None:
    """Show a job, its log and what came of it."""
    from cli.import_views import show_one_job
    from gis.database.engine import transaction
    from gis.layers import jobs

    with opened() as (factory, scope), transaction(factory) as session:
        row = jobs.begins_with(session, scope, job)
        show_one_job(row, jobs.lines(session, scope, row.id))
        if row.status == "queued" and not jobs.worker_seen(session, scope):
            typer.echo("No worker was seen for a minute; start one: wangge worker")


@jobs_app.command("cancel")
def cancel_job(job: JobArgument) -> None:
    """Ask a job to end: what is queued ends at once, what runs at its next step."""
    from gis.database.engine import transaction
    from gis.layers import jobs

    with opened() as (factory, scope), transaction(factory) as session:
        row = jobs.begins_with(session, scope, job)
        status = jobs.request_cancel(session, scope, row.id)
    typer.echo("Cancelled." if status == "cancelled" else "It ends at its next step.")
