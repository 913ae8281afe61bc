"""``wangge import``: files into the store, whole or not at all."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.store import opened
from cli.watching import watching
from gis.errors import InvalidInputError
from gis.settings import get_settings

if TYPE_CHECKING:
    from gis.frames import Dataset
    from gis.services.importing import ImportReport

app = typer.Typer(name="import", help="Bring files in: each whole or not at all.")


@app.command("layer")
def import_layer(
    layer: Annotated[str, typer.Argument(help="Layer, for example buildings or stations.")],
    file: Annotated[Path, typer.Argument(help="A .gpkg, .geojson or .csv file.")],
    *,
    crs: Annotated[str | None, typer.Option(help="CRS if the file names none: EPSG:4490.")] = None,
    table: Annotated[str | None, typer.Option(help="Layer inside a GeoPackage.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="A column under another name: THEIRS=ours.")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where rows that cannot be taken are listed.")
    ] = None,
) -> None:
    """Bring one layer in; rows that cannot be taken are listed, and then nothing is stored."""
    from gis.ingest.files import read_layer
    from gis.ingest.rejects import RejectedRowsError, write_rejects
    from gis.jobs.importing import layer_dataset
    from gis.layers.registry import LAYER_BY_NAME

    if layer not in LAYER_BY_NAME:
        raise InvalidInputError(
            f"There is no layer {layer!r}.", remedy=f"Use one of {', '.join(LAYER_BY_NAME)}."
        )
    contract = LAYER_BY_NAME[layer].contract
    mapping = _mapping(column or [])
    try:
        result = read_layer(
            file, contract, layer=table, crs=crs, mapping=mapping, within=_ground(layer)
        )
    except RejectedRowsError as error:
        report = rejects or file.with_name(f"{file.name}.rejects.csv")
        write_rejects(error.rejects, report)
        typer.echo(f"The rows that cannot be taken are listed in {report}.", err=True)
        raise
    _store(layer_dataset(file, layer, result))


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

    box = _box(bbox) if bbox is not None else None
    with watching() as watcher:
        dataset = read_extract(
            file,
            boundary=boundary,
            bbox=box,
            community_size=community_size,
            known_households=households,
            watcher=watcher,
        )
    _store(dataset)
    _print_facts(dataset.report)


@app.command("sample")
def import_sample(
    *,
    households: Annotated[int, typer.Option(help="Households of the whole subdistrict.")] = 13_600,
    seed: Annotated[int, typer.Option(help="Seed of everything that is random.")] = 340_102,
) -> None:
    """Bring the synthetic sample subdistrict in."""
    from gis.samples import generate_subdistrict

    _store(generate_subdistrict(households=households, seed=seed))


def _ground(layer: str) -> Any:  # noqa: ANN401 - a polygon or None
    """Return the ground that the store knows: rows with lon and lat exchanged lie off it."""
    from gis.database.engine import transaction
    from gis.services.importing import ground_outline

    if layer in {"divisions", "communities"}:
        return None
    with opened() as (factory, scope), transaction(factory) as session:
        return ground_outline(session, scope)


def _store(dataset: "Dataset") -> None:
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    from gis.database.engine import transaction
    from gis.services.importing import import_dataset
    from gis.services.opening import ensure_hours

    console = Console(stderr=True)
    with (
        opened() as (factory, scope),
        Progress(
            *Progress.get_default_columns(),
            TextColumn("{task.completed} of {task.total} rows"),
            console=console,
            disable=not console.is_terminal,
        ) as progress,
        transaction(factory) as session,
    ):
        bars = {
            name: progress.add_task(name, total=len(frame))
            for name, frame in dataset.layers.items()
        }
        report = import_dataset(
            session, scope, dataset, progress=lambda name, rows: progress.advance(bars[name], rows)
        )
        if "station_services" in report.rows:
            ensure_hours(session, scope, timezone=get_settings().timezone)
    _print_rows(dataset, report)


def _print_rows(dataset: "Dataset", report: "ImportReport") -> None:
    typer.echo(f"Imported {dataset.name}:")
    for name, rows in report.rows.items():
        outside = report.outside.get(name, 0)
        remark = f", {outside:,} in no community" if outside else ""
        typer.echo(f"  {name:<18}{rows:>9,}{remark}")


def _print_facts(report: Any) -> None:  # noqa: ANN401 - a mapping of plain values
    for name, value in report.items():
        if not isinstance(value, dict | list):
            typer.echo(f"  {name.replace('_', ' ')}: {value}")


def _mapping(columns: list[str]) -> dict[str, str]:
    pairs = [column.partition("=") for column in columns]
    bad = [column for column, (_, sign, _) in zip(columns, pairs, strict=True) if not sign]
    if bad:
        raise InvalidInputError(
            f"--column {bad[0]!r} is no pair.",
            remedy="Write THEIRS=ours, for example 户数=households.",
        )
    return {theirs: ours for theirs, _, ours in pairs}


def _box(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidInputError(
            f"--bbox {text!r} is no box.", remedy="Write west,south,east,north in degrees."
        ) from None
    return west, south, east, north
