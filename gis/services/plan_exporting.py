"""What of a plan goes into a file beside its grids: the measures of each."""

from dataclasses import replace
from typing import TYPE_CHECKING

from gis.layers import exports
from gis.layers.export_contracts import GRID_MEASURES
from gis.outlets import format_of
from gis.scope import Action
from gis.services.plan_measuring import measure_plan

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.layers.exports import Ground
    from gis.scope import Scope

#: The layers of a plan in a file that holds several.
PLAN_LAYERS = (
    "grid_plans",
    "grids",
    "grid_measures",
    "building_grids",
    "building_parts",
    "cell_grids",
)


def layers_of_plan(path: "Path") -> tuple[str, ...]:
    """Return the layers of a plan that a file is to hold: the grids alone if it holds one."""
    several = format_of(path, None).many or path.suffix.lower() == ".zip"
    return PLAN_LAYERS if several else ("grids",)


def grid_measures(session: "Session", scope: "Scope", ground: "Ground") -> "pd.DataFrame":
    """Return the measures of the grids that an export means, by ``GRID_MEASURES``."""
    import pandas as pd

    meant = exports.grids_meant(session, scope, ground)
    reader = replace(scope, actions=scope.actions | {Action.READ})
    tables = [
        measure_plan(session, reader, plan).table().assign(plan_id=plan)
        for plan in sorted(set(meant.values()))
    ]
    if not tables:
        return GRID_MEASURES.empty()
    found: pd.DataFrame = pd.concat(tables, ignore_index=True)
    own = found[found["grid_id"].isin(set(meant))]
    measures: pd.DataFrame = GRID_MEASURES.conform(own[list(GRID_MEASURES.names)])
    return measures
