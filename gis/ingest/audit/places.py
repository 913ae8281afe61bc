"""Quarters without buildings or a community, stations that are out of place, things far outside."""

from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.ingest.audit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gis.geometry.crs import Geometries
    from gis.ingest.audit.ground import Ground

#: Classes of barriers on whose line nothing can stand.
_IMPASSABLE = ("river", "railway")


def orphan_quarters(ground: "Ground") -> "Iterator[Finding]":
    """Yield quarters without a building or a community, and buildings that lie off their own."""
    if not ground.has("quarters"):
        return
    shapes, ids = ground.valid("quarters"), ground.ids("quarters")
    names = ground.column("quarters", "name")
    empty = _without_buildings(ground)
    homeless = _without_community(ground)
    for row in np.flatnonzero(empty | homeless).tolist():
        yield Finding(
            "orphan_quarter",
            "quarters",
            [ids[row]],
            shapes[row],
            size_m2=float(shapely.area(shapes[row])),
            detail={"what": "no_community" if homeless[row] else "no_building", "name": names[row]},
        )
    yield from _buildings_elsewhere(ground)


def stations_and_roads(ground: "Ground") -> "Iterator[Finding]":
    """Yield stations that are further from every road than the option allows."""
    if not ground.has("stations", "roads"):
        return
    points = ground.shapes("stations")
    present = np.flatnonzero(~shapely.is_missing(points) & ~shapely.is_empty(points))
    (at, road), distance = ground.tree("roads").query_nearest(
        points[present], return_distance=True, all_matches=False
    )
    for i in np.flatnonzero(distance > ground.options.station_road_m).tolist():
        row = present[at[i]]
        yield Finding(
            "station_far_from_road",
            "stations",
            [ground.ids("stations")[row]],
            points[row],
            length_m=float(distance[i]),
            detail={
                "name": ground.column("stations", "name")[row],
                "nearest_road": str(ground.ids("roads")[road[i]]),
            },
        )


def stations_on_barriers(ground: "Ground") -> "Iterator[Finding]":
    """Yield stations in water, and on the line of a river or a railway.

    Banks that close around an area are water, but for islands; where people live it is land.
    """
    if not ground.has("stations", "barriers"):
        return
    classes = ground.column("barriers", "barrier_class")
    rows = np.flatnonzero(np.isin(classes, _IMPASSABLE))
    points = ground.shapes("stations")
    present = np.flatnonzero(~shapely.is_missing(points) & ~shapely.is_empty(points))
    if not len(rows) or not len(present):
        return
    lines = ground.valid("barriers")[rows]
    (at, line), metres = shapely.STRtree(lines).query_nearest(
        points[present], return_distance=True, all_matches=False
    )
    wet = np.zeros(len(present), dtype=bool)
    water = _water(ground, lines[classes[rows] == "river"])
    wet[shapely.STRtree(points[present]).query(water, predicate="contains")[1]] = True
    for i in np.flatnonzero(wet[at] | (metres <= ground.options.barrier_m)).tolist():
        row, barrier = present[at[i]], rows[line[i]]
        yield Finding(
            "station_on_barrier",
            "stations",
            [ground.ids("stations")[row]],
            points[row],
            length_m=float(metres[i]),
            detail={
                "what": "in_water" if wet[at[i]] else f"on_{classes[barrier]}",
                "name": ground.column("stations", "name")[row],
                "nearest_barrier": str(ground.ids("barriers")[barrier]),
            },
        )


def _water(ground: "Ground", banks: "Geometries") -> "Geometries":
    """Return what closed banks surround, less the islands in it, where nobody lives."""
    closed = banks[shapely.is_closed(banks) & (shapely.get_num_points(banks) > 3)]
    water: Geometries = shapely.get_parts(shapely.build_area(shapely.union_all(closed)))
    water = np.asarray(water[shapely.get_dimensions(water) == 2], dtype=object)
    if not len(water) or not ground.has("buildings"):
        return water
    lived_in = np.nan_to_num(ground.numbers("buildings", "households")) > 0
    homes = shapely.STRtree(ground.locations()[lived_in])
    land = np.zeros(len(water), dtype=bool)
    land[homes.query(water, predicate="contains")[0]] = True
    return np.asarray(water[~land], dtype=object)


