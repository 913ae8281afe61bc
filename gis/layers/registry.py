"""Which table and which contract belong to a layer's name, in the order of their references."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gis import frames
from gis.layers.activities import Activity
from gis.layers.barriers import Barrier
from gis.layers.buildings import Building, BuildingUnit
from gis.layers.communities import Community
from gis.layers.crossings import Crossing
from gis.layers.dedicated_areas import DedicatedArea
from gis.layers.demands import Demand
from gis.layers.divisions import Division
from gis.layers.incidents import Incident
from gis.layers.organisations import Organisation
from gis.layers.pois import Poi
from gis.layers.posts import Post
from gis.layers.quarters import Quarter
from gis.layers.roads import Road
from gis.layers.stations import Station, StationService

if TYPE_CHECKING:
    from gis.database.base import Base
    from gis.frames import FrameContract


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer's table and its frame contract."""

    model: "type[Base]"
    contract: "FrameContract"

    @property
    def name(self) -> str:
        """Name of the layer, plural."""
        return self.contract.name


#: Layers that files and data sets bring, each after those that it refers to.
IMPORTED_LAYERS: tuple[Layer, ...] = (
    Layer(Division, frames.DIVISIONS),
    Layer(Community, frames.COMMUNITIES),
    Layer(Quarter, frames.QUARTERS),
    Layer(DedicatedArea, frames.DEDICATED_AREAS),
    Layer(Building, frames.BUILDINGS),
    Layer(BuildingUnit, frames.UNITS),
    Layer(Organisation, frames.ORGANISATIONS),
    Layer(Station, frames.STATIONS),
    Layer(StationService, frames.STATION_SERVICES),
    Layer(Activity, frames.ACTIVITIES),
    Layer(Road, frames.ROADS),
    Layer(Barrier, frames.BARRIERS),
    Layer(Crossing, frames.CROSSINGS),
    Layer(Poi, frames.POIS),
    Layer(Incident, frames.INCIDENTS),
    Layer(Demand, frames.DEMANDS),
    Layer(Post, frames.POSTS),
)

LAYER_BY_NAME = {layer.name: layer for layer in IMPORTED_LAYERS}
