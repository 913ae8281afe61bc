"""``wangge draw``, ``assign``, ``map`` and ``hours``: what a planner and a dispatcher run."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.store import opened
from cli.watching import watching
from gis.settings import get_settings

app = typer.Typer()


@app.command("draw")
def draw(
    *,
    kind: Annotated[
        Literal["community", "party"], typer.Option(help="What the grids are for.")
    ] = "community",
    name: Annotated[str | None, typer.Option(help="Name of the plan.")] = None,
    target: Annotated[int, typer.Option(help="Households per grid to aim at.")] = 400,
    minimum: Annotated[int, typer.Option(help="Fewest households of a grid.")] = 300,
    maximum: Annotated[int, typer.Option(help="Most households of a grid.")] = 500,
    preset: Annotated[str, typer.Option(help="fast, balanced, compact or tight.")] = "balanced",
    seed: Annotated[int, typer.Option(help="Seed of everything that is random.")] = 0,
    effective: Annotated[
        datetime | None,
        typer.Option(
            help="First day of effect (YYYY-MM-DD); a draft if unset.", formats=["%Y-%m-%d"]
        ),
    ] = None,
) -> None:
    """Draw a plan of grids over every community, prove it and store it."""
    from gis.database.engine import transaction
    from gis.districting import DrawOptions
    from gis.jobs.steps import Steps
    from gis.services.covering import scope_code
    from gis.services.redistricting import PlanOrder, draw_plan

    options = DrawOptions(
        target=target,
        minimum=minimum,
        maximum=maximum,
        preset=preset,
        seed=seed,
    )
    with opened() as (factory, scope), watching() as watcher, transaction(factory) as session:
        steps = Steps(watcher)
        tell = steps.progress("draw")
        with steps.step("draw"):
            order = PlanOrder(
                scope_code(session, scope),
                kind,
                name,
                options,
                effective_from=effective.date() if effective else None,
            )
            plan = draw_plan(
                session, scope, order, progress=lambda _, done, total: tell(done, total)
            )
    measures = plan.measures
    typer.echo(
        f"Plan {plan.plan_id}: {plan.grids} grids, households "
        f"{measures['households']['min']}/{measures['households']['mean']}/"
        f"{measures['households']['max']} (min/mean/max), "
        f"{measures['share_in_range']:.0%} in range, compactness {measures['mean_compactness']}."
    )
    for told in plan.exceptions:
        typer.echo(f"  {told['grid_code'] or told['community_code']}: {told['sentence']}")


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

    settings = get_settings()
    with opened() as (factory, scope), transaction(factory) as session:
        view = read_coverage(session, scope, CoverageOrder(settings.timezone))
    order = CoverageMapOrder(
        title,
        language or settings.language,
        settings.tile_url,
        settings.tile_attribution,
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
