"""Named, timed steps of a job, told to whoever watches."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol


class Watcher(Protocol):
    """Shows a person how far a job is."""

    def begin(self, step: str) -> None:
        """Show that a step begins."""

    def told(self, step: str, done: float, total: float) -> None:
        """Show how far a step is."""

    def end(self, step: str, seconds: float) -> None:
        """Show that a step has ended."""


class Silent:
    """A watcher that shows nothing."""

    def begin(self, step: str) -> None:
        """Show nothing."""

    def told(self, step: str, done: float, total: float) -> None:
        """Show nothing."""

    def end(self, step: str, seconds: float) -> None:
        """Show nothing."""


@dataclass
class Steps:
    """The steps of one job and the wall-clock seconds that each took."""

    watcher: Watcher = field(default_factory=Silent)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Time a step; a step that is entered again adds to its time."""
        self.watcher.begin(name)
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)
            self.watcher.end(name, spent)

    def progress(self, name: str) -> "StepProgress":
        """Return a callable that tells the watcher how far a step is."""
        return StepProgress(self, name)


@dataclass(frozen=True)
class StepProgress:
    """Passes (done, total) on for one step; never asks the work to stop."""

    steps: Steps
    name: str

    def __call__(self, done: float, total: float) -> None:
        """Tell how far the step is."""
        self.steps.watcher.told(self.name, done, total)
