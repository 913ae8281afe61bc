"""How a person sees a job run: a bar per step, or plain lines where there is no terminal."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from gis.jobs.steps import Watcher

Note = Callable[[str, float, float], str]


class _Bars:
    """A bar per step."""

    def __init__(self, progress: "Progress", note: Note) -> None:
        self.progress = progress
        self.note = note
        self.tasks: dict[str, TaskID] = {}

    def begin(self, step: str) -> None:
        """Show a bar that runs until it knows how far it is."""
        self.tasks[step] = self.progress.add_task(step, total=None)

    def told(self, step: str, done: float, total: float) -> None:
        """Move the bar."""
        said = f"{step} {self.note(step, done, total)}".rstrip()
        self.progress.update(self.tasks[step], completed=done, total=total, description=said)

    def end(self, step: str, seconds: float) -> None:
        """Fill the bar and keep its time."""
        self.progress.update(
            self.tasks[step], completed=1, total=1, description=f"{step} ({seconds:.1f} s)"
        )


class _Lines:
    """A line per step that has ended."""

    def begin(self, step: str) -> None:
        """Say nothing yet."""

    def told(self, step: str, done: float, total: float) -> None:
        """Say nothing."""

    def end(self, step: str, seconds: float) -> None:
        """Print the step and its time."""
        print(f"{step}: {seconds:.1f} s", flush=True)  # noqa: T201 - this is the output


def _nothing(_step: str, _done: float, _total: float) -> str:
    return ""


@contextmanager
def watching(note: Note = _nothing, *, lines: bool = True) -> Generator["Watcher"]:
    """Yield a watcher that draws on the terminal.

    Parameters
    ----------
    note
        What stands beside the name of a step, given it, what is done and of how much.
    lines
        Whether the standard output gets a line per step where there is no terminal.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from gis.jobs.steps import Silent

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines() if lines else Silent()
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        yield _Bars(progress, note)
