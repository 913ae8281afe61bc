"""Lineage: where the households of each grid were, and what became of each grid."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.districting.plan import Fate, Origin, Outcome

if TYPE_CHECKING:
    from gis.districting.graph import CellGraph, Ints


def lineage_of(graph: "CellGraph", before: "Ints", grid: "Ints") -> tuple[Origin, ...]:
    """Return where the households of each grid were, by grid and previous grid."""
    known = before >= 0
    if not known.any():
        return ()
    pairs, inverse = np.unique(
        np.column_stack((grid[known], before[known])), axis=0, return_inverse=True
    )
    people = np.bincount(inverse.ravel(), graph.households[known], len(pairs)).astype(np.int64)
    return tuple(
        Origin(new, old, number)
        for (new, old), number in zip(pairs.tolist(), people.tolist(), strict=True)
    )


def outcomes_of(graph: "CellGraph", before: "Ints", grid: "Ints") -> tuple[Outcome, ...]:
    """Return what became of each current grid, by id, then where each new grid came from.

    A grid's successor is the grid of the same id; where its id is gone, the new grid that was made
    mostly of its households, if that holds most of them.

    Parameters
    ----------
    graph
        The cells.
    before
        Current grid per cell, -1 for none.
    grid
        New grid per cell.
    """
    flows = _flows(graph, before, grid)
    if not flows.before:
        return ()
    successor = _successors(flows)
    taken = {new for new in successor.values() if new is not None}
    fresh = [new for new in sorted(flows.after) if new not in taken]
    made_from = {new: _sources(flows, new)[0] for new in fresh if _sources(flows, new)}
    parents = set(made_from.values())
    out = [
        _outcome(flows, old, successor[old], parent=old in parents) for old in sorted(flows.before)
    ]
    for new in fresh:
        size = flows.after[new]
        others = (*_sources(flows, new),)
        out.append(Outcome(new, "new", 0, size, 0, new, others))
    return tuple(out)


def moved_households(outcomes: tuple[Outcome, ...]) -> int | None:
    """Return the households whose grid is not the successor of their current one.

    ``None`` without outcomes, which is where no cell has a current grid.
    """
    if not outcomes:
        return None
    return sum(o.before - o.stayed for o in outcomes if o.fate != "new")


@dataclass(frozen=True, slots=True)
class _Flows:
    """Households by grid before and after, and between them, in both directions."""

    before: dict[int, int]
    after: dict[int, int]
    into: dict[int, dict[int, int]]
    out_of: dict[int, dict[int, int]]


def _flows(graph: "CellGraph", before: "Ints", grid: "Ints") -> _Flows:
    flows = _Flows({}, {}, {}, {})
    for origin in lineage_of(graph, before, grid):
        new, old, people = origin.grid, origin.previous_grid, origin.households
        flows.before[old] = flows.before.get(old, 0) + people
        flows.into.setdefault(old, {})[new] = people
        flows.out_of.setdefault(new, {})[old] = people
    ids, label = np.unique(grid, return_inverse=True)
    lived = np.bincount(label, graph.households, len(ids)).astype(np.int64)
    flows.after.update(zip(ids.tolist(), lived.tolist(), strict=True))
    return flows


def _sources(flows: _Flows, new: int) -> list[int]:
    """Return the current grids that a new one came from, most households first."""
    came = flows.out_of.get(new, {})
    return sorted(came, key=lambda old: (-came[old], old))


def _successors(flows: _Flows) -> dict[int, int | None]:
    out: dict[int, int | None] = {}
    for old, into in flows.into.items():
        out[old] = old if old in flows.after else None
        if out[old] is None:
            most = min(into, key=lambda new: (-into[new], new))
            renamed = most not in flows.before and _sources(flows, most)[0] == old
            if renamed and 2 * into[most] > flows.before[old]:
                out[old] = most
    return out


def _outcome(flows: _Flows, old: int, successor: int | None, *, parent: bool) -> Outcome:
    into, size = flows.into[old], flows.before[old]
    after = 0 if successor is None else flows.after[successor]
    stayed = 0 if successor is None else into.get(successor, 0)
    # Open land says nothing of where people went, unless there are none.
    others = [new for new in into if new != successor and (into[new] or not size)]
    others.sort(key=lambda new: (-into[new], new))
    fate: Fate
    if parent:
        fate = "split"
    elif successor is None:
        fate = "merged" if len(others) == 1 or 2 * into[others[0]] > size else "dissolved"
    elif stayed == size == after:
        fate = "kept"
    elif after == size:
        fate = "exchanged"
    else:
        fate = "grown" if after > size else "shrunk"
    return Outcome(old, fate, size, after, stayed, successor, tuple(others))
