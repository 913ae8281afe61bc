"""What came of a drawing, as the store keeps it beside the plan, and as people are told of it.

Grids, communities and quarters are numbered as in the drawing; a legend says which is which by
key, so that a record outlives new codes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from gis.districting import Plan, PlanMeasures
    from gis.districting.compare import PlanComparison
    from gis.services.plan_ground import PlanGround

_RECORDS = ("exceptions", "feasible", "lineage", "trace")


def measures_of(measures: "PlanMeasures") -> dict[str, Any]:
    """Return the measures of the basic grids of a plan as plain numbers."""
    households = measures.households[~measures.dedicated]
    lived = len(households) > 0
    return {
        "grids": len(measures.grid),
        "basic_grids": int(measures.count),
        "households": {
            "min": int(households.min()) if lived else 0,
            "mean": round(float(households.mean()), 1) if lived else 0.0,
            "max": int(households.max()) if lived else 0,
        },
        "share_in_range": round(float(measures.share_in_range), 4),
        "mean_deviation": round(float(measures.mean_deviation), 2),
        "max_deviation": int(measures.max_deviation),
        "noncontiguous": int(measures.noncontiguous),
        "border_m": round(float(measures.border_m), 1),
        "border_by_class_m": [round(float(m), 1) for m in measures.border_by_class_m],
        "barrier_inside_m": round(float(measures.barrier_inside_m.sum()), 1),
        "mean_compactness": _number(measures.mean_polsby_popper),
        "mean_reock": _number(measures.mean_reock),
    }


def _number(value: float) -> float | None:
    return None if value != value else round(float(value), 4)  # noqa: PLR0124 - NaN


def drawing_of(
    plan: "Plan",
    ground: "PlanGround",
    grids: Mapping[int, str],
    previous: Mapping[int, str] | None = None,
) -> dict[str, Any]:
    """Return what came of a drawing as JSON can hold it.

    Parameters
    ----------
    plan, ground
        The drawing, and what it was drawn on.
    grids
        Key of each of its grids by number.
    previous
        Code of each grid that it was drawn from, by number.
    """
    named = [one.unit for one in plan.exceptions]
    named += [held.unit for one in plan.trace for held in one.largest]
    quarters = {unit for unit in named if unit is not None}
    keys = ground.keyed
    return {
        "grids": {str(n): key for n, key in grids.items()},
        "communities": {str(n): key for n, key in enumerate(keys.community_ids)},
        "quarters": {str(n): keys.unit_ids[n] for n in sorted(quarters)},
        "previous": {str(n): code for n, code in (previous or {}).items()},
        "stopped": plan.stopped,
        **{name: _plain([asdict(one) for one in getattr(plan, name)]) for name in _RECORDS},
        "sentences": [one.sentence for one in plan.exceptions],
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - plain values, and numpy's
    """Return a value as JSON can hold it: no NumPy, no NaN."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "item"):
        value = _item(value)
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN
        return None
    return value


def _item(value: "np.generic") -> Any:  # noqa: ANN401 - a number
    return value.item()


@dataclass(frozen=True)
class Legend:
    """Codes and names of what a drawing's numbers stand for, as they are today.

    Parameters
    ----------
    grids
        Code of each grid by its key; one that is gone has none.
    communities
        Code of each community by its key.
    quarters
        Name of each quarter by its key.
    """

    grids: Mapping[str, str]
    communities: Mapping[str, str]
    quarters: Mapping[str, str]


def told(drawing: Mapping[str, Any], legend: Legend, *, trace: bool = False) -> dict[str, Any]:
    """Return a drawing's record with codes in place of its numbers."""
    names = _Names(drawing, legend)
    shown = {
        "version": drawing.get("version"),
        "stopped": drawing["stopped"],
        "exceptions": [
            {
                "kind": one["kind"],
                "community_code": names.community(one["community"]),
                "grid_code": names.grid(one["grid"]),
                "quarter": names.quarter(one["unit"]),
                "households": one["households"],
                "limit": one["limit"],
                "count": one["count"],
                "missed": one["missed"],
                "sentence": sentence,
                "note": _sentence(one["note"]),
            }
            for one, sentence in zip(drawing["exceptions"], drawing["sentences"], strict=True)
        ],
        "feasible": [
            {
                "community_code": names.community(one["community"]),
                **{key: value for key, value in one.items() if key != "community"},
            }
            for one in drawing["feasible"]
        ],
        "lineage": [
            {
                "grid_code": names.grid(one["grid"]),
                "previous_grid_code": drawing["previous"].get(str(one["previous_grid"])),
                "households": one["households"],
            }
            for one in drawing["lineage"]
        ],
    }
    if trace:
        shown["trace"] = [_told_trace(one, names) for one in drawing["trace"]]
    return shown


def _sentence(said: Mapping[str, Any] | None) -> str | None:
    """Return a sentence with its figures, in English."""
    return None if said is None else str(said["message"]).format(**said["values"])


@dataclass(frozen=True)
class _Names:
    drawing: Mapping[str, Any]
    legend: Legend

    def grid(self, number: int | None) -> str | None:
        key = self.drawing["grids"].get(str(number))
        return None if key is None else self.legend.grids.get(key)

    def community(self, number: int | None) -> str | None:
        key = self.drawing["communities"].get(str(number))
        return None if key is None else self.legend.communities.get(key)

    def quarter(self, number: int | None) -> str | None:
        key = self.drawing["quarters"].get(str(number))
        return None if key is None else self.legend.quarters.get(key)


def _told_trace(one: Mapping[str, Any], names: _Names) -> dict[str, Any]:
    return {
        "grid_code": names.grid(one["grid"]),
        "community_code": names.community(one["community"]),
        "households": one["households"],
        "deviation": one["deviation"],
        "fixed": one["fixed"],
        "reasons": [
            {"limit": reason["limit"], "sentence": _sentence(reason)} for reason in one["reasons"]
        ],
        "border_by_class_m": one["border_by_class_m"],
        "line_m": one["line_m"],
        "street_share": one["street_share"],
        "units": one["units"],
        "largest": [
            {"quarter": names.quarter(held["unit"]), "households": held["households"]}
            for held in one["largest"]
        ],
    }


def told_comparison(
    compared: "PlanComparison",
    before: Mapping[int, str],
    after: Mapping[int, str],
    communities: Mapping[int, str],
) -> dict[str, Any]:
    """Return how two plans differ, with codes in place of numbers.

    Parameters
    ----------
    compared
        How they differ.
    before, after, communities
        Code of each grid before and after, and of each community, by number.
    """
    return {
        "households_moved": compared.households_moved,
        "households_compared": compared.households_compared,
        "border_added_m": round(compared.border_added_m, 1),
        "border_removed_m": round(compared.border_removed_m, 1),
        "before": measures_of(compared.before),
        "after": measures_of(compared.after),
        "grids": [
            {
                "fate": one.fate,
                "community_code": communities.get(one.community),
                "grid_code": after.get(one.grid),
                "previous_grid_code": before.get(one.previous),
                "households_before": one.households_before,
                "households_after": one.households_after,
                "households_in": one.households_in,
                "households_out": one.households_out,
                "sources": [
                    {"grid_code": before.get(grid), "households": people}
                    for grid, people in one.sources
                ],
                "targets": [
                    {"grid_code": after.get(grid), "households": people}
                    for grid, people in one.targets
                ],
            }
            for one in compared.changes
        ],
    }
