"""A proposal for the town of the maps' tests: two of six candidates, measured on its streets."""

import dataclasses

import geopandas as gpd
import numpy as np
import shapely

from gis.geometry.crs import to_projected
from gis.network.snapping import snap
from gis.network.walking import nearest
from maps.ground_data import Ground
from maps.siting_data import Exchange, Nearest, SitingMapData
from maps.walking_data import Limit
from tests.maps.builder import point
from tests.maps.walking_ground import make_walking_town

#: Places in metres from the town's corner; the first two are chosen.
PLACES = ((840, 500), (860, 140), (700, 320), (900, 320), (760, 600), (640, 60))


def make_proposal(*, name: str = "") -> SitingMapData:
    """Return the data of a proposal for the town."""
    town = make_walking_town(name=name)
    assert town.ways is not None
    graph, houses = town.ways.graph, town.ways.buildings
    candidates = gpd.GeoDataFrame(
        {
            "name": [f"旧厂房{name}", None, *[f"空置房{k}{name}" for k in range(4)]],
            "chosen": [True, True, *[False] * 4],
        },
        geometry=[point(x, y) for x, y in PLACES],
        crs="EPSG:4326",
    )
    spots = np.concatenate([town.stations.geometry.to_numpy(), candidates.geometry.to_numpy()])
    doors = snap(graph, shapely.get_coordinates(to_projected(spots, _crs(graph.crs))))
    today = np.zeros(len(spots), dtype=bool)
    today[: len(town.stations)] = town.serving[1]
    proposed = today.copy()
    proposed[len(town.stations) : len(town.stations) + 2] = True

    def measured(serving: np.ndarray) -> Nearest:
        walk = nearest(graph, houses, doors, serving)
        return Nearest(walk.station, walk.distance_m)

    before, after = measured(today), measured(proposed)
    homes = town.buildings["households"].to_numpy()
    covered = float(homes[after.metres <= 500].sum())
    ground = {field.name: getattr(town, field.name) for field in dataclasses.fields(Ground)}
    return SitingMapData(
        **ground,
        service="affairs",
        limit=Limit("walking", "m", 500),
        before=before,
        after=after,
        candidates=candidates,
        objective_label="Most households within reach, 2 new places",
        objective=covered,
        bound=covered,
        proof="optimal",
        exchanges=[
            Exchange(0, 4, covered - 120),
            Exchange(1, 3, covered - 180),
            Exchange(0, 2, covered - 260),
        ],
    )


def _crs(text: str) -> object:
    import pyproj

    return pyproj.CRS(text)
