"""What is written for others shows no count by which a person could be known."""

import geopandas as gpd
import pytest
import shapely

from gis.services.outputs import grids_geojson

pytestmark = pytest.mark.geometry


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, None), (2, None), (3, 3), (400, 400)])
def test_small_counts_of_people_are_not_exported(count: int, shown: int | None):
    grid = {
        "code": "340102001001001",
        "sequence": 1,
        "community_code": "340102001001",
        "kind": "basic",
        "households": 400,
        "residents": count,
        "elderly": count,
        "compactness": 0.7,
        "exceptions": None,
    }
    grids = gpd.GeoDataFrame([grid], geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:4326")
    properties = grids_geojson(grids, suppress_below=3)["features"][0]["properties"]
    assert (properties["residents"], properties["elderly"]) == (shown, shown)
    assert properties["households"] == 400
