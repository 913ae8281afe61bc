"""Floating catchments (2SFCA, E2SFCA) on a table of pairs: Wangge against PySAL's access.

Every answer is compared. The peer runs in its own environment (./run bench-env).
"""

from pathlib import Path

import numpy as np
from harness import SEED, Comparison, Spent, Stopwatch, parser, show, start, take_turns
from reach.peer import PYTHON, peers_python, run_peer
from scipy.spatial import KDTree

from gis.coverage.accessibility import Pairs, stepwise, two_step, within

DEMANDS, STATIONS = 60_000, 150
#: Shares of the catchment in which a station counts fully, and less.
ZONES = {1 / 3: 1.0, 2 / 3: 0.68, 1.0: 0.22}


def pairs_of(count: int, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], int, int]:
    """Return the nearest ``count`` pairs of demands and stations strewn over a square of 10 km."""
    demands = max(count * DEMANDS // 658_000, 1)
    places, stations = (rng.uniform(0, 10_000, (n, 2)) for n in (demands, STATIONS))
    reach = 10_000 * np.sqrt(1.2 * count / (demands * STATIONS * np.pi)) + 100
    found = KDTree(stations).sparse_distance_matrix(KDTree(places), reach, output_type="ndarray")
    found = found[np.argsort(found["v"], kind="stable")[:count]]
    found = found[np.lexsort((found["j"], found["i"]))]
    return {"origin": found["j"], "dest": found["i"], "cost": found["v"]}, demands, STATIONS


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--pairs", type=int, default=658_000)
    options.add_argument("--peers-python", type=Path, default=PYTHON)
    chosen = options.parse_args()
    python = peers_python(chosen.peers_python)
    rng = np.random.default_rng(SEED)
    table, demands, stations = pairs_of(chosen.pairs, rng)
    people, capacity = rng.integers(1, 60, demands), rng.integers(10, 200, stations)
    limit = float(table["cost"].max())
    zones = {limit * share: weight for share, weight in ZONES.items()}
    given = table | {
        "people": people.astype(float),
        "capacity": capacity.astype(float),
        "limits": np.array(list(zones)),
        "weights": np.array(list(zones.values())),
    }
    decays = {"2SFCA": within(limit), "E2SFCA": stepwise(zones)}
    watch, answers = Stopwatch(), {}

    def ours(name: str) -> Spent:
        with watch.measure():
            pairs = Pairs(table["origin"], table["dest"], table["cost"], demands, stations)
            answers[name] = two_step(pairs, people, capacity, decays[name]).access
        return watch.last

    def theirs(name: str) -> Spent:
        spent, found = run_peer(python, "access_peer.py", name, given)
        answers[f"access, {name}"] = found["access"]
        return spent

    start(chosen)
    cases = {}
    for name in decays:
        cases[f"Wangge, {name}"] = lambda name=name: ours(name)
        cases[f"access, {name}"] = lambda name=name: theirs(name)
    spent = take_turns(cases, chosen.repeats)
    for name in decays:
        difference = np.abs(answers[name] - answers[f"access, {name}"]).max()
        assert difference <= 1e-9, f"{name} differs by {difference}"
    title = f"{len(table['cost']):,} pairs, {demands:,} × {stations}; answers equal within 1e-9"
    show(title, spent, [Comparison(f"Wangge, {n}", f"access, {n}") for n in decays], chosen)


if __name__ == "__main__":
    main()