def things_outside(ground: "Ground") -> "Iterator[Finding]":
    """Yield stations in no community, and roads and places far from all of them.

    Roads and places are one finding for each layer: an extract always has some around its ground.
    """
    if not ground.has("communities"):
        return
    for layer, kind in (("stations", "station_outside"), ("roads", "road_outside")):
        if ground.has(layer):
            yield from _outside(ground, layer, kind, each=layer == "stations")
    if ground.has("pois"):
        yield from _outside(ground, "pois", "poi_outside", each=False)


def _outside(ground: "Ground", layer: str, kind: str, *, each: bool) -> "Iterator[Finding]":
    shapes, ids = ground.valid(layer), ground.ids(layer)
    homes = ground.valid("communities")
    far = ground.options.edge_m if each else ground.options.far_m
    _, near = ground.tree(layer).query(shapely.buffer(homes, far), predicate="intersects")
    bad = np.ones(len(shapes), dtype=bool)
    bad[near] = False
    rows = np.flatnonzero(bad & ~shapely.is_empty(shapes))
    if each:
        for row in rows.tolist():
            name = ground.column(layer, "name")[row]
            yield Finding(kind, layer, [ids[row]], shapes[row], detail={"name": name})
    elif len(rows):
        points = shapely.MultiPoint(shapely.point_on_surface(shapes[rows]).tolist())
        yield Finding(kind, layer, ids[rows].tolist(), points, detail={"rows": len(rows)})


def _without_buildings(ground: "Ground") -> "NDArray[np.bool_]":
    empty = np.ones(len(ground.ids("quarters")), dtype=bool)
    if not ground.has("buildings"):
        return np.zeros(len(empty), dtype=bool)  # none are known: it says nothing of a quarter
    quarter, _ = ground.location_tree().query(ground.valid("quarters"), predicate="intersects")
    empty[quarter] = False
    named = set(ground.column("buildings", "quarter_id").tolist())
    unnamed = np.array([key not in named for key in ground.ids("quarters")], dtype=bool)
    return np.asarray(empty & unnamed)


def _without_community(ground: "Ground") -> "NDArray[np.bool_]":
    bad = np.zeros(len(ground.ids("quarters")), dtype=bool)
    if not ground.has("communities"):
        return bad
    points = shapely.point_on_surface(ground.valid("quarters"))
    _, inside = shapely.STRtree(points).query(ground.valid("communities"), predicate="intersects")
    bad[:] = True
    bad[inside] = False
    return bad


def _buildings_elsewhere(ground: "Ground") -> "Iterator[Finding]":
    """Yield one finding per quarter for the buildings that name it and lie elsewhere."""
    if not ground.has("buildings"):
        return
    place = {key: row for row, key in enumerate(ground.ids("quarters").tolist())}
    named = ground.column("buildings", "quarter_id")
    mine = np.array([place.get(str(key), -1) if key is not None else -1 for key in named])
    rows = np.flatnonzero(mine >= 0)
    if not len(rows):
        return
    homes, points = ground.valid("quarters")[mine[rows]], ground.locations()[rows]
    away = np.asarray(shapely.distance(points, homes), dtype=float)
    off = away > ground.options.edge_m
    for quarter in np.unique(mine[rows[off]]).tolist():
        these = rows[off & (mine[rows] == quarter)]
        yield Finding(
            "orphan_quarter",
            "buildings",
            ground.ids("buildings")[these].tolist(),
            shapely.MultiPoint(ground.locations()[these].tolist()),
            length_m=float(away[off & (mine[rows] == quarter)].max()),
            detail={
                "what": "buildings_elsewhere",
                "quarter_id": str(ground.ids("quarters")[quarter]),
                "name": ground.column("quarters", "name")[quarter],
            },
        )
