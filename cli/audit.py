"""``wangge audit``: what is wrong with the ground in the store, and what can be mended safely."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer

from cli.store import opened
from gis.folders import require_folder
from gis.settings import get_settings

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session, sessionmaker

    from gis.ingest.audit import Findings, Mending
    from gis.scope import Scope

app = typer.Typer()

#: How much of an id the table shows: enough to find it, little enough to read.
_SHORT_ID = 8


@app.command("audit")
def audit(
    *,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended safely; it can be undone.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Also write a map of the findings, one HTML file.")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Also write the findings as a GeoPackage.")
    ] = None,
    plan: Annotated[
        UUID | None, typer.Option(help="Id of the plan to audit; those in effect if unset.")
    ] = None,
    language: Annotated[
        Literal["zh-CN", "en"] | None, typer.Option(help="Of the map; WANGGE_LANGUAGE if unset.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Mend without asking.")] = False,
) -> None:
    """Find faults of the ground, with their sizes; exit 1 if one of them is an error.

    The last line says where the audit is kept. With --fix the faults that are left decide about
    the exit status, and `wangge import undo communities` (or buildings) takes the mends back.
    """
    from gis.database.engine import transaction
    from gis.services.auditing import run_audit

    for file in (html, rejects):
        if file is not None:
            require_folder(file)
    with opened() as (factory, scope):
        if fix:
            _fix(factory, scope, yes=yes)
        with transaction(factory) as session:
            report = run_audit(session, scope, plan_id=None if plan is None else str(plan))
    _print_table(report.table())
    if rejects is not None:
        from gis.ingest.findings_package import write_findings_package

        write_findings_package(rejects, report.findings)
        typer.echo(f"Wrote {rejects}")
    if html is not None:
        with opened() as (factory, scope), transaction(factory) as session:
            _write_map(session, scope, report.findings, html, language)
        typer.echo(f"Wrote {html}")
    typer.echo(f"Audit {report.run_id}: {_sum(report.findings)} in {report.seconds:.1f} s")
    if report.errors:
        raise typer.Exit(1)


def _fix(factory: "sessionmaker[Session]", scope: "Scope", *, yes: bool) -> None:
    """Show what would be mended, ask, and do it."""
    from gis.database.engine import transaction
    from gis.jobs.coverage_run import queue_after
    from gis.services.auditing import fix_ground, preview_fix

    if not yes:
        with transaction(factory) as session:
            preview = preview_fix(session, scope)
        _print_mending(preview)
        if not preview.mends:
            return
        typer.confirm(f"Mend {len(preview.mends):,} rows?", abort=True)
    with transaction(factory) as session:
        report = fix_ground(session, scope)
    queue_after(factory, scope, report.rows, get_settings().timezone)
    if yes:
        _print_mending(report.mending)
    if report.number is not None:
        rows = ", ".join(f"{count:,} {layer}" for layer, count in report.rows.items())
        typer.echo(f"Mended as import {report.number}: {rows}.")
    for unfit in report.unfit_plans:
        reasons = ", ".join(misfit.reason.replace("_", " ") for misfit in unfit.misfits)
        typer.echo(f"Plan {unfit.name or unfit.plan_id} does not fit the ground: {reasons}.")


def _write_map(
    session: "Session",
    scope: "Scope",
    findings: "Findings",
    path: Path,
    language: Literal["zh-CN", "en"] | None,
) -> None:
    from gis.layers.findings import read_audited_grids, read_standing
    from gis.layers.imports import facts
    from maps.coverage import save_offline
    from maps.findings import FindingsMapData, findings_map

    settings, today = get_settings(), date.today()  # noqa: DTZ011 - a day of the place
    homes = read_standing(session, scope, "communities", today)
    grids = read_audited_grids(session, scope, today)
    whose = facts(session, scope).attribution
    data = FindingsMapData("", today, findings.frame, homes, grids, whose)
    chart = findings_map(
        data,
        language=language or settings.language,
        tile_url=settings.tile_url,
        tile_attribution=settings.tile_attribution,
    )
    save_offline(chart, path)


def _print_table(table: "pd.DataFrame") -> None:
    from rich.text import Text

    from gis.i18n import code_label

    if not len(table):
        typer.echo("The audit found nothing.")
        return
    colour = {"error": "bold red", "warning": "yellow", "note": "dim"}
    out = _table(("finding", "severity", "count", "rows", "m²", "m", "mendable", "first ids"))
    rows: Any = table.itertuples()
    for row in rows:
        out.add_row(
            code_label("finding", str(row.kind), "en"),
            Text(str(row.severity), style=colour[str(row.severity)]),
            f"{row.count:,}",
            f"{row.rows:,}",
            _measure(row.size_m2),
            _measure(row.length_m),
            f"{row.fixable:,}" if row.fixable else "",
            " ".join(str(key)[:_SHORT_ID] for key in row.ids),
        )
    _console().print(out)


def _print_mending(mending: "Mending") -> None:
    from gis.i18n import code_label

    if not mending.mends:
        typer.echo("There is nothing that can be mended safely.")
    else:
        out = _table(("finding", "before", "after", "m² before", "m² after"))
        rows: Any = mending.table().itertuples()
        for row in rows:
            out.add_row(
                code_label("finding", str(row.kind), "en"),
                f"{row.count_before:,}",
                f"{row.count_after:,}",
                _measure(row.m2_before),
                _measure(row.m2_after),
            )
        _console().print(out)
    for sentence in mending.left:
        typer.echo(sentence)


def _table(columns: tuple[str, ...]) -> Any:  # noqa: ANN401 - a table of rich
    from rich import box
    from rich.table import Table

    out = Table(box=box.SIMPLE)
    for name in columns:
        words = name in {"finding", "severity", "first ids"}
        out.add_column(name, justify="left" if words else "right", no_wrap=name != "finding")
    return out


def _console() -> Any:  # noqa: ANN401 - a console of rich
    from rich.console import Console

    console = Console()
    # A pipe has no width: a table that is cut there would lose its ids.
    return console if console.is_terminal else Console(width=140)


def _measure(value: Any) -> str:  # noqa: ANN401 - a number or NaN
    return "" if value != value or not value else f"{value:,.1f}"  # noqa: PLR0124 - NaN


def _sum(findings: "Findings") -> str:
    counts = findings.frame["severity"].value_counts()
    return ", ".join(
        f"{int(counts.get(name, 0)):,} {name}s" for name in ("error", "warning", "note")
    )
