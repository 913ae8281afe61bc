"""What asking who calls costs a request, and what its scope costs a query of 300,000 buildings.

``requests``: two real servers on copies of one database, one without accounts, one with; the same
requests to both. The figure is CPU milliseconds of the server and of PostgreSQL for each request.
``boxes``: the buildings of a box for the owner, and for somebody of one community, whose queries
are limited by their own conditions and by row-level security besides.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
from ground import City, make_buildings, make_city, store_city
from harness import (
    SEED,
    Comparison,
    Server,
    Spent,
    Stopwatch,
    parser,
    process_cpu_s,
    scratch_server,
    show,
    start,
    take_turns,
)

from gis.access import Area, AreaKind, Grant, Permission, Role, authorise
from gis.database.engine import make_engine, session_factory, transaction
from gis.frames import Dataset
from gis.layers import buildings
from gis.layers.queries import Window
from gis.scope import Scope
from gis.services import accounts, keys
from gis.services.importing import import_dataset

if TYPE_CHECKING:
    import pandas as pd

OWNER = Scope.local_owner()
PASSWORD = "a long sentence to measure with"  # noqa: S105 - lives as long as the scratch server
OPEN, TOKEN, KEY = "without accounts", "with a token", "with a key"
BOUND = "with a token, one community"
EVERYWHERE, SCOPED = "everywhere", "one community"
DAY = "2026-03-01"
#: Turns that each run of requests is cut into.
TURNS = 10
#: Pages read for each run of a case of ``boxes``.
BOXES = 60


@dataclass(frozen=True)
class Served:
    """A running server, what its requests carry, and the processes whose time is counted."""

    url: str
    headers: Mapping[str, str]
    pid: int


def fill(server: Server, city: City, count: int) -> dict[str, str]:
    """Make a database with the city and its buildings, and one with accounts besides.

    These are an admin with a key and a planner of the community in the middle.
    """
    rng = np.random.default_rng(SEED)
    url = server.migrated("open")
    engine = make_engine(url)
    factory = session_factory(engine)
    with transaction(factory) as session:
        store_city(session, OWNER, city)
    houses = make_buildings(city, count, rng)
    with transaction(factory) as session:
        import_dataset(session, OWNER, Dataset("houses", "bench", {"buildings": houses}))
    engine.dispose()
    server.run("open", "VACUUM ANALYZE")
    server.cluster.ensure_database("known", "open")
    known = make_engine(server.cluster.url("known"))
    with transaction(session_factory(known)) as session:
        user_id = accounts.add_user(session, OWNER, "bench", password=PASSWORD)
        everywhere = Grant(Role.ADMIN, Area(AreaKind.EVERYWHERE))
        accounts.grant(session, OWNER, user_id, everywhere)
        made = keys.make_key(session, OWNER, user_id, keys.KeyOrder("bench"))
        bound_id = accounts.add_user(session, OWNER, "bound", password=PASSWORD)
        home = Area(AreaKind.COMMUNITY, str(middle_of(city)["code"]))
        accounts.grant(session, OWNER, bound_id, Grant(Role.PLANNER, home))
    known.dispose()
    return {"open": url, "known": server.cluster.url("known"), "key": made.secret}


def middle_of(city: City) -> "pd.Series[Any]":
    """Return the community that is asked about."""
    return city.communities.iloc[len(city.communities) // 2]


@contextmanager
def serving(url: str, home: Path) -> Iterator[tuple[str, int]]:
    """Serve a database in a process of its own; address and process."""
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "WANGGE_HOME": str(home),
        "WANGGE_LOG_LEVEL": "warning",
        "PYTHONHASHSEED": "0",
        "WANGGE_RATE_LIMIT": "10000000/minute",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    program = [sys.executable, "-c", "from cli.main import app; app()", "serve", "--port", "0"]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, env=environment, text=True, cwd=home
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.search(r"http://\S+", said)
            assert found, said
            yield found[0], process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


def paths_of(url: str, city: City) -> list[str]:
    """Return the operations that are asked, cheap ones: what is added weighs most there."""
    home = middle_of(city)
    place = home.geometry.representative_point()
    found = httpx.get(f"{url}/v1/communities/{home['id']}").raise_for_status()
    return [
        f"/v1/locate?lon={place.x:.6f}&lat={place.y:.6f}",
        found.url.path,
        "/healthz",
    ]


def token_of(url: str, login: str) -> str:
    """Return a token for a login."""
    signing = {"login": login, "password": PASSWORD}
    answer = httpx.post(f"{url}/v1/auth/token", json=signing).raise_for_status()
    return str(answer.json()["access_token"])


def many(served: Served, path: str, count: int, server: Server) -> Spent:
    """Ask one thing many times over one connection; the CPU of server and PostgreSQL."""
    with httpx.Client(base_url=served.url, headers=served.headers, trust_env=False) as client:
        client.get(path).raise_for_status()
        before = process_cpu_s(served.pid), server.cpu_s(), time.perf_counter()
        for _ in range(count):
            client.get(path).raise_for_status()
        after = process_cpu_s(served.pid), server.cpu_s(), time.perf_counter()
    return Spent(*(b - a for a, b in zip(before, after, strict=True)))


def requests(
    options: argparse.Namespace, server: Server, made: dict[str, str], city: City
) -> dict[str, dict[str, list[Spent]]]:
    """Return what requests take with and without a credential, operation by operation."""
    home = server.cluster.root
    with serving(made["open"], home) as opened, serving(made["known"], home) as known:
        carried = {
            OPEN: (opened, {}),
            TOKEN: (known, {"Authorization": f"Bearer {token_of(known[0], 'bench')}"}),
            KEY: (known, {"Authorization": f"Bearer {made['key']}"}),
            BOUND: (known, {"Authorization": f"Bearer {token_of(known[0], 'bound')}"}),
        }
        servers = {name: Served(at[0], headers, at[1]) for name, (at, headers) in carried.items()}
        spent = {}
        for path in paths_of(opened[0], city):
            template = re.sub(r"/[0-9a-f-]{36}", "/{id}", path.partition("?")[0])

            def case(name: str, path: str = path) -> Callable[[], Spent]:
                return lambda: many(servers[name], path, in_turn(options), server)

            # Short turns: the machine's pace changes within a second, by more than is looked for.
            cases = {name: case(name) for name in servers}
            spent[template] = take_turns(cases, options.repeats * TURNS)
    return spent


def in_turn(options: argparse.Namespace) -> int:
    """Return how many requests a turn has."""
    return max(1, options.requests // TURNS)


def added_ms(
    options: argparse.Namespace, spent: dict[str, dict[str, list[Spent]]]
) -> dict[str, dict[str, float]]:
    """Return what a credential adds to a request, of the server and of PostgreSQL."""
    return {
        f"{template} {name}": {
            part: _middle(
                [
                    (getattr(one, part) - getattr(other, part)) / in_turn(options) * 1000
                    for one, other in zip(turns[name], turns[OPEN], strict=True)
                ]
            )
            for part in ("client_s", "server_s")
        }
        for template, turns in spent.items()
        for name in (TOKEN, KEY, BOUND)
    }


def _middle(values: list[float]) -> float:
    """Return the mean of the middle half."""
    quarter = len(values) // 4
    return statistics.fmean(sorted(values)[quarter : len(values) - quarter])


def boxes(
    options: argparse.Namespace, server: Server, url: str, city: City
) -> dict[str, list[Spent]]:
    """Return what pages of boxes around places of one community take under both scopes."""
    from datetime import date

    rng = np.random.default_rng(SEED)
    engine = make_engine(url)
    factory = session_factory(engine)
    home = middle_of(city)
    with transaction(factory) as session:
        user_id = accounts.add_user(session, OWNER, "planner-1", password=PASSWORD)
        area = Area(AreaKind.COMMUNITY, str(home["code"]))
        accounts.grant(session, OWNER, user_id, Grant(Role.PLANNER, area))
        principal = accounts.principal_of(session, user_id)
    day = date.fromisoformat(DAY)
    scopes = {EVERYWHERE: OWNER, SCOPED: authorise(principal, Permission.BUILDINGS_READ, day)}
    west, south, east, north = home.geometry.bounds
    corners = rng.uniform((west, south), (east, north), (BOXES, 2))
    windows = [
        Window(200, None, (lon - 0.002, lat - 0.002, lon + 0.002, lat + 0.002))
        for lon, lat in corners
    ]
    found: dict[str, list[set[str]]] = {}

    def case(name: str) -> Callable[[], Spent]:
        def run() -> Spent:
            watch = Stopwatch(server)
            with watch.measure():
                pages = []
                for window in windows:
                    with transaction(factory, scopes[name]) as session:
                        page = buildings.page(session, scopes[name], window, on_day=day)
                    pages.append({str(row[0]) for row in page.rows})
            found[name] = pages
            return watch.last

        return run

    spent = take_turns({name: case(name) for name in scopes}, options.repeats)
    assert sum(map(len, found[SCOPED])) > 0, "the boxes hold nothing of the community"
    engine.dispose()
    return spent


def main() -> None:
    """Run it."""
    options = parser(__doc__)
    options.add_argument("--grids", type=int, default=300)
    options.add_argument("--buildings", type=int, default=300_000)
    options.add_argument("--requests", type=int, default=1000, help="of each operation and run")
    chosen = options.parse_args()
    city = make_city(chosen.grids, np.random.default_rng(SEED))
    with scratch_server() as server:
        start(chosen, server)
        made = fill(server, city, chosen.buildings)
        spent = boxes(chosen, server, made["known"], city)
        asked = requests(chosen, server, made, city)
    for template, turns in asked.items():
        spent |= {f"{template} {name}": runs for name, runs in turns.items()}
    title = (
        f"{chosen.buildings:,} buildings: {BOXES} boxes, a transaction each; "
        f"turns of {in_turn(chosen)} requests"
    )
    added = added_ms(chosen, asked)
    show(title, spent, [Comparison(EVERYWHERE, SCOPED)], chosen, {"added_ms": added})
    for name, parts in added.items():
        both = sum(parts.values())
        print(f"{name}: {both:+.3f} CPU ms a request, {parts['server_s']:+.3f} of it PostgreSQL's")


if __name__ == "__main__":
    main()
