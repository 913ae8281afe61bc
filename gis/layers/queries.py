"""The few query shapes that every layer uses: read a frame, insert a frame, page through rows."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from geoalchemy2 import Geometry
from sqlalchemy import (
    ARRAY,
    Table,
    Text,
    Uuid,
    and_,
    any_,
    cast,
    column,
    false,
    func,
    inspect,
    literal,
    or_,
    select,
    table,
    true,
)

from gis.database.base import STORED_SRID, Base
from gis.database.frames import copy_frame, read_frame
from gis.errors import NotFoundError
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pandas as pd
    from sqlalchemy import ColumnElement, Row, Select
    from sqlalchemy.orm import Session

    from gis.database.frames import Refused
    from gis.frames import FrameContract


def table_of(model: type[Base]) -> Table:
    """Return the table of a mapped class."""
    table = inspect(model).local_table
    assert isinstance(table, Table)
    return table


def array_of(keys: "Iterable[str]") -> str:
    """Return keys as PostgreSQL writes an array: one value to send, however many they are."""
    return "{" + ",".join(keys) + "}"


def among(key: "ColumnElement[Any]", keys: "Iterable[str]") -> "ColumnElement[bool]":
    """Return that a key is one of these, given as one array; IN would take a parameter for each."""
    return key == any_(cast(literal(array_of(keys), Text), ARRAY(Uuid(as_uuid=False))))


def community_column(model: type[Base]) -> "ColumnElement[Any] | None":
    """Return the column that says in which community a row lies, if the layer has one."""
    table = table_of(model)
    if table.name == "communities":
        return table.c.id
    return table.c.get("community_id")


#: Layers that a grid has buildings in, named as they are: their modules are above this one.
_GRIDS = table("grids", column("id", Uuid(as_uuid=False)), column("community_id"))
_SHARES = table("grid_buildings", column("grid_id", Uuid(as_uuid=False)), column("building_id"))
#: What is public in the communities of a scope's grids.
_PUBLIC = frozenset({"communities", "quarters", "stations"})
#: Who acts for an organisation is shown the matters of that one alone.
_MATTERS = frozenset({"incidents", "demands"})
#: Layers whose rows lie where another row lies: the reference to it, and its layer.
_PARENTS = {
    "units": ("building_id", "buildings"),
    "station_services": ("station_id", "stations"),
    "activities": ("station_id", "stations"),
}


def restricted(statement: Any, scope: Scope, model: type[Base]) -> Any:  # noqa: ANN401 - any select
    """Return the statement limited to the scope's ground, where the layer lies on any.

    That is: rows of its communities; matters and buildings of its grids; and of the communities
    that these grids lie in what is public. Rows of none are for those who see everything.
    """
    scope.require(Action.READ)
    own = own_rows(scope, table_of(model))
    return statement if own is None else statement.where(own)


def own_rows(scope: Scope, layer: Table) -> "ColumnElement[bool] | None":
    """Return the condition that rows of a layer are the scope's; ``None``: there is none."""
    if scope.organisations is not None and layer.name in _MATTERS:
        return false()  # no matter says yet whose it is
    if scope.community_ids is None:
        return None
    return _own_rows(_Ground(scope.community_ids, scope.grid_ids), layer)


class _Ground(NamedTuple):
    """The ground of a scope that is bound to some."""

    communities: frozenset[str]
    grids: frozenset[str]


@lru_cache(maxsize=1024)
def _own_rows(ground: _Ground, layer: Table) -> "ColumnElement[bool] | None":
    """Return the condition; it is kept, as to build it takes longer than PostgreSQL to check it."""
    if layer.name in _PARENTS:
        reference, parent = _PARENTS[layer.name]
        return layer.c[reference].in_(_own_keys(ground, layer.metadata.tables[parent]))
    if layer.name == "posts":
        return _own_posts(ground, layer)
    home = layer.c.id if layer.name == "communities" else layer.c.get("community_id")
    if home is None:
        return None
    held = _held_by_grids(ground.grids, layer, home) if ground.grids else []
    return or_(among(home, sorted(ground.communities)), *held)


def _own_keys(ground: _Ground, layer: Table) -> "Select[tuple[Any]]":
    """Return the keys of the rows of a layer that are of a ground."""
    own = _own_rows(ground, layer)
    assert own is not None
    return select(layer.c.id).where(own)


