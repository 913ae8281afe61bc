"""``wangge demo --no-serve`` as whole processes: the first run, and warm ones step by step.

Further arguments are the demo's, for example ``--osm FILE``.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness import Server, machine, parser, scratch_server


@dataclass(frozen=True)
class Run:
    """What one run took, and its steps by wall clock."""

    wall_s: float
    client_s: float
    server_s: float
    client_peak_mb: float
    server_peak_mb: float
    steps_s: dict[str, float]


def run(server: Server, out: Path, arguments: list[str]) -> Run:
    command = [str(Path(sys.executable).with_name("wangge")), "demo", "--no-serve"]
    environment = os.environ | {"WANGGE_HOME": str(server.cluster.home)}
    environment.pop("DATABASE_URL", None)
    before, start = server.cpu_s(), time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*command, "--out", str(out), *arguments], env=environment, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if process.returncode:
            output.seek(0)
            sys.exit(output.read().decode(errors="replace"))
    steps = json.loads((out / "report.json").read_text(encoding="utf-8"))["seconds"]
    return Run(
        wall,
        usage.ru_utime + usage.ru_stime,
        server.cpu_s() - before,
        usage.ru_maxrss / 1024,
        server.peak_mb(),
        steps,
    )


def main() -> None:
    options = parser(__doc__, repeats=3)
    chosen, arguments = options.parse_known_args()
    for fact in machine().values():
        print(fact)
    with scratch_server() as server, tempfile.TemporaryDirectory() as folder:
        print(server.version(), f"\nload {os.getloadavg()[0]:.1f}", flush=True)
        out = Path(folder)
        first = run(server, out, arguments)
        warm = [run(server, out, arguments) for _ in range(chosen.repeats)]
    show(first, warm)
    if chosen.json:
        runs = [one.__dict__ for one in (first, *warm)]
        Path(chosen.json).write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")


def show(first: Run, warm: list[Run]) -> None:
    def middle(name: str) -> float:
        return float(statistics.median(getattr(one, name) for one in warm))

    print(f"\nDemo; first run, and median of {len(warm)} warm ones")
    print(f"{'':36}{'first':>9}{'warm':>9}")
    for label, name in (
        ("client, CPU seconds", "client_s"),
        ("server, CPU seconds", "server_s"),
        ("whole process, wall seconds", "wall_s"),
        ("peak memory of the process, MB", "client_peak_mb"),
        ("peak memory of a server process, MB", "server_peak_mb"),
    ):
        print(f"{label:36}{getattr(first, name):9.1f}{middle(name):9.1f}")
    for step in first.steps_s:
        often = [one.steps_s[step] for one in warm if step in one.steps_s]
        value = f"{statistics.median(often):9.1f}" if often else f"{'skipped':>9}"
        print(f"{'step ' + step + ', wall seconds':36}{first.steps_s[step]:9.1f}{value}")


if __name__ == "__main__":
    main()
