"""``wangge import``: files into the store, whole or not at all, and the way back."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.asking import YesOption, agreed, require_one_of
from cli.export import read_box
from cli.store import opened
from cli.watching import watching
from gis.errors import InvalidInputError
from gis.folders import require_folder
from gis.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from gis.frames import Dataset
    from gis.jobs.import_orders import ImportOrder
    from gis.jobs.steps import Steps

app = typer.Typer(name="import", help="Bring files in: each whole or not at all.")

FileArgument = Annotated[Path, typer.Argument(help="The file; docs/formats.md lists what is read.")]
CrsOption = Annotated[
    str | None, typer.Option(help="Coordinates if the file names none: EPSG:4490, gcj02, bd09.")
]
TableOption = Annotated[
    str | None, typer.Option(help="Layer, sheet or file inside the file, where it has several.")
]
MappingOption = Annotated[
    Path | None, typer.Option(help="How columns become fields: a mapping file (TOML).")
]
EncodingOption = Annotated[str | None, typer.Option(help="Of text, if it is told wrongly: gbk.")]
HeaderOption = Annotated[
    int | None, typer.Option(min=1, max=10, help="Rows of the header, if they are told wrongly.")
]
RejectsOption = Annotated[
    Path | None,
    typer.Option(help="Where rows that cannot be taken go; a .gpkg beside it can be repaired."),
]
SkipOption = Annotated[
    bool, typer.Option("--skip-rejects", help="Leave out rows that cannot be taken; take the rest.")
]
RepairedOption = Annotated[
    Path | None, typer.Option(help="A rejects package whose rows were repaired; they take part.")
]
DropOption = Annotated[
    bool, typer.Option("--drop-absent", help="Rows removed from the package are left out.")
]
ShiftOption = Annotated[
    str | None, typer.Option(help="Why the coordinates are right although they seem shifted.")
]
SourceOption = Annotated[
    str, typer.Option(help="Name of the data set, for its ids and its mapping; else the file's.")
]


@app.command("layer")
def import_layer(
    layer: Annotated[str, typer.Argument(help="Layer, for example buildings or stations.")],
    file: FileArgument,
    *,
    crs: CrsOption = None,
    table: TableOption = None,
    column: Annotated[
        list[str] | None, typer.Option(help="A column under another name: THEIRS=ours.")
    ] = None,
    mapping: MappingOption = None,
    encoding: EncodingOption = None,
    header_rows: HeaderOption = None,
    source: SourceOption = "",
    update: Annotated[
        bool,
        typer.Option("--update", help="Another delivery: compare it, apply what is different."),
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show what an update would do.")
    ] = False,
    match: Annotated[
        str, typer.Option(help="How rows find their like: auto, id, source_id or geometry.")
    ] = "auto",
    reach: Annotated[
        str,
        typer.Option(help="Where rows that are missing count as gone: communities, all or none."),
    ] = "auto",
    skip_rejects: SkipOption = False,
    repaired: RepairedOption = None,
    drop_absent: DropOption = False,
    rejects: RejectsOption = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Leave the checks of values to the database.")
    ] = False,
    accept_shift: ShiftOption = None,
    no_audit: Annotated[
        bool, typer.Option("--no-audit", help="Do not audit the ground afterwards.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Bring one layer in; if rows cannot be taken they are listed, and nothing is stored."""
    from cli.import_views import agree_on_columns, show_preview
    from gis.jobs.import_orders import ImportOrder
    from gis.jobs.imports import Import
    from gis.jobs.steps import Steps

    if rejects is not None:
        require_folder(rejects)
    require_one_of("--match", match, ("auto", "id", "source_id", "geometry"))
    require_one_of("--reach", reach, ("auto", "communities", "all", "none"))
    order = ImportOrder(
        path=file,
        layer=layer,
        table=table,
        crs=crs,
        encoding=encoding,
        header_rows=header_rows,
        columns=_mapping(column or []),
        mapping=mapping,
        source=source,
        update=update or preview,
        match=match,
        reach=reach,
        skip_rejects=skip_rejects,
        repaired=repaired,
        drop_absent=drop_absent,
        rejects=rejects,
        checks=not unchecked,
        accept_shift=accept_shift,
        audit=not no_audit,
        timezone=get_settings().timezone,
    )
    with opened() as (factory, scope):
        order = agree_on_columns(factory, scope, order, yes=yes)
        if order.update:
            with watching() as watcher:
                seen = Import(factory, scope, order, Steps(watcher)).preview()
            show_preview(seen)
            if preview or seen.nothing_to_do:
                return
            if not agreed("Apply this?", yes=yes):
                return
        _run(factory, scope, order)


