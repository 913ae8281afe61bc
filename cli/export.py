"""``wangge export``: layers, plans and results into a file that others can open."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.store import opened
from cli.watching import watching
from gis.errors import InvalidInputError
from gis.folders import require_folder
from gis.settings import get_settings

if TYPE_CHECKING:
    from gis.services.exporting import ExportReport

app = typer.Typer()


@app.command("export")
def export(
    file: Annotated[
        Path,
        typer.Argument(
            help="The file to write: .gpkg .geojson .zip (Shapefiles) .csv .xlsx .parquet .fgb"
        ),
    ],
    *,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="A layer or result, once for each; all that were imported if unset."),
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(help="Id or name of the plan of the grids; those in effect if unset."),
    ] = None,
    file_format: Annotated[
        Literal["gpkg", "geojson", "shp", "csv", "xlsx", "parquet", "fgb"] | None,
        typer.Option("--format", help="Format of the files in a .zip."),
    ] = None,
    crs: Annotated[
        str, typer.Option(help="EPSG code, gcj02 (Chinese web maps) or bd09.")
    ] = "EPSG:4326",
    encoding: Annotated[
        Literal["utf-8", "gbk", "gb18030"], typer.Option(help="Of Shapefile and CSV.")
    ] = "utf-8",
    suppress: Annotated[
        int | None,
        typer.Option(min=1, help="Withhold counts of people from 1 to this less one."),
    ] = None,
    headers: Annotated[
        Literal["zh-CN", "en"], typer.Option(help="Headers of tables; en: the field names.")
    ] = "en",
    language: Annotated[
        Literal["zh-CN", "en"] | None,
        typer.Option(help="Language of what is said about the export; WANGGE_LANGUAGE if unset."),
    ] = None,
    community: Annotated[
        str | None, typer.Option(help="Only this community, by its 12-digit code.")
    ] = None,
    bbox: Annotated[
        str | None, typer.Option(help="Only this box: west,south,east,north in degrees.")
    ] = None,
) -> None:
    """Write layers, grids and results to a file; it is whole, or not there."""
    from gis.database.engine import transaction
    from gis.jobs.steps import Steps
    from gis.layers.registry import IMPORTED_LAYERS
    from gis.services.exporting import ExportOrder, export_layers

    require_folder(file)
    settings = get_settings()
    order = ExportOrder(
        layers=tuple(layer or [one.name for one in IMPORTED_LAYERS]),
        path=file,
        plan=plan,
        format=file_format,
        crs=crs,
        encoding=encoding,
        headers=None if headers == "en" else headers,
        language=language or settings.language,
        timezone=settings.timezone,
        suppress=suppress,
        community=community,
        bbox=None if bbox is None else read_box(bbox),
    )
    with opened() as (factory, scope), watching() as watcher, transaction(factory) as session:
        # One picture of all layers, whoever writes meanwhile.
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        steps = Steps(watcher)
        done = 0

        def told(_layer: str, rows: int) -> None:
            nonlocal done
            done += rows
            tell(done, done)

        tell = steps.progress("export")
        with steps.step("export"):
            report = export_layers(session, scope, order, told)
    say_exported(report)


def read_box(text: str) -> tuple[float, float, float, float]:
    """Return the box of an option.

    Raises
    ------
    gis.errors.InvalidInputError
        It is not four numbers in order.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidInputError(
            f"--bbox {text!r} is not four numbers.", remedy="Write it as west,south,east,north."
        ) from error
    if not (west < east and south < north):  # NaN fails as well
        raise InvalidInputError(
            f"--bbox {text!r} is no box.", remedy="Order it west,south,east,north, in degrees."
        )
    return west, south, east, north


def say_exported(report: "ExportReport") -> None:
    """Say what was written, what was withheld and what the format could not hold."""
    for layer, rows in report.rows.items():
        typer.echo(f"{layer}: {rows:,} rows")
    for layer, fields in report.withheld.items():
        listed = ", ".join(f"{name} {count:,}" for name, count in fields.items() if count)
        typer.echo(f"{layer}: counts withheld: {listed}")
    for loss in report.losses:
        typer.echo(
            f"{loss['layer']}.{loss['field']}: {loss['values']:,} values {loss['loss']}", err=True
        )
    typer.echo(f"Wrote {report.path} ({report.format}, {report.crs}, {report.size_bytes:,} bytes)")
