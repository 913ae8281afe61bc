"""Plans of the store, listed, measured and compared."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gis.districting import evaluate
from gis.districting.compare import compare
from gis.errors import ConflictError, NotFoundError
from gis.frames import QUARTERS
from gis.layers import grids, plan_grids, plans
from gis.layers.communities import Community
from gis.layers.quarters import Quarter
from gis.layers.queries import read_layer, table_of
from gis.services.plan_ground import PlanGround, StoredPlan, ground_of, labels_on, read_plan
from gis.services.plan_records import Legend, measures_of, told, told_comparison

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.districting import PlanMeasures
    from gis.districting.compare import PlanComparison
    from gis.districting.graph import Ints
    from gis.scope import Scope


@dataclass(frozen=True, eq=False)
class Measured:
    """A plan of the store, measured from its cells.

    Parameters
    ----------
    plan, ground
        The plan, and its own cells.
    grid
        Number of the grid (its row in ``plan.grids``) of each cell.
    measures
        Its measures, by those numbers.
    """

    plan: StoredPlan
    ground: PlanGround
    grid: "Ints"
    measures: "PlanMeasures"

    @property
    def summary(self) -> dict[str, Any]:
        """The measures of the plan as a whole, as plain numbers."""
        return measures_of(self.measures)

    def as_json(self) -> dict[str, Any]:
        """Return plan, summary and the measures of each grid as JSON can hold them."""
        rows = self.table().to_dict(orient="records")
        return {
            "plan_id": str(self.plan.row.id),
            "name": self.plan.row.name,
            "measures": self.summary,
            "grids": [{key: _plain(value) for key, value in row.items()} for row in rows],
        }

    def rows(self) -> list[Any]:
        """Return the rows of :meth:`table` as named tuples."""
        return list(self.table().itertuples(index=False))

    def table(self) -> "pd.DataFrame":
        """Return the measures of each grid by its code, as a frame."""
        import pandas as pd

        m, grids_ = self.measures, self.plan.grids
        return pd.DataFrame(
            {
                "grid_id": grids_["id"].to_numpy()[m.grid],
                "code": grids_["code"].to_numpy()[m.grid],
                "community_code": grids_["community_code"].to_numpy()[m.grid],
                "kind": grids_["kind"].to_numpy()[m.grid],
                "households": m.households,
                "residents": m.residents,
                "in_range": m.in_range | m.dedicated,
                "area_m2": m.area_m2.round(1),
                "perimeter_m": m.perimeter_m.round(1),
                "polsby_popper": m.polsby_popper.round(4),
                "reock": m.reock.round(4),
                "pieces": m.pieces,
                "barrier_inside_m": m.barrier_inside_m.round(1),
            }
        )


def _plain(value: Any) -> Any:  # noqa: ANN401 - a value of a frame
    """Return a value as JSON can hold it: NaN is nothing."""
    return None if value != value else value  # noqa: PLR0124 - NaN


def find_plan(session: "Session", scope: "Scope", called: str) -> str:
    """Return the key of the plan of a name, or whose key begins so.

    Raises
    ------
    gis.errors.NotFoundError
        There is none.
    gis.errors.ConflictError
        There are several.
    """
    found = plans.find(session, scope, called)
    if not found:
        raise NotFoundError(f"There is no plan {called!r}.", remedy="See: wangge plan list")
    if len(found) > 1:
        raise ConflictError(
            f"{len(found)} plans are called {called!r} or begin so.",
            remedy=f"Give the id of one: {', '.join(found)}.",
        )
    return found[0]


def measure_plan(session: "Session", scope: "Scope", plan_id: str) -> Measured:
    """Return a plan with its measures, reckoned from the cells that it has now.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such plan.
    gis.errors.ConflictError
        It has no grids.
    """
    plan = read_plan(session, scope, plan_id)
    ground = ground_of(session, scope, plan)
    grid = labels_on(plan, ground)
    return Measured(plan, ground, grid, evaluate(ground.keyed.graph, grid, plan.options))


@dataclass(frozen=True, eq=False)
class ComparedPlans:
    """Two plans and how they differ, on the cells of the second (the first, if it is finer).

    Parameters
    ----------
    before, after
        The plans; a grid's number in ``comparison`` is its row, and those of ``before`` begin
        after the last of ``after`` unless the grid goes on under the same code.
    comparison
        How they differ.
    buildings_moved
        Number of buildings on cells that change grid.
    codes_before, codes_after, community_codes
        Code of each grid and community by number.
    """

    before: StoredPlan
    after: StoredPlan
    comparison: "PlanComparison"
    buildings_moved: int
    codes_before: dict[int, str]
    codes_after: dict[int, str]
    community_codes: "Mapping[int, str]"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "before": {"plan_id": str(self.before.row.id), "name": self.before.row.name},
            "after": {"plan_id": str(self.after.row.id), "name": self.after.row.name},
            "buildings_moved": self.buildings_moved,
            "comparison": told_comparison(
                self.comparison, self.codes_before, self.codes_after, self.community_codes
            ),
        }


def compare_plans(
    session: "Session", scope: "Scope", before_id: str, after_id: str
) -> ComparedPlans:
    """Return how a plan differs from another one; the band is that of the second.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such plan.
    gis.errors.ConflictError
        One has no grids, or they have no ground in common.
    """
    before, after = read_plan(session, scope, before_id), read_plan(session, scope, after_id)
    ground = _finer_ground(session, scope, before, after)
    new = labels_on(after, ground)
    numbers = _numbers(before, after)
    old = labels_on(before, ground)
    old[old >= 0] = numbers[old[old >= 0]]
    if not (old >= 0).any():
        raise ConflictError(
            f"Plans {before.name} and {after.name} lie over different ground.",
            remedy="Compare two plans of the same communities.",
        )
    compared = compare(ground.keyed.graph, old, new, after.options)
    links = ground.cells.building_cells
    moved = {ground.keyed.cell_ids[i] for i in compared.moved.nonzero()[0]}
    return ComparedPlans(
        before,
        after,
        compared,
        int(links.loc[links["cell_id"].isin(moved), "building_id"].nunique()),
        dict(zip(numbers.tolist(), before.grids["code"], strict=True)),
        dict(enumerate(after.grids["code"])),
        ground.community_codes,
    )


def _finer_ground(
    session: "Session", scope: "Scope", before: StoredPlan, after: StoredPlan
) -> PlanGround:
    """Return the ground of the second plan; of the first, if that alone has parts of buildings.

    Of households in a part it is then known whether they change grid.
    """
    ground = ground_of(session, scope, after)
    split = [
        bool(plan_grids.parts_of_buildings(session, scope, str(plan.row.id)))
        for plan in (before, after)
    ]
    if split == [True, False]:
        finer = ground_of(session, scope, before)
        if (labels_on(after, finer) >= 0).all():
            return finer
    return ground


def _numbers(before: StoredPlan, after: StoredPlan) -> "np.ndarray[tuple[int], Any]":
    """Return a number for each grid before: that of the grid after that goes on from it, if known.

    One plan that was drawn from the other keeps the codes of what goes on. The same code in plans
    that were drawn apart means nothing.
    """
    import numpy as np

    number = {}
    if before.row.id == after.row.from_plan_id or after.row.id == before.row.from_plan_id:
        number = {code: i for i, code in enumerate(after.grids["code"])}
    free = iter(range(len(after.grids), len(after.grids) + len(before.grids)))
    return np.array(
        [number[code] if code in number else next(free) for code in before.grids["code"]],
        dtype=np.int64,
    )


@dataclass(frozen=True)
class PlanFacts:
    """A plan as people are told of it.

    Parameters
    ----------
    row
        The plan.
    effects
        Where and when it is in effect.
    drawing
        What came of its last drawing, in words.
    parts
        The parts of the buildings that it splits by their units, each with its grid.
    """

    row: "Row[Any]"
    effects: tuple[dict[str, Any], ...]
    drawing: dict[str, Any] | None
    parts: tuple[dict[str, Any], ...] = ()


def plan_facts(
    session: "Session", scope: "Scope", plan_id: str, *, trace: bool = False
) -> PlanFacts:
    """Return a plan with where and when it is in effect, and what came of its drawing in words.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such plan.
    """
    row = plans.one(session, scope, plan_id)
    communities = table_of(Community).c
    found = plans.effects_of(session, scope, plan_id)
    drawing = row.drawing or {}
    wanted = {one.community_id for one in found} | set(drawing.get("communities", {}).values())
    codes = _codes(session, scope, communities.id.in_(sorted(wanted)))
    effects = tuple(
        {
            "community_code": codes.get(one.community_id),
            "effective_from": one.during.lower,
            "effective_until": one.during.upper,
        }
        for one in found
    )
    parts = tuple(
        dict(part._mapping)  # noqa: SLF001 - SQLAlchemy's public name of a row's mapping
        for part in plan_grids.parts_of_buildings(session, scope, plan_id)
    )
    if not drawing:
        return PlanFacts(row, effects, None, parts)
    legend = Legend(
        {str(key): code for key, code in grids.codes_of(session, scope, plan_id)},
        codes,
        _quarter_names(session, scope, list(drawing["quarters"].values())),
    )
    return PlanFacts(row, effects, told(drawing, legend, trace=trace), parts)


def _codes(session: "Session", scope: "Scope", condition: Any) -> dict[str, str]:  # noqa: ANN401 - SQL
    from gis.frames import COMMUNITIES

    frame = read_layer(session, scope, Community, COMMUNITIES, condition)
    return dict(zip(frame["id"], frame["code"], strict=True))


def _quarter_names(session: "Session", scope: "Scope", keys: list[str]) -> dict[str, str]:
    known = [str(UUID(key)) for key in keys]
    wanted = table_of(Quarter).c.id.in_(known)
    frame = read_layer(session, scope, Quarter, QUARTERS, wanted)
    return dict(zip(frame["id"], frame["name"], strict=True))


def facts_as_json(facts: PlanFacts) -> dict[str, Any]:
    """Return what is told of a plan as JSON can hold it."""
    row = facts.row._mapping  # noqa: SLF001 - SQLAlchemy's public name of a row's mapping
    return {
        **{name: value for name, value in row.items() if name != "drawing"},
        "effects": list(facts.effects),
        "drawing": facts.drawing,
        "parts": list(facts.parts),
    }
