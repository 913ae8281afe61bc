"""Assignment of stored points to stored grids against geopandas.sjoin; see also locate.py.

``written``: points and grids are in the database, and at the end each matter has its grid, plan,
community or reason there. Wangge's set-based SQL, through the layer, against: read points and
grids, ``geopandas.sjoin``, COPY the answers into a temporary table, one UPDATE.
``read only``: the same join, with the pairs of matter and grid in this process's memory at the end.
"""

import io
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
from ground import City, make_city, random_places, store_city
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
from sqlalchemy import Connection, Engine, text

from gis.database.engine import make_engine, session_factory, transaction
from gis.frames import stable_ids
from gis.frames.incidents import INCIDENTS
from gis.layers.incidents import Incident
from gis.layers.queries import insert_layer
from gis.scope import Scope
from gis.services.locating import assign_layer

SCOPE = Scope.local_owner()
ZONE = "Asia/Shanghai"
MATTERS = "SELECT id::text AS id, occurred_at, geometry FROM incidents WHERE assigned_at IS NULL"
GRIDS = """
SELECT g.id::text AS grid_id, g.plan_id::text AS plan_id, g.community_id::text AS community_id,
    g.code, lower(e.during) AS since, g.geometry
FROM grids g JOIN plan_effect e ON e.plan_id = g.plan_id AND e.community_id = g.community_id
WHERE e.kind = 'community'
"""
#: The join of the assignment: polygons outside, the index on the points inside.
PAIRS = """
COPY (
    WITH live AS MATERIALIZED (
        SELECT g.id, g.code, g.geometry, e.during
        FROM plan_effect e
        JOIN grids g ON g.plan_id = e.plan_id AND g.community_id = e.community_id
        WHERE e.kind = 'community'
    )
    SELECT DISTINCT ON (m.id) m.id, g.id
    FROM live g
    JOIN incidents m ON m.geometry && g.geometry AND ST_Intersects(g.geometry, m.geometry)
    WHERE m.assigned_at IS NULL
        AND g.during @> (m.occurred_at AT TIME ZONE 'Asia/Shanghai')::date
    ORDER BY m.id, g.code
) TO STDOUT (FORMAT csv)
"""
WRITE_BACK = """
UPDATE incidents m
SET grid_id = a.grid_id, plan_id = a.plan_id, community_id = a.community_id,
    no_grid_reason = a.reason, no_station_reason = 'no_service_asked', assigned_at = now()
FROM answers a WHERE a.id = m.id
"""
CONTENT = text(
    "SELECT count(*), count(grid_id), md5(string_agg(concat_ws('|', id, grid_id, plan_id,"
    " community_id, no_grid_reason, no_station_reason, assigned_at IS NULL), ',' ORDER BY id))"
    " FROM incidents"
)


def wangge_written(engine: Engine) -> None:
    with transaction(session_factory(engine)) as session:
        assign_layer(session, SCOPE, "incidents", timezone=ZONE)


def wangge_read_only(engine: Engine) -> "pd.Series[str]":
    with engine.connect() as connection:
        found = _copied_out(connection)
    return found["grid_id"]


def _copied_out(connection: Connection) -> pd.DataFrame:
    raw = connection.connection.driver_connection
    assert raw is not None
    buffer = io.StringIO()
    with raw.cursor() as cursor:
        cursor.copy_expert(PAIRS, buffer)
    buffer.seek(0)
    return pd.read_csv(buffer, names=["id", "grid_id"], index_col="id")


def _joined(connection: Connection) -> pd.DataFrame:
    """Return the grid of each matter by sjoin; the lowest code on a border."""
    points = gpd.read_postgis(MATTERS, connection, geom_col="geometry")
    grids = gpd.read_postgis(GRIDS, connection, geom_col="geometry")
    joined = gpd.sjoin(points, grids, how="left", predicate="intersects")
    day = joined["occurred_at"].dt.tz_convert(ZONE).dt.date
    joined.loc[day < joined["since"], ["grid_id", "plan_id", "community_id", "code"]] = None
    twice = joined.index.duplicated(keep=False)
    if twice.any():
        joined = joined.sort_values("code", kind="stable")
        joined = joined[~joined.index.duplicated()]
    return pd.DataFrame(joined[["id", "grid_id", "plan_id", "community_id"]])


