"""``wangge siting``: where the next stations should go, with a proof of how good that is."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli import siting_maps
from cli.coverage_options import known_service, positive
from cli.plan import stopping
from cli.store import opened
from cli.watching import watching
from gis.errors import InvalidInputError
from gis.settings import get_settings

if TYPE_CHECKING:
    from gis.services.siting_order import SitingOrder

app = typer.Typer(name="siting", help="Where the next stations should go, and how good that is.")

JobArgument = Annotated[str, typer.Argument(help="Id of a siting, or its first characters.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON.")]
DayOption = Annotated[
    datetime | None,
    typer.Option(help="Stations of this day count (YYYY-MM-DD); today.", formats=["%Y-%m-%d"]),
]


@app.command("run")
def run(
    *,
    service: Annotated[
        str | None, typer.Option(help="Code of the service, for example canteen.")
    ] = None,
    count: Annotated[int | None, typer.Option("-n", "--count", help="New stations.")] = None,
    objective: Annotated[
        str, typer.Option(help="What a good answer is; see wangge siting models.")
    ] = "mclp",
    budget: Annotated[float | None, typer.Option(help="What they cost at most.")] = None,
    candidates: Annotated[
        Literal["vacant", "non_residential", "buildings", "pois", "given"] | None,
        typer.Option(help="Where they may stand; buildings, or given with --at and --site."),
    ] = None,
    poi_category: Annotated[
        list[str] | None, typer.Option(help="Of --candidates pois, once for each.")
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option(help="A place that may be chosen: lon,lat; once for each.")
    ] = None,
    site: Annotated[
        list[str] | None, typer.Option(help="A building or POI by id, once for each.")
    ] = None,
    most: Annotated[
        int, typer.Option(help="Candidates to weigh; more are thinned out evenly.")
    ] = 500,
    fix: Annotated[
        list[str] | None, typer.Option(help="Key of a candidate that must be chosen.")
    ] = None,
    forbid: Annotated[
        list[str] | None, typer.Option(help="Key of a candidate that must not be chosen.")
    ] = None,
    community: Annotated[
        str | None, typer.Option(help="Only people and candidates of this community, by code.")
    ] = None,
    radius: Annotated[float | None, typer.Option(help="Metres of the walk; 500.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Minutes of the walk, instead of metres.")
    ] = None,
    group: Annotated[
        Literal["adult", "elderly", "frail"], typer.Option(help="Whose speed minutes are at.")
    ] = "adult",
    limit: Annotated[
        float, typer.Option(help="Farthest metres of a walk, for objectives without a radius.")
    ] = 3000.0,
    people: Annotated[
        str,
        typer.Option(help="residents, households, elderly, children or low_income_households."),
    ] = "residents",
    equity: Annotated[
        list[str] | None,
        typer.Option(help="What one of a group weighs: elderly=2; children, low_income."),
    ] = None,
    cost: Annotated[float | None, typer.Option(help="What a new station costs.")] = None,
    capacity: Annotated[
        int | None, typer.Option(help="People that a new station can serve.")
    ] = None,
    existing_capacity: Annotated[
        int | None, typer.Option(help="The same of stations that do not state it.")
    ] = None,
    floor: Annotated[
        float | None, typer.Option(help="Floor area of a new station, m2; else of its building.")
    ] = None,
    least_floor: Annotated[float, typer.Option(help="Floor area of each at least, m2.")] = 0.0,
    total_floor: Annotated[float, typer.Option(help="Floor area of all at least, m2.")] = 0.0,
    spacing: Annotated[float, typer.Option(help="Metres between any two at least.")] = 0.0,
    as_of: DayOption = None,
    week: Annotated[
        datetime | None,
        typer.Option(help="Monday of a week whose hours count.", formats=["%Y-%m-%d"]),
    ] = None,
    part: Annotated[
        list[str] | None, typer.Option(help="Of --week: office, evening, weekend; all if unset.")
    ] = None,
    hours: Annotated[
        str | None, typer.Option(help="Opening hours of the new stations, for --week and --adopt.")
    ] = None,
    mix: Annotated[
        list[str] | None,
        typer.Option(help="Weights of the objective mix: uncovered=1, walk=0.5, sites=0.1."),
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Time limit; none if 0.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is random.")] = 0,
    from_siting: Annotated[
        str | None, typer.Option("--from", help="Ask again as this siting did.")
    ] = None,
    swap: Annotated[
        int | None, typer.Option(min=1, help="With --from: take its swap of this rank.")
    ] = None,
    adopt_on: Annotated[
        datetime | None,
        typer.Option(
            "--adopt", help="Make planned stations that open on this day.", formats=["%Y-%m-%d"]
        ),
    ] = None,
    keep_best: Annotated[
        bool, typer.Option("--keep-best", help="Ctrl-C keeps the best so far; twice, nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Choose where new stations of a service should go."""
    if (from_siting is None) == (service is None):
        raise InvalidInputError(
            "It is not said for which service.",
            remedy="Give --service, or --from with an earlier siting.",
        )
    known_service(service)
    if count is not None and count < 1:
        raise InvalidInputError(f"count is {count}.", remedy="Give a number above 0.")
    positive(radius=_listed(radius), minutes=_listed(minutes))
    if swap is not None and from_siting is None:
        raise InvalidInputError("--swap belongs to an earlier siting.", remedy="Name it: --from.")
    asked: dict[str, Any] = {
        "service": service,
        "count": count,
        "objective": objective,
        "budget": budget,
        "candidates": candidates or ("given" if at or site else "buildings"),
        "poi_categories": tuple(poi_category or ()),
        "places": _places(at, site),
        "most_candidates": most,
        "fixed": tuple(fix or ()),
        "forbidden": tuple(forbid or ()),
        "community": community,
        "radius_m": None if minutes is not None else (500.0 if radius is None else radius),
        "radius_min": minutes,
        "group": group,
        "limit_m": limit,
        "people": people,
        "equity": _weights("--equity", equity),
        "site_cost": cost,
        "capacity": capacity,
        "existing_capacity": existing_capacity,
        "floor_m2": floor,
        "least_floor_m2": least_floor,
        "total_floor_m2": total_floor,
        "spacing_m": spacing,
        "as_of": as_of.date() if as_of else None,
        "monday": week.date() if week else None,
        "opening_hours": hours,
        "mix": _weights("--mix", mix),
        "seconds": seconds or None,
        "seed": seed,
    }
    if radius is not None and minutes is not None:
        raise InvalidInputError("Reach is metres or minutes.", remedy="Give one of the two.")
    if part:
        asked["parts"] = tuple(part)
    order = _order(asked) if from_siting is None else None
    with opened() as (factory, scope):
        if order is None:
            order = _again(factory, scope, str(from_siting), swap)
        job_id, report = _sited(factory, scope, order, keep_best=keep_best, lines=not as_json)
        _say(job_id, report, as_json=as_json)
        if adopt_on is not None:
            _adopt(factory, scope, job_id, opens_on=adopt_on, hours=hours, quiet=as_json)


