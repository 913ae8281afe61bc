"""``wangge coverage`` for areas, indicators and activities: drawn, measured, kept, written."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.coverage_options import (
    AsOfOption,
    AtOption,
    CommunityOption,
    JsonOption,
    PerOption,
    ServiceOption,
    SpeedOption,
    asked,
    positive,
    read_lonlat,
)
from cli.store import opened
from cli.watching import watching
from gis.errors import InvalidInputError
from gis.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gis.services.coverage_asked import CoverageQuestion
    from gis.services.walking import WalkingGround
    from gis.services.walking_areas import Reach

app = typer.Typer()

MetresOption = Annotated[
    list[float] | None, typer.Option(help="Metres along the walk, once for each.")
]
MinutesOption = Annotated[
    list[float] | None,
    typer.Option(help="Minutes of the walk, once for each; 5, 10, 15 without --metres."),
]
OutOption = Annotated[
    Path | None, typer.Option(help="Write a file instead: .gpkg .xlsx .geojson .csv …")
]
HeadersOption = Annotated[
    Literal["zh-CN", "en"], typer.Option(help="Headers of tables; en: the field names.")
]


@app.command("isochrone")
def isochrone(
    *,
    station: Annotated[
        list[str] | None,
        typer.Option(help="Id or name of a station, once for each; all that serve if unset."),
    ] = None,
    point: Annotated[str | None, typer.Option(help="A place instead: lon,lat in degrees.")] = None,
    service: ServiceOption = None,
    at: AtOption = None,
    as_of: AsOfOption = None,
    speed: SpeedOption = "adult",
    metres: MetresOption = None,
    minutes: MinutesOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is reached on foot from stations or a place, limit by limit."""
    question, reach = _asked(service, at, as_of, (speed, metres, minutes))
    from cli.coverage_area_views import show_areas
    from gis.database.engine import transaction
    from gis.services.coverage_asked import serving
    from gis.services.walking_areas import at_point, at_stations, isochrone_areas

    if out is not None:
        if station or point:
            raise InvalidInputError(
                "A file is written of all stations that serve.",
                remedy="Leave --station and --point out, or use --json.",
                field="--out",
            )
        _write(out, ("isochrones",), question, reach)
        return
    here = None if point is None else read_lonlat(point, "--point")
    with opened() as (factory, scope), transaction(factory) as session:
        ground = _ground(session, scope)
        reason = None
        if here is not None:
            origins = at_point(ground, here)
        elif station:
            origins = at_stations(ground, [_station(ground, one) for one in station])
        else:
            who = serving(session, scope, ground, question)
            origins = at_stations(ground, list(ground.stations["id"][who.mask]))
            reason = who.reason
        reason = reason or origins.reason
        found = isochrone_areas(ground, origins, reach, each=bool(station))
    show_areas(found, reach, _drawn_from(ground, origins.station_ids, reason), as_json=as_json)