@app.command("file")
def import_file(
    file: FileArgument,
    *,
    mapping: Annotated[Path, typer.Option(help="How the file becomes layers (TOML).")],
    accept_shift: ShiftOption = None,
    rejects: RejectsOption = None,
    no_audit: Annotated[
        bool, typer.Option("--no-audit", help="Do not audit the ground afterwards.")
    ] = False,
) -> None:
    """Bring every layer in that a mapping file makes of a file, and what it derives from them."""
    from gis.jobs.import_orders import ImportOrder

    order = ImportOrder(
        path=file,
        what="file",
        mapping=mapping,
        accept_shift=accept_shift,
        rejects=rejects,
        audit=not no_audit,
        timezone=get_settings().timezone,
    )
    with opened() as (factory, scope):
        _run(factory, scope, order)


@app.command("plan")
def plan_import(
    file: FileArgument,
    *,
    layer: Annotated[str | None, typer.Option(help="Layer that it is; else it is guessed.")] = None,
    table: TableOption = None,
    crs: CrsOption = None,
    encoding: EncodingOption = None,
    header_rows: HeaderOption = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the proposal as a mapping file to this path.")
    ] = None,
) -> None:
    """Show how a file would become a layer: columns, values, what is left over. Nothing is written.

    The proposal is a beginning: save it, read it, correct it, and import with --mapping.
    """
    from cli.import_views import plan, show_plan
    from gis.geometry.source_crs import SourceCrs
    from gis.ingest.rows import SourceOptions

    if save is not None:
        require_folder(save)
    options = SourceOptions(
        layer=table,
        preferred_layer=layer or "",
        crs=None if crs is None else SourceCrs.parse(crs, str(file)),
        encoding=encoding,
        header_rows=header_rows,
    )
    show_plan(plan(file, layer=layer, options=options), save)


@app.command("hotline")
def import_hotline(
    file: FileArgument,
    *,
    table: TableOption = None,
    encoding: EncodingOption = None,
    header_rows: HeaderOption = None,
    source: SourceOption = "",
    skip_rejects: SkipOption = False,
    rejects: RejectsOption = None,
) -> None:
    """Bring the matters of a 12345 export in: placed where that is certain, else queued."""
    from gis.jobs.import_orders import ImportOrder

    order = ImportOrder(
        path=file,
        what="hotline",
        table=table,
        encoding=encoding,
        header_rows=header_rows,
        source=source,
        skip_rejects=skip_rejects,
        rejects=rejects,
        audit=False,
        timezone=get_settings().timezone,
    )
    with opened() as (factory, scope):
        _run(factory, scope, order)


@app.command("list")
def list_imports(
    *,
    layer: Annotated[str | None, typer.Option(help="Only imports of this layer.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Imports to show.")] = 20,
) -> None:
    """Show what was imported, newest first: when, by whom, and what was undone."""
    from cli.import_views import show_imports
    from gis.database.engine import transaction
    from gis.layers import imports

    with opened() as (factory, scope), transaction(factory) as session:
        rows = imports.newest(session, scope, limit=limit, layer=layer)
    if rows:
        show_imports(rows)
    else:
        typer.echo("Nothing was imported yet.")


@app.command("history")
def show_history(
    layer: Annotated[str, typer.Argument(help="Layer, for example buildings.")],
    row_id: Annotated[str, typer.Argument(help="Id of the row, as exports and the audit have it.")],
) -> None:
    """Show what imports changed in a row, newest first: when, by whom, before and after."""
    from cli.import_views import show_changes
    from gis.database.engine import transaction
    from gis.services.histories import row_history

    with opened() as (factory, scope), transaction(factory) as session:
        changes = row_history(session, scope, layer, row_id)
    if changes:
        show_changes(changes)
    else:
        typer.echo("No import has changed this row since it came in.")


@app.command("undo")
def undo_import(
    layer: Annotated[str, typer.Argument(help="Layer whose last import is taken back.")],
    *,
    overwrite_edits: Annotated[
        bool,
        typer.Option("--overwrite-edits", help="Also if rows were changed by hand since."),
    ] = False,
    yes: YesOption = False,
) -> None:
    """Take the last import of a layer back: what it added goes, what it changed is as before."""
    from cli.import_views import show_undone
    from gis.database.engine import transaction
    from gis.jobs.coverage_run import queue_after
    from gis.services.undoing import undo_last_import

    with opened() as (factory, scope):
        if not agreed(f"Take the last import of {layer} back?", yes=yes):
            return
        with transaction(factory) as session:
            report = undo_last_import(session, scope, layer, overwrite_edits=overwrite_edits)
        queue_after(factory, scope, report.deleted, get_settings().timezone)
    show_undone(report)