def peer_read_only(engine: Engine) -> "pd.Series[str]":
    with engine.connect() as connection:
        found = _joined(connection)
    return found.set_index("id")["grid_id"].dropna()


def peer_written(engine: Engine) -> None:
    with engine.begin() as connection:
        found = _joined(connection)
        # Every place without a grid lies outside: the plan covers each community.
        found["reason"] = found["grid_id"].isna().map({True: "outside_all_communities"})
        connection.execute(
            text(
                "CREATE TEMP TABLE answers (id uuid, grid_id uuid, plan_id uuid,"
                " community_id uuid, reason text) ON COMMIT DROP"
            )
        )
        raw = connection.connection.driver_connection
        assert raw is not None
        with raw.cursor() as cursor:
            data = io.StringIO(found.to_csv(index=False, header=False))
            cursor.copy_expert("COPY answers FROM STDIN (FORMAT csv)", data)
        connection.execute(text("ANALYZE answers"))
        connection.execute(text(WRITE_BACK))


WRITTEN = {"wangge SQL, written": wangge_written, "sjoin, written": peer_written}
READ_ONLY = {"wangge SQL, read only": wangge_read_only, "sjoin, read only": peer_read_only}


def run_written(server: Server, seen: set[object], name: str) -> Spent:
    watch = Stopwatch(server)
    with server.copy_of("bench") as engine:
        with watch.measure():
            WRITTEN[name](engine)
        with engine.connect() as connection:
            seen.add(tuple(connection.execute(CONTENT).one()))
    return watch.last


def run_read_only(server: Server, seen: set[object], name: str) -> Spent:
    watch = Stopwatch(server)
    engine = make_engine(server.cluster.url("bench"))
    with watch.measure():
        pairs = READ_ONLY[name](engine)
    engine.dispose()
    ordered = pairs.sort_index()
    seen.add((len(ordered), int(pd.util.hash_pandas_object(ordered.astype(str)).sum())))
    return watch.last


def prepare(server: Server, city: City, count: int, rng: np.random.Generator) -> None:
    incidents = gpd.GeoDataFrame(
        {
            "id": stable_ids("bench", "incidents", range(count)),
            "category": "parking",
            "occurred_at": pd.Timestamp("2025-06-01", tz=ZONE)
            + pd.to_timedelta(rng.integers(0, 365 * 1440, count), unit="min"),
            "source": "hotline",
            "served_group": "general",
            "synthetic": True,
        },
        geometry=random_places(city, count, rng),
        crs=4326,
    )
    columns = [name for name in INCIDENTS.names if name in incidents]
    engine = make_engine(server.migrated("bench"))
    with transaction(session_factory(engine)) as session:
        store_city(session, SCOPE, city)
        insert_layer(session, SCOPE, Incident, incidents[columns])
    engine.dispose()
    server.run("bench", "VACUUM ANALYZE")


def main() -> None:
    options = parser(__doc__, repeats=3)
    options.add_argument("--points", type=int, default=1_000_000)
    options.add_argument("--grids", type=int, default=1_500)
    chosen = options.parse_args()
    rng = np.random.default_rng(SEED)
    city = make_city(chosen.grids, rng)
    written: set[object] = set()
    pairs: set[object] = set()
    with scratch_server() as server:
        start(chosen, server)
        prepare(server, city, chosen.points, rng)
        cases = {name: partial(run_read_only, server, pairs, name) for name in READ_ONLY}
        cases |= {name: partial(run_written, server, written, name) for name in WRITTEN}
        spent = take_turns(cases, chosen.repeats)
    assert len(written) == 1, f"the two assignments differ: {written}"
    assert len(pairs) == 1, f"the two joins differ: {pairs}"
    show(
        f"{chosen.points:,} matters to {len(city.grids):,} grids in PostGIS; equal answers",
        spent,
        [Comparison(*WRITTEN), Comparison(*READ_ONLY)],
        chosen,
    )


if __name__ == "__main__":
    main()
