"""GeoJSON (RFC 7946) as OpenAPI describes it."""

from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Position = Annotated[
    list[float], Field(min_length=2, max_length=2, description="lon, lat in degrees, EPSG:4326")
]


class PointGeometry(BaseModel):
    """A place."""

    type: Literal["Point"]
    coordinates: Position

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"type": "Point", "coordinates": [117.31, 31.87]}]}
    )


class MultiPolygonGeometry(BaseModel):
    """One or more areas, each an outer ring and its holes."""

    type: Literal["MultiPolygon"]
    coordinates: list[list[Annotated[list[Position], Field(min_length=4)]]]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "MultiPolygon",
                    "coordinates": [
                        [[[117.3, 31.87], [117.31, 31.87], [117.31, 31.88], [117.3, 31.87]]]
                    ],
                }
            ]
        }
    )


G = TypeVar("G", bound=BaseModel)
P = TypeVar("P", bound=BaseModel)


class Link(BaseModel):
    """Another page of the same list."""

    rel: Literal["self", "next"]
    href: str = Field(examples=["/v1/grids?at=2026-05-01&limit=200&cursor=oGk…"])
    type: Literal["application/geo+json"] = "application/geo+json"


class Feature(BaseModel, Generic[G, P]):
    """A feature and its facts."""

    type: Literal["Feature"]
    id: UUID
    geometry: G
    properties: P


class FeatureCollection(BaseModel, Generic[G, P]):
    """A page of features, in the order of their keys."""

    type: Literal["FeatureCollection"]
    numberReturned: int = Field(ge=0)  # noqa: N815 - the name that OGC API Features gives it
    links: list[Link] = Field(description="The next page, if there is one, is `rel: next`.")
    features: list[Feature[G, P]]
