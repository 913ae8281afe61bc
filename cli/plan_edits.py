"""``wangge plan split``, ``merge``, ``number``, ``export``, ``report``, ``effect``, ``delete``."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.asking import YesOption, agreed
from cli.store import opened
from gis.folders import require_folder
from gis.settings import get_settings

if TYPE_CHECKING:
    from gis.scope import Scope

app = typer.Typer()

PlanArgument = Annotated[
    str, typer.Argument(help="Name of the plan, or its id, or the first characters of that.")
]


@app.command("split")
def split(
    plan: PlanArgument,
    code: Annotated[str, typer.Argument(help="Code of the grid.")],
    *,
    into: Annotated[int, typer.Option(min=2, help="Number of grids.")] = 2,
    by: Annotated[
        Literal["quarters", "cells"],
        typer.Option(help="Keep quarters whole, or split between single buildings."),
    ] = "quarters",
) -> None:
    """Split a grid of a draft into contiguous ones, as equal as can be."""
    from cli.plan_views import show_written
    from gis.database.engine import transaction
    from gis.services.plan_editing import split_grid
    from gis.services.plan_measuring import find_plan

    with opened() as (factory, scope), transaction(factory) as session:
        key = find_plan(session, scope, plan)
        show_written(split_grid(session, scope, key, code, into=into, by=by))


@app.command("merge")
def merge(
    plan: PlanArgument,
    codes: Annotated[list[str], typer.Argument(help="Codes of grids; the first one goes on.")],
) -> None:
    """Merge neighbouring grids of a draft; the first keeps its number."""
    from cli.plan_views import show_written
    from gis.database.engine import transaction
    from gis.services.plan_editing import merge_grids
    from gis.services.plan_measuring import find_plan

    with opened() as (factory, scope), transaction(factory) as session:
        show_written(merge_grids(session, scope, find_plan(session, scope, plan), tuple(codes)))


@app.command("number")
def number(
    plan: PlanArgument,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also grids that go on from the plan before.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Give grids new numbers: from north to south in bands, in a band from west to east."""
    from cli.plan_views import show_numbers
    from gis.database.engine import transaction
    from gis.layers import plans
    from gis.services.plan_editing import new_numbers, renumber
    from gis.services.plan_measuring import find_plan

    with opened() as (factory, scope):
        with transaction(factory) as session:
            key = find_plan(session, scope, plan)
            version = plans.one(session, scope, key).version
            found = new_numbers(session, scope, key, everything=everything)
        show_numbers(found)
        if not found or dry_run:
            return
        if not agreed(f"Number {len(found)} grids anew?", yes=yes):
            return
        with transaction(factory) as session:
            renumber(session, scope, key, everything=everything, version=version)


@app.command("export")
def export(
    plan: PlanArgument,
    file: Annotated[
        Path,
        typer.Argument(
            help="The file to write: .gpkg .geojson .zip (Shapefiles) .csv .xlsx .parquet .fgb"
        ),
    ],
    *,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="A layer, once for each; grids, measures and memberships if unset."),
    ] = None,
    crs: Annotated[str, typer.Option(help="EPSG code, gcj02 or bd09.")] = "EPSG:4326",
    encoding: Annotated[
        Literal["utf-8", "gbk", "gb18030"], typer.Option(help="Of Shapefile and CSV.")
    ] = "utf-8",
    suppress: Annotated[
        int | None, typer.Option(min=1, help="Withhold counts of people from 1 to this less one.")
    ] = None,
    headers: Annotated[
        Literal["zh-CN", "en"], typer.Option(help="Headers of tables; en: the field names.")
    ] = "en",
    simplify: Annotated[
        float | None,
        typer.Option(min=0, help="Metres by which lines may move, for the web; grids still tile."),
    ] = None,
) -> None:
    """Write a plan to a file: its grids, their measures, and which building is in which."""
    from cli.export import say_exported
    from gis.database.engine import transaction
    from gis.services.exporting import ExportOrder, export_layers
    from gis.services.plan_exporting import layers_of_plan
    from gis.services.plan_measuring import find_plan

    require_folder(file)
    settings = get_settings()
    with opened() as (factory, scope), transaction(factory) as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        key = find_plan(session, scope, plan)
        order = ExportOrder(
            layers=tuple(layer or layers_of_plan(file)),
            path=file,
            plan=key,
            crs=crs,
            encoding=encoding,
            headers=None if headers == "en" else headers,
            language=settings.language,
            timezone=settings.timezone,
            suppress=suppress,
            simplify_m=simplify,
        )
        report = export_layers(session, scope, order)
    say_exported(report)


