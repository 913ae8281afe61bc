"""The gazetteer of the store: built once for each state of the data, and kept by the process."""

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from gis import frames
from gis.addresses import Gazetteer, build_gazetteer
from gis.geometry.crs import projected_crs
from gis.layers import geocoding
from gis.layers.buildings import Building, BuildingUnit
from gis.layers.communities import Community
from gis.layers.pois import Poi
from gis.layers.quarters import Quarter
from gis.layers.queries import alive, read_layer
from gis.layers.roads import Road
from gis.layers.stations import Station
from gis.logs import get_logger

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.scope import Scope

log = get_logger(__name__)

#: Gazetteers that a process keeps: a few databases or areas, each in its present state.
_KEPT = 4

_gazetteers: "OrderedDict[tuple[object, ...], Gazetteer]" = OrderedDict()
_guard = Lock()


def read_gazetteer(session: "Session", scope: "Scope") -> Gazetteer:
    """Return the gazetteer of the store as it is now; it is built once for each state of the data.

    Places outside the scope are not in it.
    """
    bound = session.get_bind()
    state = geocoding.places_state(session, scope)
    key = (str(bound.engine.url), scope.ground_key, state)
    with _guard:
        if key in _gazetteers:
            _gazetteers.move_to_end(key)
            return _gazetteers[key]
    built = _build(session, scope)
    with _guard:
        _gazetteers[key] = built
        while len(_gazetteers) > _KEPT:
            _gazetteers.popitem(last=False)
    log.info("gazetteer_built", places=len(built.places))
    return built


def _build(session: "Session", scope: "Scope") -> Gazetteer:
    layers = {
        "communities": read_layer(session, scope, Community, frames.COMMUNITIES, alive(Community)),
        "quarters": read_layer(session, scope, Quarter, frames.QUARTERS),
        "buildings": read_layer(session, scope, Building, frames.BUILDINGS, alive(Building)),
        "units": read_layer(session, scope, BuildingUnit, frames.UNITS),
        "roads": read_layer(session, scope, Road, frames.ROADS),
        "pois": read_layer(session, scope, Poi, frames.POIS),
        "stations": read_layer(session, scope, Station, frames.STATIONS),
    }
    located = [frame for name, frame in layers.items() if name != "units" and len(frame)]
    if not located:
        return Gazetteer(())
    west, south, east, north = located[0].total_bounds
    return build_gazetteer(layers, projected_crs((west + east) / 2, (south + north) / 2))
