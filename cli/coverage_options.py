"""What the commands about coverage are asked with, and how it is read."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from gis.errors import InvalidInputError
from gis.settings import get_settings

if TYPE_CHECKING:
    from gis.services.coverage_asked import CoverageQuestion

ServiceOption = Annotated[
    str | None, typer.Option(help="Code of a service, such as canteen; any if unset.")
]
AtOption = Annotated[
    str | None,
    typer.Option(help="A moment, such as 2026-05-01T22:00; now if neither is given."),
]
AsOfOption = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        help="A day: opening hours are left out, planned stations count.",
        formats=["%Y-%m-%d"],
    ),
]
ByOption = Annotated[
    Literal["walking", "straight_line"], typer.Option(help="How reach is measured.")
]
SpeedOption = Annotated[
    Literal["adult", "elderly", "frail"], typer.Option(help="1.2, 0.8 or 0.65 m/s.")
]
MetresOption = Annotated[
    list[float] | None, typer.Option(help="Metres along the walk, once for each; 300, 500, 1000.")
]
MinutesOption = Annotated[
    list[float] | None, typer.Option(help="Minutes of the walk, once for each; 5, 10, 15.")
]
PerOption = Annotated[
    Literal["grid", "community", "subdistrict"], typer.Option(help="Areas of the table.")
]
CommunityOption = Annotated[str | None, typer.Option(help="Only this community: 12-digit code.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON.")]
ThresholdOption = Annotated[
    float, typer.Option(min=1, max=100_000, help="What covered means: at most so far.")
]
UnitOption = Annotated[Literal["m", "min"], typer.Option(help="Metres of the way, or minutes.")]
CountOption = Annotated[
    Literal["households", "residents", "elderly", "children", "low_income_households"],
    typer.Option(help="Whose demand."),
]
ShareOption = Annotated[
    float, typer.Option(min=0.0001, max=1, help="Share of them who want it that day.")
]
LimitMinOption = Annotated[float, typer.Option(min=0.1, max=600, help="Farthest walk, minutes.")]


def asked(
    service: str | None,
    at: str | None,
    as_of: datetime | None,
    by: Literal["walking", "straight_line"],
    reach: tuple[str, list[float] | None, list[float] | None],
) -> "CoverageQuestion":
    """Return the question that the options ask; ``reach`` is speed, metres, minutes.

    What is plainly wrong is refused before the modules are loaded that walk.
    """
    speed, metres, minutes = reach
    known_service(service)
    positive(metres=metres, minutes=minutes)
    timezone = get_settings().timezone
    moment = None if at is None else read_moment(at, timezone)
    from gis.coverage.verdicts import THRESHOLDS_M
    from gis.coverage.walking_coverage import THRESHOLDS_MIN
    from gis.services.coverage_asked import CoverageQuestion, walk_options

    options = walk_options(speed, metres or THRESHOLDS_M, minutes or THRESHOLDS_MIN)
    day = None if as_of is None else as_of.date()
    return CoverageQuestion(service, timezone, moment, day, by, options)


def known_service(service: str | None) -> str | None:
    """Return the code of a service.

    Raises
    ------
    gis.errors.InvalidInputError
        There is no such service.
    """
    from gis.frames.stations import SERVICES

    if service is not None and service not in SERVICES:
        raise InvalidInputError(
            f"There is no service {service!r}.",
            remedy=f"Use one of {', '.join(SERVICES)}.",
            field="--service",
        )
    return service


def positive(**given: list[float] | None) -> None:
    """Refuse limits, by the name of their option, that are none.

    Raises
    ------
    gis.errors.InvalidInputError
        One is not a number above 0.
    """
    for name, values in given.items():
        for value in values or ():
            if not 0 < value < float("inf"):
                raise InvalidInputError(
                    f"--{name} {value:g} reaches nobody.",
                    remedy=f"Give a number of {name} above 0.",
                    field=f"--{name}",
                )


def read_moment(text: str, timezone: str) -> datetime:
    """Return a moment; without a zone it is one of the place.

    Raises
    ------
    gis.errors.InvalidInputError
        It cannot be read.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or len(text) < len("2026-05-01T22"):
        raise InvalidInputError(
            f"{text!r} is no moment.",
            remedy="Write it as 2026-05-01T22:00; for a whole day use --as-of.",
            field="--at",
        )
    return found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(timezone))


def read_lonlat(text: str, field: str, is_not: str = "no place") -> tuple[float, float]:
    """Return a point in degrees.

    Raises
    ------
    gis.errors.InvalidInputError
        It cannot be read.
    """
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidInputError(
            f"{text!r} is {is_not}.", remedy="Write a place as lon,lat: 117.31,31.87.", field=field
        ) from error
    return lon, lat


@contextmanager
def measuring() -> Generator[None]:
    """Say on a terminal that a walking network is read and walked."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status("Walking every street …"):
        yield
