"""Nearest of 150 stations on foot for 60,000 places of a city: Wangge against other libraries.

Places are snapped to edges anew each time; the network is made beforehand. Answers are compared.
"""

from argparse import Namespace
from pathlib import Path

import numpy as np
import psycopg2
import shapely
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
from psycopg2.extras import execute_values
from reach.peer import PYTHON, ROOT, peers_python, run_peer
from sqlalchemy import make_url

from gis.geometry.crs import projected_crs
from gis.ingest.osm.extract import extract
from gis.ingest.osm.ground import Ground
from gis.ingest.osm.roads import read_roads, roads_frame
from gis.network import WalkGraph, build_walk_graph, nearest, node_distances, snap

OSM = ROOT.parent / "shared" / "data" / "osm" / "las_palmas.osm.pbf"
PEERS = ("pandana", "igraph", "networkit", "rustworkx")

#: The network, as pgRouting's manual has it, with an index for the nearest edge.
TABLES = """
CREATE EXTENSION postgis; CREATE EXTENSION pgrouting;
CREATE TABLE edges (id bigint PRIMARY KEY, source bigint, target bigint, cost float8,
    length_m float8, snaps boolean, geom geometry(LineString));
CREATE TABLE places (id bigint PRIMARY KEY, geom geometry(Point));
CREATE TABLE doors (id bigint PRIMARY KEY, geom geometry(Point));
"""
#: The nearest edge of each place by the index; then one search from a node before all stations.
SNAP = """
CREATE TEMP TABLE on_{table} AS
SELECT p.id, e.id AS edge, e.source, e.target, e.cost / e.length_m AS factor,
    ST_LineLocatePoint(e.geom, p.geom) * e.length_m AS along, e.length_m, e.gap AS access
FROM {table} p CROSS JOIN LATERAL (
    SELECT *, geom <-> p.geom AS gap FROM edges WHERE snaps ORDER BY geom <-> p.geom LIMIT 1) e;
"""
SEARCH = """
CREATE TEMP TABLE seeds AS
SELECT node, min(cost) AS cost FROM (
    SELECT source AS node, along * factor + access AS cost FROM on_doors
    UNION ALL SELECT target, (length_m - along) * factor + access FROM on_doors) s GROUP BY node;
CREATE TEMP TABLE far AS
SELECT node, agg_cost FROM pgr_drivingDistance(
    'SELECT id, source, target, cost FROM edges
     UNION ALL SELECT -row_number() OVER (), -1, node, cost FROM seeds',
    -1, 1e9, directed => false);
CREATE INDEX ON far (node); CREATE INDEX ON on_doors (edge); ANALYZE far; ANALYZE on_doors;
"""
ANSWER = """
SELECT p.id, p.access + LEAST(a.agg_cost + p.along * p.factor,
    b.agg_cost + (p.length_m - p.along) * p.factor,
    (SELECT min(abs(p.along - d.along) * p.factor + d.access) FROM on_doors d
     WHERE d.edge = p.edge))
FROM on_places p LEFT JOIN far a ON a.node = p.source LEFT JOIN far b ON b.node = p.target
ORDER BY p.id
"""


def walking_graph(path: Path) -> WalkGraph:
    """Return the network of all walkable roads of an extract, without barriers."""
    source = extract(path)
    roads = roads_frame(read_roads(source, Ground.of(source.extent)), "benchmark")
    middle = source.extent.centroid
    return build_walk_graph(roads, projected_crs(middle.x, middle.y))


