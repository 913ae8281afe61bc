"""What a plan could not meet, how far it is off, and what would help.

Grids are drawn on grounds: connected pieces of a community without what is dedicated or locked.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.districting.graph import sums
from gis.districting.ground import components
from gis.districting.plan import NOTES, CountRange, PlanException, Saying

if TYPE_CHECKING:
    from gis.districting.explain import Tracing
    from gis.districting.graph import Bools, CellGraph, Ints
    from gis.districting.options import DrawOptions
    from gis.districting.plan import PlanMeasures


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why no number of grids fits: fewer grids would be too large, one more too small.

    Parameters
    ----------
    fewer, excess
        The largest number of grids that are too large, and the households that are too many for
        them; ``fewer`` is 0 where even one grid would be too small.
    more, lack
        ``fewer`` + 1 grids, and the households that these lack.
    maximum, minimum
        The least maximum with which ``fewer`` grids would do (0 for none), and the largest minimum
        with which ``more`` grids would.
    """

    fewer: int
    excess: int
    more: int
    lack: int
    maximum: int
    minimum: int

    @property
    def count(self) -> int:
        """The number of grids that misses the band by the fewest households; at least 1."""
        return self.fewer if self.fewer > 0 and self.excess <= self.lack else self.more

    @property
    def missed(self) -> int:
        """The households by which it does."""
        return self.excess if self.count == self.fewer else self.lack


