"""What people see of imports, deliveries and jobs in the terminal."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gis.settings import get_settings

if TYPE_CHECKING:
    from rich.table import Table

    from gis.ingest.formats.contents import LayerEntry
    from gis.ingest.mapping_file import MappingFile
    from gis.ingest.mixed_files import MixedLayers
    from gis.ingest.proposals import Proposal
    from gis.ingest.rows import RowSource, SourceOptions
    from gis.jobs.import_orders import ImportOrder
    from gis.layers.registry import Layer
    from gis.scope import Scope
    from gis.services.deliveries import DeliveryPreview
    from gis.services.histories import RowChange
    from gis.services.undoing import UndoReport

#: Facts of a report that have a line of their own.
_SHOWN_ELSEWHERE = frozenset(
    {"number", "rows_left_out", "mapping_remembered_as", "source", "format", "synthetic"}
)
#: Rows of a table before the rest is only counted.
_ROWS = 40
#: Columns of a file from which those that are not used are only named.
_COLUMNS = 25
#: Files that do not say their coordinate reference system, and may well have no coordinates.
_TABLES = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls"})


def agree_on_columns(
    factory: Any,  # noqa: ANN401 - a factory of sessions
    scope: "Scope",
    order: "ImportOrder",
    *,
    yes: bool,
) -> "ImportOrder":
    """Return the order with the columns settled: said, remembered, or proposed and accepted."""
    from gis.ingest.mapping_file import mapping_data
    from gis.jobs.imports import Import, require_one_mapping
    from gis.jobs.steps import Steps

    require_one_mapping(order)
    if order.mapping is not None or order.columns:
        return order
    suggestion = Import(factory, scope, order, Steps()).suggested()
    if suggestion.remembered is not None:
        typer.echo(f"Columns are read as for {suggestion.remembered.source!r} before.")
    elif suggestion.proposal is not None and not suggestion.own_names:
        _print_columns(suggestion.proposal)
        if not yes and sys.stdin.isatty():
            yes = typer.confirm("Read the columns like this?", default=False)
    mapping = suggestion.agreed(replace(order, accept_proposal=yes))
    if mapping is None:
        return replace(order, own_names=True)
    return replace(order, mapping_data=mapping_data(mapping))


@dataclass(frozen=True)
class Planned:
    """How a file would become a layer.

    Parameters
    ----------
    proposal
        By what its columns look like.
    inside
        The layers that it has, as files have them.
    refused
        Values that would be refused.
    mixed
        The layers that its rows are of, if they are of several.
    """

    proposal: "Proposal"
    inside: "list[LayerEntry]"
    refused: list[str]
    mixed: "MixedLayers | None"

    def mapping(self) -> "MappingFile":
        """Return the mapping that is proposed: of a mixed file, for the rows of its layer."""
        mapping, mixed = self.proposal.mapping(), self.mixed
        value = None if mixed is None else mixed.value_of(self.proposal.layer)
        if mixed is None or value is None:
            return mapping
        [section] = mapping.layers
        mine = replace(section, layer_column=mixed.column, source_layer=value)
        return replace(mapping, layers=(mine,))


def plan(file: Path, *, layer: str | None, options: "SourceOptions") -> Planned:
    """Return how a file would become a layer, the layers it has, and what would be refused."""
    from contextlib import closing

    from gis.errors import InvalidInputError
    from gis.ingest.formats.contents import layers_of
    from gis.ingest.mixed_files import mixed_layers
    from gis.ingest.proposal_try import refused_values
    from gis.ingest.proposals import propose
    from gis.jobs.suggestions import SAMPLE_ROWS
    from gis.layers.registry import IMPORTED_LAYERS, LAYER_BY_NAME

    if layer is not None and layer not in LAYER_BY_NAME:
        raise InvalidInputError(
            f"There is no layer {layer!r}.", remedy=f"Use one of {', '.join(LAYER_BY_NAME)}."
        )
    chosen = [LAYER_BY_NAME[layer]] if layer is not None else list(IMPORTED_LAYERS)
    with closing(_source(file, options, chosen)) as source:
        batches = source.batches(SAMPLE_ROWS)
        sample = next(iter(batches), None)
        if sample is None:
            raise InvalidInputError(
                f"{file}: the file has no rows.", remedy="Export it again with its features."
            )
        proposal = propose(source.facts, sample, [one.contract for one in chosen])
        rest = (batch.columns for batch in batches)
        mixed = mixed_layers(sample.columns, rest, leave=proposal.personal)
    refused = refused_values(proposal, sample, get_settings().timezone)
    return Planned(proposal, layers_of(file), refused, mixed)


def _source(file: Path, options: "SourceOptions", chosen: "list[Layer]") -> "RowSource":
    """Return the opened file; a hotline export and tables of what has no place need no system."""
    from gis.errors import CrsMismatchError, InvalidInputError
    from gis.ingest.formats import open_source
    from gis.ingest.formats.coordinates import find_place
    from gis.ingest.hotline import is_hotline_export
    from gis.ingest.rejects import Rejects

    if not any(one.contract.geometry for one in chosen):
        return open_source(file, replace(options, spatial=False), Rejects())
    try:
        return open_source(file, options, Rejects())
    except CrsMismatchError:
        if file.suffix.lower() not in _TABLES:
            raise
        bare = open_source(file, replace(options, spatial=False), Rejects())
        if find_place(bare.facts.columns) is None and not is_hotline_export(bare.facts.columns):
            return bare
        bare.close()
        if is_hotline_export(bare.facts.columns):
            raise InvalidInputError(
                f"{file}: this is an export of the 12345 hotline, which needs no mapping.",
                remedy=f"Bring it in with: wangge import hotline {file}",
                file=str(file),
            ) from None
        raise


def show_plan(planned: Planned, save: Path | None) -> None:
    """Show a proposal, and write it as a mapping file if that is wanted."""
    from gis.ingest.mapping_file import write_mapping

    proposal = planned.proposal
    facts = proposal.facts
    crs = "no coordinates" if facts.crs is None else facts.crs.name
    rows = "" if facts.rows is None else f", {facts.rows:,} rows"
    text = "" if facts.encoding is None else f", text in {facts.encoding}"
    typer.echo(f"{facts.path}: {facts.format}{rows}, {crs}{text}")
    _show_layers(planned)
    for note in facts.notes:
        typer.echo(f"  - {note}")
    if not any(one.field for one in proposal.columns) and proposal.layer_score < 1:
        typer.echo(f"No column tells which layer this is ({proposal.layer} is a guess: ", nl=False)
        typer.echo(f"{proposal.layer_reason}). Say it with --layer.")
    else:
        typer.echo(f"Layer: {proposal.layer} ({proposal.layer_reason})")
    _print_columns(proposal)
    if proposal.missing:
        typer.echo(f"No column for: {', '.join(proposal.missing)}. The mapping must say it.")
    if proposal.personal:
        persons = ", ".join(proposal.personal)
        typer.echo(f"Refused, because they hold persons' data: {persons}.")
    if planned.refused:
        typer.echo("Values that would be refused, in the rows looked at:")
        for line in planned.refused:
            typer.echo(f"  - {line}")
    if save is not None:
        write_mapping(planned.mapping(), save)
        typer.echo(f"Saved as {save}: read it, correct it, and import with --mapping {save}.")


def _show_layers(planned: Planned) -> None:
    """Say which layers a file has, or its rows are of, and how to take another or all of them."""
    facts, mixed = planned.proposal.facts, planned.mixed
    if mixed is not None:
        counts = [f"{value} {rows:,}" for value, rows in mixed.rows.items()]
        more = len(counts) - _COLUMNS
        shown = ", ".join(counts[:_COLUMNS]) + (f" and {more} more" if more > 0 else "")
        where = f"told by the column {mixed.column!r}: {shown}"
        typer.echo(f"{facts.path}: its rows are of several layers, {where}.")
        own = mixed.value_of(planned.proposal.layer)
        told = "would take all of them" if own is None else f"is for the rows of {own}"
        typer.echo(
            f"The mapping below {told}. For several, write one with layer_column = "
            f'"{mixed.column}" and a section [[layers]] with its source_layer for each; bring the '
            f"file in with: wangge import file {facts.path} --mapping MAPPING"
        )
    elif len(planned.inside) > 1:
        names = ", ".join(one.name for one in planned.inside)
        typer.echo(f"It has the layers {names}; this is {facts.layer}. Say another with --table.")


def _print_columns(proposal: "Proposal") -> None:
    table = _table("column", "becomes", "sure", "because")
    brief = len(proposal.columns) > _COLUMNS
    for row, one in zip(proposal.rows(), proposal.columns, strict=True):
        if not brief or one.field is not None or one.personal:
            table.add_row(*row)
    _print(table)
    if brief:
        typer.echo(f"Not used: {', '.join(proposal.left)}")


def show_import(order: "ImportOrder", report: Mapping[str, Any]) -> None:
    """Show what an import brought, what was said of the file, and what the audit found."""
    from gis.jobs.import_orders import rejects_table

    if "delivery" in report:
        _show_applied(report)
    else:
        typer.echo(f"Imported {order.source or order.path.stem} (number {report.get('number')}):")
        for name, rows in report.get("rows_by_layer", {}).items():
            outside = report.get("outside", {}).get(name, 0)
            remark = f", {outside:,} in no community" if outside else ""
            typer.echo(f"  {name:<18}{rows:>9,}{remark}")
    if "queued" in report:
        _show_placed(report)
    if report.get("rows_left_out"):
        table = order.rejects or rejects_table(order.path)
        typer.echo(f"  {report['rows_left_out']:,} rows were left out: {table} says which and why.")
    if order.what == "file":
        _show_made(report)
    for note in _notes(report):
        typer.echo(f"  - {note}")
    for plan in report.get("unfit_plans", ()):
        reasons = ", ".join(f"{n:,} {why.replace('_', ' ')}" for why, n in plan["reasons"].items())
        typer.echo(f"Plan {plan['name'] or plan['plan_id']} no longer fits: {reasons}.")
    _show_audit(report.get("audit"))


def _show_made(report: Mapping[str, Any]) -> None:
    """Show what was derived, estimated and left out in the making of several layers."""
    for name, value in report.items():
        if name not in _SHOWN_ELSEWHERE and isinstance(value, str | int | float):
            typer.echo(f"  {name.replace('_', ' ')}: {value}")
    for layer, counts in report.get("left_out", {}).items():
        if isinstance(counts, Mapping) and counts.get("left_out"):
            of = f"{counts['left_out']:,} of {counts['features']:,}"
            typer.echo(f"  left out of {layer}: {of}")


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
        where = ", ".join(f"{name} ({rows:,})" for name, rows in preview.removed_in.items())
        within = f"; gone are rows of {where}" if where else ""
        typer.echo(f"Missing rows count as gone within: {preview.reach}{within}")
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


def show_changes(changes: "Sequence[RowChange]") -> None:
    """Show what imports changed in a row."""
    table = _table("no.", "when (UTC)", "who", "import", "column", "before", "after")
    for one in changes:
        when, by = f"{one.at:%Y-%m-%d %H:%M}", one.principal or ""
        head = [str(one.import_no), when, by, f"{one.name or ''} ({one.change})"]
        for name, (before, after) in (one.columns or {"": (None, None)}).items():
            table.add_row(*head, name, *("" if v is None else str(v) for v in (before, after)))
            head = [""] * len(head)
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


def _show_placed(report: Mapping[str, Any]) -> None:
    placed = ", ".join(f"{n:,} by {kind}" for kind, n in report["placed"].items()) or "none"
    waiting = sum(report["queued"].values())
    typer.echo(f"  placed: {placed}; {report['known_already']:,} were known already")
    if waiting:
        typer.echo(f"  {waiting:,} wait for somebody to say where they are: wangge geocode list")


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
    notes = [str(note) for kind in ("notes", "mends") for note in report.get(kind, ())]
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
