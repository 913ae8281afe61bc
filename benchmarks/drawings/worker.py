"""One drawing in a process of its own: ``python -m drawings.worker job.json`` beside this folder.

The job names the units, the method and where the answer goes. A process that needs more CPU than
it may is ended by the kernel (SIGXCPU); the program that started it sees that.
"""

import contextlib
import json
import resource
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from drawings.clocks import Cost, cpu_s, measured
from drawings.units import Ints, Units, by_community, lattice


def main(file: Path) -> None:
    job = json.loads(file.read_text(encoding="utf-8"))
    warnings.simplefilter("ignore")  # the table is for quality, not for others' deprecations
    units = Units.open(Path(job["units"]))
    try:
        answer = perform(job, units)
    except MemoryError:
        answer = {"error": f"needs more than {job['memory_gb']:g} GB"}
    except Exception as error:  # noqa: BLE001 - a method that fails is a row of the table
        answer = {"error": f"{type(error).__name__}: {error}".strip().splitlines()[0][:120]}
    Path(job["answer"]).write_text(json.dumps(answer), encoding="utf-8")


def perform(job: dict[str, Any], units: Units) -> dict[str, Any]:
    """Return label, cost and versions of the method that ``job`` names."""
    cost: Cost = {}
    if job["kind"] == "peer":
        label, packages = _peer(job, units, cost)
    else:
        label, packages = _wangge(job, units, cost)
    return {"label": label.tolist(), "cost": cost, "versions": _versions(packages)}


def _peer(job: dict[str, Any], units: Units, cost: Cost) -> tuple[Ints, tuple[str, ...]]:
    from drawings.peers import PEERS

    peer, seed = PEERS[job["method"]], job["seed"]
    # Imports and first calls are no part of a method; one that fails here fails below as well.
    with contextlib.suppress(Exception):
        by_community(lattice(6), lambda part: peer.draw(part, part.count, seed))
    _limit(job)
    with measured(cost):
        if peer.whole_city:
            label = peer.draw(units, units.count, seed)
        else:
            label = by_community(units, lambda part: peer.draw(part, part.count, seed))
    return label, peer.packages


def _wangge(job: dict[str, Any], units: Units, cost: Cost) -> tuple[Ints, tuple[str, ...]]:
    from drawings.wangge import SCENARIOS, drawn

    drawn(lattice(8), job["settings"], 0)
    _limit(job)
    label = SCENARIOS[job["scenario"]](units, job["settings"], job["seed"], cost)
    return label, ("numba", "pymetis", "scipy", "shapely", "numpy")


def _limit(job: dict[str, Any]) -> None:
    """Bound CPU seconds from now on, and memory."""
    seconds = int(cpu_s() + job["limit"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    most = int(job["memory_gb"] * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    known = {}
    for name in packages:
        with contextlib.suppress(PackageNotFoundError):
            known[name] = version(name)
    return known


if __name__ == "__main__":
    main(Path(sys.argv[1]))