@app.command("catchments")
def catchments(
    *,
    service: ServiceOption = None,
    at: AtOption = None,
    as_of: AsOfOption = None,
    speed: SpeedOption = "adult",
    metres: MetresOption = None,
    minutes: MinutesOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show whose nearest station each is, on foot: its ground and its people."""
    question, reach = _asked(service, at, as_of, (speed, metres, minutes))
    from cli.coverage_area_views import show_areas
    from gis.database.engine import transaction
    from gis.services.coverage_asked import serving
    from gis.services.walking_areas import catchment_areas

    if out is not None:
        _write(out, ("catchments",), question, reach)
        return
    with opened() as (factory, scope), transaction(factory) as session:
        ground = _ground(session, scope)
        who = serving(session, scope, ground, question)
        found = catchment_areas(ground, who.mask, reach)
    facts = _drawn_from(ground, ground.stations["id"][who.mask], who.reason)
    show_areas(found, reach, facts, as_json=as_json)


@app.command("gaps")
def gaps(
    *,
    service: ServiceOption = None,
    at: AtOption = None,
    as_of: AsOfOption = None,
    speed: SpeedOption = "adult",
    metres: MetresOption = None,
    minutes: MinutesOption = None,
    community: CommunityOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the ground that no station reaches on foot, and who lives there."""
    question, reach = _asked(service, at, as_of, (speed, metres, minutes))
    from cli.coverage_area_views import show_areas
    from gis.database.engine import transaction
    from gis.services.coverage_asked import serving
    from gis.services.walking_areas import GapQuestion, gap_areas_on_foot

    if out is not None:
        _write(out, ("coverage_gaps",), question, reach, community=community)
        return
    with opened() as (factory, scope), transaction(factory) as session:
        ground = _ground(session, scope)
        who = serving(session, scope, ground, question)
        found = gap_areas_on_foot(ground, who.mask, GapQuestion(reach, community))
    facts = _drawn_from(ground, ground.stations["id"][who.mask], who.reason, community)
    show_areas(found, reach, facts, as_json=as_json)


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="The file: .gpkg .xlsx .geojson .zip .csv …")],
    *,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help="walking_verdicts, isochrones, catchments, coverage_gaps or indicators, once for "
            "each; all but indicators if unset."
        ),
    ] = None,
    service: ServiceOption = None,
    at: AtOption = None,
    as_of: AsOfOption = None,
    speed: SpeedOption = "adult",
    metres: MetresOption = None,
    minutes: MinutesOption = None,
    community: CommunityOption = None,
    headers: HeadersOption = "en",
) -> None:
    """Write verdicts, isochrones, catchments, gaps and indicators to a file, audited."""
    from gis.outlets.formats import format_of

    format_of(file)
    question, reach = _asked(service, at, as_of, (speed, metres, minutes))
    usual = ("walking_verdicts", "isochrones", "catchments", "coverage_gaps")
    _write(file, tuple(layer or usual), question, reach, community=community, headers=headers)