def shortfall(households: int, minimum: int, maximum: int) -> Shortfall | None:
    """Return why no number of grids can share ``households`` within the band, ``None`` if one can.

    Examples
    --------
    >>> shortfall(550, 300, 500)
    Shortfall(fewer=1, excess=50, more=2, lack=50, maximum=550, minimum=275)
    >>> shortfall(600, 300, 500) is None
    True
    """
    if max(1, -(-households // maximum)) <= households // minimum:
        return None
    fewer = households // maximum
    more = fewer + 1
    return Shortfall(
        fewer=fewer,
        excess=households - fewer * maximum,
        more=more,
        lack=more * minimum - households,
        maximum=-(-households // fewer) if fewer else 0,
        minimum=households // more,
    )


def feasible_of(
    graph: "CellGraph", options: "DrawOptions", grid: "Ints", measures: "PlanMeasures"
) -> tuple[CountRange, ...]:
    """Return how many grids each community can have by the band, in order of community.

    Parameters
    ----------
    graph, options
        What was drawn on, and what was asked for.
    grid, measures
        The plan and its measures.
    """
    first = _first_cells(grid, measures)
    basic = ~measures.dedicated
    community, label = np.unique(graph.community[first], return_inverse=True)
    drawn = np.bincount(label[basic], minlength=len(community))
    households = sums(label[basic], measures.households[basic], len(community)).astype(np.int64)
    return tuple(
        CountRange(
            community=where,
            households=people,
            low=max(1, -(-people // options.maximum)),
            high=people // options.minimum,
            drawn=count,
        )
        for where, people, count in zip(
            community.tolist(), households.tolist(), drawn.tolist(), strict=True
        )
        if count
    )


def exceptions_of(
    graph: "CellGraph",
    options: "DrawOptions",
    grid: "Ints",
    measures: "PlanMeasures",
    tracing: "Tracing",
    joins: "tuple[tuple[Ints, ...], list[Ints]]" = ((), []),
) -> tuple[PlanException, ...]:
    """Return what a planner must know, by community and grid.

    Parameters
    ----------
    graph, options
        What was drawn on, and what was asked for.
    grid, measures
        The plan and its measures.
    tracing
        Joined borders and locks of the drawing.
    joins
        Cells joined over impassable borders, and cells given to the nearest grid.
    """
    found = _bands(graph, options, grid, measures, tracing)
    found += _quarters(graph, options, grid, tracing)
    found += _buildings(graph, options, grid, measures)
    islets = _joins(graph, grid, measures, tracing, joins)
    found += islets + _torn(graph, grid, measures, tracing, {e.grid for e in islets})
    return tuple(
        sorted(found, key=lambda e: (e.community, e.grid is not None, e.grid or 0, e.kind, e.cells))
    )


def _torn(
    graph: "CellGraph",
    grid: "Ints",
    measures: "PlanMeasures",
    tracing: "Tracing",
    told: "set[int | None]",
) -> list[PlanException]:
    """Tell of grids in pieces that hold what is locked, except where islets explain them."""
    held = np.unique(grid[tracing.frozen | tracing.fixed])
    out = []
    for i in np.flatnonzero((measures.pieces > 1) & np.isin(measures.grid, held)).tolist():
        own = int(measures.grid[i])
        if own not in told:
            home = int(graph.community[np.flatnonzero(grid == own)[0]])
            people, pieces = int(measures.households[i]), int(measures.pieces[i])
            out.append(PlanException("torn_by_locks", home, own, people, count=pieces))
    return out


def grounds_of(
    graph: "CellGraph", joined: "Bools", grid: "Ints", measures: "PlanMeasures"
) -> "Ints":
    """Return the ground on which each grid of the measures lies: that of most of its people.

    Empty islets are given to a grid from afar and are no part of its ground.

    Parameters
    ----------
    graph
        The cells.
    joined
        Per edge: whether a grid may extend over it.
    grid, measures
        The plan and its measures.
    """
    _, piece = components(graph.size, graph.source[joined], graph.indices[joined])
    order = np.lexsort((-graph.households, grid))
    first = order[np.flatnonzero(np.diff(grid[order], prepend=-1))]
    assert len(first) == len(measures.grid)
    return piece[first]


def _first_cells(grid: "Ints", measures: "PlanMeasures") -> "Ints":
    order = np.argsort(grid, kind="stable")
    return order[np.searchsorted(grid[order], measures.grid)]


def _grounds(
    graph: "CellGraph",
    grid: "Ints",
    measures: "PlanMeasures",
    tracing: "Tracing",
) -> "list[Ints]":
    """Return the grids (positions in the measures) of each ground that misses the band.

    A grid that is locked as a whole is a ground of its own.
    """
    ground = grounds_of(graph, tracing.joined, grid, measures)
    out_of_range = ~measures.in_range & ~measures.dedicated
    order = np.lexsort((np.arange(len(ground)), ground))
    parts = np.split(order, np.flatnonzero(np.diff(ground[order])) + 1)
    return [part for part in parts if out_of_range[part].any()]


def _bands(
    graph: "CellGraph",
    options: "DrawOptions",
    grid: "Ints",
    measures: "PlanMeasures",
    tracing: "Tracing",
) -> list[PlanException]:
    """Tell of grids out of the band, and of grounds for which no number of grids fits."""
    first = _first_cells(grid, measures)
    community = graph.community[first]
    people = measures.households
    out = []
    for here in _grounds(graph, grid, measures, tracing):
        where = int(community[here[0]])
        total = int(people[here].sum())
        short = shortfall(total, options.minimum, options.maximum)
        if short is not None and not tracing.fixed[first[here[0]]]:
            whole = (~measures.dedicated[community == where]).sum() == len(here)
            cells = () if whole else np.flatnonzero(np.isin(grid, measures.grid[here])).tolist()
            out.append(
                PlanException(
                    "no_feasible_count",
                    where,
                    None,
                    total,
                    count=len(here),
                    cells=tuple(cells),
                    missed=sum(_missed(options, n) for n in people[here].tolist()),
                    note=_of_shortfall(short),
                )
            )
        low, high = int(people[here].min()), int(people[here].max())
        band = {"minimum": min(options.minimum, low), "maximum": max(options.maximum, high)}
        note = Saying(NOTES["band"], band)
        unfit = measures.grid[here[~measures.in_range[here]]].tolist()
        out += [_out_of_band(graph, options, grid, which, note) for which in unfit]
    return out


def _out_of_band(
    graph: "CellGraph", options: "DrawOptions", grid: "Ints", which: int, note: Saying
) -> PlanException:
    inside = grid == which
    households = int(graph.households[inside].sum())
    below = households < options.minimum
    return PlanException(
        "below_minimum" if below else "above_maximum",
        int(graph.community[inside][0]),
        which,
        households,
        options.minimum if below else options.maximum,
        unit=_only_unit(graph, inside),
        missed=_missed(options, households),
        note=note,
    )


def _missed(options: "DrawOptions", households: int) -> int:
    return max(0, options.minimum - households, households - options.maximum)


def _of_shortfall(short: Shortfall) -> Saying:
    if short.minimum == 0:
        return Saying(NOTES["nobody"], {})
    if short.fewer == 0:
        return Saying(NOTES["too_few"], {"lack": short.lack, "minimum": short.minimum})
    names = ("fewer", "excess", "more", "lack", "maximum", "minimum")
    return Saying(NOTES["counts"], {name: getattr(short, name) for name in names})


def _only_unit(graph: "CellGraph", inside: "Bools") -> int | None:
    """Return the quarter of which a grid consists, if its people are all of one."""
    if graph.unit is None:
        return None
    units = np.unique(graph.unit[inside & (graph.households > 0)])
    return int(units[0]) if len(units) == 1 and units[0] >= 0 else None


def _quarters(
    graph: "CellGraph", options: "DrawOptions", grid: "Ints", tracing: "Tracing"
) -> list[PlanException]:
    """Tell of quarters that lie in several grids, and why."""
    if graph.unit is None:
        return []
    lived = (graph.unit >= 0) & (graph.households > 0)
    if graph.dedicated is not None:
        lived &= graph.dedicated < 0
    rows = np.unique(
        np.column_stack((graph.community[lived], graph.unit[lived], grid[lived])), axis=0
    )
    pairs, count = np.unique(rows[:, :2], axis=0, return_counts=True)
    out = []
    for (community, unit), number in zip(pairs[count > 1].tolist(), count[count > 1], strict=True):
        cells = np.flatnonzero((graph.unit == unit) & (graph.community == community))
        households = int(graph.households[cells].sum())
        large = households > options.maximum
        out.append(
            PlanException(
                "quarter_above_maximum" if large else "quarter_split",
                community,
                None,
                households,
                options.maximum if large else None,
                count=int(number),
                cells=tuple(cells.tolist()),
                unit=unit,
                missed=max(0, households - options.maximum),
                note=Saying(NOTES["whole"], {"maximum": households})
                if large
                else _why_torn(graph, grid, tracing, cells),
            )
        )
    return out


def _why_torn(graph: "CellGraph", grid: "Ints", tracing: "Tracing", cells: "Ints") -> Saying | None:
    """Return why a quarter that would fit in a grid lies in several."""
    held = np.unique(grid[cells[(tracing.frozen | tracing.fixed)[cells]]])
    if len(held) > 1:
        return Saying(NOTES["locks"], {})
    place = np.full(graph.size, -1, dtype=np.int64)
    place[cells] = np.arange(len(cells))
    a, b = place[graph.source], place[graph.indices]
    inside = tracing.joined & (a >= 0) & (b >= 0)
    count, piece = components(len(cells), a[inside], b[inside])
    pieces = len(np.unique(piece[graph.households[cells] > 0])) if count else 0
    return Saying(NOTES["pieces"], {"pieces": pieces}) if pieces > 1 else None


def _buildings(
    graph: "CellGraph", options: "DrawOptions", grid: "Ints", measures: "PlanMeasures"
) -> list[PlanException]:
    """Tell of cells with more households than a grid may have."""
    large = np.flatnonzero(graph.households > options.maximum)
    basic = ~measures.dedicated[np.searchsorted(measures.grid, grid[large])]
    return [
        PlanException(
            "building_above_maximum",
            int(graph.community[cell]),
            int(grid[cell]),
            int(graph.households[cell]),
            options.maximum,
            cells=(cell,),
            unit=None if graph.unit is None or graph.unit[cell] < 0 else int(graph.unit[cell]),
            missed=int(graph.households[cell]) - options.maximum,
            note=Saying(
                NOTES["parts"], {"parts": -(-int(graph.households[cell]) // options.maximum)}
            ),
        )
        for cell in large[basic].tolist()
    ]


def _joins(
    graph: "CellGraph",
    grid: "Ints",
    measures: "PlanMeasures",
    tracing: "Tracing",
    joins: "tuple[tuple[Ints, ...], list[Ints]]",
) -> list[PlanException]:
    """Tell of households joined over impassable borders, and once per grid of its islets.

    Ground that was joined may have been cut: each grid that holds some of it is named.
    """
    out = []
    for cells in joins[0]:
        households = int(graph.households[cells].sum())
        home = int(graph.community[cells[0]])
        for own in np.unique(grid[cells]).tolist() if households else ():
            held = (*cells[grid[cells] == own].tolist(),)
            note = _shut(graph, grid, measures, tracing, own)
            out.append(
                PlanException("impassable_join", home, own, households, cells=held, note=note)
            )
    islets: dict[tuple[int, int], list[int]] = {}
    for cells in joins[1]:
        where = int(graph.community[cells[0]]), int(grid[cells[0]])
        islets.setdefault(where, []).extend(cells.tolist())
    out += [
        PlanException("noncontiguous_ground", *where, cells=tuple(sorted(found)))
        for where, found in islets.items()
    ]
    return out


def _shut(
    graph: "CellGraph", grid: "Ints", measures: "PlanMeasures", tracing: "Tracing", own: int
) -> Saying | None:
    """Return that only locked grids can be walked over from one piece of a grid to another.

    Who lives in such a grid crosses another one on the way: it counts as in pieces.
    """
    pieces = int(measures.pieces[np.searchsorted(measures.grid, own)])
    if pieces == 1 or not tracing.fixed.any():
        return None
    inside = (grid == own) | tracing.fixed
    walk = graph.open_edge & (graph.community[graph.source] == graph.community[graph.indices])
    walk = walk & inside[graph.source] & inside[graph.indices]
    _, piece = components(graph.size, graph.source[walk], graph.indices[walk])
    lived = (grid == own) & (graph.households > 0)
    joined = len(np.unique(piece[lived])) == 1
    return Saying(NOTES["crossing"], {"pieces": pieces}) if joined else None
