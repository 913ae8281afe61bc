"""CPU seconds and memory of this process and of those it started; Linux only, as /proc is read."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
Cost = dict[str, float]


@contextmanager
def measured(cost: Cost) -> Iterator[None]:
    """Fill ``cost`` with what a block took: ``cpu_s``, ``wall_s`` and ``mb``.

    ``mb`` is the largest resident memory that any one process has had, this one from its start.
    """
    cpu, wall = cpu_s(), time.perf_counter()
    yield
    cost |= {
        "cpu_s": cpu_s() - cpu,
        "wall_s": time.perf_counter() - wall,
        "mb": peak_mb(),
    }


def cpu_s() -> float:
    """Return the CPU seconds of this process, its ended children and its living descendants."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ours = sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, kinds))
    return ours + sum(map(_ticks, descendants())) / TICKS


def peak_mb() -> float:
    """Return the peak of resident memory of the largest process.

    ``ru_maxrss`` would do for the children alone: a process inherits it from the one that started
    it, so that of this process may be its parent's.
    """
    pids = [os.getpid(), *descendants()]
    ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(ended, *map(_peak_kb, pids)) / 1024


def descendants() -> list[int]:
    """Return the ids of all living processes that this one started, directly or not."""
    parent = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            parent[int(entry.name)] = int(fields[1])
    found, wave = [], {os.getpid()}
    while wave:
        wave = {pid for pid, above in parent.items() if above in wave}
        found += sorted(wave)
    return found


def _fields(pid: int) -> list[str]:
    """Return what /proc says of a process, from its state on; nothing if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rsplit(")", 1)[1].split()


def _ticks(pid: int) -> int:
    """Return the clock ticks of a process and of its ended children."""
    return sum(map(int, _fields(pid)[11:15]))


def _peak_kb(pid: int) -> int:
    try:
        rows = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(row.split()[1]) for row in rows if row.startswith("VmHWM")), 0)
