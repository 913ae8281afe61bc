"""``wangge siting map``: a siting before and after, as one file that opens without a network."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.store import opened
from cli.watching import watching
from gis.settings import get_settings

app = typer.Typer()


@app.command("map")
def siting_map(
    siting: Annotated[str, typer.Argument(help="Id of a siting, or its first characters.")],
    out: Annotated[Path, typer.Argument(help="The HTML file to write.")],
    *,
    title: Annotated[
        str | None, typer.Option(help="Heading; the name of the place if unset.")
    ] = None,
    language: Annotated[
        Literal["zh-CN", "en"] | None, typer.Option(help="WANGGE_LANGUAGE if unset.")
    ] = None,
) -> None:
    """Write two maps that move together: who reaches a station today, and with the new ones."""
    from gis.database.engine import transaction
    from gis.i18n import translate
    from gis.jobs.siting import find_siting
    from gis.jobs.siting_map import save_siting_map
    from gis.jobs.steps import Steps
    from gis.jobs.walking_map import MapOrder, place_title

    settings = get_settings()
    spoken = language or settings.language
    with opened() as (factory, scope), watching() as watcher, transaction(factory) as session:
        row = find_siting(session, scope, siting)
        order = MapOrder(
            settings.timezone,
            title or place_title(session, scope, translate("Siting map", spoken)),
            spoken,
            suppress_below=settings.suppress_below,
            tile_url=settings.tile_url,
            tile_attribution=settings.tile_attribution,
        )
        data = save_siting_map(session, scope, row, order, out, Steps(watcher))
    chosen = int(data.candidates["chosen"].sum())
    typer.echo(f"Wrote {out}: {chosen} new stations, {len(data.buildings):,} buildings")
