"""Import of buildings against GeoDataFrame.to_postgis.

``full``: into the table that ships (checks, keys, generated columns, every index), with each
building placed in its community. Wangge besides checks the frame against its contract, keeps a
fingerprint of the content and writes a record of the import; its peer is given typed columns,
places the buildings by ``geopandas.sjoin`` and does none of that.
``bare``: the same columns into a table with one spatial index and nothing else.
"""

from functools import partial

import geopandas as gpd
import numpy as np
import shapely
from ground import SUBDISTRICT, City, make_buildings, make_city, store_city
from harness import (
    SEED,
    Comparison,
    Server,
    Spent,
    Stopwatch,
    parser,
    scratch_server,
    show,
    start,
    take_turns,
)
from sqlalchemy import Engine, text

from gis.database.engine import make_engine, session_factory, transaction
from gis.database.frames import copy_frame
from gis.frames import Dataset
from gis.layers.buildings import Building
from gis.layers.queries import table_of
from gis.scope import Scope
from gis.services.importing import import_dataset

BARE = """
CREATE TABLE bare AS SELECT {columns} FROM buildings WITH NO DATA;
CREATE INDEX ON bare USING gist (geometry)
"""
#: What the two full imports must agree on.
CONTENT = text(
    "SELECT count(*), count(community_id), md5(string_agg(concat_ws('|', id, source_id,"
    " community_id, name, households, residents, elderly, children, low_income_households,"
    " households_source, floors, use, address, ST_AsText(geometry), ST_AsText(location)),"
    " ',' ORDER BY id))"
    " FROM buildings"
)
SCOPE = Scope.local_owner()


def wangge_full(engine: Engine, buildings: gpd.GeoDataFrame) -> None:
    with transaction(session_factory(engine)) as session:
        import_dataset(session, SCOPE, Dataset("bench", SUBDISTRICT, {"buildings": buildings}))


def peer_full(engine: Engine, buildings: gpd.GeoDataFrame) -> None:
    communities = gpd.read_postgis(
        "SELECT id::text AS community_id, code, geometry FROM communities WHERE valid_to IS NULL",
        engine,
        geom_col="geometry",
    )
    # PostGIS's point inside and GEOS's are the same algorithm: the answers are compared below.
    inside = gpd.GeoDataFrame(geometry=buildings.representative_point())
    joined = gpd.sjoin(inside, communities, how="left", predicate="intersects")
    joined = joined.sort_values("code").groupby(level=0)["community_id"].first()
    frame = buildings.assign(community_id=joined.reindex(buildings.index))
    frame.geometry = [shapely.MultiPolygon([shape]) for shape in frame.geometry]
    frame.to_postgis("buildings", engine, if_exists="append")


def wangge_bare(engine: Engine, buildings: gpd.GeoDataFrame) -> None:
    table = table_of(Building).to_metadata(type(table_of(Building).metadata)(), name="bare")
    with transaction(session_factory(engine)) as session:
        copy_frame(session, table, buildings)


def peer_bare(engine: Engine, buildings: gpd.GeoDataFrame) -> None:
    frame = buildings.copy()
    frame.geometry = [shapely.MultiPolygon([shape]) for shape in frame.geometry]
    frame.to_postgis("bare", engine, if_exists="append")


FULL = {"wangge import, full": wangge_full, "to_postgis, full": peer_full}
BARE_COPIES = {"wangge COPY, bare": wangge_bare, "to_postgis, bare": peer_bare}


def run(server: Server, buildings: gpd.GeoDataFrame, seen: set[object], name: str) -> Spent:
    watch = Stopwatch(server)
    with server.copy_of("bench") as engine:
        # A running service has its connection and its catalogue caches.
        with engine.connect() as connection:
            connection.execute(CONTENT)
        with watch.measure():
            (FULL | BARE_COPIES)[name](engine, buildings)
        with engine.connect() as connection:
            table = "buildings" if name in FULL else "bare"
            count = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - one of two names
            assert count == len(buildings)
            if name in FULL:
                seen.add(tuple(connection.execute(CONTENT).one()))
    return watch.last


def prepare(server: Server, city: City, columns: list[str]) -> None:
    engine = make_engine(server.migrated("bench"))
    with transaction(session_factory(engine)) as session:
        store_city(session, SCOPE, city)
    with engine.begin() as connection:
        connection.execute(text(BARE.format(columns=", ".join(columns))))
    engine.dispose()
    server.run("bench", "VACUUM ANALYZE")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--buildings", type=int, default=60_000)
    options.add_argument("--grids", type=int, default=1_500)
    chosen = options.parse_args()
    rng = np.random.default_rng(SEED)
    city = make_city(chosen.grids, rng)
    buildings = make_buildings(city, chosen.buildings, rng)
    seen: set[object] = set()
    with scratch_server() as server:
        start(chosen, server)
        prepare(server, city, list(buildings.columns))
        cases = {name: partial(run, server, buildings, seen, name) for name in FULL | BARE_COPIES}
        spent = take_turns(cases, chosen.repeats)
    assert len(seen) == 1, f"the two imports differ: {seen}"
    communities = len(city.communities)
    show(
        f"Import of {len(buildings):,} buildings, {communities} communities; equal content",
        spent,
        [Comparison(*FULL), Comparison(*BARE_COPIES)],
        chosen,
    )


if __name__ == "__main__":
    main()
