"""What the walking map is drawn from: who reaches which station at each hour of a week.

The stations that serve change with the hour, but few distinct sets of them occur in a week. So
everything is measured once per distinct set, and each of the 168 hours of each service only names
its set. Hours count from Monday 00:00 of the place's own clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from gis.errors import CrsMismatchError, InvalidInputError
from gis.network.walking import SPEEDS
from maps.ground_data import GROUPS, Ground

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from gis.network.graph import WalkGraph
    from gis.network.snapping import Snapped

#: Hours of a week.
HOURS = 168
#: One file holds so many buildings; above it browsers take seconds to open it.
MOST_BUILDINGS = 70_000


class Limit(NamedTuple):
    """How far is within reach.

    Parameters
    ----------
    method
        ``walking`` or ``straight``.
    unit
        ``m`` or ``min``; minutes are for walking alone.
    value
        Metres or minutes.
    speed
        Key of :data:`gis.network.walking.SPEEDS` for minutes, else ``None``.
    """

    method: str
    unit: str
    value: float
    speed: str | None = None

    @property
    def metres(self) -> float:
        """The same in metres: of the way, or for minutes in equivalent level metres."""
        return self.value if self.speed is None else self.value * 60 * SPEEDS[self.speed]


@dataclass(frozen=True, eq=False)
class Reach:
    """The nearest station of each building, for each distinct set of stations that serve.

    Parameters
    ----------
    station
        Row of the station, shape (sets, buildings); -1 where none can be reached.
    distance_m
        Metres, with the legs from the door and to the door; NaN where none; the same shape.
    cost_m
        Equivalent level metres of the same way (steps and rough ground count for more), from which
        minutes follow; unset: the distance.
    """

    station: "NDArray[Any]"
    distance_m: "NDArray[np.float64]"
    cost_m: "NDArray[np.float64] | None" = None

    @property
    def level_m(self) -> "NDArray[np.float64]":
        """Equivalent level metres, shape (sets, buildings)."""
        return self.distance_m if self.cost_m is None else self.cost_m


@dataclass(frozen=True, eq=False)
class Delivery:
    """Services that travel to the household, beside those that people walk to.

    Parameters
    ----------
    hours
        Row of the arrays below for each service and hour, shape (services, 168); -1: nobody
        travels at that hour.
    reached
        Whether a building is served, shape (rows, buildings).
    station
        Row of the station that it is served from, same shape; -1 where not.
    minutes
        Minutes on the way, same shape; NaN where not.
    """

    hours: "NDArray[Any]"
    reached: "NDArray[np.bool_]"
    station: "NDArray[Any]"
    minutes: "NDArray[np.float64]"


@dataclass(frozen=True, eq=False)
class Ways:
    """The walking network, from which the page draws the path of a building that is clicked.

    Parameters
    ----------
    graph
        The network.
    buildings, stations
        Where buildings and stations join it, in the order of the map's frames.
    """

    graph: "WalkGraph"
    buildings: "Snapped"
    stations: "Snapped"


@dataclass(frozen=True, eq=False)
class Indicator:
    """An indicator per community, and per grid where it is meant for grids.

    Parameters
    ----------
    code
        Its code.
    label
        Its name in the language of the map.
    unit
        ``share`` (0–1, shown in per cent) or ``number``.
    communities
        Value per community, in the order of the frame; NaN: none.
    grids
        Value per grid, or unset.
    target
        What is aimed at, or unset.
    higher_is_better
        Whether the target is a floor (else a ceiling).
    source
        Where the target comes from, plain text.
    notes
        What is to be known of each community's value, plain text; empty: nothing, of any.
    """

    code: str
    label: str
    unit: Literal["share", "number"]
    communities: "NDArray[np.float64]"
    grids: "NDArray[np.float64] | None" = None
    target: float | None = None
    higher_is_better: bool = True
    source: str = ""
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class WalkingMapData(Ground):
    """Everything the walking map shows, besides its ground.

    Parameters
    ----------
    services
        Codes of the services, or ``any``; at least one.
    hours
        Distinct set for each service and hour of the week, shape (services, 168).
    serving
        Which stations serve, shape (sets, stations); a set may be empty.
    walking, straight
        Nearest stations on foot and as the crow flies, shape (sets, buildings).
    opens_at
        Service (its row) and hour that are chosen when the map opens.
    delivery
        Services that travel to the household.
    ways
        The network; unset: the page draws no paths and no streets by time.
    thresholds_m, minutes
        Limits that can be chosen, ascending.
    gaps
        Areas out of reach and who lives there: ``set``, ``method``, ``unit``, ``value``, ``speed``
        (the fields of :class:`Limit`), the counts of :data:`~maps.ground_data.GROUPS`, geometry.
        As many of the combinations as are worth their size; the others are shown by buildings.
    isochrones
        Ground within minutes of a station: ``set``, ``value`` (minutes), ``speed``, geometry.
    catchments
        Ground that belongs to a station: ``set``, ``station_id``, geometry.
    accessibility
        Accessibility of each building by service (2SFCA: places per person), shape (buildings,);
        NaN: not asked.
    indicators
        Indicators, in the order of the menu.
    tiles
        Template of the addresses (``{z}/{x}/{y}``) of vector tiles with the buildings' outlines,
        each numbered by the last 52 bits of its key; unset: the outlines are in the page.
    """

    services: Sequence[str]
    hours: "NDArray[Any]"
    serving: "NDArray[np.bool_]"
    walking: Reach
    straight: Reach
    opens_at: tuple[int, int] = (0, 58)
    delivery: Delivery | None = None
    ways: Ways | None = None
    thresholds_m: tuple[int, ...] = (300, 500, 1000)
    minutes: tuple[int, ...] = (5, 10, 15)
    gaps: "gpd.GeoDataFrame | None" = None
    isochrones: "gpd.GeoDataFrame | None" = None
    catchments: "gpd.GeoDataFrame | None" = None
    accessibility: Mapping[str, "NDArray[np.float64]"] = field(
        default_factory=lambda: MappingProxyType({})
    )
    indicators: Sequence[Indicator] = ()
    tiles: str | None = None

    @property
    def limits(self) -> list[Limit]:
        """Every limit that can be chosen, in the order of the page's tables."""
        metres = [Limit(m, "m", v) for m in ("straight", "walking") for v in self.thresholds_m]
        return metres + [Limit("walking", "min", v, key) for key in SPEEDS for v in self.minutes]

    def check(self) -> None:
        """Raise unless the parts fit together.

        Raises
        ------
        gis.errors.CrsMismatchError
            A frame is not in EPSG:4326.
        gis.errors.InvalidInputError
            There is no ground or no service, there are more buildings than one file holds, or an
            array does not have the shape or the values that its description says; the error names
            the field.
        """
        super().check()
        if self.tiles is None and len(self.buildings) > MOST_BUILDINGS:
            count = len(self.buildings)
            msg = f"One map file holds {MOST_BUILDINGS:,} buildings; here are {count:,}."
            raise InvalidInputError(
                msg,
                remedy="Run `wangge serve` and open /maps/walking, which draws them from vector "
                "tiles; or draw one map per subdistrict.",
                field="buildings",
            )
        self._check_week()
        for name in ("walking", "straight"):
            self._check_reach(name, getattr(self, name))
        self._check_delivery()
        self._check_areas()
        self._check_values()

    def _check_week(self) -> None:
        if not self.services or len(set(self.services)) < len(self.services):
            raise _unfit("services", "The map needs services, each once.")
        if self.hours.shape != (len(self.services), HOURS):
            raise _unfit("hours", f"Hours have the shape {self.hours.shape}.")
        if self.serving.ndim != 2 or self.serving.shape[1] != len(self.stations):
            raise _unfit("serving", f"The sets of stations have the shape {self.serving.shape}.")
        if self.hours.min() < 0 or self.hours.max() >= len(self.serving):
            raise _unfit("hours", f"An hour names a set beyond the {len(self.serving)} there are.")
        service, hour = self.opens_at
        if not (0 <= service < len(self.services) and 0 <= hour < HOURS):
            raise _unfit("opens_at", f"There is no service {service} or no hour {hour}.")

    def _check_reach(self, name: str, reach: Reach) -> None:
        shape = (len(self.serving), len(self.buildings))
        for array in (reach.station, reach.distance_m, reach.level_m):
            if array.shape != shape:
                raise _unfit(name, f"'{name}' has the shape {array.shape}, not {shape}.")
        if ((reach.station >= 0) != ~np.isnan(reach.distance_m)).any():
            raise _unfit(name, f"'{name}' has stations without a distance, or the reverse.")
        if (reach.station >= len(self.stations)).any() or (reach.distance_m < 0).any():
            raise _unfit(name, f"'{name}' has an unknown station or a negative distance.")

    def _check_delivery(self) -> None:
        if self.delivery is None:
            return
        shape = (len(self.delivery.reached), len(self.buildings))
        for name in ("reached", "station", "minutes"):
            if getattr(self.delivery, name).shape != shape:
                raise _unfit("delivery", f"'{name}' of the delivery is not of the shape {shape}.")
        if self.delivery.hours.shape != self.hours.shape or self.delivery.hours.max() >= shape[0]:
            raise _unfit("delivery", "The hours of the delivery do not fit its rows.")

    def _check_areas(self) -> None:
        keys = {"set", "method", "unit", "value", "speed", *GROUPS}
        wanted = {"gaps": keys, "isochrones": {"set", "value", "speed"}, "catchments": {"set"}}
        for name, columns in wanted.items():
            frame = getattr(self, name)
            if frame is None:
                continue
            if columns - set(frame.columns):
                absent = ", ".join(sorted(columns - set(frame.columns)))
                raise _unfit(name, f"The frame '{name}' has no column {absent}.")
            if len(frame) and (frame.crs is None or frame.crs.to_epsg() != 4326):
                msg = f"The map's frame '{name}' is not in EPSG:4326."
                raise CrsMismatchError(msg, remedy="Reproject it first.", field=name)

    def _check_values(self) -> None:
        for code, values in self.accessibility.items():
            if code not in self.services or values.shape != (len(self.buildings),):
                raise _unfit("accessibility", f"Accessibility of '{code}' does not fit.")
        for each in self.indicators:
            grids = np.empty(len(self.grids)) if each.grids is None else each.grids
            if len(each.communities) != len(self.communities) or len(grids) != len(self.grids):
                raise _unfit("indicators", f"Indicator '{each.code}' does not fit the areas.")
        if self.ways is not None:
            joined = (len(self.ways.buildings.edge), len(self.ways.stations.edge))
            if joined != (len(self.buildings), len(self.stations)):
                raise _unfit("ways", f"The network was joined by {joined} buildings and stations.")


def _unfit(field_name: str, message: str) -> InvalidInputError:
    return InvalidInputError(
        message, remedy="See the description of WalkingMapData.", field=field_name
    )
