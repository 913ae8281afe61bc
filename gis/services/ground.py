"""The ground under plans: cells that are built once per data version and kept."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gis import frames
from gis.districting.cells import CellFrames, build_cells, data_version_of
from gis.errors import InvalidInputError
from gis.geometry.crs import projected_crs
from gis.layers import cells as cell_layer
from gis.layers.barriers import Barrier
from gis.layers.buildings import Building
from gis.layers.communities import Community
from gis.layers.crossings import Crossing
from gis.layers.dedicated_areas import DedicatedArea
from gis.layers.quarters import Quarter
from gis.layers.queries import alive, read_layer
from gis.layers.roads import Road
from gis.logs import get_logger

if TYPE_CHECKING:
    import geopandas as gpd
    import pyproj
    from sqlalchemy.orm import Session

    from gis.scope import Scope

log = get_logger(__name__)

#: Raised when cells are built in another way: they are then built anew from the same data.
CELLS_METHOD = "cells-4"
#: What the cells of a community depend on, by layer: a changed count of people moves no border.
_SHAPED_BY = {
    "buildings": ["id", "geometry"],
    "quarters": ["id", "geometry", "gated"],
    "roads": ["geometry", "road_class", "walkable", "bridge", "tunnel"],
    "barriers": ["geometry", "barrier_class"],
    "crossings": ["geometry", "kind", "open_to_walkers"],
    "dedicated_areas": ["id", "geometry"],
}
Progress = Callable[[int, int], object]


class Ground:
    """The frames that a plan is drawn on, read once, and the CRS in which they are measured."""

    def __init__(self, session: "Session", scope: "Scope") -> None:
        self.communities = read_layer(
            session, scope, Community, frames.COMMUNITIES, alive(Community)
        ).sort_values("code", ignore_index=True)
        if not len(self.communities):
            raise InvalidInputError(
                "There is no community to work on.", remedy="Import communities first."
            )
        everywhere = read_layer(session, scope, Building, frames.BUILDINGS, alive(Building))
        self.buildings: gpd.GeoDataFrame = everywhere[
            everywhere["community_id"].isin(set(self.communities["id"]))
        ].reset_index(drop=True)
        self.quarters = read_layer(session, scope, Quarter, frames.QUARTERS)
        self.crs = deployment_crs(self.communities)

    def around(self, session: "Session", scope: "Scope") -> dict[str, "gpd.GeoDataFrame"]:
        """Return the layers that shape cells, by name."""
        return {
            "buildings": self.buildings,
            "quarters": self.quarters,
            "roads": read_layer(session, scope, Road, frames.ROADS),
            "barriers": read_layer(session, scope, Barrier, frames.BARRIERS),
            "crossings": read_layer(session, scope, Crossing, frames.CROSSINGS),
            "dedicated_areas": read_layer(session, scope, DedicatedArea, frames.DEDICATED_AREAS),
        }


def deployment_crs(communities: "gpd.GeoDataFrame") -> "pyproj.CRS":
    """Return the projected CRS of the place: the zone in the middle of its communities."""
    west, south, east, north = communities.total_bounds
    return projected_crs((west + east) / 2, (south + north) / 2)


def ensure_cells(
    session: "Session", scope: "Scope", ground: Ground, *, progress: Progress | None = None
) -> int:
    """Build the cells of communities whose data have changed; return how many were built.

    The caller commits. Cells that a plan refers to are kept beside the new ones.
    """
    around = ground.around(session, scope)
    stored = cell_layer.data_versions(session, scope)
    todo = []
    for i, community in enumerate(ground.communities["id"]):
        near = _near(ground.communities.iloc[[i]], around)
        version = _version(ground.communities.iloc[[i]], near)
        if stored.get(community) != version:
            todo.append((i, community, version, near))
    for done, (i, community, version, near) in enumerate(todo, start=1):
        built = build_cells(
            ground.communities.iloc[[i]], crs=ground.crs, data_version=version, **near
        )
        cell_layer.replace_cells(session, scope, {community: version}, _new_cells(built))
        if progress:
            progress(done, len(todo))
    log.info("cells_built", communities=len(todo), kept=len(ground.communities) - len(todo))
    return len(todo)


def read_cells(session: "Session", scope: "Scope") -> CellFrames:
    """Return the current cells of the scope with their borders and buildings."""
    cells = cell_layer.read_current(session, scope)
    dedicated = cells.loc[cells["dedicated_area_id"].notna(), ["id", "dedicated_area_id"]]
    return CellFrames(
        cells=cells.drop(columns="dedicated_area_id"),
        borders=cell_layer.read_current_borders(session, scope),
        building_cells=cell_layer.read_current_buildings(session, scope),
        dedicated=dedicated.rename(columns={"id": "cell_id"}).reset_index(drop=True),
    )


def _near(
    community: "gpd.GeoDataFrame", around: dict[str, "gpd.GeoDataFrame"]
) -> dict[str, "gpd.GeoDataFrame"]:
    """Return what touches the box of a community; buildings are those that belong to it."""
    shape = community.geometry.iloc[0]
    near = {}
    for name, layer in around.items():
        if name == "buildings":
            rows = layer["community_id"] == community["id"].iloc[0]
        else:
            rows = sorted(layer.sindex.query(shape, predicate="intersects"))
        near[name] = (layer[rows] if name == "buildings" else layer.iloc[rows]).reset_index(
            drop=True
        )
    return near


def _version(community: "gpd.GeoDataFrame", near: dict[str, "gpd.GeoDataFrame"]) -> str:
    parts: list[Any] = [community[["id", "geometry"]]]
    parts += [near[name][columns] for name, columns in _SHAPED_BY.items()]
    return f"{CELLS_METHOD}-{data_version_of(parts)}"


def _new_cells(built: CellFrames) -> cell_layer.NewCells:
    area = dict(zip(built.dedicated["cell_id"], built.dedicated["dedicated_area_id"], strict=True))
    cells = built.cells.assign(dedicated_area_id=[area.get(cell) for cell in built.cells["id"]])
    return cell_layer.NewCells(cells, built.borders, built.building_cells)
