"""What describes a set of vector tiles: TileJSON 3.0.0."""

from typing import Literal

from pydantic import BaseModel, Field


class VectorLayer(BaseModel):
    """A layer within the tiles."""

    id: str = Field(description="Name of the layer in each tile.")
    description: str = Field(description="What its features are.")
    minzoom: int = Field(description="First zoom at which it is told.")
    maxzoom: int = Field(description="Last zoom at which it is told; beyond, clients enlarge.")
    fields: dict[str, str] = Field(description="Attributes of its features, and what they mean.")


class TileJSON(BaseModel):
    """Where the tiles of a layer are, and what is in them."""

    tilejson: Literal["3.0.0"] = "3.0.0"
    name: str = Field(description="Name of the layer.")
    description: str = Field(description="What its features are.")
    version: str = Field(description="Version of the tiles, as semantic versioning writes it.")
    attribution: str = Field(description="Whose data they are, plain text.")
    scheme: Literal["xyz"] = "xyz"
    tiles: list[str] = Field(description="Template of the addresses, with {z}, {x} and {y}.")
    vector_layers: list[VectorLayer] = Field(description="The layers within the tiles.")
    bounds: tuple[float, float, float, float] = Field(
        description="West, south, east, north in degrees; the whole world if there is nothing."
    )
    center: tuple[float, float, int] = Field(description="Lon, lat and zoom to begin with.")
    minzoom: int = Field(description="First zoom.")
    maxzoom: int = Field(description="Last zoom; beyond it, clients enlarge.")