@app.command("osm")
def import_osm(
    file: Annotated[Path, typer.Argument(help="An OpenStreetMap extract: PBF or XML.")],
    *,
    boundary: Annotated[
        Path | None, typer.Option(help="File with the polygon of the ground to take.")
    ] = None,
    bbox: Annotated[
        str | None, typer.Option(help="Or a box: west,south,east,north in degrees.")
    ] = None,
    community_size: Annotated[
        int, typer.Option(help="Households of a community, about, where none are published.")
    ] = 3000,
    households: Annotated[
        int | None, typer.Option(help="Known number of households, to which estimates are scaled.")
    ] = None,
) -> None:
    """Bring a working set in from OpenStreetMap: buildings, roads, barriers, stations and more."""
    from gis.jobs.importing import read_extract

    asked = {
        "path": str(file),
        "boundary": None if boundary is None else str(boundary),
        "bbox": None if bbox is None else read_box(bbox),
        "community_size": community_size,
        "known_households": households,
    }
    _take_in(
        "import_osm",
        asked,
        file.name,
        lambda steps: read_extract(
            file,
            steps,
            boundary=boundary,
            bbox=None if bbox is None else read_box(bbox),
            community_size=community_size,
            known_households=households,
        ),
    )


@app.command("sample")
def import_sample(
    *,
    households: Annotated[int, typer.Option(help="Households of the whole subdistrict.")] = 13_600,
    seed: Annotated[int, typer.Option(help="Seed of everything that is random.")] = 340_102,
) -> None:
    """Bring the synthetic sample subdistrict in."""
    from gis.samples import generate_subdistrict
    from gis.services.locating import local_day

    asked = {"households": households, "seed": seed}
    today = local_day(datetime.now(UTC), get_settings().timezone)  # activities lie around it
    _take_in("import_sample", asked, "sample", lambda _: generate_subdistrict(**asked, today=today))


def _run(factory: Any, scope: Any, order: "ImportOrder") -> None:  # noqa: ANN401 - sessions and a Scope
    """Do an import here and now, on the record, and show what came of it."""
    from cli.import_views import show_import
    from gis.ingest.rejects import RejectedRowsError
    from gis.jobs.import_orders import rejects_table
    from gis.jobs.imports import run_import
    from gis.jobs.records import in_the_foreground

    if order.rejects is not None:
        require_folder(order.rejects)
    try:
        with watching() as watcher:
            report = in_the_foreground(
                factory,
                scope,
                "import",
                order.as_arguments(),
                lambda told: run_import(factory, scope, order.as_arguments(), told),
                watcher,
            )
    except RejectedRowsError:
        table = order.rejects or rejects_table(order.path)
        typer.echo(f"The rows that cannot be taken are listed in {table}.", err=True)
        package = table.with_suffix(".gpkg")
        if package.is_file():
            typer.echo(f"Repair them in {package} and add --repaired {package}.", err=True)
        raise
    show_import(order, report)


def _take_in(
    kind: str, asked: dict[str, Any], name: str, make: "Callable[[Steps], Dataset]"
) -> None:
    """Make a data set and store it, on the record, and show what came of it."""
    from cli.import_views import show_import
    from gis.jobs.import_orders import ImportOrder
    from gis.jobs.importing import take_in_dataset
    from gis.jobs.records import in_the_foreground

    zone = get_settings().timezone
    with opened() as (factory, scope), watching() as watcher:
        report = in_the_foreground(
            factory,
            scope,
            kind,
            asked,
            lambda told: take_in_dataset(factory, scope, told, make, timezone=zone),
            watcher,
        )
    show_import(ImportOrder(Path(name), what="file"), report)


def _mapping(columns: list[str]) -> dict[str, str]:
    pairs = [column.partition("=") for column in columns]
    bad = [column for column, (_, sign, _) in zip(columns, pairs, strict=True) if not sign]
    if bad:
        raise InvalidInputError(
            f"--column {bad[0]!r} is no pair.",
            remedy="Write THEIRS=ours, for example 户数=households.",
        )
    return {theirs: ours for theirs, _, ours in pairs}
