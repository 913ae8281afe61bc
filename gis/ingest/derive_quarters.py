"""Quarters that buildings name: drawn around them, and told of each building."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.frames import QUARTERS, stable_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.ingest.osm.ground import Ground


def quarters_of_buildings(
    buildings: Any,  # noqa: ANN401 - a geo frame
    names: "NDArray[np.object_]",
    ground: "Ground",
    margin_m: float,
    dataset: str,
) -> Any:  # noqa: ANN401 - a geo frame
    """Return one quarter for each name: its buildings, what lies between them, and a margin.

    Where two would overlap the ground stays with the one whose name comes first in the file, but a
    quarter never takes a building of another.

    Parameters
    ----------
    buildings
        In EPSG:4326.
    names
        Name of the quarter of each building, or ``None``, shape (n,).
    ground
        The projected system to measure in.
    margin_m
        Metres around the buildings; twice as much is bridged between them.
    dataset
        Short name of the data set, used in ids.
    """
    import geopandas as gpd

    footprint_m = ground.to_metres(buildings.geometry.to_numpy())
    order = list(dict.fromkeys(name for name in names if name is not None))
    bodies = [shapely.union_all(footprint_m[names == name]) for name in order]
    taken: Any = shapely.union_all(np.array(bodies, dtype=object))
    areas: list[Any] = []
    for body in bodies:
        area = body.buffer(2 * margin_m, join_style="mitre").buffer(-margin_m, join_style="mitre")
        area = area.difference(taken.difference(body)).union(body)
        for other in areas:
            area = area.difference(other)
        areas.append(area)
        taken = taken.union(body)
    geometry = ground.to_degrees(np.array(areas, dtype=object))
    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids(dataset, "quarters", order),
            "name": order,
            "source_id": order,
        },
        geometry=_polygons(geometry),
        crs="EPSG:4326",
    )
    return QUARTERS.conform(frame)


def _polygons(geometry: "NDArray[Any]") -> "NDArray[Any]":
    from gis.ingest.osm.buildings import polygons_only

    return polygons_only(geometry)


def quarters_by_name(
    buildings: Any,  # noqa: ANN401 - a geo frame
    names: "NDArray[np.object_] | None",
    quarters: Any,  # noqa: ANN401 - a geo frame
) -> tuple["NDArray[np.object_]", dict[str, int]]:
    """Return the quarter of each building: the named one, else the smallest it lies in.

    A name that several quarters bear, or none, decides nothing.
    """
    ids = quarters["id"].to_numpy(dtype=object)
    out = buildings["quarter_id"].to_numpy(dtype=object, copy=True)
    unknown = 0
    if names is not None:
        known = quarters["name"].to_numpy(dtype=object)
        unique = {name: ids[known == name] for name in dict.fromkeys(known) if name is not None}
        for row, name in enumerate(names):
            if name is None or out[row] is not None:
                continue
            found = unique.get(name, ids[:0])
            unknown += len(found) != 1
            out[row] = found[0] if len(found) == 1 else None
    point = shapely.point_on_surface(buildings.geometry.to_numpy())
    polygons = quarters.geometry.to_numpy()
    rows, found = shapely.STRtree(polygons).query(point, predicate="intersects")
    size = shapely.area(polygons)
    # The smallest last, so that it stays.
    for at in np.lexsort((found, -size[found], rows)):
        if names is None or names[rows[at]] is None:
            out[rows[at]] = ids[found[at]]
    in_quarter = sum(value is not None for value in out)
    report = {"buildings_in_quarters": in_quarter}
    if names is not None:
        report["buildings_naming_an_unknown_quarter"] = int(unknown)
    return out, report
