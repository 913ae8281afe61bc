"""Features that were cut at the edges of tiles, put together again by their id."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.ingest.mapping_values import texts

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: Pieces that do not meet exactly are joined on a grid of so many degrees (about 1 cm): what a cut
#: at a tile's edge loses by rounding. In projected systems the same length in metres.
SNAP_DEGREES, SNAP_M = 1e-7, 0.01


@dataclass(frozen=True)
class Dissolved:
    """Features put together.

    Parameters
    ----------
    columns
        Attributes of the largest piece; what is empty there is taken from the next largest.
    geometry
        One for each row of ``columns``.
    first
        Position of the first piece of each.
    report
        ``pieces`` in, ``features`` out, ``put_together`` of several pieces, ``still_apart`` where
        the pieces do not meet, ``labels`` (points that only place the label of an area or a line)
        and ``conflicts``: for each column how many features had pieces that say different things.
    """

    columns: "pd.DataFrame"
    geometry: "NDArray[Any]"
    first: "NDArray[np.int64]"
    report: dict[str, Any]


def dissolve(
    columns: "pd.DataFrame", geometry: "NDArray[Any]", by: str, *, snap: float = SNAP_DEGREES
) -> Dissolved:
    """Return one row for each value of a column, in the order of the first pieces.

    Polygons are united and the slivers that a cut leaves are closed; lines are united and merged;
    of points the most central one stands for all. Of pieces of different dimension those of the
    highest count. A row without an id is a feature of its own, and so is a piece without a twin:
    neither is changed.

    Parameters
    ----------
    columns, geometry
        Rows as the file has them, and their geometries.
    by
        Column of ids.
    snap
        Size of the grid on which pieces are joined that do not meet exactly, in the units of the
        geometry; others keep their coordinates.
    """
    group, first = _groups(texts(columns[by]))
    count = len(first)
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(group, minlength=count))[:-1])
    several = [rows for rows in members if len(rows) > 1]
    out = np.array(geometry[first], dtype=object)
    chosen = first.copy()
    filled: dict[int, dict[str, Any]] = {}
    report: dict[str, Any] = {
        "pieces": len(columns),
        "features": count,
        "put_together": len(several),
        "still_apart": 0,
        "labels": 0,
        "conflicts": {},
    }
    for rows in several:
        at = int(group[rows[0]])
        pieces = _of_highest_dimension(rows, geometry)
        report["labels"] += len(rows) - len(pieces)
        distinct = _distinct(geometry[pieces])
        out[at] = _joined(distinct, snap)
        report["still_apart"] += int(len(distinct) > 1 and _is_apart(out[at]))
        ranked = pieces[np.argsort(-_size(geometry[pieces]), kind="stable")]
        chosen[at] = ranked[0]
        filled[at] = _merge_attributes(columns, ranked, report["conflicts"])
    taken = columns.iloc[chosen].reset_index(drop=True)
    return Dissolved(_with(taken, filled), out, first, report)


def _groups(keys: "NDArray[np.object_]") -> tuple["NDArray[np.int64]", "NDArray[np.int64]"]:
    """Return the group of each row, numbered by first appearance, and its first row."""
    seen: dict[Any, int] = {}
    group = np.empty(len(keys), dtype=np.int64)
    first: list[int] = []
    for row, key in enumerate(keys):
        own = key if key is not None else row
        if own not in seen:
            seen[own] = len(first)
            first.append(row)
        group[row] = seen[own]
    return group, np.array(first, dtype=np.int64)


def _of_highest_dimension(rows: "NDArray[Any]", geometry: "NDArray[Any]") -> "NDArray[Any]":
    dimension = shapely.get_dimensions(geometry[rows])
    return np.asarray(rows[dimension == dimension.max()])


def _size(pieces: "NDArray[Any]") -> "NDArray[np.float64]":
    area = np.asarray(shapely.area(pieces), dtype=float)
    return area if area.any() else np.asarray(shapely.length(pieces), dtype=float)


def _distinct(pieces: "NDArray[Any]") -> "NDArray[Any]":
    """Return the pieces that are there, each once: tiles that overlap bring the same one twice."""
    pieces = pieces[~shapely.is_missing(pieces)]
    _, first = np.unique(shapely.to_wkb(shapely.normalize(pieces)), return_index=True)
    return np.asarray(pieces[first], dtype=object)


def _joined(distinct: "NDArray[Any]", snap: float) -> Any:  # noqa: ANN401 - a geometry or None
    if len(distinct) < 2:
        return distinct[0] if len(distinct) else None
    dimension = int(shapely.get_dimensions(distinct).max())
    if dimension == 0:
        return _central(distinct)
    join = _joined_lines if dimension == 1 else _joined_areas
    exact = join(distinct, None, snap)
    # Pieces that do not meet exactly may meet on the grid; those that are apart stay apart.
    return exact if shapely.get_num_geometries(exact) == 1 else join(distinct, snap, snap)


def _joined_lines(lines: "NDArray[Any]", grid: float | None, snap: float) -> Any:  # noqa: ANN401 - a line or lines
    del snap
    # A line that was cut twice, in overlapping tiles, runs over itself: the union has it once.
    return shapely.line_merge(shapely.union_all(lines, grid_size=grid))


def _joined_areas(areas: "NDArray[Any]", grid: float | None, snap: float) -> Any:  # noqa: ANN401 - polygons
    valid = np.where(shapely.is_valid(areas), areas, shapely.make_valid(areas))
    return _without_slivers(shapely.union_all(valid, grid_size=grid), snap)


def _central(points: "NDArray[Any]") -> Any:  # noqa: ANN401 - a point
    middle = shapely.centroid(shapely.geometrycollections(points))
    return points[int(np.argmin(shapely.distance(points, middle)))]


def _without_slivers(area: Any, snap: float) -> Any:  # noqa: ANN401 - polygons
    """Return polygons without holes and parts narrower than the grid: what is left of a cut."""
    parts = [part for part in shapely.get_parts(area) if part.geom_type == "Polygon"]
    closed = [
        shapely.Polygon(part.exterior, [ring for ring in part.interiors if _width(ring) > 2 * snap])
        for part in parts
        if _width(part.exterior) > 2 * snap
    ]
    if not closed:
        return area
    return closed[0] if len(closed) == 1 else shapely.MultiPolygon(closed)


def _width(ring: Any) -> float:  # noqa: ANN401 - a ring
    return 2 * float(shapely.Polygon(ring).area) / max(float(ring.length), 1e-300)


def _is_apart(geometry: Any) -> bool:  # noqa: ANN401 - a geometry or None
    """Return whether a feature is in pieces that do not touch; lines that fork do touch."""
    if shapely.get_num_geometries(geometry) < 2 or shapely.get_dimensions(geometry) == 0:
        return False
    parts = shapely.get_parts(geometry)
    return bool(shapely.union_all(parts).geom_type == "MultiPolygon") or not _connected(parts)


def _connected(parts: "NDArray[Any]") -> bool:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    left, right = shapely.STRtree(parts).query(parts, predicate="intersects")
    matrix = coo_matrix((np.ones(len(left)), (left, right)), shape=(len(parts), len(parts)))
    return int(connected_components(matrix, directed=False)[0]) == 1


def _merge_attributes(
    columns: "pd.DataFrame", ranked: "NDArray[Any]", conflicts: dict[str, int]
) -> dict[str, Any]:
    """Return what the largest piece lacks and another has; count what pieces disagree on."""
    found: dict[str, Any] = {}
    for name in columns.columns:
        column = columns[name].iloc[ranked]
        said = [(text, row) for row, text in enumerate(texts(column)) if text is not None]
        if len({text for text, _ in said}) > 1:
            conflicts[name] = conflicts.get(name, 0) + 1
        if said and said[0][1] > 0:
            found[name] = column.iloc[said[0][1]]
    return found


def _with(columns: "pd.DataFrame", filled: dict[int, dict[str, Any]]) -> "pd.DataFrame":
    names = {name for found in filled.values() for name in found}
    data: dict[str, Any] = {}
    for name in columns.columns:
        if name not in names:
            data[name] = columns[name]
            continue
        values = columns[name].to_numpy(dtype=object, copy=True)
        for row, found in filled.items():
            if name in found:
                values[row] = found[name]
        data[name] = values
    return type(columns)(data, index=columns.index)