def _held_by_grids(
    grids: frozenset[str], layer: Table, home: "ColumnElement[Any]"
) -> "list[ColumnElement[bool]]":
    """Return the conditions that rows of a layer are there for the grids of a scope."""
    mine = sorted(grids)
    if layer.name in _PUBLIC:
        return [home.in_(select(_GRIDS.c.community_id).where(among(_GRIDS.c.id, mine)))]
    if layer.name == "buildings":
        return [layer.c.id.in_(select(_SHARES.c.building_id).where(among(_SHARES.c.grid_id, mine)))]
    if layer.name == "grids":
        return [among(layer.c.id, mine)]
    return [among(layer.c.grid_id, mine)] if "grid_id" in layer.c else []


def _own_posts(ground: _Ground, posts: Table) -> "ColumnElement[bool]":
    """Return the condition that a post covers a grid, a building or a unit of the scope."""
    covers = {"grid_id": "grids", "building_id": "buildings", "unit_id": "units"}
    return or_(
        *(
            posts.c[reference].in_(_own_keys(ground, posts.metadata.tables[parent]))
            for reference, parent in covers.items()
        )
    )


def within_own_communities(scope: Scope, place: "ColumnElement[Any]") -> "ColumnElement[bool]":
    """Return the condition that a geometry meets a community of the scope; nothing meets none."""
    if not scope.community_ids:
        return true() if scope.community_ids is None else false()
    around = table("communities", column("id", Uuid(as_uuid=False)), column("geometry", Geometry))
    met = and_(around.c.geometry.op("&&")(place), func.ST_Intersects(around.c.geometry, place))
    return select(around.c.id).where(among(around.c.id, sorted(scope.community_ids)), met).exists()


def read_layer(
    session: "Session",
    scope: Scope,
    model: type[Base],
    contract: "FrameContract",
    *conditions: "ColumnElement[bool]",
) -> Any:  # noqa: ANN401 - a frame or a geo frame
    """Return the rows of a layer as its contract's frame, ordered by key."""
    table = table_of(model)
    columns = [table.c[name] for name in contract.names if name in table.c]
    statement = select(*columns).where(*conditions).order_by(*table.primary_key.columns)
    return read_frame(session, restricted(statement, scope, model), contract)


def insert_layer(
    session: "Session",
    scope: Scope,
    model: type[Base],
    frame: "pd.DataFrame",
    *,
    progress: "Callable[[int], None] | None" = None,
    refused: "Refused | None" = None,
) -> int:
    """Insert a frame into a layer by COPY and return the number of rows; the caller commits."""
    home = community_column(model)
    if home is None or home.name not in frame:
        scope.require_everywhere(Action.WRITE)
    else:
        scope.require_within(Action.WRITE, frame[home.name].unique().tolist())
    return copy_frame(session, table_of(model), frame, progress=progress, refused=refused)


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of a layer are wanted.

    Parameters
    ----------
    limit
        Rows of a page.
    after
        The key of the last row of the page before.
    bbox
        West, south, east, north in degrees (EPSG:4326); rows whose geometry meets it are returned.
    """

    limit: int
    after: str | None = None
    bbox: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows in key order, and the key after which the next page begins."""

    rows: "Sequence[Row[Any]]"
    next_after: str | None


def page_layer(
    session: "Session",
    scope: Scope,
    model: type[Base],
    columns: "Sequence[ColumnElement[Any]]",
    window: Window,
    *conditions: "ColumnElement[bool]",
) -> Page:
    """Return the rows of a window in key order, and where the next page begins.

    ``columns`` begins with the layer's UUID key ``id``; ``conditions`` are further filters.
    """
    table = table_of(model)
    statement = select(*columns).where(*conditions).order_by(table.c.id).limit(window.limit + 1)
    if window.after is not None:
        statement = statement.where(table.c.id > window.after)
    if window.bbox is not None:
        statement = statement.where(meets_box(table.c.geometry, window.bbox))
    rows = session.execute(restricted(statement, scope, model)).all()
    if len(rows) > window.limit:
        return Page(rows[: window.limit], str(rows[window.limit - 1][0]))
    return Page(rows, None)


def row_of(session: "Session", scope: Scope, model: type[Base], key: str) -> "Row[Any] | None":
    """Return a row of a table without geometry by its key; ``None``: none has it."""
    scope.require(Action.READ)
    table = table_of(model)
    found: Row[Any] | None = session.execute(
        select(*table.c).where(table.c.id == key)
    ).one_or_none()
    return found


