"""What may be sent: new matters, and changes of a station. Unknown members are refused."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from api.params import Day, Moment, held
from api.schemas.codes import (
    CapacityPeriod,
    Category,
    DeliveryMeans,
    FeeClass,
    ServedGroup,
    Service,
    ServiceMode,
    Source,
    Status,
)

StrictLon = Annotated[
    float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False), AfterValidator(held)
]
StrictLat = Annotated[
    float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False), AfterValidator(held)
]
Text = Annotated[str, Field(strict=True, min_length=1, max_length=2000)]
Hours = Annotated[str, Field(strict=True, min_length=1, max_length=500)]
HowMany = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Reach = Annotated[float, Field(strict=True, ge=0, le=100_000, allow_inf_nan=False)]

_PLACES = ("lon", "building_id", "poi_id")


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _NewMatter(_Sent):
    occurred_at: Moment = Field(
        description="When, with a time zone.", examples=["2026-05-01T22:00:00+08:00"]
    )
    description: Text | None = Field(
        None,
        description="What is the matter. No names, phone or identity numbers.",
        examples=["电动车飞线充电,占用消防通道"],
    )
    source: Source = "other"
    served_group: ServedGroup = "general"
    lon: StrictLon | None = Field(None, description="Degrees east, EPSG:4326.", examples=[117.31])
    lat: StrictLat | None = Field(None, description="Degrees north, EPSG:4326.", examples=[31.87])
    building_id: UUID | None = Field(None, description="Where it is, instead of lon and lat.")
    poi_id: UUID | None = Field(None, description="Where it is, instead of lon and lat.")

    @model_validator(mode="after")
    def _one_place(self) -> "_NewMatter":
        if (self.lon is None) != (self.lat is None):
            msg = "give both lon and lat, or neither"
            raise ValueError(msg)
        if sum(getattr(self, name) is not None for name in _PLACES) != 1:
            msg = "give exactly one place: lon and lat, or building_id, or poi_id"
            raise ValueError(msg)
        return self


class NewIncident(_NewMatter):
    """An incident (事件) on its way in."""

    category: Category
    service: Service | None = Field(
        None, description="The service that answers it; without one no station is assigned."
    )

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "category": "charging_cable",
                    "service": "affairs",
                    "description": "电动车飞线充电,占用消防通道",
                    "occurred_at": "2026-05-01T22:00:00+08:00",
                    "source": "patrol",
                    "lon": 117.31,
                    "lat": 31.87,
                }
            ]
        },
    )


class NewDemand(_NewMatter):
    """A demand (需求) on its way in."""

    service: Service

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "service": "canteen",
                    "occurred_at": "2026-05-01T11:30:00+08:00",
                    "served_group": "elderly",
                    "source": "visit",
                    "lon": 117.31,
                    "lat": 31.87,
                }
            ]
        },
    )


class ServiceChange(_Sent):
    """What is to change about a service; what is left out stays as it is."""

    opening_hours: Hours | None = Field(
        None,
        description="OSM's opening_hours grammar; null: unknown.",
        examples=["Mo-Fr 08:00-20:00; Sa-Su 09:00-21:00"],
    )
    capacity: HowMany | None = Field(
        None, description="People served per day; null: unknown.", examples=[80]
    )
    fee_class: FeeClass = "public"
    mode: ServiceMode = Field(
        "on_site", description="on_site, delivery (it only travels) or both.", examples=["both"]
    )
    delivery_hours: Hours | None = Field(
        None, description="When it travels; null: the opening hours.", examples=["11:00-13:00"]
    )
    delivery_reach_m: Reach | None = Field(
        None, description="How far, metres along the ways; null: not stated.", examples=[1500.0]
    )
    delivery_by: DeliveryMeans | None = Field(None, description="How it travels; null: riding.")
    delivery_capacity: HowMany | None = Field(
        None, description="Households served per period; null: not stated.", examples=[60]
    )
    delivery_period: CapacityPeriod | None = Field(None, description="That period; null: a day.")


class DatedHoursChange(_Sent):
    """The hours of one day."""

    day: Day = Field(examples=["2026-10-01"])
    hours: Annotated[str, Field(strict=True, max_length=200)] | None = Field(
        description="off, unknown or times; null: the ordinary hours again.",
        examples=["09:00-12:00,14:00-18:00"],
    )
    service: Service | None = Field(None, description="Only this service; null: all of them.")
    note: Annotated[str, Field(strict=True, max_length=500)] | None = Field(
        None, description="Why; shown to people.", examples=["国庆节"]
    )


class StationChange(_Sent):
    """A merge patch (RFC 7396) of a station: what is left out stays as it is."""

    status: Status = Field(
        "open",
        description="Planned, open or closed; without a date it closes, or opens first, today.",
    )
    opens_on: Day | None = Field(None, description="First day of service; null: already open.")
    closes_on: Day | None = Field(None, description="First day without service; null: no end.")
    lon: StrictLon = Field(
        0.0, description="Where it moves to, with lat: degrees east.", examples=[117.31]
    )
    lat: StrictLat = Field(0.0, description="Degrees north, EPSG:4326.", examples=[31.87])
    outside: Annotated[bool, Field(strict=True)] = Field(
        False, description="Confirms that lon and lat may lie in no community."
    )
    services: dict[Service, ServiceChange | None] = Field(
        default_factory=dict, description="By code; null: it is not offered any more."
    )
    exceptions: list[DatedHoursChange] = Field(
        default_factory=list, max_length=400, description="Dated hours to set or to take back."
    )

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "status": "open",
                    "services": {"canteen": {"capacity": 80}},
                    "exceptions": [{"day": "2026-10-01", "hours": "off", "note": "国庆节"}],
                }
            ]
        },
    )

    @model_validator(mode="after")
    def _whole_place(self) -> "StationChange":
        if ("lon" in self.model_fields_set) != ("lat" in self.model_fields_set):
            msg = "give both lon and lat, or neither"
            raise ValueError(msg)
        return self

    @property
    def place(self) -> tuple[float, float] | None:
        """Where the station moves to, if that was sent."""
        return (self.lon, self.lat) if "lon" in self.model_fields_set else None

    @property
    def facts(self) -> dict[str, Any]:
        """The columns of the station that were sent."""
        sent: dict[str, Any] = self.model_dump(
            include={"status", "opens_on", "closes_on"}, exclude_unset=True
        )
        return sent
