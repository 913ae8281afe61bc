"""``wangge demo``: one subdistrict from data to map, in one command."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gis.errors import InvalidInputError
from gis.settings import get_settings

if TYPE_CHECKING:
    from gis.frames import Dataset
    from gis.jobs.demo import DemoInput, DemoResult
    from gis.jobs.demo_people import DemoUser
    from gis.settings import Settings

app = typer.Typer()


@app.command("demo")
def demo(
    *,
    osm: Annotated[
        Path | None, typer.Option(help="Run on this OpenStreetMap extract (PBF or XML).")
    ] = None,
    boundary: Annotated[
        Path | None, typer.Option(help="Polygon of the ground to take from the extract.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Time zone of the place; found from where it lies if unset.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the map, the grids and the report.")] = Path(
        "out/demo"
    ),
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Serve the API and the map afterwards.")
    ] = True,
    accounts: Annotated[
        bool,
        typer.Option(
            "--accounts/--no-accounts",
            help="Open an account for each role, or let everybody on this machine in as its owner.",
        ),
    ] = True,
) -> None:
    """Load a subdistrict, draw its grids, assign its matters, and map who is not covered."""
    from cli.watching import watching
    from gis.jobs.demo import run_demo

    settings = get_settings()
    if boundary is not None and osm is None:
        raise InvalidInputError("--boundary needs --osm.", remedy="Name the extract as well.")
    source = _extract(osm, boundary, timezone) if osm is not None else sample_input(settings)
    with watching() as watcher:
        result = run_demo(settings, source, out, watcher=watcher, accounts=accounts)
    _print_summary(result)
    print_users(result.users)
    if serve:
        from cli.serve import serve_app

        served = settings.model_copy(
            update={"database_url": result.url, "timezone": source.timezone}
        )
        serve_app(served)


def sample_input(settings: "Settings") -> "DemoInput":
    """Return the sample subdistrict as the demo's input."""
    from gis.jobs.demo import DemoInput
    from gis.samples import DEFAULT_HOUSEHOLDS, DEFAULT_SEED, generate_subdistrict
    from gis.services.locating import local_day

    today = local_day(datetime.now(UTC), settings.timezone)

    def read(_: Callable[[float, float], None]) -> "Dataset":
        return generate_subdistrict(today=today)

    return DemoInput(
        key="sample",
        fingerprint=f"sample-{DEFAULT_SEED}-{DEFAULT_HOUSEHOLDS}-{today:%Y-%m}-{_code_fingerprint()}",
        read=read,
        timezone=settings.timezone,
        titles={"zh-CN": "明光路街道(示范数据)", "en": "Mingguang Road Subdistrict (sample)"},
    )


def _code_fingerprint() -> str:
    """Return a fingerprint of the generator's own code: another one makes another sample."""
    import gis.samples

    digest = hashlib.sha256()
    for path in sorted(Path(gis.samples.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _extract(osm: Path, boundary: Path | None, timezone: str | None) -> "DemoInput":
    from gis.jobs.extract import extract_input

    return extract_input(osm, boundary, timezone)


def _print_summary(result: "DemoResult") -> None:
    from rich.console import Console
    from rich.table import Table

    report: dict[str, Any] = result.report
    table = Table(title="Wangge", show_header=False, title_justify="left")
    households = report["households"]
    table.add_row("Grids", str(report["grids"]))
    table.add_row(
        "Households per grid",
        f"{households['min']} / {households['mean']:g} / {households['max']} (min / mean / max)",
    )
    table.add_row("In 300–500", f"{report['share_in_range']:.0%}")
    table.add_row("Uncovered households", f"{report['uncovered_households']:,}")
    table.add_row("Incidents assigned", f"{report['incidents_assigned']:,}")
    for reason, count in report["incidents_unassigned"].items():
        table.add_row(f"  without a grid: {reason}", f"{count:,}")
    for step, seconds in report["seconds"].items():
        table.add_row(f"  {step}", f"{seconds:.1f} s")
    console = Console()
    console.print(table)
    for told in result.plan.exceptions:
        place = told["grid_code"] or told["community_code"]
        console.print(f"{place}: {told['sentence']}", highlight=False)
    for path in result.files.values():
        console.print(f"Wrote {path}", highlight=False)


def print_users(users: "Sequence[DemoUser]") -> None:
    """Print how to sign in as each of the demo's people."""
    if not users:
        return
    from cli.access_views import grant_in_words
    from cli.plan_views import printed, table_with

    typer.echo("One account for each role; the passwords are of this run:")
    table = table_with("login", "password", "granted")
    for one in users:
        table.add_row(one.login, one.password, grant_in_words(one.granted))
    printed(table)
