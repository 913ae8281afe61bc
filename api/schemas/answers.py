"""Answers that are not features: whose grid, which station, is the server well."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.schemas.codes import NoGridReason, PlanKind, Service, Tier
from api.schemas.coverage import Method, Speed


class GridRef(BaseModel):
    """A grid and where it belongs."""

    id: UUID
    code: str
    plan_id: UUID
    community_id: UUID


class NearbyGrid(BaseModel):
    """Another grid whose border is near."""

    id: UUID
    code: str
    distance_m: float


class LocateAnswer(BaseModel):
    """The one grid at a point, or the reason why there is none."""

    kind: PlanKind
    on_day: date = Field(description="The local day as of which is answered.")
    grid: GridRef | None
    reason: NoGridReason | None = Field(description="Why there is no grid.")
    snapped_m: float | None = Field(
        description="How far outside the point was when it was given the nearest grid."
    )
    neighbour: NearbyGrid | None = Field(description="Another grid within near_m, if any.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "community",
                    "on_day": "2026-05-01",
                    "grid": {
                        "id": "080c3a1f-b855-53f8-b701-d1dcbe980598",
                        "code": "340102001002001",
                        "plan_id": "c6a5a10a-d393-5ec1-b332-9e1d931664ca",
                        "community_id": "cc7f8a63-58d5-5063-9e60-2b0fe62c2e20",
                    },
                    "reason": None,
                    "snapped_m": None,
                    "neighbour": None,
                }
            ]
        }
    )


class NearStation(BaseModel):
    """A station that is open and offers the service, and how far it is."""

    station_id: UUID
    name: str
    tier: Tier
    lon: float
    lat: float
    distance_m: float = Field(
        description="On the spheroid, or along the walk that takes the least time."
    )
    distance_method: Method
    walk_minutes: float = Field(description="At the speed of the answer, along that distance.")
    straight_m: float = Field(description="In a straight line on the spheroid.")
    opening_hours: str | None
    capacity: int | None


class NearestAnswer(BaseModel):
    """The nearest stations that are open at a moment, nearest first."""

    service: Service
    at: AwareDatetime
    method: Method
    speed: Speed
    speed_m_s: float
    network: str | None = Field(
        description="Version of the walking network; null: none was needed."
    )
    stations: list[NearStation]
    reason: (
        Literal[
            "no_station_offers",
            "none_open",
            "hours_unknown",
            "no_road_within_reach",
            "roads_behind_barrier",
            "no_station_reachable",
        ]
        | None
    ) = Field(description="Why there is none.")
    within_horizon: bool = Field(
        description="Whether the laid-out hours answered; else they were read for that moment."
    )
    calendar: Literal["verified", "unverified"] = Field(
        description="Unverified: the holidays of that year are not known."
    )
    hours_unknown: int = Field(
        description="Stations with the service whose hours nobody has stated; not in the answer."
    )


class Health(BaseModel):
    """The process runs."""

    status: Literal["ok"]
    version: str


class Readiness(BaseModel):
    """The server can do its work."""

    status: Literal["ready"]
    database: Literal["answers"]
    migrations: str = Field(description="Revision of the schema.", examples=["0002"])
