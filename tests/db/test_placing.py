"""Placing rows in communities before they are stored gives what the database would give."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.frames import Dataset, stable_ids
from gis.layers.buildings import Building
from gis.layers.communities import Community
from gis.layers.placing import place_for_certain, place_in_communities
from gis.layers.queries import table_of
from gis.scope import Scope
from gis.services.importing import import_dataset
from tests.town import CODE_OF, SUBDISTRICT, lon_lat

pytestmark = pytest.mark.db
COUNT = 400


def houses(seed: int) -> gpd.GeoDataFrame:
    """Houses over the whole town and beyond it; some across lines, some with an entrance."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-1, 11, COUNT), rng.uniform(-1, 5, COUNT)
    size = rng.uniform(0.05, 0.6, COUNT)
    shapes = [
        shapely.box(*lon_lat(a, b + s), *lon_lat(a + s, b))
        for a, b, s in zip(x, y, size, strict=True)
    ]
    doors = [
        shapely.Point(*lon_lat(a + s * 0.9, b + s * 0.5)) if rng.random() < 0.5 else None
        for a, b, s in zip(x, y, size, strict=True)
    ]
    frame = gpd.GeoDataFrame(
        {"id": stable_ids("houses", "buildings", range(COUNT))}, geometry=shapes, crs=4326
    )
    frame["entrance"] = gpd.GeoSeries(doors, crs=4326)
    return frame


@pytest.mark.parametrize("seed", range(5))
def test_certain_places_are_those_of_the_database(town_session: Session, scope: Scope, seed):
    import_dataset(town_session, scope, Dataset("houses", SUBDISTRICT, {"buildings": houses(seed)}))
    table = table_of(Building)
    homes = select(table.c.id, table.c.community_id).order_by(table.c.id)
    placed_first = town_session.execute(homes).all()
    town_session.execute(text("UPDATE buildings SET community_id = NULL"))
    place_in_communities(town_session, scope, "buildings")
    assert placed_first == town_session.execute(homes).all()
    assert len({home for _, home in placed_first}) == len(CODE_OF) + 1  # some lie in none


def test_what_lies_across_a_line_or_is_known_is_left_to_others(town_session: Session, scope: Scope):
    inside = shapely.box(*lon_lat(0.2, 0.8), *lon_lat(0.8, 0.2))
    across = shapely.box(*lon_lat(3.5, 0.8), *lon_lat(4.5, 0.2))
    frame = gpd.GeoDataFrame(
        {"community_id": [None, None, "known"]}, geometry=[inside, across, inside], crs=4326
    )
    home = town_session.execute(
        select(Community.id).where(Community.code == CODE_OF["A"])
    ).scalar_one()
    before = frame.copy()
    placed = place_for_certain(town_session, scope, frame)
    assert placed["community_id"].tolist() == [home, None, "known"]
    assert frame.equals(before)


def test_communities_that_overlap_are_left_to_the_database(town_session: Session, scope: Scope):
    town_session.execute(
        text(
            "INSERT INTO communities (code, geometry) SELECT '340102001009', geometry"
            " FROM communities WHERE code = :code"
        ),
        {"code": CODE_OF["A"]},
    )
    inside = shapely.box(*lon_lat(0.2, 0.8), *lon_lat(0.8, 0.2))
    frame = gpd.GeoDataFrame({"community_id": [None]}, geometry=[inside], crs=4326)
    assert place_for_certain(town_session, scope, frame)["community_id"].isna().all()
