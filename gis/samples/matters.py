"""A year of incidents and demands with the rhythm of days and weeks, and hot spots.

Descriptions come from templates about things and places; they name no person.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import shapely

from gis.samples.shapes import rng_for
from gis.samples.themes import DEMAND_THEMES, INCIDENT_THEMES, RHYTHMS, SOURCE_SHARES, Theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gis.samples.ground import Ground, Placed, Row

__all__ = [
    "DEMAND_THEMES",
    "INCIDENT_THEMES",
    "RHYTHMS",
    "SOURCE_SHARES",
    "Theme",
    "Thing",
    "Things",
    "demand_rows",
    "incident_rows",
    "refer",
]

ZONE = ZoneInfo("Asia/Shanghai")
FIRST_DAY, DAYS = date(2025, 11, 1), 365
#: Matters that lie outside every community, so that "no grid" and its reason occur.
OUTSIDE = 6


@dataclass(frozen=True, slots=True)
class Thing:
    """A road or a place that matters refer to, in local metres."""

    id: str
    name: str
    geometry: shapely.Geometry
    weight: float


@dataclass(frozen=True, slots=True)
class Things:
    """What matters refer to beside buildings."""

    roads: "Sequence[Thing]"
    pois: "Sequence[Thing]"


def refer(rows: "Sequence[Row]", ids: "Sequence[str]") -> list[Thing]:
    """Return the named things among ``rows``; ``ids`` are their UUIDs in the same order."""
    out = []
    for row, key in zip(rows, ids, strict=True):
        geometry = row["geometry"]
        if isinstance(geometry, shapely.Geometry) and row["name"]:
            # A longer road has more to complain about; every place counts the same.
            weight = float(shapely.length(geometry)) or 1.0
            out.append(Thing(str(key), str(row["name"]), geometry, weight))
    return out


def incident_rows(ground: "Ground", things: "Things", count: int) -> list["Row"]:
    """Return ``count`` incidents of a year; some refer to a building, a road or a place.

    Parameters
    ----------
    ground
        The surveyed plan.
    things
        The roads and points of interest that matters refer to.
    count
        Number of incidents.
    """
    return _Year(ground, things, rng_for(ground.seed, 10)).rows(INCIDENT_THEMES, count, "category")


def demand_rows(ground: "Ground", things: "Things", count: int) -> list["Row"]:
    """Return ``count`` demands of a year, each with its service and whom it serves."""
    return _Year(ground, things, rng_for(ground.seed, 11)).rows(DEMAND_THEMES, count, "service")


class _Year:
    """Draws matters over one year."""

    def __init__(self, ground: "Ground", things: "Things", rng: np.random.Generator) -> None:
        self.ground, self.rng = ground, rng
        self.homes = [b for b in ground.buildings if b.households > 0]
        self.roads, self.pois = things.roads, things.pois
        self.inner = ground.city.layout.region.buffer(-1.0)
        # A few buildings of each kind draw far more than their share.
        households = np.array([b.households for b in self.homes], dtype=float)
        self.base = households * rng.lognormal(0, 0.9, len(self.homes))

    def rows(self, themes: "Sequence[Theme]", count: int, code: str) -> list["Row"]:
        """Return ``count`` rows, ordered in time; the column ``code`` holds the theme's code."""
        chosen = self.rng.choice(len(themes), size=count, p=_shares([t.weight for t in themes]))
        out: list[Row] = []
        for k, theme in enumerate(themes):
            number = int((chosen == k).sum())
            places = self._places(theme, number)
            times = self._times(theme, number)
            for place, at in zip(places, times, strict=True):
                row = {code: theme.code, "occurred_at": at, "synthetic": True, **place}
                if code == "category":
                    row["service"] = theme.service
                row["served_group"] = self._pick(theme.groups)
                row["source"] = self._pick(SOURCE_SHARES)
                out.append(row)
        out.sort(key=lambda row: (str(row["occurred_at"]), str(row["description"])))
        return self._some_outside(out)

    def _pick(self, options: "Sequence[tuple[str, float]]") -> str:
        names, weights = zip(*options, strict=True)
        return str(names[int(self.rng.choice(len(names), p=_shares(weights)))])

    def _times(self, theme: Theme, number: int) -> list[datetime]:
        weekdays = np.array([(FIRST_DAY + timedelta(days=k)).weekday() for k in range(DAYS)])
        days = self.rng.choice(DAYS, size=number, p=_shares(np.array(theme.week)[weekdays]))
        hours = self.rng.choice(24, size=number, p=_shares(RHYTHMS[theme.rhythm]))
        minutes = self.rng.integers(0, 60, number)
        start = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=ZONE)
        return [
            start + timedelta(days=int(d), hours=int(h), minutes=int(m))
            for d, h, m in zip(days, hours, minutes, strict=True)
        ]

    def _places(self, theme: Theme, number: int) -> list["Row"]:
        if theme.place == "home":
            heat = dict(theme.heat)
            weights = self.base * np.array([heat.get(b.kind, 1.0) for b in self.homes])
            picks = self.rng.choice(len(self.homes), size=number, p=_shares(weights))
            return [self._at_home(theme, self.homes[int(k)]) for k in picks]
        stock = self.roads if theme.place == "road" else self.pois
        column = "road_id" if theme.place == "road" else "poi_id"
        picks = self.rng.choice(len(stock), size=number, p=_shares([s.weight for s in stock]))
        return [self._at_thing(theme, stock[int(k)], column) for k in picks]

    def _at_home(self, theme: Theme, building: "Placed") -> "Row":
        """Refer to the building in four of five cases; always lie near it."""
        known = self.rng.random() < 0.8
        point = building.door if known else self._near(building.door, 9.0)
        return {
            "building_id": self.ground.building_id(building) if known else None,
            "description": self._say(theme, building.name or building.address),
            "geometry": point,
        }

    def _at_thing(self, theme: Theme, thing: Thing, column: str) -> "Row":
        along = float(self.rng.uniform(0, 1))
        point = thing.geometry
        if isinstance(point, shapely.LineString):
            point = point.interpolate(along, normalized=True)
        return {
            column: thing.id,
            "description": self._say(theme, thing.name),
            "geometry": self._near(point, 2.0),
        }

    def _near(self, point: shapely.Geometry, spread_m: float) -> shapely.Point:
        """Return a place near ``point``; on the line of the subdistrict, a step inside it."""
        x, y = shapely.get_coordinates(point)[0] + self.rng.normal(0, spread_m, 2)
        near = shapely.Point(x, y)
        if self.inner.contains(near):
            return near
        edge = self.inner.exterior
        return edge.interpolate(edge.project(near))

    def _say(self, theme: Theme, place: str) -> str:
        return theme.texts[int(self.rng.integers(len(theme.texts)))].format(at=place)

    def _some_outside(self, rows: list["Row"]) -> list["Row"]:
        """Move a handful just outside the subdistrict, as reports from its edge are."""
        region = self.ground.city.layout.region
        ring = region.buffer(float(self.rng.uniform(160, 220))).exterior
        for k in self.rng.choice(len(rows), size=min(OUTSIDE, len(rows)), replace=False):
            point = ring.interpolate(float(self.rng.uniform(0, 1)), normalized=True)
            links = dict.fromkeys(("building_id", "road_id", "poi_id"))
            rows[int(k)] = {**rows[int(k)], **links, "geometry": point}
        return rows


def _shares(weights: "Sequence[float] | NDArray[np.float64]") -> "NDArray[np.float64]":
    values = np.asarray(weights, dtype=float)
    return np.asarray(values / values.sum())