def strewn(graph: WalkGraph, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return places some 20 m beside the network, by its length."""
    share = np.where(graph.edge_open, graph.edge_length_m, 0.0)
    edge = rng.choice(graph.edges, count, p=share / share.sum())
    on = graph.points_along(edge, rng.random(count) * graph.edge_length_m[edge])
    return np.round(on + rng.normal(0, 20, (count, 2)), 3)


def given_to_peers(graph: WalkGraph, points: np.ndarray, stations: np.ndarray) -> dict:
    pieces = graph.segments
    return {
        "points": points,
        "stations": stations,
        "node_xy": graph.node_xy_m,
        "edge_from": graph.edge_from.astype(np.int64),
        "edge_to": graph.edge_to.astype(np.int64),
        "edge_cost": graph.edge_cost_m,
        "edge_length": graph.edge_length_m,
        "piece_start": pieces.start_xy,
        "piece_end": pieces.end_xy,
        "piece_line": pieces.line,
        "piece_offset": pieces.offset_m,
    }


class PgRouting:
    """The network in PostgreSQL, and the answer by SQL."""

    def __init__(
        self, server: Server, graph: WalkGraph, points: np.ndarray, doors: np.ndarray
    ) -> None:
        server.cluster.ensure_database("routing")
        url = make_url(server.cluster.url("routing")).set(drivername="postgresql")
        self.connection = psycopg2.connect(url.render_as_string(hide_password=False))
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute(TABLES)
            rows = zip(
                range(graph.edges),
                graph.edge_from.tolist(),
                graph.edge_to.tolist(),
                graph.edge_cost_m.tolist(),
                graph.edge_length_m.tolist(),
                graph.edge_open.tolist(),
                shapely.to_wkb(graph.edge_line, hex=True),
                strict=True,
            )
            execute_values(cursor, "INSERT INTO edges VALUES %s", list(rows))
            for table, xy in (("places", points), ("doors", doors)):
                wkb = shapely.to_wkb(shapely.points(xy), hex=True)
                execute_values(cursor, f"INSERT INTO {table} VALUES %s", list(enumerate(wkb)))  # noqa: S608 - one of the two names above
            cursor.execute("CREATE INDEX ON edges USING gist (geom)")
        self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")

    def answer(self) -> np.ndarray:
        with self.connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS on_places, on_doors, seeds, far")
            for table in ("places", "doors"):
                cursor.execute(SNAP.format(table=table))
            cursor.execute(SEARCH)
            cursor.execute(ANSWER)
            return np.array([row[1] for row in cursor.fetchall()], dtype=float)


def compare(name: str, theirs: np.ndarray, ours: np.ndarray) -> str:
    """Return how far apart two answers are; all but pandana's must be equal."""
    theirs = np.where(np.isfinite(theirs), theirs, np.nan)
    if name == "pandana":
        known = np.isfinite(theirs) & np.isfinite(ours)
        error = np.abs(theirs - ours)[known].mean()
        return f"pandana measures from node to node: {error:.0f} m off on average"
    assert np.array_equal(np.isnan(theirs), np.isnan(ours)), f"{name} reaches other places"
    difference = np.nanmax(np.abs(theirs - ours))
    assert difference < 1e-3, f"{name} differs by {difference} m"
    return f"{name}: equal within {difference:.1g} m"


def measure(chosen: Namespace, server: Server) -> None:
    python = peers_python(chosen.peers_python)
    rng = np.random.default_rng(SEED)
    graph = walking_graph(chosen.osm)
    points, stations = strewn(graph, chosen.points, rng), strewn(graph, chosen.stations, rng)
    given = given_to_peers(graph, points, stations)
    watch, answers, searching = Stopwatch(server), {}, {}
    nearest(graph, snap(graph, points), snap(graph, stations))
    routing = PgRouting(server, graph, points, stations)
    only_search = Stopwatch()

    def ours() -> Spent:
        with watch.measure():
            origins, doors = snap(graph, points), snap(graph, stations)
            answers["Wangge"] = nearest(graph, origins, doors).cost_m
        with only_search.measure():
            node_distances(graph, doors)
        searching.setdefault("Wangge", []).append(only_search.last.cpu_s)
        return watch.last

    def peer(name: str) -> Spent:
        spent, found = run_peer(python, "station_peer.py", name, given)
        answers[name] = found["cost"]
        searching.setdefault(name, []).append(float(found["search_s"]))
        return spent

    def pgrouting() -> Spent:
        with watch.measure():
            answers["pgRouting"] = routing.answer()
        return watch.last

    start(chosen, server)
    print(f"{graph.nodes:,} nodes, {graph.edges:,} edges")
    cases = {"Wangge": ours, "pgRouting": pgrouting}
    cases |= {name: (lambda name=name: peer(name)) for name in PEERS}
    spent = take_turns(cases, chosen.repeats)
    for name in (*PEERS, "pgRouting"):
        print(compare(name, answers[name], answers["Wangge"]))
    for name, seconds in searching.items():
        print(f"{name}: {np.median(seconds) * 1000:.0f} ms from stations to all nodes")
    title = f"{chosen.points:,} places, {chosen.stations} stations"
    peers = [Comparison("Wangge", name) for name in (*PEERS, "pgRouting")]
    show(title, spent, peers, chosen, {"search_s": searching})


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--osm", type=Path, default=OSM)
    options.add_argument("--points", type=int, default=60_000)
    options.add_argument("--stations", type=int, default=150)
    options.add_argument("--peers-python", type=Path, default=PYTHON)
    chosen = options.parse_args()
    with scratch_server() as server:
        measure(chosen, server)


if __name__ == "__main__":
    main()