def _listed(value: float | None) -> list[float] | None:
    return None if value is None else [value]


def _order(asked: dict[str, Any]) -> "SitingOrder":
    from gis.services.locating import local_day
    from gis.services.siting_order import SitingOrder

    settings = get_settings()
    facts = {
        "timezone": settings.timezone,
        "suppress_below": settings.suppress_below,
        **asked,
    }
    facts["as_of"] = facts["as_of"] or local_day(datetime.now(UTC), settings.timezone)
    return SitingOrder(**facts)


def _places(at: list[str] | None, site: list[str] | None) -> tuple[Any, ...]:
    from gis.services.siting_order import GivenPlace

    places = [GivenPlace(id=one) for one in site or ()]
    for one in at or ():
        try:
            lon, lat = (float(part) for part in one.split(","))
        except ValueError as error:
            raise InvalidInputError(
                f"--at {one!r} is no place.", remedy="Write it as lon,lat in degrees."
            ) from error
        places.append(GivenPlace(lon=lon, lat=lat))
    return tuple(places)


def _weights(option: str, given: list[str] | None) -> dict[str, float]:
    weights = {}
    for one in given or ():
        name, _, value = one.partition("=")
        try:
            weights[name] = float(value)
        except ValueError as error:
            raise InvalidInputError(
                f"{option} {one!r} is no weight.", remedy="Write it as name=number."
            ) from error
    return weights


def _again(factory: Any, scope: Any, called: str, swap: int | None) -> "SitingOrder":  # noqa: ANN401 - sessions, the principal
    from gis.database.engine import transaction
    from gis.jobs.siting import SitingJob, swapped
    from gis.layers import jobs

    with transaction(factory) as session:
        row = jobs.begins_with(session, scope, called)
        if swap is not None:
            return swapped(row, swap)
        return SitingJob.from_arguments(row.arguments).order


def _sited(
    factory: Any,  # noqa: ANN401 - sessions
    scope: Any,  # noqa: ANN401 - the principal
    order: "SitingOrder",
    *,
    keep_best: bool,
    lines: bool,
) -> tuple[str, Mapping[str, Any]]:
    """Choose as a job that is on the record; return its key and report."""
    from gis.jobs.records import in_the_foreground
    from gis.jobs.siting import CHOOSE, KIND, SitingJob, run_siting

    told = SitingJob(order, keep_best).as_arguments()
    begun: list[str] = []

    def work(recorder: Any) -> Mapping[str, Any]:  # noqa: ANN401 - see above
        begun.append(recorder.job_id)
        return run_siting(factory, scope, told, recorder, stopped)

    def note(step: str, done: float, total: float) -> str:
        return f"gap {1 - done / total:.2%}" if step == CHOOSE else ""

    with watching(note, lines=lines) as watcher, stopping(wanted=keep_best) as stopped:
        report = in_the_foreground(factory, scope, KIND, told, work, watcher)
    return begun[0], report


