"""What every benchmark shares: clocks, a scratch server of its own, repeats, a table.

CPU seconds are compared, not wall-clock seconds: they hardly change when the machine has other work
to do. The cases of a benchmark take turns, and the median of the repeats is shown.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
from sqlalchemy import Engine, make_url

from gis.database.cluster import Cluster
from gis.database.engine import make_engine
from gis.database.migrate import upgrade
from gis.database.processes import servers_of
from gis.logs import configure_logs
from gis.settings import Settings

SEED = 20_240_501
TICKS = os.sysconf("SC_CLK_TCK")
VERSIONS = ("wangge", "geopandas", "shapely", "numpy", "pandas")


@dataclass(frozen=True)
class Spent:
    """What one run of a case took."""

    client_s: float
    server_s: float
    wall_s: float

    @property
    def cpu_s(self) -> float:
        """CPU seconds of this process, its children and the server."""
        return self.client_s + self.server_s


@dataclass
class Server:
    """A PostgreSQL with PostGIS that lives as long as the benchmark."""

    cluster: Cluster

    def cpu_s(self) -> float:
        """CPU seconds of the server so far: of every process it has, and of those that ended."""
        return sum(map(process_cpu_s, servers_of(self.cluster.data)))

    def peak_mb(self) -> float:
        """Largest memory of any one process of the server that still runs, shared part included."""
        peaks = [0]
        for pid in servers_of(self.cluster.data):
            try:
                status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
            except FileNotFoundError:
                continue
            peaks += [int(row.split()[1]) for row in status.splitlines() if "VmHWM" in row]
        return max(peaks) / 1024

    def version(self) -> str:
        """PostgreSQL's and PostGIS's versions."""
        status = self.cluster.status()
        return f"PostgreSQL {status.version}, PostGIS {status.postgis}"

    def migrated(self, name: str) -> str:
        """Make a database with the schema and return its URL."""
        self.cluster.ensure_database(name)
        upgrade(self.cluster.url(name))
        return self.cluster.url(name)

    @contextmanager
    def copy_of(self, template: str) -> Iterator[Engine]:
        """Give an engine on a fresh copy of a database; the copy goes at the end."""
        name = f"{template}_copy"
        self.cluster.drop_database(name)
        self.cluster.ensure_database(name, template)
        # What is written out now must not be charged to whoever runs first.
        self.run(name, "CHECKPOINT")
        engine = make_engine(self.cluster.url(name))
        try:
            yield engine
        finally:
            engine.dispose()
            self.cluster.drop_database(name)

    def run(self, database: str, statement: str) -> None:
        """Run a statement that may not stand in a transaction."""
        url = make_url(self.cluster.url(database)).set(drivername="postgresql")
        connection = psycopg2.connect(url.render_as_string(hide_password=False))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


def process_cpu_s(pid: int) -> float:
    """CPU seconds of a process and of its children that it has waited for; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    own, ended = fields[11:13], fields[13:15]  # utime, stime; of children waited for
    return sum(map(int, own + ended)) / TICKS


@contextmanager
def scratch_server() -> Iterator[Server]:
    """Give a durable server on a home that is removed at the end; no vacuum in the background."""
    home = Path(tempfile.mkdtemp(prefix="wangge-bench-"))
    home.chmod(0o755)  # PostgreSQL's user must be able to enter
    cluster = Cluster.locate(Settings(home=home))
    try:
        cluster.start(durable=True)
        server = Server(cluster)
        server.run("postgres", "ALTER SYSTEM SET autovacuum = off")
        server.run("postgres", "SELECT pg_reload_conf()")
        yield server
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


@dataclass
class Stopwatch:
    """Measures blocks of code on this process and on the server, if there is one."""

    server: Server | None = None
    last: Spent = field(default_factory=lambda: Spent(0, 0, 0))

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Measure a block; ``last`` holds the result."""
        before = (_own_cpu_s(), self._server_s(), time.perf_counter())
        yield
        after = (_own_cpu_s(), self._server_s(), time.perf_counter())
        self.last = Spent(*(b - a for a, b in zip(before, after, strict=True)))

    def _server_s(self) -> float:
        return self.server.cpu_s() if self.server else 0.0


def _own_cpu_s() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, kinds))


Case = Callable[[], Spent]


def take_turns(cases: Mapping[str, Case], repeats: int) -> dict[str, list[Spent]]:
    """Run every case once per round, so that a busy minute of the machine meets all of them."""
    spent: dict[str, list[Spent]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, case in cases.items():
            spent[name].append(case())
    return spent


def median_cpu_s(runs: list[Spent]) -> float:
    """Return the median of the CPU seconds."""
    return statistics.median(run.cpu_s for run in runs)


@dataclass(frozen=True)
class Comparison:
    """Which case is compared with which peer."""

    case: str
    peer: str


def show(
    title: str,
    spent: Mapping[str, list[Spent]],
    comparisons: list[Comparison],
    options: argparse.Namespace,
    more: Mapping[str, object] | None = None,
) -> None:
    """Print the medians and the ratios of a benchmark, and write them to ``--json`` if given.

    ``more`` is written there too.
    """
    medians = {name: median_cpu_s(runs) for name, runs in spent.items()}
    counts = " and ".join(str(n) for n in sorted({len(runs) for runs in spent.values()}))
    print(f"\n{title}; medians of {counts}, CPU seconds")
    print(f"{'':52}{'CPU':>8}{'client':>9}{'server':>9}{'(wall)':>9}")
    for name, runs in spent.items():
        parts = [
            statistics.median(getattr(run, part) for run in runs)
            for part in ("client_s", "server_s", "wall_s")
        ]
        print(f"{name:52}{medians[name]:8.2f}" + "".join(f"{value:9.2f}" for value in parts))
    ratios = {}
    for pair in comparisons:
        ratios[f"{pair.peer} / {pair.case}"] = ratio = medians[pair.peer] / medians[pair.case]
        print(f"{pair.peer} takes {ratio:.2f} times the CPU of {pair.case}")
    if options.json:
        facts = {"title": title, "ratios": ratios, "medians": medians, "machine": machine()}
        every = {name: [asdict(run) for run in runs] for name, runs in spent.items()}
        text = json.dumps(facts | {"runs": every, **(more or {})}, indent=1)
        Path(options.json).write_text(text + "\n", encoding="utf-8")


def machine() -> dict[str, str]:
    """Return the facts without which a number of seconds means nothing."""
    cpu = "unknown"
    info = Path("/proc/cpuinfo")
    if info.exists():
        rows = info.read_text(encoding="utf-8").splitlines()
        names = [row.split(":", 1)[1].strip() for row in rows if row.startswith("model name")]
        cpu = next(iter(names), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in VERSIONS)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cpu": f"{os.cpu_count()} × {cpu}",
        "memory": f"{memory:.0f} GiB",
        "system": platform.platform(),
        "versions": f"Python {platform.python_version()}, {versions}",
    }


def parser(doc: str | None, repeats: int = 5) -> argparse.ArgumentParser:
    """Return a parser of the options that every benchmark has."""
    made = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    made.add_argument("--repeats", type=int, default=repeats, help="runs of each case")
    made.add_argument("--json", help="file to write every run to")
    return made


def start(options: argparse.Namespace, server: Server | None = None) -> None:
    """Print the machine's facts before anything is measured; then keep quiet but for warnings."""
    os.environ.setdefault("WANGGE_LOG_LEVEL", "warning")
    configure_logs()
    for fact in machine().values():
        print(fact)
    if server:
        print(server.version())
    print(f"load {os.getloadavg()[0]:.1f}, {options.repeats} repeats", flush=True)
