"""``wangge coverage map`` and ``report``: a week on foot as a map, and a page per community."""

from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.store import opened
from cli.watching import watching
from gis.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy.orm import Session

    from gis.jobs.steps import Steps
    from gis.jobs.walking_map import WalkingMapOrder
    from gis.scope import Scope

app = typer.Typer()

OutArgument = Annotated[Path, typer.Argument(help="The HTML file to write.")]
ServiceOption = Annotated[
    list[str] | None,
    typer.Option(help="Code of a service or any, once for each; the most offered if unset."),
]
WeekOption = Annotated[
    datetime | None,
    typer.Option(help="A day of the week to show; this week if unset.", formats=["%Y-%m-%d"]),
]
TitleOption = Annotated[str | None, typer.Option(help="Heading; the name of the place if unset.")]
LanguageOption = Annotated[
    Literal["zh-CN", "en"] | None, typer.Option(help="WANGGE_LANGUAGE if unset.")
]


@app.command("map")
def walking_map(
    out: OutArgument,
    *,
    service: ServiceOption = None,
    week: WeekOption = None,
    title: TitleOption = None,
    language: LanguageOption = None,
) -> None:
    """Write the walking map of a week as one file that opens without a network."""
    from gis.folders import require_folder
    from gis.jobs.walking_map import save_walking_map

    require_folder(out)
    with _reading("Walking map", service, week, title, language) as (session, scope, order, steps):
        data = save_walking_map(session, scope, order, out, steps)
    typer.echo(f"Wrote {out}: {len(data.buildings):,} buildings, {len(data.serving)} sets of hours")


@app.command("report")
def community_report(
    out: OutArgument,
    *,
    community: Annotated[
        list[str] | None, typer.Option(help="Code of a community, once for each; all if unset.")
    ] = None,
    service: ServiceOption = None,
    week: WeekOption = None,
    title: TitleOption = None,
    language: LanguageOption = None,
) -> None:
    """Write a page to print (A4) for each community: map, people, hours, indicators."""
    from gis.folders import require_folder
    from gis.jobs.walking_map import save_community_report

    require_folder(out)
    with _reading("Community pages", service, week, title, language) as (
        session,
        scope,
        order,
        steps,
    ):
        data = save_community_report(session, scope, order, out, tuple(community or ()), steps)
    typer.echo(f"Wrote {out}: {len(community or data.communities)} pages")


@contextmanager
def _reading(
    text: str,
    service: list[str] | None,
    week: datetime | None,
    title: str | None,
    language: Literal["zh-CN", "en"] | None,
) -> "Generator[tuple[Session, Scope, WalkingMapOrder, Steps]]":
    """Open the store and show the steps; the title names the place."""
    from gis.database.engine import transaction
    from gis.i18n import translate
    from gis.jobs.steps import Steps
    from gis.jobs.walking_map import WalkingMapOrder, place_title

    settings = get_settings()
    spoken = language or settings.language
    with opened() as (factory, scope), watching() as watcher, transaction(factory) as session:
        order = WalkingMapOrder(
            settings.timezone,
            title or place_title(session, scope, translate(text, spoken)),
            spoken,
            services=tuple(service or ()),
            week=None if week is None else week.date(),
            suppress_below=settings.suppress_below,
            tile_url=settings.tile_url,
            tile_attribution=settings.tile_attribution,
        )
        yield session, scope, order, Steps(watcher)
