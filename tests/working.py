"""A real worker in a thread of its own: another test may hold this thread's event loop."""

import threading
from collections.abc import Mapping

from gis.jobs.worker import Work, run_worker
from gis.settings import Settings


def work_once(settings: Settings, works: Mapping[str, Work]) -> None:
    """Do what is queued, and raise what the worker raised."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            run_worker(settings, works, once=True, signals=False)
        except BaseException as error:  # noqa: BLE001 - raised again below
            raised.append(error)

    worker = threading.Thread(target=work, name="worker")
    worker.start()
    worker.join(timeout=300)
    assert not worker.is_alive()
    if raised:
        raise raised[0]
