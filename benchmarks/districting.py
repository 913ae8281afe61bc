"""Grids of 400 households: Wangge's presets against other people's methods, on one graph.

Each drawing is made in a process of its own: method × instance × seed. Peers run in the environment
that ``./run bench-env`` makes. All drawings are scored by one scorer, in this process.
"""

import argparse
import csv
import json
import platform
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from drawings.instances import Instance, found, load
from drawings.peers import PEERS
from drawings.running import PEERS_PYTHON, STORE, Job, Limits, Row, Runner, Store
from drawings.table import comparison, markdown, write_section
from harness import machine, parser, start

from gis.districting import PRESETS

PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
#: More units than this are a large instance: one seed.
LARGE = 10_000
#: Wangge's presets but ``metis``, which is METIS with what it tears repaired.
OURS = [f"wangge-{name}" for name in PRESETS if name != "metis"]
#: The numbers of the trade-off curve, and how they are shown.
SHAPE = {"mean_dev": ".1f", "max_dev": ".0f", "pp": ".3f", "reock": ".3f", "border_km": ".2f"}


def main() -> None:
    # Whoever ends this program ends the drawing that it waits for, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = arguments()
    start(options)
    sections, rows = [], []
    for name in options.instances or found():
        instance = load(name)
        print(f"\n{instance.describe()}", flush=True)
        section, of_instance = compare(instance, options)
        sections.append(section)
        rows += of_instance
    if options.curve:
        write_curve(options.curve, rows)
    if options.json:
        facts = {"machine": machine(), "rows": [asdict(row) for row in rows]}
        Path(options.json).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    if options.write:
        write_section(PAGE, "\n\n".join([heading(rows, options), *sections]))


