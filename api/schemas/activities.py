"""Activities of a month, and how much of them is on when people can come."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from api.schemas.codes import FeeClass, ServedGroup
from api.schemas.coverage import Calendar


class ActivityFacts(BaseModel):
    """An activity."""

    id: UUID
    station_id: UUID
    station_name: str | None
    name: str
    room: str | None
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    day: date = Field(description="The day of its beginning, where the station is.")
    weekday: int = Field(description="Monday 0 to Sunday 6.")
    begins: str = Field(description="Local clock.", examples=["19:00"])
    ends: str
    hours: float
    off_hours: float = Field(description="Hours of it after office hours.")
    free_hours: float = Field(description="Hours of it at which its group can come.")
    served_group: ServedGroup
    fee_class: FeeClass
    places: int | None
    attendance: int | None = Field(description="Null: not known, or withheld.")
    filled: float | None = Field(description="Attendance by places.")
    suppressed: bool = Field(description="Attendance is withheld: small, or reveals a small one.")
    synthetic: bool


class SupplyFacts(BaseModel):
    """What all activities, or those of a part, come to."""

    by: Literal["all", "served_group", "station_id", "fee_class"]
    key: str
    activities: int
    hours: float
    off_hours_share: float | None = Field(description="Of the hours, those after office hours.")
    off_hours_activities_share: float | None = Field(
        description="Of the activities, those mostly after office hours."
    )
    free_time_share: float | None = Field(
        description="Of the hours, those at which their group can come."
    )
    places: int
    attendance: int | None
    filled: float | None
    suppressed: bool


class FreeTimeFacts(BaseModel):
    """How much of the time at which a group can come anything is on for it."""

    group: ServedGroup
    free_hours: float
    offered_hours: float
    offered_share: float | None
    activities: int


class ActivitiesAnswer(BaseModel):
    """The menu of a month."""

    month: date = Field(description="Its first day.")
    calendar: Calendar = Field(description="Unverified: the holidays of that year are not known.")
    office_hours: str = Field(description="All other time is after office hours.")
    activities: list[ActivityFacts] = Field(description="By their beginning.")
    supply: list[SupplyFacts]
    free_time: list[FreeTimeFacts]
