"""Descriptions of places: what may be asked, what is answered, and what a person decides."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from api.schemas.changes import StrictLat, StrictLon
from api.schemas.codes import OneOf
from gis.addresses import PLACE_KINDS
from gis.layers.geocoding import GEOCODING_STATUSES, PLACE_MODELS

PlaceKind = Annotated[str, OneOf(PLACE_KINDS)]
RequestStatus = Annotated[str, OneOf(GEOCODING_STATUSES)]
PlaceLayer = Annotated[str, OneOf(tuple(PLACE_MODELS))]
MatterLayerName = Annotated[str, OneOf(("incidents", "demands"))]
MatchStatus = Annotated[str, OneOf(("unique", "ambiguous", "none"))]
MatchMethod = Annotated[str, OneOf(("exact", "normalised", "interpolated", "fuzzy"))]


def _no_null(text: str) -> str:
    if "\x00" in text:
        msg = "text holds a null character"
        raise ValueError(msg)
    return text


Description = Annotated[
    str, Field(strict=True, min_length=1, max_length=500), AfterValidator(_no_null)
]


class GeocodingQuestion(BaseModel):
    """Descriptions of places."""

    texts: list[Description] = Field(
        min_length=1, max_length=1000, description="As they came; no names or numbers of persons."
    )

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"texts": ["永睦小区3号楼", "天水路与万罗山路交叉口"]}]},
    )


class PlaceCandidate(BaseModel):
    """A place that a description may mean."""

    kind: PlaceKind
    layer: str | None = Field(description="Layer of its row; a crossing is no row.")
    id: UUID | None = Field(description="Key of its row.")
    building_id: UUID | None
    name: str
    lon: float
    lat: float
    precision_m: float = Field(description="How far its ground reaches from the point.")
    score: float = Field(description="How well it fits, 0 to 100.")


class AddressMatch(BaseModel):
    """Where a description is, or why that cannot be said."""

    text: str
    status: MatchStatus = Field(
        description="unique: it is the first candidate; ambiguous: a person decides; none."
    )
    method: MatchMethod | None
    margin: float = Field(description="By how much the first is better than the next.")
    reason: str | None = Field(description="Why it is not unique.", examples=["several_places"])
    ignored: list[str] = Field(description="What the text says beyond the place.")
    candidates: list[PlaceCandidate] = Field(description="Best first.")


class GeocodingAnswer(BaseModel):
    """An answer for each description, in their order."""

    matches: list[AddressMatch]


class GeocodingRequest(BaseModel):
    """A description that waits for a person, or that one has decided on."""

    id: UUID
    text: str
    status: RequestStatus
    layer: MatterLayerName | None = Field(description="Layer of the matter that waits.")
    waiting: dict[str, Any] | None = Field(description="What the matter says, without its place.")
    candidates: list[PlaceCandidate]
    lon: float | None
    lat: float | None
    resolved_layer: str | None = Field(description="Layer of the row that it was placed at.")
    resolved_row_id: str | None
    resolved_by: str | None
    note: str | None = Field(description="Why it was decided so; while open why it waits.")
    created_at: AwareDatetime
    resolved_at: AwareDatetime | None


class PageLink(BaseModel):
    """Another page of the list."""

    rel: Literal["self", "next"]
    href: str = Field(examples=["/v1/geocoding/requests?status=open&limit=200&cursor=oGk…"])
    type: Literal["application/json"] = "application/json"


class GeocodingRequests(BaseModel):
    """A page of requests."""

    requests: list[GeocodingRequest]
    links: list[PageLink]


class Resolution(BaseModel):
    """Where a request is: a candidate, a row, or a point; exactly one."""

    candidate: Annotated[int, Field(strict=True, ge=1, le=100)] | None = Field(
        None, description="Number of a candidate; 1 is the first."
    )
    layer: PlaceLayer | None = Field(None, description="With row_id: layer of the row.")
    row_id: UUID | None = None
    lon: StrictLon | None = Field(None, description="Degrees east, EPSG:4326.")
    lat: StrictLat | None = Field(None, description="Degrees north, EPSG:4326.")
    note: Description | None = Field(None, description="Why. No names, phone or identity numbers.")

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"candidate": 1, "note": "电话核实"}, {"lon": 117.31, "lat": 31.87}]
        },
    )

    @model_validator(mode="after")
    def _one_place(self) -> "Resolution":
        if (self.layer is None) != (self.row_id is None):
            msg = "give both layer and row_id, or neither"
            raise ValueError(msg)
        if (self.lon is None) != (self.lat is None):
            msg = "give both lon and lat, or neither"
            raise ValueError(msg)
        if sum(v is not None for v in (self.candidate, self.row_id, self.lon)) != 1:
            msg = "give exactly one place: candidate, or layer and row_id, or lon and lat"
            raise ValueError(msg)
        return self


class Rejection(BaseModel):
    """Why a request cannot be placed."""

    reason: Description = Field(examples=["不在本街道"])

    model_config = ConfigDict(extra="forbid")


class ResolvedAnswer(BaseModel):
    """What a decision made."""

    request_id: UUID
    lon: float
    lat: float
    layer: MatterLayerName | None
    matter_id: UUID | None = Field(description="The matter that waited, stored and assigned.")
