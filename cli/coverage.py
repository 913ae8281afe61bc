"""``wangge coverage``: who reaches what, when, on foot."""

from dataclasses import asdict
from datetime import UTC, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

import typer

from cli import coverage_areas, coverage_maps, coverage_rooms
from cli.coverage_options import (
    AsOfOption,
    AtOption,
    ByOption,
    CommunityOption,
    JsonOption,
    MetresOption,
    MinutesOption,
    PerOption,
    ServiceOption,
    SpeedOption,
    ThresholdOption,
    UnitOption,
    asked,
    known_service,
    measuring,
    read_lonlat,
)
from cli.store import opened
from gis.settings import get_settings

app = typer.Typer(name="coverage", help="Coverage: who reaches what, when, on foot.")


@app.command("show")
def show(
    *,
    service: ServiceOption = None,
    at: AtOption = None,
    as_of: AsOfOption = None,
    by: ByOption = "walking",
    speed: SpeedOption = "adult",
    metres: MetresOption = None,
    minutes: MinutesOption = None,
    per: PerOption = "community",
    community: CommunityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many households and people are within reach of a station."""
    question = asked(service, at, as_of, by, (speed, metres, minutes))
    from cli.coverage_views import show_shares
    from cli.plan_views import print_json
    from gis.database.engine import transaction
    from gis.services.coverage_by_walking import cover, measured, not_reached
    from gis.services.coverage_shares import area_covers, read_areas
    from gis.services.walking import WalkingGrounds

    with opened() as (factory, scope), measuring(), transaction(factory) as session:
        coverage = cover(session, scope, WalkingGrounds(keep=True), question)
        areas = read_areas(session, scope, coverage.places, per, question.day, community=community)
        covers = area_covers(coverage, areas, get_settings().suppress_below)
    facts = measured(coverage)
    missed = not_reached(coverage, areas.of.notna())
    if as_json:
        told = {"per": per, "areas": [asdict(one) for one in covers], "not_reached": missed}
        print_json(facts | told)
    else:
        show_shares(facts, per, covers, missed)


@app.command("buildings")
def buildings(
    *,
    service: ServiceOption = None,
    at: AtOption = None,
    as_of: AsOfOption = None,
    by: ByOption = "walking",
    speed: SpeedOption = "adult",
    threshold: ThresholdOption = 500,
    unit: UnitOption = "m",
    listed: Annotated[
        Literal["uncovered", "covered", "all"], typer.Option(help="Which buildings.")
    ] = "uncovered",
    community: CommunityOption = None,
    grid: Annotated[str | None, typer.Option(help="Only this grid: its code.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Buildings to show.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """List the buildings behind a share, most households first, with their verdicts."""
    question = asked(service, at, as_of, by, (speed, None, None))
    from cli.coverage_views import show_buildings
    from cli.plan_views import print_json
    from gis.database.engine import transaction
    from gis.layers.queries import Window
    from gis.services.coverage_by_walking import cover, measured
    from gis.services.coverage_evidence import Evidence, list_verdicts, without_counts
    from gis.services.walking import WalkingGrounds
    from gis.services.withholding import withheld_of_buildings

    wanted = Evidence(threshold, unit, listed, community, grid)
    with opened() as (factory, scope), measuring(), transaction(factory) as session:
        coverage = cover(session, scope, WalkingGrounds(keep=True), question)
        every = Window(len(coverage.verdicts) + 1)
        page = list_verdicts(session, scope, coverage, wanted, every)
        ranked = sorted(page.verdicts, key=lambda one: (-one.facts["households"], one.id))[:limit]
        below, ids = get_settings().suppress_below, [one.id for one in ranked]
        withheld = withheld_of_buildings(session, scope, below, ids)
    rows = [
        {"id": one.id, "lon": round(one.lon, 7), "lat": round(one.lat, 7)}
        | without_counts(one, withheld)
        for one in ranked
    ]
    facts = measured(coverage)
    if as_json:
        print_json(facts | {"matched": page.matched, "buildings": rows})
    else:
        show_buildings(facts, rows, page.matched, f"{listed}, {threshold:g} {unit}")


@app.command("path")
def way(
    start: Annotated[str, typer.Argument(help="Id of a building, or lon,lat in degrees.")],
    *,
    station: Annotated[
        str | None, typer.Option(help="Id of a station; the nearest that serves if unset.")
    ] = None,
    service: ServiceOption = None,
    at: AtOption = None,
    as_of: AsOfOption = None,
    speed: SpeedOption = "adult",
    as_json: JsonOption = False,
) -> None:
    """Show the walk from a building or a point to a station; --json writes its line as GeoJSON."""
    question = asked(service, at, as_of, "walking", (speed, None, None))
    import shapely

    from cli.plan_views import print_json
    from gis.database.engine import transaction
    from gis.services.coverage_evidence import way_from_building, way_from_place
    from gis.services.walking import WalkingGrounds

    place = _place(start)
    with opened() as (factory, scope), measuring(), transaction(factory) as session:
        ground = WalkingGrounds(keep=True).current(session, scope)
        if place is not None:
            found = way_from_place(session, scope, ground, question, place, station)
        else:
            found = way_from_building(session, scope, ground, question, start, station)
    facts = {
        "station_id": found.station_id,
        "station_name": found.station_name,
        "distance_m": round(found.distance_m, 2),
        "walk_minutes": round(found.walk_minutes, 1),
        "straight_m": round(found.straight_m, 2),
        "method": "walking",
        "speed": speed,
        "network": ground.data_version,
    }
    if as_json:
        print_json(
            {
                "type": "Feature",
                "geometry": shapely.geometry.mapping(found.line),
                "properties": facts,
            }
        )
        return
    typer.echo(
        f"{found.station_name}: {found.distance_m:,.0f} m, {found.walk_minutes:.1f} min on foot "
        f"({speed}); {found.straight_m:,.0f} m in a straight line"
    )


@app.command("week")
def week(
    *,
    service: ServiceOption = None,
    monday: Annotated[
        datetime | None,
        typer.Option(help="First day of the week, a Monday.", formats=["%Y-%m-%d"]),
    ] = None,
    by: ByOption = "walking",
    speed: SpeedOption = "adult",
    threshold: ThresholdOption = 500,
    unit: UnitOption = "m",
    community: CommunityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the share of households covered in each of the 168 hours of a week, and the gaps."""
    known_service(service)
    from cli.coverage_views import show_week
    from cli.plan_views import print_json
    from gis.database.engine import transaction
    from gis.services.coverage_by_walking import places_for
    from gis.services.coverage_weeks import WeekOrder, monday_of, read_week
    from gis.services.locating import local_day
    from gis.services.walking import WalkingGrounds

    settings = get_settings()
    usual = monday_of(local_day(datetime.now(UTC), settings.timezone))
    first = usual if monday is None else monday.date()
    midnight = datetime.combine(first, time())
    question = asked(service, None, midnight, by, (speed, None, None))
    order = WeekOrder(first, threshold, unit, community)
    with opened() as (factory, scope), measuring(), transaction(factory) as session:
        places = places_for(session, scope, WalkingGrounds(keep=True), question)
        found = read_week(session, scope, places, question, order, settings.suppress_below)
    facts: dict[str, Any] = {
        "service": service,
        "monday": first,
        "method": by,
        "speed": speed,
        "threshold": threshold,
        "unit": unit,
    }
    if as_json:
        print_json(facts | asdict(found))
    else:
        show_week(facts, found)


def _place(text: str) -> tuple[float, float] | None:
    """Return a point in degrees; ``None``: the text is an id."""
    try:
        UUID(text)
    except ValueError:
        return read_lonlat(text, "start", "neither the id of a building nor lon,lat")
    return None


app.add_typer(coverage_areas.app)
app.add_typer(coverage_rooms.app)
app.add_typer(coverage_maps.app)
