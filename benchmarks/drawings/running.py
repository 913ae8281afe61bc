"""Starts a process for each drawing, keeps peers' answers, and scores them all."""

import json
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from drawings.instances import Instance
from drawings.scoring import Score, score

BENCHMARKS = Path(__file__).parents[1]
TOOLS = BENCHMARKS.parent / ".tools"
PEERS_PYTHON = TOOLS / "bench-venv/bin/python"
#: Answers of peers, which change with their versions only; git ignores the folder.
STORE = TOOLS / "bench-results"
#: Wall-clock seconds a process may take for each CPU second it may: the machine may be busy.
PATIENCE = 6
#: Seconds that imports and the first, small drawing may take besides.
WARM_UP = 120


@dataclass(frozen=True)
class Job:
    """A drawing to be made: by a peer, or by Wangge with ``settings`` in a ``scenario``."""

    kind: str
    method: str
    seed: int
    settings: dict[str, Any] | None = None
    scenario: str = "draw"

    @property
    def name(self) -> str:
        """What the answer is stored under."""
        return f"{self.method}-{self.seed}"


@dataclass(frozen=True)
class Limits:
    """What one process may take; CPU seconds do not count what goes before the drawing."""

    cpu_s: float
    memory_gb: float


@dataclass(frozen=True)
class Store:
    """Where answers of peers are kept, and whether earlier ones will do."""

    folder: Path = STORE
    reuse: bool = False


@dataclass(frozen=True)
class Row:
    """The answer to a job: a score with its cost, or what went wrong."""

    job: Job
    instance: str
    score: Score
    cost: dict[str, float]
    versions: dict[str, str]
    measured: str
    error: str = ""
    kept: bool = False


class Runner:
    """Runs the jobs of one instance, one at a time."""

    def __init__(
        self, instance: Instance, pythons: dict[str, Path], limits: Limits, store: Store
    ) -> None:
        self.instance, self.pythons, self.limits, self.store = instance, pythons, limits, store

    def run(self, job: Job) -> Row:
        """Return the row of a job, from the store if that is allowed and it is there."""
        stored = self.store.folder / self.instance.digest / f"{job.name}.json"
        kept = self.store.reuse and job.kind == "peer" and stored.is_file()
        if kept:
            answer = json.loads(stored.read_text(encoding="utf-8"))
        else:
            answer = self._answer(job) | {"measured": f"{datetime.now(UTC):%Y-%m-%d}"}
            if job.kind == "peer":
                stored.parent.mkdir(parents=True, exist_ok=True)
                stored.write_text(json.dumps(answer), encoding="utf-8")
        return self._row(job, answer, kept=kept)

    def _row(self, job: Job, answer: dict[str, Any], *, kept: bool) -> Row:
        label = answer.get("label")
        scored = self.instance.grown() if job.scenario == "grow" else self.instance
        return Row(
            job=job,
            instance=self.instance.name,
            score=score(scored, np.array(label)) if label else {},
            cost=answer.get("cost", {}),
            versions=answer.get("versions", {}),
            measured=answer["measured"],
            error=answer.get("error", ""),
            kept=kept,
        )

    def _answer(self, job: Job) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="wangge-bench-") as name:
            folder = Path(name)
            self.instance.units.save(folder / "units.npz")
            order = {
                "kind": job.kind,
                "method": job.method,
                "seed": job.seed,
                "settings": job.settings,
                "scenario": job.scenario,
                "units": str(folder / "units.npz"),
                "answer": str(folder / "answer.json"),
                "limit": self.limits.cpu_s,
                "memory_gb": self.limits.memory_gb,
            }
            (folder / "job.json").write_text(json.dumps(order), encoding="utf-8")
            status, said = self._process(job, folder)
            if (folder / "answer.json").is_file():
                return json.loads((folder / "answer.json").read_text(encoding="utf-8"))
            return {"error": self._why(status, said)}

    def _process(self, job: Job, folder: Path) -> tuple[int | None, str]:
        """Run a worker; return its status, ``None`` if it had to be ended, and its last words."""
        said = folder / "said"
        with (
            said.open("w", encoding="utf-8") as output,
            subprocess.Popen(
                [self.pythons[job.kind].absolute(), "-m", "drawings.worker", folder / "job.json"],
                cwd=BENCHMARKS,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as worker,
        ):
            try:
                status = worker.wait(self.limits.cpu_s * PATIENCE + WARM_UP)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                # Processes that it started are in its group, and go with it.
                with suppress(ProcessLookupError):
                    os.killpg(worker.pid, signal.SIGKILL)
        words = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return status, words[-1][:120] if words else ""

    def _why(self, status: int | None, said: str) -> str:
        if status is None:
            return f"no answer in {self.limits.cpu_s * PATIENCE:g} s on a busy machine"
        if status == -signal.SIGXCPU:
            return f"no answer in {self.limits.cpu_s:g} s of CPU"
        if status < 0:
            return f"ended by {signal.Signals(-status).name}"
        return said or f"ended with status {status}"