@app.command("run")
def run(
    *,
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", help="The day; today.", formats=["%Y-%m-%d"])
    ] = None,
    service: Annotated[
        list[str] | None,
        typer.Option(help="A service or any, once for each; any and all on offer if unset."),
    ] = None,
    metres: Annotated[list[float] | None, typer.Option(help="Of the way; 500 if unset.")] = None,
    minutes: Annotated[list[float] | None, typer.Option(help="At the speed; 15 if unset.")] = None,
    speed: SpeedOption = "adult",
    by: Annotated[
        Literal["walking", "straight_line"] | None,
        typer.Option(help="On foot if there are roads, if unset."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the indicators of a day and keep them, with the walking network."""
    from cli.coverage_area_views import say_run
    from cli.plan_views import print_json
    from gis.jobs.coverage_run import KIND, run_coverage
    from gis.jobs.records import in_the_foreground
    from gis.services.indicators import USUAL_METRES, USUAL_MINUTES, RunOrder

    given = bool(metres or minutes)
    order = RunOrder(
        get_settings().timezone,
        None if as_of is None else as_of.date(),
        tuple(service or ()),
        tuple(metres or (() if given else USUAL_METRES)),
        tuple(minutes or (() if given else USUAL_MINUTES)),
        speed,
        by,
    ).as_arguments()
    with opened() as (factory, scope), watching() as watcher:
        report = in_the_foreground(
            factory,
            scope,
            KIND,
            order,
            lambda recorder: run_coverage(factory, scope, order, recorder),
            None if as_json else watcher,
        )
    if as_json:
        print_json(dict(report))
    else:
        say_run(report)


@app.command("runs")
def runs(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Runs to show.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show the newest runs of coverage, newest day first."""
    from cli.coverage_area_views import show_runs
    from gis.database.engine import transaction
    from gis.layers import coverage_runs

    with opened() as (factory, scope), transaction(factory) as session:
        rows = coverage_runs.runs(session, scope, limit=limit)
    show_runs(rows, as_json=as_json)


@app.command("indicators")
def indicators(
    *,
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", help="The day; today.", formats=["%Y-%m-%d"])
    ] = None,
    per: PerOption = "subdistrict",
    community: CommunityOption = None,
    indicator: Annotated[str | None, typer.Option(help="Code of one indicator.")] = None,
    out: OutOption = None,
    headers: HeadersOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Show indicators with targets, gaps, and the values a month and a year before."""
    from cli.coverage_area_views import show_indicators
    from gis.database.engine import transaction
    from gis.services.coverage_asked import CoverageQuestion
    from gis.services.indicator_reading import IndicatorQuestion, read_indicators
    from gis.services.walking_areas import Reach

    settings = get_settings()
    day = None if as_of is None else as_of.date()
    question = IndicatorQuestion(
        settings.timezone, day, per, community, indicator, below=settings.suppress_below
    )
    if out is not None:
        about = CoverageQuestion(None, settings.timezone, as_of=question.day)
        _write(out, ("indicators",), about, Reach(), indicators=question, headers=headers)
        return
    with opened() as (factory, scope), transaction(factory) as session:
        found = read_indicators(session, scope, question)
    show_indicators(found, as_json=as_json)


@app.command("activities")
def activities(
    *,
    month: Annotated[
        datetime | None, typer.Option(help="Year and month; this one.", formats=["%Y-%m"])
    ] = None,
    station: Annotated[str | None, typer.Option(help="Id of a station.")] = None,
    group: Annotated[str | None, typer.Option(help="general, elderly, child …")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the menu of a month, and how much of it is on when people can come."""
    from cli.coverage_area_views import show_menu
    from gis.database.engine import transaction
    from gis.frames.incidents import SERVED_GROUPS
    from gis.services.activity_menu import MenuQuestion, read_menu

    if group is not None and group not in SERVED_GROUPS:
        raise InvalidInputError(
            f"There is no group {group!r}.",
            remedy=f"Use one of {', '.join(SERVED_GROUPS)}.",
            field="--group",
        )
    settings = get_settings()
    question = MenuQuestion(
        settings.timezone,
        None if month is None else month.date(),
        station,
        group,
        settings.suppress_below,
    )
    with opened() as (factory, scope), transaction(factory) as session:
        found = read_menu(session, scope, question)
    show_menu(found, as_json=as_json)


def _asked(
    service: str | None,
    at: str | None,
    as_of: datetime | None,
    reach: tuple[str, list[float] | None, list[float] | None],
) -> "tuple[CoverageQuestion, Reach]":
    """Return who is asked about, and how far; ``reach`` is speed, metres, minutes."""
    speed, metres, minutes = reach
    positive(metres=metres, minutes=minutes)
    question = asked(service, at, as_of, "walking", (speed, None, None))
    from gis.services.walking_areas import Reach

    return question, Reach(tuple(minutes or ()), tuple(metres or ()), speed)


def _ground(session: Any, scope: Any) -> Any:  # noqa: ANN401 - a session, the principal, the ground
    """Read the walking ground; one that has to be built is kept for the next command."""
    from rich.console import Console

    from gis.services.walking import read_walking_ground

    with Console(stderr=True).status("Reading the walking network …"):
        return read_walking_ground(session, scope, keep=True)


def _drawn_from(
    ground: "WalkingGround",
    station_ids: "Iterable[str | None]",
    reason: str | None,
    community: str | None = None,
) -> dict[str, Any]:
    """Return what areas were drawn from, and who is not on the network."""
    from gis.services.walking_areas import off_network

    off = off_network(ground, station_ids, community)
    names = dict(zip(ground.stations["id"], ground.stations["name"], strict=True))
    return {
        "network": ground.data_version,
        **off,
        "off_network_names": [str(names[key] or key) for key in off["stations_off_network"]],
        "reason": reason,
    }


def _station(ground: Any, called: str) -> str:  # noqa: ANN401 - the ground
    """Return the key of the station with a key or name."""
    stations = ground.stations
    found = stations[(stations["id"] == called) | (stations["name"] == called)]
    if len(found) != 1:
        raise InvalidInputError(
            f"{len(found)} stations are called {called!r}.",
            remedy="Give the id of a station: wangge export stations.csv --layer stations.",
            field="--station",
        )
    return str(found["id"].iloc[0])


def _write(
    path: Path,
    layers: tuple[str, ...],
    question: "CoverageQuestion",
    reach: "Reach",
    **more: Any,  # noqa: ANN401 - further members of the order
) -> None:
    from cli.coverage_area_views import say_written
    from gis.database.engine import transaction
    from gis.services.coverage_exporting import CoverageExport, export_coverage

    settings = get_settings()
    headers = more.pop("headers", None)
    order = CoverageExport(
        path,
        layers,
        question,
        reach,
        below=settings.suppress_below,
        language=settings.language,
        headers=None if headers == "en" else headers,
        **more,
    )
    with opened() as (factory, scope), transaction(factory) as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        written = export_coverage(session, scope, order)
    say_written(written)