def _say(job_id: str, report: Mapping[str, Any], *, as_json: bool) -> None:
    from cli.plan_views import print_json
    from cli.siting_views import show_siting

    if as_json:
        print_json({"job_id": job_id, **report})
    else:
        show_siting(job_id, report)


@app.command("show")
def show(siting: JobArgument, *, as_json: JsonOption = False) -> None:
    """Show what came of a siting."""
    from gis.database.engine import transaction
    from gis.jobs.siting import find_siting, report_of

    with opened() as (factory, scope), transaction(factory) as session:
        row = find_siting(session, scope, siting)
        report = report_of(row)
    _say(str(row.id), report, as_json=as_json)


@app.command("list")
def list_sitings(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Sitings to show.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show the newest sitings, newest first."""
    from cli.plan_views import print_json
    from cli.siting_views import listed, show_sitings
    from gis.database.engine import transaction
    from gis.jobs.siting import KIND
    from gis.layers import jobs

    with opened() as (factory, scope), transaction(factory) as session:
        rows = jobs.newest(session, scope, limit=limit, kind=KIND)
    if as_json:
        print_json([listed(row) for row in rows])
    elif rows:
        show_sitings(rows)
    else:
        typer.echo("There are no sitings yet: wangge siting run.")


@app.command("export")
def export(
    siting: JobArgument,
    file: Annotated[Path, typer.Argument(help="The file to write: .gpkg .xlsx .geojson .csv …")],
    *,
    crs: Annotated[
        str, typer.Option(help="EPSG code, gcj02 (Chinese web maps) or bd09.")
    ] = "EPSG:4326",
    headers: Annotated[
        Literal["zh-CN", "en"], typer.Option(help="Headers of tables; en: the field names.")
    ] = "en",
) -> None:
    """Write a siting to a file: sites, swaps, who is left out, shares and the proof."""
    from gis.database.engine import transaction
    from gis.jobs.siting import find_siting, report_of
    from gis.services.siting_exporting import SitingExport, export_siting

    settings = get_settings()
    order = SitingExport(
        file,
        crs=crs,
        headers=None if headers == "en" else headers,
        language=settings.language,
        timezone=settings.timezone,
    )
    with opened() as (factory, scope), transaction(factory) as session:
        row = find_siting(session, scope, siting)
        written = export_siting(session, scope, str(row.id), report_of(row), order)
    rows = ", ".join(f"{name} {count:,}" for name, count in written.rows.items())
    typer.echo(f"{written.path}: {rows}.")


@app.command("adopt")
def adopt(
    siting: JobArgument,
    *,
    opens_on: Annotated[
        datetime,
        typer.Option(help="First day of the new stations (YYYY-MM-DD).", formats=["%Y-%m-%d"]),
    ],
    hours: Annotated[
        str | None, typer.Option(help="Their opening hours; those of the siting if unset.")
    ] = None,
    tier: Annotated[
        str, typer.Option(help="hub, center, community, quarter or partner.")
    ] = "community",
) -> None:
    """Make planned stations of the chosen sites: coverage as of their first day shows them."""
    with opened() as (factory, scope):
        _adopt(factory, scope, siting, opens_on=opens_on, hours=hours, tier=tier)


def _adopt(
    factory: Any,  # noqa: ANN401 - sessions
    scope: Any,  # noqa: ANN401 - the principal
    called: str,
    *,
    opens_on: datetime,
    hours: str | None = None,
    tier: str = "community",
    quiet: bool = False,
) -> None:
    from gis.database.engine import transaction
    from gis.jobs.coverage_run import queue_run
    from gis.jobs.siting import find_siting, report_of
    from gis.services.siting_adopting import Adoption, adopt_sites

    settings = get_settings()
    how = Adoption(opens_on.date(), settings.timezone, tier, hours, settings.language)
    with transaction(factory) as session:
        row = find_siting(session, scope, called)
        made = adopt_sites(session, scope, str(row.id), report_of(row), how)
    if how.has_begun:
        queue_run(factory, scope, how.timezone)
    if not quiet:
        typer.echo(f"{len(made)} planned stations open on {how.opens_on}: {', '.join(made)}.")


@app.command("models")
def models(*, as_json: JsonOption = False) -> None:
    """Show the objectives: what each aims at, and what it needs."""
    from cli.plan_views import print_json
    from cli.siting_views import MODELS, show_models

    if as_json:
        print_json([{"objective": key, "aim": aim, "needs": needs} for key, aim, needs in MODELS])
    else:
        show_models()


app.add_typer(siting_maps.app)
