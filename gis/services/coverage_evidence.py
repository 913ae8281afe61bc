"""The buildings behind a share, one by one, and the way from one of them to its station."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import shapely
from pyproj import Transformer

from gis.coverage.shares import PEOPLE
from gis.errors import InvalidInputError, NotFoundError
from gis.network import minutes, nearest, path
from gis.network.walking import NO_STATION_REACHABLE
from gis.services.coverage_asked import CoverageQuestion, Serving, serving
from gis.services.coverage_shares import read_areas
from gis.services.walking import NO_WAY, NO_WAY_REMEDY

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.layers.queries import Window
    from gis.network import Snapped
    from gis.scope import Scope
    from gis.services.coverage_by_walking import Coverage
    from gis.services.walking import WalkingGround
    from gis.services.withholding import Withheld

Listed = Literal["all", "covered", "uncovered"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which buildings are wanted.

    Parameters
    ----------
    threshold, unit
        What covered means: at most so many metres of the way, or minutes.
    listed
        Those covered, those not, or all.
    community, grid
        Codes; None: everywhere. The grid is one of the plan in effect on the day.
    kind
        Kind of that plan.
    """

    threshold: float = 500.0
    unit: Literal["m", "min"] = "m"
    listed: Listed = "all"
    community: str | None = None
    grid: str | None = None
    kind: str = "community"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A building: its key, where one goes in (degrees), and what is said of it."""

    id: str
    lon: float
    lat: float
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VerdictPage:
    """Verdicts in order of their keys, how many match in all, and where the next page begins."""

    verdicts: Sequence[Verdict]
    matched: int
    next_after: str | None


def covered_by(
    verdicts: "pd.DataFrame", threshold: float, unit: Literal["m", "min"]
) -> "pd.Series[bool]":
    """Return which buildings are within a threshold, the border included."""
    return verdicts["distance_m" if unit == "m" else "minutes"] <= threshold


def list_verdicts(
    session: "Session", scope: "Scope", coverage: "Coverage", wanted: Evidence, window: "Window"
) -> VerdictPage:
    """Return a page of verdicts.

    Raises
    ------
    gis.errors.InvalidInputError
        A grid is asked for, and no plan is in effect on that day.
    gis.errors.NotFoundError
        There is no community with the code.
    """
    places = coverage.places
    buildings = places.buildings
    covered = covered_by(coverage.verdicts, wanted.threshold, wanted.unit)
    grid_codes = _grid_codes(session, scope, coverage, wanted)
    community_codes = dict(zip(places.communities["id"], places.communities["code"], strict=True))
    own_community = buildings["community_id"].map(community_codes)
    chosen = _wanted(covered, wanted, own_community, grid_codes)
    if window.bbox is not None:
        chosen &= shapely.intersects(buildings.geometry.to_numpy(), shapely.box(*window.bbox))
    rows = np.flatnonzero(chosen)
    ids = buildings["id"].to_numpy(dtype=object)
    first = 0 if window.after is None else bisect_right(ids[rows].tolist(), window.after)
    page = rows[first : first + window.limit]
    more = first + window.limit < len(rows)
    names = dict(zip(places.stations["id"], places.stations["name"], strict=True))
    lonlat = places.lonlat[0]
    told = buildings.loc[:, ["name", "community_id", *PEOPLE]].assign(
        community_code=own_community,
        grid_code=grid_codes,
        covered=covered,
        **coverage.verdicts.drop(columns="cost_m").rename(columns={"minutes": "walk_minutes"}),
    )
    found = [
        Verdict(
            str(ids[row]), float(lonlat[row, 0]), float(lonlat[row, 1]), _facts(told, row, names)
        )
        for row in page
    ]
    return VerdictPage(found, len(rows), str(ids[page[-1]]) if more else None)


def _grid_codes(
    session: "Session", scope: "Scope", coverage: "Coverage", wanted: Evidence
) -> "pd.Series[str]":
    """Return the code of the grid of each building; None everywhere without a plan in effect."""
    import pandas as pd

    nothing = pd.Series(None, index=coverage.places.buildings.index, dtype=object)
    day = coverage.question.day
    try:
        areas = read_areas(
            session,
            scope,
            coverage.places,
            "grid",
            day,
            kind=wanted.kind,
            community=wanted.community,
        )
    except InvalidInputError:
        if wanted.grid is not None:
            raise
        return nothing
    codes = dict(zip(areas.table["id"], areas.table["code"], strict=True))
    if wanted.grid is not None and wanted.grid not in codes.values():
        raise NotFoundError(
            f"There is no grid {wanted.grid} in the plan in effect on {day}.",
            remedy="The layer grids lists them.",
        )
    return areas.of.map(codes).astype(object)


def _wanted(
    covered: "pd.Series[bool]",
    wanted: Evidence,
    community: "pd.Series[str]",
    grid: "pd.Series[str]",
) -> "NDArray[np.bool_]":
    chosen: NDArray[np.bool_] = np.ones(len(covered), dtype=bool)
    if wanted.listed != "all":
        chosen &= covered.to_numpy() == (wanted.listed == "covered")
    if wanted.community is not None:
        chosen &= (community == wanted.community).to_numpy()
    if wanted.grid is not None:
        chosen &= (grid == wanted.grid).to_numpy()
    return chosen


def _facts(told: "pd.DataFrame", row: int, names: dict[str, str]) -> dict[str, Any]:
    facts = {str(name): plain(value) for name, value in told.iloc[row].items()}
    rounded = {"distance_m": 2, "straight_m": 2, "walk_minutes": 1, "detour": 3}
    for name, digits in rounded.items():
        facts[name] = None if facts[name] is None else round(facts[name], digits)
    facts["station_name"] = names.get(facts["station_id"])
    return facts


def without_counts(verdict: Verdict, withheld: "Withheld") -> dict[str, Any]:
    """Return the facts of a building without the counts of people that are withheld."""
    hidden = withheld.names(verdict.id, verdict.facts)
    return {**verdict.facts, **dict.fromkeys(hidden), "suppressed": hidden}


def plain(value: Any) -> Any:  # noqa: ANN401 - a value of a frame
    """Return a value of a frame as JSON has it: NaN is None."""
    import pandas as pd

    if value is None or value is pd.NaT or value is pd.NA:
        return None
    found = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(found, float) and np.isnan(found) else found


@dataclass(frozen=True, slots=True)
class Way:
    """The walk from a place to a station.

    Parameters
    ----------
    line
        EPSG:4326, from the place to the station, both legs included.
    station_id, station_name
        Where it leads.
    distance_m, walk_minutes
        Of the walk.
    straight_m
        Between its ends.
    serving
        Which stations counted; ``None``: the station was given.
    """

    line: shapely.LineString
    station_id: str
    station_name: str
    distance_m: float
    walk_minutes: float
    straight_m: float
    serving: Serving | None


def way_from_building(
    session: "Session",
    scope: "Scope",
    ground: "WalkingGround",
    question: CoverageQuestion,
    building_id: str,
    station_id: str | None = None,
) -> Way:
    """Return the walk from a building to its nearest serving station, or to a given one.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such building or station, no station serves, or no way leads there.
    """
    rows = np.flatnonzero((ground.buildings["id"] == building_id).to_numpy())
    if not len(rows):
        raise NotFoundError(
            f"There is no building {building_id}.", remedy="The layer buildings lists them."
        )
    return _way(session, scope, ground, question, (ground.homes.take(rows[:1]), station_id))


def way_from_place(
    session: "Session",
    scope: "Scope",
    ground: "WalkingGround",
    question: CoverageQuestion,
    lonlat: tuple[float, float],
    station_id: str | None = None,
) -> Way:
    """Do as :func:`way_from_building` for a point in degrees.

    Raises
    ------
    gis.errors.InvalidInputError
        The point is not on the globe, or in no community.
    gis.errors.NotFoundError
        As there, or no road is near the point.
    """
    return _way(session, scope, ground, question, (ground.place(*lonlat), station_id))


def _way(
    session: "Session",
    scope: "Scope",
    ground: "WalkingGround",
    question: CoverageQuestion,
    ends: "tuple[Snapped, str | None]",
) -> Way:
    here, station_id = ends
    who = None
    if station_id is None:
        who = serving(session, scope, ground, question)
        row = _nearest(ground, here, who)
    else:
        rows = np.flatnonzero((ground.stations["id"] == station_id).to_numpy())
        if not len(rows):
            raise NotFoundError(
                f"There is no station {station_id}.", remedy="The layer stations lists them."
            )
        row = int(rows[0])
    _check_ends(ground, here, row)
    try:
        found = path(ground.graph, here, ground.doors, 0, row)
    except NotFoundError as error:
        raise NotFoundError(NO_WAY[NO_STATION_REACHABLE], remedy=NO_WAY_REMEDY) from error
    back = Transformer.from_crs(ground.crs, 4326, always_xy=True)
    xy = shapely.get_coordinates(found.line_m)
    line = shapely.LineString(np.round(np.column_stack(back.transform(*xy.T)), 7))
    station = ground.stations.iloc[row]
    return Way(
        line,
        str(station["id"]),
        str(station["name"]),
        found.distance_m,
        float(minutes(found.cost_m, question.options.speed_m_s)),
        float(np.hypot(*(xy[-1] - xy[0]))),
        who,
    )


def _check_ends(ground: "WalkingGround", here: "Snapped", row: int) -> None:
    """Refuse a building or a station that no road is near; a point has been looked at."""
    if here.edge[0] < 0:
        raise NotFoundError(NO_WAY[here.reason[0]], remedy=NO_WAY_REMEDY)
    if ground.doors.edge[row] < 0:
        name = ground.stations["name"].iloc[row]
        raise NotFoundError(f"No road is within reach of {name}.", remedy=NO_WAY_REMEDY)


def _nearest(ground: "WalkingGround", here: "Snapped", who: Serving) -> int:
    if not who.mask.any():
        reason = (who.reason or "none_open").replace("_", " ")
        raise NotFoundError(
            f"No station serves then ({reason}).",
            remedy="Ask about another moment or service, or name a station.",
        )
    walk = nearest(ground.graph, here, ground.doors, who.mask.to_numpy())
    row = int(walk.station[0])
    if row < 0:
        raise NotFoundError(NO_WAY[here.reason[0] or NO_STATION_REACHABLE], remedy=NO_WAY_REMEDY)
    return row