def begins_with(key: "ColumnElement[Any]", text: str) -> "ColumnElement[bool]":
    """Return the condition that a key begins with some characters, as people give them."""
    return cast(key, Text).startswith(text.lower(), autoescape=True)


def read_one(
    session: "Session",
    scope: Scope,
    model: type[Base],
    columns: "Sequence[ColumnElement[Any]]",
    row_id: str,
) -> "Row[Any]":
    """Return the row with a key.

    Raises
    ------
    gis.errors.NotFoundError
        There is none, or it lies outside the scope: nobody learns which.
    """
    table = table_of(model)
    asked = restricted(select(*columns).where(table.c.id == row_id), scope, model)
    row: Row[Any] | None = session.execute(asked).one_or_none()
    if row is None:
        raise NotFoundError(
            f"There is no {row_id} among the {table.name}.", remedy=f"List the {table.name}."
        )
    return row


def as_geojson(column: "ColumnElement[Any]", name: str = "geometry") -> "ColumnElement[str]":
    """Return a geometry as GeoJSON text: seven decimals (a centimetre), wound as RFC 7946 says."""
    wound = func.ST_ForcePolygonCCW(column, type_=Geometry)
    shown: ColumnElement[str] = func.ST_AsGeoJSON(wound, 7).label(name)
    return shown


def looked_up(wanted: "ColumnElement[Any]", *conditions: "ColumnElement[bool]") -> Any:  # noqa: ANN401 - a scalar subquery
    """Return one value of another layer for each row of a page, named as its column."""
    return select(wanted).where(*conditions).scalar_subquery().label(wanted.name)


def point(lon: float, lat: float) -> "ColumnElement[Any]":
    """Return a point in the stored CRS as an expression."""
    made: ColumnElement[Any] = func.ST_SetSRID(func.ST_MakePoint(lon, lat), STORED_SRID)
    return made


def point_of(
    session: "Session", scope: Scope, model: type[Base], row_id: str
) -> tuple[float, float]:
    """Return lon and lat of a row: of its ``location`` if the layer has one, else its point.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such row within the scope.
    """
    c = table_of(model).c
    place = c.location if "location" in c else c.geometry
    columns = [func.ST_X(place).label("lon"), func.ST_Y(place).label("lat")]
    row = read_one(session, scope, model, columns, row_id)
    return float(row.lon), float(row.lat)


def meets_box(
    column: "ColumnElement[Any]", bbox: tuple[float, float, float, float]
) -> "ColumnElement[bool]":
    """Return the condition that a geometry meets a box; the index decides first."""
    envelope = func.ST_MakeEnvelope(*bbox, STORED_SRID, type_=Geometry)
    return and_(column.op("&&")(envelope), func.ST_Intersects(column, envelope))


def existing_on(model: type[Base], day: date) -> "ColumnElement[bool]":
    """Return the condition that a dated row exists on a day."""
    c = table_of(model).c
    return and_(
        or_(c.valid_from.is_(None), c.valid_from <= day),
        or_(c.valid_to.is_(None), c.valid_to > day),
    )


def alive(model: type[Base]) -> "ColumnElement[bool]":
    """Return the condition that a dated row exists today (its last day is open or ahead)."""
    table = table_of(model)
    return or_(table.c.valid_to.is_(None), table.c.valid_to > func.current_date())


def there_are(session: "Session", scope: Scope, model: type[Base]) -> bool:
    """Return whether a layer has a row within the scope."""
    table = table_of(model)
    asked = restricted(select(table.c.id).limit(1), scope, model)
    return session.execute(asked).first() is not None


def count_of(
    session: "Session", scope: Scope, model: type[Base], *conditions: "ColumnElement[bool]"
) -> int:
    """Return how many rows of a layer within the scope meet the conditions."""
    asked = select(func.count()).select_from(table_of(model)).where(*conditions)
    return int(session.execute(restricted(asked, scope, model)).scalar_one())


def labels_of(
    session: "Session", scope: Scope, model: type[Base], names: "Sequence[str]"
) -> dict[str, tuple[Any, ...]]:
    """Return columns of every row within the scope, by key."""
    table = table_of(model)
    asked = restricted(select(table.c.id, *(table.c[name] for name in names)), scope, model)
    return {str(key): tuple(told) for key, *told in session.execute(asked)}
