"""Import of files against geopandas with to_postgis, and against ogr2ogr in COPY mode.

``points``: a CSV of points with attributes, as points of interest. ``footprints``: a GeoPackage of
buildings. Each goes into two targets: ``bare``, a table of the same columns and types with a
primary key and a GiST index; and ``layer``, the table that ships, with its checks, foreign keys,
generated columns and every index. ``ogr2ogr`` cannot COPY into a table with defaults, it falls back
to single inserts; so it copies into a table without any, and the server inserts from that.
Each case is a process of its own, so that its peak of memory is its own; what Python needs to load
libraries is not counted.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from ground import make_buildings, make_city
from harness import (
    SEED,
    TICKS,
    Comparison,
    Server,
    Spent,
    parser,
    process_cpu_s,
    scratch_server,
    show,
    start,
    take_turns,
)
from sqlalchemy import make_url, text

from gis.database.engine import make_engine, session_factory, transaction
from gis.database.frames import copy_frame
from gis.frames import BUILDINGS, POIS, FrameContract
from gis.geometry.source_crs import SourceCrs
from gis.ingest.rows import SourceOptions
from gis.ingest.stream import ReadOrder, open_layer
from gis.layers.queries import table_of
from gis.layers.registry import LAYER_BY_NAME
from gis.scope import Scope
from gis.services.streaming import import_stream

BARE = """
CREATE TABLE bare_{layer} AS SELECT {columns} FROM {layer} WITH NO DATA;
ALTER TABLE bare_{layer} ADD PRIMARY KEY (id);
CREATE INDEX ON bare_{layer} USING gist (geometry);
CREATE TABLE staging_{layer} AS SELECT {columns} FROM {layer} WITH NO DATA
"""
FROM_STAGING = "INSERT INTO {layer} ({columns}) SELECT {columns} FROM staging_{layer}"
#: What all imports into one table must agree on: every value of every row, whatever the order.
CONTENT = "SELECT count(*), sum(hashtextextended(concat_ws('|', {columns}), 0)) FROM {table}"
CASES = ("checked", "unchecked", "to_postgis", "ogr2ogr")


@dataclass(frozen=True)
class Source:
    """A file, and what becomes of it."""

    title: str
    path: Path
    contract: FrameContract
    columns: tuple[str, ...]
    rows: int

    @property
    def layer(self) -> str:
        return self.contract.name


# -- What is compared ------------------------------------------------------------------------------


def wangge(source: Source, table: str, url: str, *, checks: bool) -> None:
    order = ReadOrder(SourceOptions(crs=SourceCrs.parse("EPSG:4326", "")), checks=checks)
    sessions = session_factory(make_engine(url))
    with (
        open_layer(source.path, source.contract, order) as stream,
        transaction(sessions) as session,
    ):
        if table == source.layer:
            scope = Scope.local_owner()
            import_stream(session, scope, stream, layer=source.layer, dataset_name="bench")
            return
        known = table_of(LAYER_BY_NAME[source.layer].model)
        bare = known.to_metadata(type(known.metadata)(), name=table)
        for frame in stream.frames():
            copy_frame(session, bare, frame[[*source.columns, "geometry"]])


def to_postgis(source: Source, table: str, url: str) -> None:
    if source.path.suffix == ".csv":
        rows = pd.read_csv(source.path)
        places = gpd.points_from_xy(rows.pop("lon"), rows.pop("lat"), crs=4326)
        frame = gpd.GeoDataFrame(rows, geometry=places)
    else:
        frame = gpd.read_file(source.path)
        frame.geometry = [shapely.MultiPolygon([shape]) for shape in frame.geometry]
    frame.to_postgis(table, make_engine(url), if_exists="append")


def ogr2ogr_command(source: Source, table: str, url: str) -> list[str]:
    where = make_url(url)
    # Of several geometry columns only the one that is filled may be opened.
    place = f"dbname={where.database} user={where.username} host={where.query['host']}"
    command = ["ogr2ogr", "--config", "PG_USE_COPY", "YES", "-append", "-gt", "unlimited"]
    command += ["-f", "PostgreSQL", f"PG:{place} tables={table}(geometry)"]
    command += [str(source.path), "-nln", f"{table}"]
    if source.path.suffix == ".csv":
        return [*command, "-a_srs", "EPSG:4326", *XY_OPTIONS]
    return [*command, "-nlt", "PROMOTE_TO_MULTI"]


XY_OPTIONS = tuple(
    part
    for option in ("X_POSSIBLE_NAMES=lon", "Y_POSSIBLE_NAMES=lat", "KEEP_GEOM_COLUMNS=NO")
    for part in ("-oo", option)
)


# -- How it is measured ----------------------------------------------------------------------------


def worker(source: Source, table: str, url: str, case: str) -> None:
    """Run a case in this process, libraries loaded beforehand, and print what it took."""
    import geopandas.io.sql
    import pyarrow.csv
    import pyogrio

    import gis.ingest.formats.vector  # noqa: F401 - loaded before the clock starts

    assert pyogrio
    assert geopandas.io.sql
    assert pyarrow.csv
    with make_engine(url).connect() as connection:
        connection.execute(text("SELECT 1"))
    begun = time.process_time(), time.perf_counter()
    if case == "to_postgis":
        to_postgis(source, table, url)
    else:
        wangge(source, table, url, checks=case == "checked")
    print(json.dumps([time.process_time() - begun[0], time.perf_counter() - begun[1]]))


def measured(command: list[str]) -> tuple[str, float, float, float]:
    """Run a process; return its output, CPU seconds, wall seconds and peak of memory in MB.

    The peak is read while it runs: what the system says afterwards counts the parent as well.
    """
    begun = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    status, cpu_s, peak_kb = Path(f"/proc/{child.pid}/status"), 0.0, 0
    while child.poll() is None:
        try:
            lines = status.read_text(encoding="ascii").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        peaks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
        peak_kb = max([peak_kb, *peaks])
        cpu_s = max(cpu_s, process_cpu_s(child.pid))
        time.sleep(1 / TICKS)
    wall_s = time.perf_counter() - begun
    output = child.stdout.read() if child.stdout else ""
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return output, cpu_s, wall_s, peak_kb / 1024


@dataclass
class Measuring:
    """What all runs share, and what they found out besides time."""

    server: Server
    database: str
    peaks_mb: dict[str, list[float]]
    seen: dict[str, set[object]]

    def run(self, source: Source, table: str, case: str, name: str) -> Spent:
        with self.server.copy_of(self.database) as engine:
            url = engine.url.render_as_string(hide_password=False)
            before = self.server.cpu_s()
            if case == "ogr2ogr":
                staged = table == source.layer
                command = ogr2ogr_command(source, f"staging_{table}" if staged else table, url)
                _, client_s, wall_s, peak = measured(command)
                begun = time.perf_counter()
                if staged:
                    columns = ", ".join([*source.columns, "geometry"])
                    with engine.begin() as connection:
                        statement = FROM_STAGING.format(layer=table, columns=columns)
                        connection.execute(text(statement))
                wall_s += time.perf_counter() - begun
            else:
                job = [source.title, str(source.path), str(source.rows), table, url, case]
                command = [sys.executable, __file__, "--worker", *job]
                output, _, _, peak = measured(command)
                client_s, wall_s = json.loads(output.splitlines()[-1])
            server_s = self.server.cpu_s() - before
            self.peaks_mb.setdefault(name, []).append(peak)
            statement = CONTENT.format(columns=_shown(source), table=table)
            with engine.connect() as connection:
                found = tuple(connection.execute(text(statement)).one())
        assert found[0] == source.rows, f"{name}: {found[0]} rows of {source.rows}"
        self.seen.setdefault(f"{source.title}, {table}", set()).add(found)
        return Spent(client_s, server_s, wall_s)


def _shown(source: Source) -> str:
    return ", ".join([*source.columns, "ST_AsEWKB(geometry)::text"])


# -- What it is measured on ------------------------------------------------------------------------

SOURCES = {
    "points": (POIS, ("id", "name", "category", "source_id")),
    "footprints": (
        BUILDINGS,
        (
            *("id", "source_id", "name", "households", "residents", "elderly", "children"),
            *("low_income_households", "households_source", "floors", "use", "address"),
        ),
    ),
}


def source_of(title: str, path: Path, rows: int) -> Source:
    contract, columns = SOURCES[title]
    return Source(title, path, contract, columns, rows)


def make_points(path: Path, count: int, rng: np.random.Generator) -> None:
    data = rng.bytes(16 * count)
    ids = np.frombuffer(data, dtype=np.uint8).reshape(-1, 16).copy()
    ids[:, 6], ids[:, 8] = ids[:, 6] & 0x0F | 0x40, ids[:, 8] & 0x3F | 0x80
    from gis.frames.uuids import uuid_texts

    pd.DataFrame(
        {
            "id": uuid_texts(ids),
            "name": [f"便民点 {n}, 明光路" for n in range(count)],
            "category": rng.choice(["school", "market", "bus_stop", "clinic"], count),
            "source_id": [f"node/{n}" for n in range(count)],
            "lon": rng.uniform(117.1, 117.5, count).round(7),
            "lat": rng.uniform(31.7, 32.0, count).round(7),
        }
    ).to_csv(path, index=False)


def make_footprints(path: Path, count: int, rng: np.random.Generator) -> None:
    buildings = make_buildings(make_city(1_500, rng), count, rng)
    buildings.to_file(path, layer="buildings", GEOMETRY_NAME="geometry")


def prepare(server: Server, sources: list[Source]) -> None:
    engine = make_engine(server.migrated("files"))
    with engine.begin() as connection:
        for source in sources:
            columns = ", ".join([*source.columns, "geometry"])
            connection.execute(text(BARE.format(layer=source.layer, columns=columns)))
    engine.dispose()
    server.run("files", "VACUUM ANALYZE")


def main() -> None:
    chosen = options()
    if chosen.worker:
        title, path, rows, *rest = chosen.worker
        worker(source_of(title, Path(path), int(rows)), *rest)
        return
    with scratch_server() as server:
        start(chosen, server)
        has_ogr = shutil.which("ogr2ogr") is not None
        print(ogr_version() if has_ogr else "ogr2ogr is absent (Debian: gdal-bin): not compared")
        folder = server.cluster.home
        rng = np.random.default_rng(SEED)
        points = source_of("points", folder / "points.csv", chosen.points)
        footprints = source_of("footprints", folder / "footprints.gpkg", chosen.buildings)
        make_points(points.path, points.rows, rng)
        make_footprints(footprints.path, footprints.rows, rng)
        sources = [points, footprints]
        prepare(server, sources)
        measuring = Measuring(server, "files", {}, {})
        names = {
            f"{source.title} into {kind}: {case}": (source, table, case)
            for source in sources
            for kind, table in (("bare", f"bare_{source.layer}"), ("layer", source.layer))
            for case in CASES
            if has_ogr or case != "ogr2ogr"
        }
        cases = {name: partial(measuring.run, *job, name) for name, job in names.items()}
        spent = take_turns(cases, chosen.repeats)
    for what, found in measuring.seen.items():
        assert len(found) == 1, f"{what}: the imports differ: {found}"
    report(chosen, names, spent, measuring.peaks_mb)


def report(
    chosen: argparse.Namespace,
    names: dict[str, tuple[Source, str, str]],
    spent: dict[str, list[Spent]],
    peaks_mb: dict[str, list[float]],
) -> None:
    pairs = []
    for name, (_, _, case) in names.items():
        if case in {"to_postgis", "ogr2ogr"}:
            own = name.removesuffix(case)
            pairs += [Comparison(own + "unchecked", name), Comparison(own + "checked", name)]
    peaks = {name: float(np.median(runs)) for name, runs in peaks_mb.items()}
    rates = {
        name: float(names[name][0].rows / np.median([run.cpu_s for run in runs]))
        for name, runs in spent.items()
    }
    for name in names:
        print(f"{name:52}{rates[name]:12,.0f} rows a CPU second{peaks[name]:8,.0f} MB at most")
    title = f"Import of {chosen.points:,} points and {chosen.buildings:,} footprints; equal content"
    show(title, spent, pairs, chosen, {"peaks_mb": peaks, "rows_per_cpu_s": rates})


def ogr_version() -> str:
    done = subprocess.run(["ogr2ogr", "--version"], capture_output=True, text=True, check=True)  # noqa: S607 - whichever is installed
    return done.stdout.strip()


def options() -> argparse.Namespace:
    made = parser(__doc__, repeats=3)
    made.add_argument("--points", type=int, default=1_000_000)
    made.add_argument("--buildings", type=int, default=200_000)
    made.add_argument("--worker", nargs=6, help=argparse.SUPPRESS)
    return made.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("WANGGE_LOG_LEVEL", "warning")
    main()
