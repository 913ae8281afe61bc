"""Isochrones of 15 minutes of 60 stations: Wangge against hulls and buffers of what is reached.

Each drawing is compared with the walks of the buildings to each station by themselves. The peers
run in their own environment (./run bench-env).
"""

from pathlib import Path

import numpy as np
import shapely
from harness import SEED, Comparison, Spent, Stopwatch, parser, show, start, take_turns
from reach.isochrone_cases import OSM, PEERS, Town, city, from_bytes
from reach.peer import PYTHON, peers_python, run_peer

from gis.coverage.field import field_ground
from gis.coverage.isochrones import station_isochrones
from gis.network import within

DRAWN, WITH_RASTER = "Wangge", "Wangge, raster made anew"


def mistakes(town: Town, limit_m: float, drawn: np.ndarray) -> tuple[float, float]:
    """Return buildings falsely in and out, as shares of those that walk to a station in time."""
    table = within(town.graph, town.origins, town.stations, limit_m)
    truth = np.zeros((len(drawn), len(town.origins)), dtype=bool)
    truth[table.station, table.origin] = True
    shapely.prepare(drawn)
    inside = np.array([shapely.contains_xy(area, *town.origins.from_xy_m.T) for area in drawn])
    return (inside & ~truth).sum() / truth.sum(), (truth & ~inside).sum() / truth.sum()


def main() -> None:
    options = parser(__doc__, repeats=3)
    options.add_argument("--osm", type=Path, default=OSM)
    options.add_argument("--boundary", type=Path, help="of the ground whose buildings count")
    options.add_argument("--stations", type=int, default=60)
    options.add_argument("--minutes", type=float, default=15)
    options.add_argument("--peers-python", type=Path, default=PYTHON)
    chosen = options.parse_args()
    python = peers_python(chosen.peers_python)
    limit = chosen.minutes * 60 * 1.2
    town = city(chosen.osm, chosen.boundary, chosen.stations, np.random.default_rng(SEED))
    ground = field_ground(town.graph)
    station_isochrones(town.graph, ground, town.stations, 50, town.crs)  # compiles
    watch, drawn = Stopwatch(), {}

    def ours(name: str) -> Spent:
        with watch.measure():
            raster = ground if name == DRAWN else field_ground(town.graph)
            frame = station_isochrones(town.graph, raster, town.stations, limit, town.crs)
        drawn[name] = frame.geometry.to_crs(town.crs).to_numpy()
        return watch.last

    def theirs(name: str) -> Spent:
        spent, found = run_peer(python, "isochrone_peers.py", name, town.given(limit))
        drawn[name] = from_bytes(found["drawn"])
        return spent

    start(chosen)
    cases = {name: (lambda name=name: ours(name)) for name in (DRAWN, WITH_RASTER)}
    cases |= {name: (lambda name=name: theirs(name)) for name in PEERS}
    spent = take_turns(cases, chosen.repeats)
    errors = {name: mistakes(town, limit, areas) for name, areas in drawn.items()}
    print(f"\n{'buildings of the verdicts':36}{'falsely in':>12}{'falsely out':>12}")
    for name, (falsely_in, falsely_out) in errors.items():
        print(f"{name:36}{falsely_in:12.2%}{falsely_out:12.2%}")
    assert max(errors[DRAWN]) <= 0.025, "Wangge's own are more than 2.5 % off"
    title = (
        f"{len(drawn[DRAWN])} stations, {chosen.minutes:g} minutes, {len(town.origins):,} buildings"
    )
    pairs = [Comparison(name, peer) for peer in PEERS for name in (DRAWN, WITH_RASTER)]
    show(title, spent, pairs, chosen, {"errors": errors})


if __name__ == "__main__":
    main()
