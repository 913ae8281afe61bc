"""Gazetteers made from the layers of a subdistrict, or from a plain list of places."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import shapely

from gis.addresses.crossings import find_crossings, merge_points
from gis.addresses.gazetteer import PLACE_KINDS, Gazetteer, GazetteerBuilder, Place
from gis.addresses.normalise import bare_key, name_key, normalise, road_key
from gis.addresses.parse import building_of
from gis.errors import InvalidInputError
from gis.geometry.crs import to_projected

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

_NUMBER = re.compile(r"(?:\d+|[A-Z]\d{0,3}|[甲乙丙丁])号楼.*$")
_ADDRESS = re.compile(r"^(.*?[^\d-])(\d{1,5})(?:-\d+)?号")
#: Around the point of what is drawn as a point.
_POINT_PRECISION_M = 20.0


@dataclass(frozen=True, slots=True)
class GazetteerOptions:
    """How places are made.

    Parameters
    ----------
    near_miss_m
        Roads that come this near to each other cross.
    same_place_m
        Points of one name that are this near are one place, as are the points of one crossing.
    same_stop_m
        The same for the bus stops of both directions.
    road_near_m
        A road this near to a place may be named with it.
    """

    near_miss_m: float = 20.0
    same_place_m: float = 60.0
    same_stop_m: float = 150.0
    road_near_m: float = 300.0


def build_gazetteer(
    layers: "Mapping[str, pd.DataFrame]",
    crs: "pyproj.CRS",
    options: GazetteerOptions | None = None,
) -> Gazetteer:
    """Return the gazetteer of a subdistrict.

    Parameters
    ----------
    layers
        Frames by contract name, EPSG:4326: ``communities``, ``quarters``, ``buildings``,
        ``units``, ``roads``, ``pois``, ``stations``. A layer that is absent has no rows.
    crs
        Projected CRS in metres, for distances and crossings.
    options
        How places are made.

    Raises
    ------
    gis.errors.CrsMismatchError
        The CRS is not one of metres.
    """
    maker = _Maker(layers, crs, options or GazetteerOptions())
    maker.roads()
    maker.areas()
    maker.quarters()
    maker.points("pois")
    maker.points("stations")
    maker.buildings()
    maker.units()
    return maker.builder.build()


def gazetteer_of_places(places: "pd.DataFrame", *, precision_m: float = 50.0) -> Gazetteer:
    """Return a gazetteer from a plain list of named points.

    Parameters
    ----------
    places
        Columns ``kind`` (quarter, road, crossing, poi, bus_stop, station), ``name``, ``lon``,
        ``lat`` in degrees; optional ``id``, ``precision_m``, ``roads`` (names of roads at the
        place: the two of a crossing, the one that a landmark stands on).
    precision_m
        Where the column is absent.

    Raises
    ------
    gis.errors.InvalidInputError
        A kind is not known, or a crossing does not name two roads.
    """
    builder = GazetteerBuilder()
    for row, values in enumerate(places.to_dict("records"), start=1):
        kind = str(values["kind"])
        if kind not in PLACE_KINDS or kind in {"building", "unit", "house_number", "community"}:
            raise InvalidInputError(
                f"Row {row}: a place of kind {kind!r} cannot be taken from a list.",
                remedy="Use quarter, road, crossing, poi, bus_stop or station.",
                row=row,
                field="kind",
            )
        keys = [road_key(str(name)) for name in values.get("roads") or ()]
        place = Place(
            kind=kind,  # type: ignore[arg-type] # checked above
            id=values.get("id"),
            name=str(values["name"]),
            lon=float(values["lon"]),
            lat=float(values["lat"]),
            precision_m=float(values.get("precision_m") or precision_m),
            roads=frozenset(keys),
        )
        if kind == "crossing":
            if len(keys) != 2:
                raise InvalidInputError(
                    f"Row {row}: a crossing has two roads, not {len(keys)}.",
                    remedy="Name both in the column roads.",
                    row=row,
                    field="roads",
                )
            builder.add_crossing(keys[0], keys[1], place)
        elif kind == "road":
            builder.add_road(road_key(place.name), place)
        else:
            builder.add_named(place)
    return builder.build(surveyed=False)


class _Maker:
    """Turns frames into places, layer by layer."""

    def __init__(
        self, layers: "Mapping[str, pd.DataFrame]", crs: "pyproj.CRS", options: GazetteerOptions
    ) -> None:
        self.layers, self.crs, self.options = layers, crs, options
        self.to_degrees = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
        self.builder = GazetteerBuilder()
        self.quarter_of: dict[str, Place] = {}
        self.road_keys: list[str] = []
        self.tree = shapely.STRtree(np.array([], dtype=object))
        self.ground = shapely.STRtree(np.array([], dtype=object))
        self.community_ids: list[str] = []

    def rows(self, layer: str) -> "pd.DataFrame | None":
        """Return the rows of a layer that have a name, or none."""
        frame = self.layers.get(layer)
        if frame is None or not len(frame):
            return None
        return frame[frame["name"].notna()].reset_index(drop=True)

    def roads(self) -> None:
        """Add roads by name, and their crossings."""
        frame = self.rows("roads")
        if frame is None or not len(frame):
            return
        lines = to_projected(frame.geometry.to_numpy(), self.crs)
        self.road_keys = [road_key(name) for name in frame["name"]]
        self.tree = shapely.STRtree(lines)
        keys = np.array(self.road_keys, dtype=object)
        names: dict[str, str] = {}
        for key in sorted(set(self.road_keys)):
            mine = np.flatnonzero(keys == key)
            names[key] = str(frame["name"].iloc[mine[0]])
            whole = shapely.union_all(lines[mine])
            middle = shapely.get_coordinates(shapely.centroid(whole))[0]
            nearest = int(np.argmin(shapely.distance(lines[mine], shapely.Point(middle))))
            at = shapely.line_interpolate_point(lines[mine[nearest]], 0.5, normalized=True)
            lon, lat = self._lonlat(shapely.get_coordinates(at)[0])
            length = float(shapely.length(whole))
            place = Place(
                "road", str(frame["id"].iloc[mine[nearest]]), names[key], lon, lat, length / 2
            )
            self.builder.add_road(key, place)
        met = find_crossings(
            self.road_keys,
            lines,
            near_miss_m=self.options.near_miss_m,
            same_place_m=self.options.same_place_m,
        )
        for (first, second), points in met.items():
            for point in points:
                lon, lat = self._lonlat(point)
                name = f"{names[first]}与{names[second]}交叉口"
                near = self._roads_near(np.array([shapely.Point(point)]))[0]
                place = Place(
                    "crossing",
                    None,
                    name,
                    lon,
                    lat,
                    _POINT_PRECISION_M,
                    self._community(point),
                    roads=near,
                )
                self.builder.add_crossing(first, second, place)

    def areas(self) -> None:
        """Add communities."""
        frame = self.rows("communities")
        if frame is None or not len(frame):
            return
        shapes = to_projected(frame.geometry.to_numpy(), self.crs)
        self.ground = shapely.STRtree(shapes)
        self.community_ids = [str(v) for v in frame["id"]]
        for row, (id_, name) in enumerate(zip(self.community_ids, frame["name"], strict=True)):
            lon, lat, radius = self._spot(shapes[row])
            self.builder.add_area(Place("community", id_, str(name), lon, lat, radius, id_))

    def quarters(self) -> None:
        """Add quarters."""
        frame = self.rows("quarters")
        if frame is None or not len(frame):
            return
        shapes = to_projected(frame.geometry.to_numpy(), self.crs)
        near = self._roads_near(shapes)
        for row, values in enumerate(_records(frame)):
            lon, lat, radius = self._spot(shapes[row])
            place = Place(
                "quarter",
                values["id"],
                values["name"],
                lon,
                lat,
                radius,
                _text(values.get("community_id")),
                roads=near[row],
            )
            self.quarter_of[values["id"]] = place
            self.builder.add_named(place)

    def points(self, layer: str) -> None:
        """Add points of interest or stations; those of one name that are near are one place."""
        frame = self.rows(layer)
        if frame is None or not len(frame):
            return
        shapes = to_projected(frame.geometry.to_numpy(), self.crs)
        spots = shapely.get_coordinates(shapes)
        kinds = frame["category"].astype(str) if "category" in frame else None
        groups: dict[tuple[str, bool], list[int]] = {}
        for row, name in enumerate(frame["name"]):
            stop = kinds is not None and kinds.iloc[row] == "bus_stop"
            groups.setdefault((name_key(str(name)), bool(stop)), []).append(row)
        for (_, stop), members in groups.items():
            limit = self.options.same_stop_m if stop else self.options.same_place_m
            centres, of_point = merge_points(spots[members], same_place_m=limit)
            kind = "bus_stop" if stop else ("station" if layer == "stations" else "poi")
            for g, centre in enumerate(centres):
                mine = np.array(members)[of_point == g]
                self._point(frame, kind, mine, centre, spots)

    def _point(
        self,
        frame: "pd.DataFrame",
        kind: Any,  # noqa: ANN401 - a literal
        rows: "NDArray[np.intp]",
        centre: "NDArray[np.float64]",
        spots: "NDArray[np.float64]",
    ) -> None:
        away = np.hypot(*(spots[rows] - centre).T)
        lon, lat = self._lonlat(centre)
        first = rows[int(np.argmin(away))]
        self.builder.add_named(
            Place(
                kind,
                str(frame["id"].iloc[first]),
                str(frame["name"].iloc[first]),
                lon,
                lat,
                float(away.max()) + _POINT_PRECISION_M,
                self._community(centre),
                roads=self._roads_near(np.array([shapely.Point(centre)]))[0],
            )
        )

    def buildings(self) -> None:
        """Add buildings by number, by name and by address."""
        frame = self.layers.get("buildings")
        if frame is None or not len(frame):
            return
        shapes = to_projected(frame.geometry.to_numpy(), self.crs)
        self.building_of: dict[str, Place] = {}
        named: dict[str, list[int]] = {}
        alone = np.flatnonzero(~frame["quarter_id"].isin(self.quarter_of).to_numpy())
        near = dict(zip(alone.tolist(), self._roads_near(shapes[alone]), strict=True))
        for row, values in enumerate(_records(frame)):
            name, address = _text(values.get("name")), _text(values.get("address"))
            if name is None and address is None:
                continue
            at = self.builder.add(self._building(values, shapes[row], near.get(row)))
            place = self.builder.places[at]
            self.building_of[str(place.id)] = place
            if name is not None and not self._number(at, name, _text(values.get("quarter_id"))):
                named.setdefault(name_key(name), []).append(at)
            if address is not None:
                self._address(at, address)
        for key, members in named.items():
            self._halls(key, members)

    def _building(
        self,
        values: "Mapping[str, Any]",
        shape: Any,  # noqa: ANN401 - a geometry
        near: frozenset[str] | None,
    ) -> Place:
        """Return a building; one of a quarter has the roads of its quarter."""
        quarter = self.quarter_of.get(_text(values.get("quarter_id")) or "")
        door = values.get("entrance")
        if door is not None and not shapely.is_empty(door):
            lon, lat = shapely.get_coordinates(door)[0].tolist()
            radius = float(shapely.minimum_bounding_radius(shape))
        else:
            lon, lat, radius = self._spot(shape)
        return Place(
            "building",
            values["id"],
            _text(values.get("name")) or _text(values.get("address")) or "",
            lon,
            lat,
            radius,
            _text(values.get("community_id")),
            values["id"],
            quarter.roads if quarter else near or frozenset(),
        )

    def _number(self, at: int, name: str, quarter_id: str | None) -> bool:
        normal = normalise(name)
        number, _ = building_of(normal)
        if number is None or not _NUMBER.search(normal):
            return False
        heads = [name_key(_NUMBER.sub("", normal))]
        if quarter_id in self.quarter_of:
            quarter = self.quarter_of[str(quarter_id)].name
            heads += [name_key(quarter), bare_key(quarter)]
        self.builder.number_building(at, [head for head in heads if head], number)
        return True

    def _address(self, at: int, address: str) -> None:
        found = _ADDRESS.match(name_key(address))
        if found:
            self.builder.address_building(at, road_key(found[1]), int(found[2]))

    def _halls(self, key: str, members: "list[int]") -> None:
        """Several buildings of one name are one place, unless a point of interest is it already."""
        places = [self.builder.places[i] for i in members]
        if key in self.builder.known_names:
            return
        xy = shapely.get_coordinates(
            to_projected(np.array([shapely.Point(p.lon, p.lat) for p in places]), self.crs)
        )
        centres, of_point = merge_points(xy, same_place_m=2 * self.options.same_stop_m)
        for g, centre in enumerate(centres):
            mine = np.flatnonzero(of_point == g)
            away = np.hypot(*(xy[mine] - centre).T)
            nearest = places[mine[int(np.argmin(away))]]
            lon, lat = self._lonlat(centre)
            self.builder.add_named(
                Place(
                    "building",
                    nearest.id,
                    nearest.name,
                    lon,
                    lat,
                    float(away.max()) + nearest.precision_m,
                    nearest.community_id,
                    nearest.id,
                    nearest.roads,
                )
            )

    def units(self) -> None:
        """Add units, at their building."""
        frame = self.rows("units")
        if frame is None:
            return
        for values in _records(frame):
            building = self.building_of.get(str(values["building_id"]))
            digits = re.search(r"\d+|[A-Z]", normalise(str(values["name"])))
            if building is None or digits is None:
                continue
            place = Place(
                "unit",
                values["id"],
                f"{building.name}{values['name']}",
                building.lon,
                building.lat,
                building.precision_m,
                building.community_id,
                building.id,
                building.roads,
            )
            self.builder.add_unit(str(building.id), digits[0], place)

    def _lonlat(self, xy: "NDArray[np.float64]") -> tuple[float, float]:
        lon, lat = self.to_degrees.transform(float(xy[0]), float(xy[1]))
        return float(lon), float(lat)

    def _spot(self, shape: Any) -> tuple[float, float, float]:  # noqa: ANN401 - a geometry
        """Return a point inside a shape, in degrees, and the radius of the shape in metres."""
        inside = shapely.get_coordinates(shapely.point_on_surface(shape))[0]
        lon, lat = self._lonlat(inside)
        return lon, lat, float(shapely.minimum_bounding_radius(shape))

    def _community(self, xy: "NDArray[np.float64]") -> str | None:
        hits = self.ground.query(shapely.Point(xy), predicate="intersects")
        return self.community_ids[int(min(hits))] if len(hits) else None

    def _roads_near(self, shapes: "NDArray[np.object_]") -> list[frozenset[str]]:
        near: list[set[str]] = [set() for _ in shapes]
        pairs = self.tree.query(shapes, predicate="dwithin", distance=self.options.road_near_m)
        for shape, road in zip(*pairs, strict=True):
            near[shape].add(self.road_keys[road])
        return [frozenset(keys) for keys in near]


def _records(frame: "pd.DataFrame") -> "list[dict[str, Any]]":
    """Return the rows as dictionaries, without the geometry."""
    return frame.drop(columns="geometry", errors="ignore").to_dict("records")  # type: ignore[return-value]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