@app.command("report")
def report(
    plan: PlanArgument,
    file: Annotated[Path, typer.Argument(help="The HTML file to write.")],
    *,
    against: Annotated[
        str | None,
        typer.Option(
            help="Plan to compare with; if unset the one it was drawn from, or the one in effect."
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="Heading; the name of the division if unset.")
    ] = None,
    language: Annotated[
        Literal["zh-CN", "en"] | None, typer.Option(help="WANGGE_LANGUAGE if unset.")
    ] = None,
) -> None:
    """Write a plan's report as one page: bars, map, measures, what limits it, what it changes."""
    from gis.database.engine import transaction
    from gis.jobs.plan_report import PlanReportOrder, save_plan_report
    from gis.services.plan_measuring import find_plan

    require_folder(file)
    settings = get_settings()
    with opened() as (factory, scope), transaction(factory) as session:
        order = PlanReportOrder(
            find_plan(session, scope, plan),
            None if against is None else find_plan(session, scope, against),
            title,
            language or settings.language,
            settings.timezone,
            settings.tile_url,
            settings.tile_attribution,
        )
        save_plan_report(session, scope, order, file)
    typer.echo(f"Wrote {file}")


@app.command("effect")
def effect(
    plan: PlanArgument,
    *,
    since: Annotated[
        datetime,
        typer.Option("--from", help="First day of effect (YYYY-MM-DD).", formats=["%Y-%m-%d"]),
    ],
    yes: YesOption = False,
) -> None:
    """Put a plan in effect; it takes the place of plans of its kind, which are shown first."""
    from gis.database.engine import transaction
    from gis.services.plan_measuring import find_plan

    with opened() as (factory, scope):
        with transaction(factory) as session:
            key = find_plan(session, scope, plan)
        take_effect(factory, scope, key, since.date(), f"Put {plan} in effect?", yes=yes)


@app.command("delete")
def delete(plan: PlanArgument, *, yes: YesOption = False) -> None:
    """Delete a draft; a plan that was ever in effect stays."""
    from gis.database.engine import transaction
    from gis.services.plan_lifecycle import delete_draft
    from gis.services.plan_measuring import find_plan

    with opened() as (factory, scope):
        with transaction(factory) as session:
            key = find_plan(session, scope, plan)
        if not agreed(f"Delete the draft {plan}?", yes=yes):
            return
        with transaction(factory) as session:
            delete_draft(session, scope, key)
    typer.echo("Deleted.")


def take_effect(
    factory: Any,  # noqa: ANN401 - sessions
    scope: "Scope",
    plan_id: str,
    since: date,
    question: str,
    *,
    yes: bool,
    only_if_replaced: bool = False,
) -> None:
    """Show what a plan would replace, ask unless ``yes`` is said, and put it in effect.

    ``only_if_replaced``: nothing is asked where no other plan is replaced.
    """
    from cli.plan_views import say_in_effect, show_replaced
    from gis.database.engine import transaction
    from gis.services.locating import local_day
    from gis.services.plan_lifecycle import effect_of, put_in_effect

    with transaction(factory) as session:
        seen = effect_of(session, scope, plan_id, since)
    show_replaced(seen, local_day(datetime.now(UTC), get_settings().timezone))
    if not agreed(question, yes=yes or (only_if_replaced and not seen.replaced)):
        return
    with transaction(factory) as session:
        say_in_effect(put_in_effect(session, scope, plan_id, since, seen=seen))
