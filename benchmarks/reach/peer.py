"""Runs a peer in an environment of its own and gives back what it took and what it answered."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from harness import Spent

ROOT = Path(__file__).parents[2]
#: Where `./run bench-env` puts the peers.
PYTHON = ROOT / ".tools" / "bench-venv" / "bin" / "python"
HERE = Path(__file__).parent


def peers_python(chosen: Path) -> Path:
    """Return the interpreter of the peers, or say how to get it."""
    if not chosen.is_file():
        sys.exit(f"{chosen} is not there: ./run bench-env installs the peers.")
    return chosen


def run_peer(
    python: Path, program: str, case: str, given: dict[str, np.ndarray]
) -> tuple[Spent, dict[str, np.ndarray]]:
    """Run one case of a program of this folder; what it needs and answers goes through files."""
    with tempfile.TemporaryDirectory(prefix="wangge-bench-") as folder:
        taken, made, spent = (Path(folder) / name for name in ("in.npz", "out.npz", "spent.json"))
        np.savez(taken, **given)
        command = [str(python), str(HERE / program), case, str(taken), str(made), str(spent)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{case} failed:\n{done.stderr}")
        cpu_s, wall_s = json.loads(spent.read_text(encoding="utf-8"))
        with np.load(made) as answers:
            return Spent(cpu_s, 0.0, wall_s), dict(answers)
