"""The properties of each noun's features."""

from datetime import date
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from api.schemas.codes import (
    BuildingUse,
    CapacityPeriod,
    Category,
    DeliveryMeans,
    DistanceMethod,
    FeeClass,
    GridKind,
    HouseholdSource,
    NoGridReason,
    NoStationReason,
    ServedGroup,
    Service,
    ServiceMode,
    Source,
    Status,
    Tier,
)
from api.schemas.geojson import Feature, FeatureCollection, MultiPolygonGeometry, PointGeometry

Metres = float
#: A count that is null while it is small enough to point at a household.
Small = int | None


class CommunityFacts(BaseModel):
    """A community (社区)."""

    code: str = Field(examples=["340102001001"])
    name: str | None
    derived: bool = Field(description="True: made from blocks, not a published boundary.")
    valid_from: date | None
    valid_to: date | None = Field(description="First day on which it exists no more.")


class PeopleCounts(BaseModel):
    """Counts of homes and people; those from 1 to the threshold are null."""

    households: int
    residents: Small
    elderly: Small = Field(description="Residents of 60 years and over.")
    children: Small = Field(description="Residents under 14 years.")
    low_income_households: Small
    suppressed: list[str] = Field(description="Counts that are null because they are small.")


class GridFacts(PeopleCounts):
    """A grid (网格) of a plan."""

    code: str = Field(examples=["340102001001001"])
    sequence: int = Field(description="Number within the community, from 1.")
    kind: GridKind
    plan_id: UUID
    community_id: UUID
    community_code: str
    community_name: str | None
    parent_grid_id: UUID | None
    compactness: float = Field(description="Polsby–Popper: 4π·area / perimeter².")
    exceptions: list[str] | None
    buildings: int


class BuildingFacts(PeopleCounts):
    """A building (楼栋); never a person."""

    name: str | None
    community_id: UUID | None
    community_code: str | None
    quarter_id: UUID | None
    households_source: HouseholdSource
    floors: int | None
    use: BuildingUse
    address: str | None
    valid_from: date | None
    valid_to: date | None


class BuildingShare(BaseModel):
    """What a grid has of a building."""

    grid_id: UUID
    grid_code: str
    plan_id: UUID
    main: bool = Field(description="Whether it is the one grid that the building is listed under.")
    units: list[str] | None = Field(
        description="The units (单元) that belong to the grid; null: the whole building."
    )
    households: int


class OneBuildingFacts(BuildingFacts):
    """A building (楼栋) with whose it is."""

    grids: list[BuildingShare] = Field(
        description="Its grid by the plan in effect; several where that plan splits the building "
        "between its units; none where no plan is in effect."
    )


class ServiceFacts(BaseModel):
    """A service that a station offers."""

    service: Service
    opening_hours: str | None = Field(
        description="OSM's opening_hours grammar; null: unknown.", examples=["Mo-Fr 08:00-20:00"]
    )
    capacity: int | None = Field(description="People served per day.")
    fee_class: FeeClass
    mode: ServiceMode = Field(
        description="on_site, delivery (it only travels: nobody can go there for it), or both."
    )
    delivery_hours: str | None = Field(
        description="When it travels, in the same grammar; null: the opening hours."
    )
    delivery_reach_m: float | None = Field(
        description="How far, metres along the ways; null: not stated."
    )
    delivery_by: DeliveryMeans | None = Field(description="How it travels; null: riding.")
    delivery_capacity: int | None = Field(description="Households served per period.")
    delivery_period: CapacityPeriod | None = Field(description="That period; null: a day.")


class DatedHours(BaseModel):
    """The hours of one day."""

    day: date
    service: Service | None = Field(description="Null: every service of the station.")
    hours: str = Field(examples=["off", "09:00-12:00,14:00-18:00"])
    note: str | None


class StationFacts(BaseModel):
    """A station (党群服务站, 中心 …) with its services and dated hours."""

    name: str
    tier: Tier
    status: Status
    opens_on: date | None
    closes_on: date | None
    community_id: UUID | None
    community_code: str | None
    organisation_id: UUID | None
    floor_area_m2: float | None
    address: str | None
    temporary: bool
    version: int = Field(description="Raised by every change; the ETag of the station.")
    updated_at: AwareDatetime
    services: list[ServiceFacts]
    exceptions: list[DatedHours]


class ChangedStationFacts(StationFacts):
    """A station after a change; of one that moved also whether one can walk to it."""

    road_near: bool | None = Field(
        None,
        description="Only of a station that moved: whether a road to walk along is within 300 m; "
        "without one it serves nobody on foot. Null: there are no roads.",
    )


class MatterFacts(BaseModel):
    """What was raised, where it refers to, and whose it became."""

    service: Service | None
    description: str | None
    occurred_at: AwareDatetime
    source: Source
    served_group: ServedGroup
    synthetic: bool
    building_id: UUID | None
    poi_id: UUID | None
    road_id: UUID | None
    community_id: UUID | None
    community_code: str | None
    plan_id: UUID | None = Field(description="The plan it was assigned under.")
    grid_id: UUID | None
    grid_code: str | None
    no_grid_reason: NoGridReason | None = Field(description="Why it has no grid.")
    station_id: UUID | None = Field(description="The nearest that was open and able.")
    station_name: str | None
    distance_m: Metres | None
    distance_method: DistanceMethod | None
    no_station_reason: NoStationReason | None = Field(description="Why it has no station.")
    assigned_at: AwareDatetime | None = Field(description="Null: not assigned yet.")


class IncidentFacts(MatterFacts):
    """An incident (事件)."""

    category: Category


class DemandFacts(MatterFacts):
    """A demand (需求)."""

    service: Service


Community = Feature[MultiPolygonGeometry, CommunityFacts]
Communities = FeatureCollection[MultiPolygonGeometry, CommunityFacts]
Grid = Feature[MultiPolygonGeometry, GridFacts]
Grids = FeatureCollection[MultiPolygonGeometry, GridFacts]
Building = Feature[MultiPolygonGeometry, OneBuildingFacts]
Buildings = FeatureCollection[MultiPolygonGeometry, BuildingFacts]
Station = Feature[PointGeometry, StationFacts]
ChangedStation = Feature[PointGeometry, ChangedStationFacts]
Stations = FeatureCollection[PointGeometry, StationFacts]
Incident = Feature[PointGeometry, IncidentFacts]
Incidents = FeatureCollection[PointGeometry, IncidentFacts]
Demand = Feature[PointGeometry, DemandFacts]
Demands = FeatureCollection[PointGeometry, DemandFacts]
