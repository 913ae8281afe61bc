"""What people see of imports, deliveries and jobs in the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from gis.jobs.import_orders import ImportOrder
    from gis.services.deliveries import DeliveryPreview
    from gis.services.undoing import UndoReport

#: Rows of a table before the rest is only counted.
_ROWS = 40


def show_import(order: "ImportOrder", report: Mapping[str, Any]) -> None:
    """Show what an import brought, what was said of the file, and what the audit found."""
    if "delivery" in report:
        _show_applied(report)
    else:
        typer.echo(f"Imported {order.source or order.path.stem} (number {report.get('number')}):")
        for name, rows in report.get("rows_by_layer", {}).items():
            outside = report.get("outside", {}).get(name, 0)
            remark = f", {outside:,} in no community" if outside else ""
            typer.echo(f"  {name:<18}{rows:>9,}{remark}")
    if report.get("rows_left_out"):
        typer.echo(f"  {report['rows_left_out']:,} rows were left out, see the rejects.")
    for note in _notes(report):
        typer.echo(f"  - {note}")
    _show_audit(report.get("audit"))


def show_preview(preview: "DeliveryPreview") -> None:
    """Show what a delivery would do, and households moved per grid."""
    if preview.nothing_to_do:
        typer.echo(f"{preview.layer}: {preview.delivered:,} rows delivered, nothing is different.")
        return
    ways = ", ".join(f"{rows:,} by {way}" for way, rows in preview.matched_by.items() if rows)
    typer.echo(f"{preview.layer}: {preview.delivered:,} rows delivered; matched {ways or 'none'}.")
    table = _table("", "rows", "for example")
    for kind in ("added", "changed", "returned", "removed", "unchanged"):
        rows = getattr(preview, kind)
        shown = "; ".join(_named(row) for row in preview.examples.get(kind, ())[:3])
        table.add_row(kind, f"{rows:,}", shown)
    _print(table)
    if preview.changed_fields:
        fields = ", ".join(f"{name} ({rows:,})" for name, rows in preview.changed_fields.items())
        typer.echo(f"Columns that change: {fields}")
    if preview.removed:
        typer.echo(f"Missing rows count as gone within: {preview.reach}")
    _show_flows(preview)


def show_undone(report: "UndoReport") -> None:
    """Show what was taken back."""
    typer.echo(f"Import {report.number} ({report.name}) was taken back:")
    for layer, rows in report.deleted.items():
        back = report.restored.get(layer, 0)
        typer.echo(f"  {layer:<18}{rows:>9,} removed{f', {back:,} as before' if back else ''}")
    for plan in report.unfit_plans:
        typer.echo(f"  Plan {plan.name or plan.plan_id} does not fit what is there now.")


def show_imports(rows: Sequence[Any]) -> None:
    """Show imports on the record."""
    table = _table("no.", "when (UTC)", "who", "mode", "name", "rows", "undone")
    for row in rows:
        counts = ", ".join(f"{name} {count:,}" for name, count in row.rows.items())
        undone = "" if row.undone_at is None else f"{row.undone_at:%Y-%m-%d %H:%M}"
        when = f"{row.imported_at:%Y-%m-%d %H:%M}"
        table.add_row(str(row.number), when, row.principal, row.mode, row.name, counts, undone)
    _print(table)


def show_jobs(rows: Sequence[Any]) -> None:
    """Show jobs on the record."""
    table = _table("id", "kind", "status", "when (UTC)", "who", "how far")
    for row in rows:
        far = "" if row.step is None else row.step
        if row.status == "running" and row.total:
            far = f"{row.step} {row.done / row.total:.0%}"
        when = f"{row.created_at:%Y-%m-%d %H:%M}"
        table.add_row(str(row.id)[:8], row.kind, row.status, when, row.principal, far)
    _print(table)


def show_one_job(row: Any, lines: Sequence[Any]) -> None:  # noqa: ANN401 - a row of jobs
    """Show a job, its log and its end."""
    typer.echo(f"{row.kind} {row.id}: {row.status}")
    for at, level, said in lines:
        typer.echo(f"  {at:%H:%M:%S} {level}: {said}")
    if row.error:
        typer.echo(f"{row.error.get('message', '')} {row.error.get('remedy', '')}".strip())
    for note in _notes(row.report or {}):
        typer.echo(f"  - {note}")


def _show_applied(report: Mapping[str, Any]) -> None:
    done = report["delivery"]
    if report.get("number") is None:
        typer.echo(f"{done['layer']}: nothing is different, nothing was changed.")
        return
    counts = ", ".join(
        f"{done[kind]:,} {kind}" for kind in ("added", "changed", "returned", "removed")
    )
    typer.echo(f"Updated {done['layer']} (import {report['number']}): {counts}.")
    for plan in report.get("unfit_plans", ()):
        reasons = ", ".join(f"{n:,} {why.replace('_', ' ')}" for why, n in plan["reasons"].items())
        typer.echo(f"Plan {plan['name'] or plan['plan_id']} no longer fits: {reasons}.")


def _show_flows(preview: "DeliveryPreview") -> None:
    if not preview.grids:
        return
    table = _table("grid", "households", "then", "change", "buildings in", "out", "changed")
    for flow in preview.grids[:_ROWS]:
        before = flow.households_before
        change = flow.households_after - (before or 0)
        table.add_row(
            flow.code or "in no grid",
            "" if before is None else f"{before:,}",
            f"{flow.households_after:,}",
            f"{change:+,}",
            str(flow.buildings_in),
            str(flow.buildings_out),
            str(flow.buildings_changed),
        )
    _print(table)
    if len(preview.grids) > _ROWS:
        typer.echo(f"… and {len(preview.grids) - _ROWS} more grids.")


def _show_audit(audit: Mapping[str, Any] | None) -> None:
    if not audit:
        return
    counts = audit.get("counts", {})
    if not counts:
        typer.echo("The audit of the ground found nothing.")
        return
    found = ", ".join(f"{n:,} {kind.replace('_', ' ')}" for kind, n in counts.items())
    typer.echo(f"The audit of the ground found: {found}. See: wangge audit")


def _notes(report: Mapping[str, Any]) -> list[str]:
    notes = [str(note) for note in report.get("notes", ())]
    guard = report.get("guard") or {}
    guarded = [guard] if "notes" in guard else [one for one in guard.values() if one]
    for one in guarded:
        notes += [str(note) for note in one.get("notes", ())]
    left = report.get("columns_not_used") or []
    if left:
        notes.append(f"columns not used: {', '.join(map(str, left))}")
    return list(dict.fromkeys(notes))


def _named(row: Mapping[str, Any]) -> str:
    name = row.get("name") or row.get("code") or row.get("source_id") or row.get("id")
    return str(name)


def _table(*headers: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for header in headers:
        table.add_column(header)
    return table


def _print(table: "Table") -> None:
    from rich.console import Console

    Console(soft_wrap=True).print(table)
