"""``wangge plan``, ``assign``, ``map`` and ``hours``: what a planner and a dispatcher run."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli import plan
from cli.store import opened
from gis.folders import require_folder
from gis.settings import get_settings

app = typer.Typer()


@app.command("assign")
def assign(
    *,
    again: Annotated[bool, typer.Option(help="Also those that have an answer already.")] = False,
) -> None:
    """Give incidents and demands their grid and their nearest open and able station."""
    from gis.database.engine import transaction
    from gis.services.locating import MATTER_LAYERS, assign_layer

    timezone = get_settings().timezone
    with opened() as (factory, scope), transaction(factory) as session:
        for layer in MATTER_LAYERS:
            count = assign_layer(
                session, scope, layer, timezone=timezone, only_unassigned=not again
            )
            typer.echo(f"{layer}: {count:,} answered")


@app.command("map")
def coverage_map(
    out: Annotated[Path, typer.Argument(help="The HTML file to write.")],
    *,
    title: Annotated[str, typer.Option(help="Heading of the map.")] = "Wangge",
    language: Annotated[
        Literal["zh-CN", "en"] | None, typer.Option(help="WANGGE_LANGUAGE if unset.")
    ] = None,
) -> None:
    """Write the coverage map as one file that opens without a network."""
    from gis.database.engine import transaction
    from gis.jobs.coverage_map import CoverageMapOrder, write_coverage_map
    from gis.services.covering import CoverageOrder, read_coverage

    require_folder(out)
    settings = get_settings()
    with opened() as (factory, scope), transaction(factory) as session:
        view = read_coverage(session, scope, CoverageOrder(settings.timezone))
    order = CoverageMapOrder(
        title,
        language or settings.language,
        settings.suppress_below,
        tile_url=settings.tile_url,
        tile_attribution=settings.tile_attribution,
    )
    write_coverage_map(view, order, out)
    typer.echo(f"Wrote {out}")


@app.command("hours")
def hours() -> None:
    """Lay the stations' opening hours out over the horizon; run it daily."""
    from gis.database.engine import transaction
    from gis.services.opening import ensure_hours

    with opened() as (factory, scope), transaction(factory) as session:
        count = ensure_hours(session, scope, timezone=get_settings().timezone)
    typer.echo(f"{count:,} open intervals up to {datetime.now(UTC):%Y-%m-%d} and beyond")


app.add_typer(plan.app)
#: As it was called before there were other things to do with a plan.
app.command("draw", hidden=True)(plan.draw)
