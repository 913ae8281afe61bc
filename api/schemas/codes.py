"""The closed lists of codes as types that OpenAPI shows and requests are checked against."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic_core import core_schema

from gis.frames.buildings import BUILDING_USES, HOUSEHOLD_SOURCES
from gis.frames.grids import GRID_KINDS, PLAN_KINDS
from gis.frames.incidents import INCIDENT_CATEGORIES, INCIDENT_SOURCES, SERVED_GROUPS
from gis.frames.stations import (
    CAPACITY_PERIODS,
    DELIVERY_MEANS,
    FEE_CLASSES,
    SERVICE_MODES,
    SERVICES,
    STATION_STATUSES,
    STATION_TIERS,
)
from gis.layers.matters import NO_GRID_REASONS, NO_STATION_REASONS

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler


@dataclass(frozen=True, slots=True)
class OneOf:
    """Marks a string as one of a closed list."""

    choices: tuple[str, ...]

    def __get_pydantic_core_schema__(
        self,
        source: Any,  # noqa: ANN401 - pydantic's signature
        handler: "GetCoreSchemaHandler",
    ) -> core_schema.CoreSchema:
        """Return a schema that takes exactly the choices."""
        return core_schema.literal_schema(list(self.choices))


PlanKind = Annotated[str, OneOf(PLAN_KINDS)]
GridKind = Annotated[str, OneOf(GRID_KINDS)]
BuildingUse = Annotated[str, OneOf(BUILDING_USES)]
HouseholdSource = Annotated[str, OneOf(HOUSEHOLD_SOURCES)]
Tier = Annotated[str, OneOf(STATION_TIERS)]
Status = Annotated[str, OneOf(STATION_STATUSES)]
Service = Annotated[str, OneOf(SERVICES)]
FeeClass = Annotated[str, OneOf(FEE_CLASSES)]
ServiceMode = Annotated[str, OneOf(SERVICE_MODES)]
DeliveryMeans = Annotated[str, OneOf(DELIVERY_MEANS)]
CapacityPeriod = Annotated[str, OneOf(CAPACITY_PERIODS)]
Category = Annotated[str, OneOf(INCIDENT_CATEGORIES)]
Source = Annotated[str, OneOf(INCIDENT_SOURCES)]
ServedGroup = Annotated[str, OneOf(SERVED_GROUPS)]
NoGridReason = Annotated[str, OneOf(NO_GRID_REASONS)]
NoStationReason = Annotated[str, OneOf(NO_STATION_REASONS)]
DistanceMethod = Annotated[str, OneOf(("straight_line", "walking"))]
