"""What the operations about coverage are asked with, and how it is read."""

from typing import Annotated

from fastapi import Depends, Query

from api.deps import AppSettings
from api.params import AtDay, AtMoment
from api.schemas.codes import Service
from api.schemas.coverage import Method, Speed
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
