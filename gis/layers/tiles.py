"""Vector tiles (Mapbox Vector Tile 2.1) of the layers, encoded by PostGIS.

Tiles are those of the web: XYZ, EPSG:3857, 4096 units wide. A feature's number is the last 52 bits
of its key, so that it is the same in every tile, zoom and version and is exact in JavaScript. From
:data:`WHOLE_FROM` on, each building is drawn whole in every tile that it touches; below, buildings
are merged into one point per cell of a raster.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import text

from gis.errors import InvalidInputError
from gis.layers.queries import array_of
from gis.layers.statements import statement
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

TileLayer = Literal["communities", "grids", "buildings", "stations"]
#: Largest zoom that is answered, and the largest that tells more than the one before: a unit is
#: 15 cm there.
LAST_ZOOM, FINEST_ZOOM = 22, 16
#: Buildings are outlines from this zoom on.
WHOLE_FROM = 14
#: Most features of a tile; the largest are kept.
MOST_FEATURES = 20_000
#: Cells along a tile's side that buildings are merged by below :data:`WHOLE_FROM`.
CELLS = 64
_UNITS = 4096
#: What is shown around a tile, so that lines on its edge are not cut: a part of its width.
_MARGIN = 64 / _UNITS
_WORLD_M = 40_075_016.685578488


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile of the web's pyramid.

    Parameters
    ----------
    z
        Zoom, 0–22.
    x, y
        Column from the west and row from the north, each from 0 to 2**z - 1.

    Raises
    ------
    gis.errors.InvalidInputError
        There is no such tile.
    """

    z: int
    x: int
    y: int

    def __post_init__(self) -> None:
        """Refuse what is no tile."""
        if not 0 <= self.z <= LAST_ZOOM:
            raise InvalidInputError(
                f"There is no zoom {self.z}.", remedy=f"Use 0 to {LAST_ZOOM}.", field="z"
            )
        for name in ("x", "y"):
            if not 0 <= getattr(self, name) < 2**self.z:
                raise InvalidInputError(
                    f"At zoom {self.z} no tile has {name}={getattr(self, name)}.",
                    remedy=f"Use 0 to {2**self.z - 1}.",
                    field=name,
                )

    @property
    def far(self) -> bool:
        """Whether buildings are merged into points."""
        return self.z < WHOLE_FROM

    @property
    def tolerance_m(self) -> float:
        """How far lines may move, Mercator metres: two units, an eighth of a screen's pixel."""
        return 2 * _WORLD_M / (1 << self.z) / _UNITS


@dataclass(frozen=True, slots=True)
class TileOrder:
    """What tiles of a layer are to show.

    Parameters
    ----------
    on_day
        What exists on it.
    kind
        Kind of plan whose grids are shown.
    suppress_below
        Residents from 1 to this less one are left out, and others that would give them away.
    """

    on_day: date
    kind: str = "community"
    suppress_below: int = 3


@dataclass(frozen=True, slots=True)
class TileVerdicts:
    """The verdicts of some buildings, a value each, in the same order.

    Parameters
    ----------
    ids
        Keys of the buildings.
    classes
        Position of the smallest limit that is met; how many limits there are: beyond the last one;
        -1: no station can be reached.
    covered
        Whether one is met.
    minutes, metres
        Of the walk; ``None`` where there is none.
    stations
        Key of the station, or ``None``.
    """

    ids: Sequence[str]
    classes: Sequence[int]
    covered: Sequence[bool]
    minutes: Sequence[float | None]
    metres: Sequence[int | None]
    stations: Sequence[str | None]


def read_tile(
    session: "Session",
    scope: Scope,
    layer: TileLayer,
    tile: Tile,
    order: TileOrder,
    withheld: "Collection[str]" = (),
) -> bytes:
    """Return a tile of a layer; empty: nothing lies there within the scope.

    ``withheld`` are keys of buildings whose residents are left out though they are not few.
    """
    given = _place(tile) | _within(scope) | {"margin": _MARGIN, "on_day": order.on_day}
    # A building is whole in each tile it touches; what is wider than a tile is cut.
    given |= {"buffer": _UNITS if layer == "buildings" else int(_MARGIN * _UNITS)}
    given |= {"most": MOST_FEATURES, "cells": CELLS, "below": order.suppress_below}
    given |= {"withheld": array_of(withheld)}
    far = layer == "buildings" and tile.far
    name = f"tile_{layer}_far" if far else f"tile_{layer}"
    return _encoded(session, name, given | {"kind": order.kind})


def building_ids(session: "Session", scope: Scope, tile: Tile) -> list[str]:
    """Return the keys of the buildings, of whatever day, that lie in a tile; in order."""
    given = _place(tile) | _within(scope) | {"margin": _MARGIN}
    rows = session.execute(statement("tile_building_ids", "buildings"), given)
    return list(rows.scalars())


def read_coverage_tile(
    session: "Session", scope: Scope, tile: Tile, verdicts: TileVerdicts
) -> bytes:
    """Return a tile of buildings with their verdicts, or of points that sum them up from afar."""
    given = _place(tile) | _within(scope) | {"ids": array_of(verdicts.ids)}
    if tile.far:
        given |= {"buffer": _UNITS, "cells": CELLS, "covered": _array(verdicts.covered)}
        return _encoded(session, "tile_coverage_far", given)
    given |= {
        "buffer": _UNITS,
        "most": MOST_FEATURES,
        "classes": _array(verdicts.classes),
        "minutes": _array(verdicts.minutes),
        "metres": _array(verdicts.metres),
        "stations": _array(verdicts.stations),
    }
    return _encoded(session, "tile_coverage", given)


def bounds(
    session: "Session", scope: Scope, on_day: date
) -> tuple[float, float, float, float] | None:
    """Return west, south, east and north of the scope in degrees; ``None``: it is empty."""
    asked = statement("tile_bounds", "communities")
    row: Row[Any] | None = session.execute(asked, _within(scope) | {"on_day": on_day}).first()
    return None if row is None else (row.west, row.south, row.east, row.north)


def _encoded(session: "Session", name: str, given: dict[str, Any]) -> bytes:
    # Compiling a statement with 20,000 verdicts took more than a minute, running it 0.4 s.
    session.execute(text("SET LOCAL jit = off"))
    found = session.execute(statement(name, "buildings"), given).scalar_one()
    return bytes(found)


def _place(tile: Tile) -> dict[str, Any]:
    return {"z": tile.z, "x": tile.x, "y": tile.y, "tolerance_m": tile.tolerance_m}


def _within(scope: Scope) -> dict[str, Any]:
    """Return the communities of a scope as the statements take them, after a read check."""
    scope.require(Action.READ)
    ids = scope.community_ids
    return {"everywhere": ids is None, "communities": array_of(sorted(ids or ()))}


def _array(values: Sequence[object]) -> str:
    """Return values without signs of their own as PostgreSQL writes an array."""
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"
