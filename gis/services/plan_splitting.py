"""Buildings larger than a grid may be, split by their units (单元) where a planner asks for it."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gis import frames
from gis.addresses.normalise import normalise
from gis.districting.frames import cell_graph
from gis.districting.staircases_frames import split_ground, told_splits, told_whole
from gis.layers.buildings import BuildingUnit
from gis.layers.cells import NewCells
from gis.layers.queries import read_layer, table_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from gis.districting import Plan
    from gis.scope import Scope
    from gis.services.plan_ground import PlanGround

_NUMBER = re.compile(r"(\d+)")


def split_buildings(
    session: "Session", scope: "Scope", ground: "PlanGround", maximum: int
) -> "PlanGround":
    """Return the ground with the cells of buildings above ``maximum`` cut between their units.

    The parts are not stored yet: they go into the store with the plan that has them
    (:attr:`gis.services.plan_ground.PlanGround.new_parts`).
    """
    large = ground.buildings.loc[ground.buildings["households"] > maximum, "id"].tolist()
    units = read_layer(
        session, scope, BuildingUnit, frames.UNITS, table_of(BuildingUnit).c.building_id.in_(large)
    )
    order = sorted(range(len(units)), key=lambda i: unit_order(*units[["name", "id"]].iloc[i]))
    split = split_ground(
        ground.cells,
        ground.keyed,
        ground.buildings,
        units.iloc[order],
        maximum,
        crs=ground.crs,
    )
    if split is None:
        return ground
    keyed = cell_graph(split.frames, ground.buildings, quarters=ground.quarters, crs=ground.crs)
    new = NewCells(split.parts, split.borders, split.building_cells)
    return replace(ground, cells=split.frames, keyed=keyed, new_parts=new)


def splits_buildings(stored: "Mapping[str, Any] | None") -> bool:
    """Return whether a plan was drawn with buildings above the maximum split by their units."""
    return bool((stored or {}).get("split_buildings", False))


def told_of_buildings(plan: "Plan", ground: "PlanGround", *, split: bool) -> "Plan":
    """Return a plan that also tells what was done with buildings above the maximum.

    Parameters
    ----------
    plan, ground
        The grids by number, and what they lie on.
    split
        Whether such buildings were to be split.
    """
    told = told_whole(plan.exceptions, ground.cells, wanted=split)
    parts = told_splits(ground.cells, ground.keyed.graph, plan.grid)
    return replace(plan, exceptions=(*told, *parts))


def unit_order(name: str, key: str) -> tuple[list[tuple[bool, int, str]], str]:
    """Return what units are ordered by: numbers count as numbers, however they are written.

    Examples
    --------
    >>> sorted(["十单元", "9单元"], key=lambda name: unit_order(name, ""))
    ['9单元', '十单元']
    """
    pieces = [piece for piece in _NUMBER.split(normalise(name)) if piece]
    return [(not p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in pieces], key