def arguments() -> argparse.Namespace:
    """Return what was asked for; stop if peers are wanted and their environment is not there."""
    made = parser(__doc__, repeats=3)
    add = made.add_argument
    add("instances", nargs="*", help="names or .npz files; voronoi[:SIDE[:SEED]] is made")
    add("--only", default="", help="methods, with commas; wangge is all presets, peers all peers")
    add("--limit", type=float, default=300, help="CPU seconds that one drawing may take")
    add("--memory", type=float, default=6, help="GB that one drawing may take")
    add("--keep-peers", action="store_true", help="take answers of peers from earlier runs")
    add("--store", type=Path, default=STORE, help="folder of the answers of peers")
    add("--peers-python", type=Path, default=PEERS_PYTHON, help="interpreter of the peers")
    add("--no-scenarios", action="store_true", help="leave out growth and single edits")
    add("--curve", type=Path, help="CSV file for mean deviation against shape, over the weight")
    add(
        "--factors",
        type=lambda text: [float(one) for one in text.split(",")],
        default="0.1,0.25,0.5,1,2,4,8,16,32",
        help="points of the curve: multiples of the weight of the deviation",
    )
    add("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = made.parse_args()
    options.methods = chosen(options.only)
    needed = any(method in PEERS for method in options.methods)
    if needed and not options.peers_python.is_file():
        raise SystemExit(
            f"{options.peers_python} is not there: ./run bench-env installs the peers, and "
            "--only wangge leaves them out."
        )
    return options


def chosen(only: str) -> list[str]:
    """Return the names of the methods asked for, all by default."""
    groups = {"wangge": OURS, "peers": list(PEERS)}
    known = [*OURS, *PEERS]
    wanted = only.split(",") if only else list(groups)
    methods = [method for name in wanted for method in groups.get(name, [name])]
    unknown = sorted(set(methods) - set(known))
    if unknown:
        raise SystemExit(f"There is no method {', '.join(unknown)}; there are {', '.join(known)}.")
    return methods


def compare(instance: Instance, options: argparse.Namespace) -> tuple[str, list[Row]]:
    """Return the section of an instance, and its rows."""
    runner = Runner(
        instance,
        {"peer": options.peers_python, "wangge": Path(sys.executable)},
        Limits(options.limit, options.memory),
        Store(options.store, reuse=options.keep_peers),
    )
    seeds = range(1 if instance.units.size > LARGE else options.repeats)
    named = [
        (title, [told(runner, job(method, seed)) for seed in seeds])
        for method, title in titles(instance, options.methods)
    ]
    parts = [f"**{instance.describe()}**", comparison(named)]
    rows = [row for _, of_seeds in named for row in of_seeds]
    ours = any(method.startswith("wangge") for method in options.methods)
    if ours and not options.no_scenarios:
        text, more = scenarios(runner, seeds)
        parts, rows = [*parts, text], rows + more
    if options.curve and instance.units.size <= LARGE:
        text, more = curve(runner, options.factors)
        parts, rows = [*parts, text], rows + more
    for part in parts[1:]:
        print(f"\n{part}", flush=True)
    return "\n\n".join(parts), rows


def titles(instance: Instance, methods: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield methods with their titles; the whole city at once says nothing new of one community."""
    single = len(set(instance.units.community.tolist())) == 1
    for method in methods:
        peer = PEERS.get(method)
        if peer is None:
            yield method, f"**Wangge `{method.partition('-')[2]}`**"
        elif not (single and peer.whole_city):
            yield method, peer.title


def job(method: str, seed: int) -> Job:
    """Return the drawing that a method's name stands for."""
    if method in PEERS:
        return Job("peer", method, seed)
    return Job("wangge", method, seed, {"preset": method.partition("-")[2]})


def told(runner: Runner, one: Job) -> Row:
    """Run a job and say how it went."""
    row = runner.run(one)
    numbers = {**row.score, **row.cost}
    text = ", ".join(f"{key} {value:.4g}" for key, value in numbers.items())
    kept = f" (kept from {row.measured})" if row.kept else ""
    print(f"{one.method} {one.scenario} {one.seed}{kept}: {row.error or text}", flush=True)
    return row


def scenarios(runner: Runner, seeds: range) -> tuple[str, list[Row]]:
    """Return a table of growth and edits with Wangge, and its rows."""
    lines, rows = [], []
    for seed in seeds:
        settings = {"preset": "balanced"}
        grown = told(runner, Job("wangge", "wangge-balanced", seed, settings, "grow"))
        edited = told(runner, Job("wangge", "wangge-fast", seed, {"preset": "fast"}, "edit"))
        rows += [grown, edited]
        shown = [cell(grown, key, ".2f") for key in ("moved_pct", "floor_pct", "cpu_s")]
        shown += [cell(grown, key, ".1f") for key in ("in_band_pct", "mean_dev")]
        shown += [cell(edited, "us_per_edit", ".1f"), cell(edited, "edits", ",.0f")]
        lines.append([str(seed), *shown])
    head = ["seed", "households that change grid, %", "that must, %", "CPU, s"]
    head += ["300–500, %", "mean dev", "µs CPU per edit", "edits"]
    caption = "Drawn again after a tenth more households came to one quarter; and single edits:"
    return f"{caption}\n\n{markdown(head, lines)}", rows


def cell(row: Row, key: str, form: str) -> str:
    """Return a number of a row as text, or what went wrong."""
    return row.error or f"{(row.score | row.cost)[key]:{form}}"


def curve(runner: Runner, factors: Sequence[float]) -> tuple[str, list[Row]]:
    """Draw with rising weight of the deviation; return a table and its rows."""
    base = PRESETS["balanced"].weights.deviation
    rows, lines = [], []
    for factor in factors:
        settings = {"preset": "balanced", "weights": {"deviation": base * factor}}
        row = told(runner, Job("wangge", f"wangge-balanced×{factor:g}", 0, settings))
        rows.append(row)
        lines.append([f"× {factor:g}", *(cell(row, *shown) for shown in SHAPE.items())])
    head = ["weight of the deviation", "mean dev", "max dev", "PP", "Reock", "border, km"]
    return f"`balanced` over the weight of the deviation:\n\n{markdown(head, lines)}", rows


def write_curve(file: Path, rows: Sequence[Row]) -> None:
    """Write the points of the curves of all instances to a CSV file."""
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow(["instance", "deviation_weight", *SHAPE])
        for row in rows:
            if weights := (row.job.settings or {}).get("weights"):
                numbers = [row.score.get(key, "") for key in SHAPE]
                writer.writerow([row.instance, weights["deviation"], *numbers])


def heading(rows: Sequence[Row], options: argparse.Namespace) -> str:
    """Return when, where, with what and how the rows were measured."""
    facts = machine()
    versions: dict[str, str] = {}
    for row in rows:
        versions |= row.versions
    packages = ", ".join(f"{name} {versions[name]}" for name in sorted(versions))
    kept = sorted({row.measured for row in rows if row.kept})
    machinery = f"{facts['cpu']}, {facts['memory']}, {system()}"
    lines = [
        f"Measured on {facts['date']} by `{command()}`: {machinery}.",
        f"{facts['versions'].split(',')[0]}; {packages}.",
    ]
    if kept:
        lines.append(
            f"Rows of peers were kept from a run on {' and '.join(kept)} on the same machine; "
            "all drawings were scored anew."
        )
    lines.append(
        f"Limits for one drawing, where its row names no other: {options.limit:g} s of CPU, "
        f"{options.memory:g} GB. "
        f"Seeds: {options.repeats}, on instances of more than {LARGE:,} units 1."
    )
    return "\n".join(lines)


def system() -> str:
    """Return the name of the operating system."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def command() -> str:
    """Return the command of this run; of a file, its name says enough."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return " ".join(["python benchmarks/districting.py", *words])


if __name__ == "__main__":
    main()
