"""What the operations about coverage are asked with, and how it is read."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import Depends, Query
from pydantic import AfterValidator

from api.deps import AppSettings
from api.params import AtDay, AtMoment, held
from api.schemas.codes import Service
from api.schemas.coverage import Count, Method, Speed
from gis.coverage.verdicts import THRESHOLDS_M
from gis.coverage.walking_coverage import THRESHOLDS_MIN, WalkOptions
from gis.errors import InvalidInputError
from gis.services.coverage_asked import CoverageQuestion, walk_options

#: Thresholds of one answer, and the farthest of them: a day's walk.
MAX_THRESHOLDS, FARTHEST = 8, 100_000.0

By = Annotated[Method, Query(description="On foot, or in a straight line on the spheroid.")]
SpeedOf = Annotated[
    Speed, Query(description="Whose speed: adult 1.2, elderly 0.8 or frail 0.65 m/s.")
]
AnyService = Annotated[Service | None, Query(description="Any service if it is left out.")]
_List = r"^[0-9.]{1,10}(,[0-9.]{1,10}){0,7}$"
Metres = Annotated[
    str | None,
    Query(
        pattern=_List,
        description="Radii in metres of the way, at most 8; 300,500,1000 if left out.",
        examples=["300,500,1000"],
    ),
]
Minutes = Annotated[
    str | None,
    Query(
        pattern=_List,
        description="Minutes at that speed, at most 8; 5,10,15 if left out.",
        examples=["5,10,15"],
    ),
]


def numbers(text: str | None, name: str, usual: tuple[float, ...]) -> tuple[float, ...]:
    """Return the positive numbers of a list with commas.

    Raises
    ------
    gis.errors.InvalidInputError
        One is none, not positive or too large.
    """
    if text is None:
        return usual
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or len(found) > MAX_THRESHOLDS or not all(0 < one <= FARTHEST for one in found):
        msg = f"{name} is no list of numbers above 0, up to {FARTHEST:g}."
        raise InvalidInputError(msg, remedy=f"Write {name}=300,500.", field=name)
    return found


def _options(
    speed: SpeedOf = "adult", metres: Metres = None, minutes: Minutes = None
) -> WalkOptions:
    return walk_options(
        speed,
        numbers(metres, "metres", THRESHOLDS_M),
        numbers(minutes, "minutes", THRESHOLDS_MIN),
    )


def _question(
    settings: AppSettings,
    options: Annotated[WalkOptions, Depends(_options)],
    *,
    service: AnyService = None,
    at: AtMoment = None,
    as_of: AtDay = None,
    by: By = "walking",
) -> CoverageQuestion:
    return CoverageQuestion(service, settings.timezone, at, as_of, by, options)


Asked = Annotated[CoverageQuestion, Depends(_question)]


def _moment_or_day(
    settings: AppSettings,
    *,
    service: AnyService = None,
    at: AtMoment = None,
    as_of: AtDay = None,
    speed: SpeedOf = "adult",
) -> CoverageQuestion:
    options = walk_options(speed)
    return CoverageQuestion(service, settings.timezone, at, as_of, "walking", options)


AskedOnFoot = Annotated[CoverageQuestion, Depends(_moment_or_day)]


def _either(question: AskedOnFoot, by: By = "walking") -> CoverageQuestion:
    return replace(question, method=by)


AskedOnce = Annotated[CoverageQuestion, Depends(_either)]
PointOf = Annotated[
    str | None,
    Query(
        pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,15})?,-?[0-9]{1,2}(\.[0-9]{1,15})?$",
        description="A place: lon,lat in degrees, EPSG:4326.",
        examples=["117.31,31.87"],
    ),
]
Unit = Annotated[Literal["m", "min"], Query(description="Metres of the way, or minutes.")]
Threshold = Annotated[
    float,
    Query(
        gt=0,
        le=FARTHEST,
        allow_inf_nan=False,
        description="What covered means: at most so far, in the unit.",
    ),
    AfterValidator(held),
]
LimitMin = Annotated[
    float,
    Query(gt=0, le=600, allow_inf_nan=False, description="Farthest walk, minutes."),
    AfterValidator(held),
]
CountOf = Annotated[Count, Query(description="Whose demand.")]
ShareOf = Annotated[
    float,
    Query(gt=0, le=1, allow_inf_nan=False, description="Share of them who want it that day."),
    AfterValidator(held),
]
