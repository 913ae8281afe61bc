"""Edits of a plan by hand: a building moves from one grid to its neighbour, and polygons follow."""

from typing import TYPE_CHECKING

from shapely import Polygon

from gis.districting.polygons import match_neighbours, union_of_cells
from gis.errors import InvalidInputError, TessellationError
from gis.geometry.crs import projected_crs, to_projected
from gis.geometry.measures import polsby_popper
from gis.layers import audit, grids, plans
from gis.scope import Action

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.scope import Scope


def move_building(
    session: "Session",
    scope: "Scope",
    plan_id: str,
    building_id: str,
    grid_id: str,
    *,
    version: int | None = None,
) -> tuple[str, str]:
    """Move a building and the cell it stands on to another grid of the plan; the caller commits.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    plan_id, building_id, grid_id
        What moves, and where to.
    version
        Version of the plan that the caller saw; ``None`` takes whatever is there.

    Returns
    -------
    tuple of str
        The grid it came from and the grid it is in now.

    Raises
    ------
    gis.errors.StaleVersionError
        Somebody changed the plan in the meantime.
    gis.errors.NotFoundError
        The plan, or the building in it, does not exist.
    gis.errors.TessellationError
        The building would be cut off from its new grid, or its old grid would fall apart or be
        left without ground.
    gis.errors.ConflictError
        The plan splits the building by its units.
    """
    scope.require(Action.WRITE)
    plans.lock_plan(session, scope, plan_id, version)
    source = grids.move_building(session, scope, plan_id, building_id, grid_id)
    if source == grid_id:
        raise InvalidInputError(
            f"Building {building_id} is in grid {grid_id} already.", remedy="Choose another grid."
        )
    cells = grids.cells_of(session, scope, plan_id, [source, grid_id])
    if cells["part_of"].notna().any():
        # A part of a split cell ends between two corners of its neighbours.
        cells = cells.set_geometry(match_neighbours(cells.geometry.to_numpy()), crs=cells.crs)
    for changed in (source, grid_id):
        own = cells[cells["grid_id"] == changed]
        if not len(own):
            raise TessellationError(
                "The move would leave a grid without ground.", remedy="Merge the two grids instead."
            )
        shape = union_of_cells(own.geometry.to_numpy())
        if not isinstance(shape, Polygon):
            raise TessellationError(
                "The move would leave a grid in two pieces.",
                remedy="Move a building at the border of both grids, or several at once.",
            )
        middle = shape.representative_point()
        flat = to_projected([shape], projected_crs(middle.x, middle.y))[0]
        compactness = float(polsby_popper([flat.area], [flat.length])[0])
        grids.redraw(session, scope, changed, shape, compactness)
    audit.record(
        session,
        scope,
        audit.Change(
            "move_building", "building_grids", building_id, {"grid": source}, {"grid": grid_id}
        ),
    )
    grids.check_now(session)
    return source, grid_id
