"""Query and path parameters that several operations share, and how they are read."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from gis.errors import InvalidInputError
from gis.layers.queries import Window
from gis.services.locating import local_day

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PAGE = 1000
#: Years outside of this overflow when a zone is applied, and mean nothing here.
_YEARS = range(1900, 2201)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ].+)?")
_LOST_PLUS = re.compile(r"(:\d{2}(?:\.\d+)?) (\d{2}:?\d{2})$")


def _iso(value: object) -> object:
    """Take ISO 8601 text only: a bare number would be read as seconds since 1970."""
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        msg = "write it as ISO 8601, for example 2026-05-01T22:00:00+08:00"
        raise ValueError(msg)
    # A "+" that was not escaped arrives as a blank.
    return _LOST_PLUS.sub(r"\1+\2", value)


def _in_our_time(value: Any) -> Any:  # noqa: ANN401 - a date or a datetime
    if value.year not in _YEARS:
        msg = f"the year must lie between {_YEARS[0]} and {_YEARS[-1]}"
        raise ValueError(msg)
    return value


def held(value: float) -> float:
    """Return degrees or metres as PostgreSQL holds them: it refuses 5e-324; this is a nanometre."""
    return 0.0 if abs(value) < 1e-9 else value  # NaN stays, to be refused


Moment = Annotated[AwareDatetime, BeforeValidator(_iso), AfterValidator(_in_our_time)]
Day = Annotated[date, BeforeValidator(_iso), AfterValidator(_in_our_time)]

Lon = Annotated[
    float,
    Query(
        ge=-180,
        le=180,
        allow_inf_nan=False,
        description="Degrees east, EPSG:4326.",
        examples=[117.31],
    ),
    AfterValidator(held),
]
Lat = Annotated[
    float,
    Query(
        ge=-90,
        le=90,
        allow_inf_nan=False,
        description="Degrees north, EPSG:4326.",
        examples=[31.87],
    ),
    AfterValidator(held),
]
AtMoment = Annotated[
    Moment | None,
    Query(
        description="A moment with a time zone; now if it is left out.",
        examples=["2026-05-01T22:00:00+08:00"],
    ),
]
AtDay = Annotated[
    Day | None,
    Query(
        description="The day as of which is asked; today if it is left out.",
        examples=["2026-05-01"],
    ),
]
AtDayOrMoment = Annotated[
    Day | Moment | None,
    Query(
        description="The day, or a moment with a time zone, as of which is asked; now if it is "
        "left out.",
        examples=["2026-05-01"],
    ),
]
CommunityCode = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9]{12}$",
        description="12-digit code of the community.",
        examples=["340102001001"],
    ),
]
GridCode = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9A-Za-z_-]{1,40}$",
        description="Code of the grid.",
        examples=["340102001001001"],
    ),
]
RowId = Annotated[UUID, Path(description="Key of the feature.")]


def day_of(at: date | datetime | None, timezone: str) -> date:
    """Return the local day that is meant: of a moment, the day itself, or today."""
    if at is None:
        at = datetime.now(UTC)
    return local_day(at, timezone) if isinstance(at, datetime) else at


def _read_box(
    bbox: Annotated[
        str | None,
        Query(
            description="west,south,east,north in degrees, EPSG:4326; it may not cross the "
            "antimeridian.",
            examples=["117.29,31.86,117.32,31.89"],
            max_length=200,
        ),
    ] = None,
) -> tuple[float, float, float, float] | None:
    if bbox is None:
        return None
    try:
        west, south, east, north = (held(float(part)) for part in bbox.split(","))
    except ValueError as error:
        raise InvalidInputError(
            "bbox is not four numbers.", remedy="Write it as west,south,east,north.", field="bbox"
        ) from error
    # NaN fails each of these.
    if not (
        -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90
    ):
        raise InvalidInputError(
            "bbox lies outside the world.",
            remedy="Give degrees: lon in -180…180, lat in -90…90, west,south,east,north.",
            field="bbox",
        )
    if not west < east:
        raise InvalidInputError(
            "bbox has its west edge at or east of its east edge.",
            remedy="Order it west,south,east,north; ask twice for both sides of the antimeridian.",
            field="bbox",
        )
    if not south < north:
        raise InvalidInputError(
            "bbox has its south edge at or north of its north edge.",
            remedy="Order it west,south,east,north.",
            field="bbox",
        )
    return west, south, east, north


BBox = Annotated[tuple[float, float, float, float] | None, Depends(_read_box)]


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of a list is wanted."""

    limit: int
    cursor: str | None
    bbox: tuple[float, float, float, float] | None

    def window(self, asked: "Mapping[str, Any]") -> Window:
        """Return the window of rows; ``asked`` are the filters that a cursor is bound to.

        Raises
        ------
        gis.errors.InvalidInputError
            The cursor is none of ours, or belongs to a list with other filters.
        """
        after = None if self.cursor is None else _read_cursor(self.cursor, self._mark(asked))
        return Window(self.limit, after, self.bbox)

    def next_cursor(self, after: str, asked: "Mapping[str, Any]") -> str:
        """Return the cursor of the page that begins after a key."""
        raw = self._mark(asked) + UUID(after).bytes
        return base64.urlsafe_b64encode(raw).decode("ascii")

    def _mark(self, asked: "Mapping[str, Any]") -> bytes:
        """Return eight bytes that stand for the filters."""
        facts = sorted((k, str(v)) for k, v in asked.items() if v is not None)
        return hashlib.blake2b(repr((facts, self.bbox)).encode(), digest_size=8).digest()


def _read_cursor(cursor: str, mark: bytes) -> str:
    remedy = "Follow the next link of the page before, or begin without a cursor."
    try:
        raw = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise InvalidInputError(
            "The cursor cannot be read.", remedy=remedy, field="cursor"
        ) from error
    if len(raw) != 24:
        raise InvalidInputError("The cursor cannot be read.", remedy=remedy, field="cursor")
    if raw[:8] != mark:
        raise InvalidInputError(
            "The cursor belongs to a list with other filters.", remedy=remedy, field="cursor"
        )
    return str(UUID(bytes=raw[8:]))


def _paging(
    bbox: BBox,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Features of a page.")] = 200,
    cursor: Annotated[
        str | None,
        Query(max_length=100, description="From the next link of the page before; opaque."),
    ] = None,
) -> Paging:
    return Paging(limit, cursor, bbox)


PageOf = Annotated[Paging, Depends(_paging)]
