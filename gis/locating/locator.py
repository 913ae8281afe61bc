"""Point to grid: the one grid of each point, exactly, and the border it is near."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import GeometryError, InvalidInputError
from gis.locating.cell_index import CROSSED, OUTSIDE, CellIndex, Segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

#: Margins are rounded up to 5 m × 2^k, so that any border_m shares a few compiled rasters.
_MARGIN_M = 5.0
_MAX_BORDER_M = 1_000.0
_NAMED_ROWS = 5


@dataclass(frozen=True, slots=True)
class Located:
    """Where points lie; one entry per point in each array.

    Parameters
    ----------
    index
        Row of the grid, -1 if there is none.
    border_distance_m
        Distance to the border of that grid if at most ``border_m``, else NaN.
    neighbour
        Row of the nearest other grid whose border is within ``border_m``, -1 if there is none.
    snapped
        Whether the point lies outside every grid and was given the nearest.
    snap_distance_m
        Distance to that grid, NaN where not snapped.
    """

    index: "NDArray[np.int64]"
    border_distance_m: "NDArray[np.float64]"
    neighbour: "NDArray[np.int64]"
    snapped: "NDArray[np.bool_]"
    snap_distance_m: "NDArray[np.float64]"

    def __len__(self) -> int:
        return len(self.index)

    @property
    def reason(self) -> "NDArray[np.object_]":
        """Why a point has no grid: ``outside_every_grid``, or ``None`` where it has one."""
        reasons = np.full(len(self.index), None, dtype=object)
        reasons[self.index < 0] = "outside_every_grid"
        return reasons


class GridLocator:
    """Grids compiled for locating many points.

    A point on a border belongs to the grid with the smallest id among those that touch it, so
    the answer does not depend on the order of rows.

    Parameters
    ----------
    polygons
        Grids as Polygons or MultiPolygons in a projected CRS, metres, x east and y north.
    ids
        Ids or codes that decide on borders; by default the position decides.

    Raises
    ------
    gis.errors.GeometryError
        A grid is missing, empty, invalid or no polygon; rows are named.
    gis.errors.InvalidInputError
        There are not as many distinct ids as polygons.

    Examples
    --------
    >>> locator = GridLocator([shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)])
    >>> locator.locate([5.0, 10.0, 12.0, 30.0], [5.0, 5.0, 5.0, 5.0]).index.tolist()
    [0, 0, 1, -1]
    """

    def __init__(
        self, polygons: "ArrayLike | Sequence[Any]", ids: "Sequence[Any] | None" = None
    ) -> None:
        given = np.asarray(polygons, dtype=object).ravel()
        _check_polygons(given)
        if ids is not None and (len(ids) != len(given) or len(set(ids)) != len(given)):
            msg = (
                f"{len(given)} grids need as many distinct ids; got {len(set(ids))} of {len(ids)}."
            )
            raise InvalidInputError(msg, remedy="Pass one id per grid.", field="ids")
        # Internally grids stand in order of id, so the smallest row wins on borders.
        self._order = np.array(
            range(len(given))
            if ids is None
            else sorted(range(len(given)), key=list(ids).__getitem__),
            dtype=np.int64,
        )
        self._polygons = given[self._order]
        shapely.prepare(self._polygons)
        self._tree = shapely.STRtree(self._polygons)
        self._segments = Segments.of(self._polygons)
        self._compiled: dict[float, CellIndex] = {}

    def __len__(self) -> int:
        return len(self._polygons)

    def locate(
        self,
        x_m: "ArrayLike",
        y_m: "ArrayLike",
        *,
        snap_m: float = 0.0,
        border_m: float = 5.0,
    ) -> Located:
        """Return the grid of each point.

        Parameters
        ----------
        x_m, y_m
            Coordinates in the CRS of the grids.
        snap_m
            How far outside every grid a point may lie and still be given the nearest; ties go to
            the smallest id.
        border_m
            Distance within which a border and the grid beyond it are named, at most 1,000 m.

        Raises
        ------
        gis.errors.InvalidInputError
            A coordinate is not finite (rows are named), the arrays differ in length, or a distance
            is negative, too large or not finite.
        """
        x, y = _coordinates(x_m, y_m)
        _check_distance("snap_m", snap_m, np.inf)
        _check_distance("border_m", border_m, _MAX_BORDER_M)
        count = len(x)
        located = Located(
            np.full(count, OUTSIDE, dtype=np.int64),
            np.full(count, np.nan),
            np.full(count, -1, dtype=np.int64),
            np.zeros(count, dtype=np.bool_),
            np.full(count, np.nan),
        )
        if count == 0 or len(self) == 0:
            return located
        cells = self._cells(border_m)
        located.index[:], border_rows = cells.look_up(x, y)
        crossed = np.flatnonzero(located.index == CROSSED)
        located.index[crossed] = self._holders(cells, border_rows[crossed], x[crossed], y[crossed])
        near = np.flatnonzero((border_rows >= 0) & (located.index >= 0))
        if border_m > 0 and len(near):
            self._name_borders(
                cells, near, border_rows[near], (x[near], y[near]), border_m, located
            )
        outside = np.flatnonzero(located.index == OUTSIDE)
        if snap_m > 0 and len(outside):
            self._snap(outside, shapely.points(x[outside], y[outside]), snap_m, located)
        for rows in (located.index, located.neighbour):
            rows[rows >= 0] = self._order[rows[rows >= 0]]
        return located

    def _cells(self, border_m: float) -> CellIndex:
        margin = _MARGIN_M
        while margin < border_m:
            margin *= 2
        if margin not in self._compiled:
            self._compiled[margin] = CellIndex.compile(
                self._polygons, self._tree, self._segments, margin
            )
        return self._compiled[margin]

    def _holders(
        self,
        cells: CellIndex,
        border_rows: "NDArray[np.int32]",
        x: "NDArray[np.float64]",
        y: "NDArray[np.float64]",
    ) -> "NDArray[np.int64]":
        """Return the first polygon that holds each point of a crossed cell, by an exact test."""
        rows, polygons = cells.candidates.expand(border_rows)
        # Together by polygon, each prepared geometry is fetched once into the cache.
        together = np.argsort(polygons, kind="stable")
        rows, polygons = rows[together], polygons[together]
        inside = shapely.intersects_xy(self._polygons[polygons], x[rows], y[rows])
        holders = np.full(len(x), OUTSIDE, dtype=np.int64)
        # Descending, so the first polygon is written last.
        holders[rows[inside][::-1]] = polygons[inside][::-1]
        return holders

    def _name_borders(
        self,
        cells: CellIndex,
        near: "NDArray[np.int64]",
        border_rows: "NDArray[np.int32]",
        xy: "tuple[NDArray[np.float64], NDArray[np.float64]]",
        border_m: float,
        located: Located,
    ) -> None:
        """Measure points ``near`` to the segments around them, in place."""
        rows, segments = cells.segments.expand(border_rows)
        distances = _segment_distances(xy[0][rows], xy[1][rows], self._segments.ends[segments])
        within = distances <= border_m
        rows, distances = rows[within], distances[within]
        polygons = self._segments.polygon[segments[within]]
        own = polygons == located.index[near[rows]]
        # Written from far to near (and from the last polygon to the first), the nearest stays.
        order = np.lexsort((polygons, distances))[::-1]
        mine, others = order[own[order]], order[~own[order]]
        located.border_distance_m[near[rows[mine]]] = distances[mine]
        located.neighbour[near[rows[others]]] = polygons[others]

    def _snap(
        self,
        outside: "NDArray[np.int64]",
        points: Any,  # noqa: ANN401 - an array of points
        snap_m: float,
        located: Located,
    ) -> None:
        """Give points outside every grid the nearest one within reach, in place."""
        (rows, polygons), distances = self._tree.query_nearest(
            points, max_distance=snap_m, return_distance=True, all_matches=True
        )
        order = np.lexsort((polygons, rows))[::-1]
        target = outside[rows[order]]
        located.index[target] = polygons[order]
        located.snapped[target] = True
        located.snap_distance_m[target] = distances[order]


def _segment_distances(
    x: "NDArray[np.float64]", y: "NDArray[np.float64]", ends: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """Distance from point k to segment k, metres; both ends included."""
    dx, dy = ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]
    px, py = x - ends[:, 0], y - ends[:, 1]
    squared = dx * dx + dy * dy
    along = np.clip((px * dx + py * dy) / np.where(squared > 0, squared, 1.0), 0.0, 1.0)
    return np.asarray(np.hypot(px - along * dx, py - along * dy))


def _check_polygons(polygons: "NDArray[np.object_]") -> None:
    kinds = shapely.get_type_id(polygons)
    wrong = ~np.isin(kinds, (3, 6)) | shapely.is_empty(polygons) | ~shapely.is_valid(polygons)
    if wrong.any():
        rows = np.flatnonzero(wrong)
        msg = f"Grids in rows {_named(rows)} are missing, empty, invalid or no polygons."
        raise GeometryError(msg, remedy="Repair or leave out these grids.", rows=_listed(rows))


def _coordinates(
    x_m: "ArrayLike", y_m: "ArrayLike"
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    x, y = np.atleast_1d(np.asarray(x_m, float)), np.atleast_1d(np.asarray(y_m, float))
    if x.shape != y.shape or x.ndim != 1:
        msg = f"x has shape {x.shape} and y has {y.shape}."
        raise InvalidInputError(msg, remedy="Pass one x and one y per point.", field="x_m")
    bad = np.flatnonzero(~(np.isfinite(x) & np.isfinite(y)))
    if len(bad):
        msg = f"Coordinates in rows {_named(bad)} are not finite."
        raise InvalidInputError(
            msg, remedy="Leave these points out, or give them a place.", rows=_listed(bad)
        )
    return x, y


def _check_distance(name: str, value: float, limit: float) -> None:
    if not 0 <= value <= limit:
        msg = f"{name} is {value}; it must be between 0 and {limit:g} metres."
        raise InvalidInputError(msg, remedy="Pass a distance in metres.", field=name, value=value)


def _listed(rows: "NDArray[np.int64]") -> list[int]:
    return [int(row) + 1 for row in rows[:_NAMED_ROWS]]


def _named(rows: "NDArray[np.int64]") -> str:
    more = f" and {len(rows) - _NAMED_ROWS} more" if len(rows) > _NAMED_ROWS else ""
    return ", ".join(map(str, _listed(rows))) + more
