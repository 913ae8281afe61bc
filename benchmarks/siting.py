"""Where to put stations: Wangge against spopt with HiGHS, and HiGHS alone where room is limited.

Towns are made from a seed: people in clusters, candidates among them, distances 1.3 times those of
the air. It fails if a peer's answer is better than ours, or than our bound says that any can be.
"""

import argparse
import json
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from drawings.running import PEERS_PYTHON
from harness import SEED, Stopwatch, machine, parser, start

from gis.coverage.siting import (
    Candidates,
    CostTable,
    Limits,
    SitingOptions,
    SitingProblem,
    SitingResult,
    solve_siting,
)

PEER = Path(__file__).with_name("siting_peers.py")
#: Objectives of which more is better.
MOST = ("mclp",)
#: Shares by which two programs may differ that solve by tolerances.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Case:
    """One problem: its objective, its size, and whether a peer is asked as well."""

    objective: str
    rows: int
    sites: int
    count: int
    radius: float | None = None
    room: float | None = None
    peer: bool = True

    @property
    def name(self) -> str:
        """What the table says."""
        asked = f"{self.sites} × {self.rows:,}"
        return f"{self.objective}, {asked}" + (f", p = {self.count}" if self.count else "")


CASES = (
    Case("mclp", 20_000, 500, 20, radius=800),
    Case("lscp", 20_000, 500, 0, radius=1500),
    Case("p_median", 20_000, 500, 20, peer=False),
    Case("p_center", 20_000, 500, 20, peer=False),
    Case("p_median", 1_000, 60, 10),
    Case("p_center", 500, 40, 8),
    Case("capacitated_p_median", 1_000, 60, 10, room=1.2),
    Case("capacitated_p_median", 3_000, 100, 15, room=1.1),
    Case("capacitated_p_median", 20_000, 500, 20, room=1.1, peer=False),
)


def main() -> None:
    made = parser(__doc__, repeats=1)
    made.add_argument("--limit", type=float, default=600, help="seconds that a peer may take")
    made.add_argument("--seconds", type=float, default=60, help="CPU seconds that Wangge may take")
    made.add_argument("--only", default="", help="objectives, with commas")
    made.add_argument("--no-peers", action="store_true", help="Wangge alone")
    options = made.parse_args()
    start(options)
    only = options.only.split(",") if options.only else None
    rows = [row(case, options) for case in CASES if only is None or case.objective in only]
    print("\n" + table(rows))
    if options.json:
        facts = {"machine": machine(), "rows": rows}
        Path(options.json).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def row(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """Solve one case on both sides, and hold the answers against each other."""
    given = town(case)
    ours = wangge(case, given, options)
    print(case.name, ours, flush=True)
    if not case.peer or options.no_peers:
        return asdict(case) | {"name": case.name, "wangge": ours, "peer": None}
    theirs = peer(case, given, options.limit)
    print(case.name, theirs, flush=True)
    hold(case, ours, theirs)
    return asdict(case) | {"name": case.name, "wangge": ours, "peer": theirs}


def town(case: Case) -> dict[str, Any]:
    """Return people in clusters, candidates among them, the costs between, and room."""
    rng = np.random.default_rng(SEED)
    centres = rng.random((60, 2)) * 10_000
    homes = centres[rng.integers(60, size=case.rows)] + rng.normal(0, 600, (case.rows, 2))
    at = rng.choice(case.rows, case.sites, replace=False)
    sites = homes[at] + rng.normal(0, 50, (case.sites, 2))
    people = rng.integers(1, 120, case.rows)
    cost = np.round(np.hypot(*(homes[:, None] - sites[None]).transpose(2, 0, 1)) * 1.3, 1)
    if case.objective == "lscp":  # who cannot be reached would leave the peer without an answer
        cost = cost[cost.min(axis=1) <= (case.radius or 0)]
        people = people[: len(cost)]
    given = {"cost": cost, "people": people, "count": case.count, "radius": case.radius or 0.0}
    if case.room:
        share = rng.integers(50, 150, case.sites) / 100
        given["capacity"] = (share * people.sum() / case.count * case.room).astype(np.int64)
    return given


def wangge(case: Case, given: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Solve by Wangge; what has to be compiled is compiled before."""
    solve(case, {**given, "cost": given["cost"][:40], "people": given["people"][:40]}, None)
    watch = Stopwatch()
    with watch.measure():
        result = solve(case, given, options.seconds)
    return {
        "objective": result.objective,
        "bound": result.bound,
        "gap": result.gap,
        "status": result.proof,
        "cpu_s": watch.last.cpu_s,
        "wall_s": watch.last.wall_s,
    }


def solve(case: Case, given: dict[str, Any], seconds: float | None) -> SitingResult:
    """Make the problem of a case from bare arrays and solve it."""
    begun = time.process_time()
    problem = SitingProblem(
        people=given["people"],
        candidates=Candidates(number=case.sites, capacity=given.get("capacity")),
        costs=CostTable.dense(given["cost"]),
        limits=Limits(count=case.count or None),
    )
    options: dict[str, Any] = {"objective": case.objective, "radius": case.radius}
    # CPU seconds: the clock on the wall would count what else the machine does.
    return solve_siting(
        problem,
        SitingOptions(**options),
        stop=lambda: seconds is not None and time.process_time() - begun > seconds,
    )


def peer(case: Case, given: dict[str, Any], limit: float) -> dict[str, Any]:
    """Ask the peer, in its own environment and process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "problem.npz"
        np.savez(file, **given)
        command = [str(PEERS_PYTHON), str(PEER), str(file), case.objective, str(limit)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=5 * limit
            )
        except subprocess.TimeoutExpired:
            return {"error": f"no answer in {5 * limit:g} s"}
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1] if done.stderr else "ended"}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def hold(case: Case, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Stop if the peer found something better than our answer or our bound."""
    value = theirs.get("objective")
    if value is None:
        return
    sign = 1 if case.objective in MOST else -1
    slack = ROUNDING * abs(value)
    if sign * (value - ours["bound"]) > slack:
        raise SystemExit(f"{case.name}: {value} is better than our bound {ours['bound']}.")
    if sign * (value - ours["objective"]) > slack:
        raise SystemExit(f"{case.name}: {value} is better than our answer {ours['objective']}.")


def table(rows: list[dict[str, Any]]) -> str:
    """Return the table of docs/benchmarks.md."""
    out = [
        "| candidates × demand | Wangge | gap, % | CPU, s | peer | CPU, s | ratio |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in rows:
        ours, theirs = one["wangge"], one["peer"]
        cells = [one["name"], f"{ours['objective']:,.0f}", f"{100 * ours['gap']:.3f}"]
        cells.append(f"{ours['cpu_s']:.1f}")
        if theirs is None:
            cells += ["not asked", "", ""]
        elif "error" in theirs:
            cells += [theirs["error"], "", ""]
        else:
            cells += [f"{theirs['objective']:,.0f} ({theirs['status']})", f"{theirs['cpu_s']:.1f}"]
            cells.append(f"{theirs['cpu_s'] / ours['cpu_s']:.0f}")
        out.append(f"| {' | '.join(cells)} |")
    return "\n".join(out)


if __name__ == "__main__":
    main()
