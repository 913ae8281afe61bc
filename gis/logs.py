"""Structured logs: one line per event, with the ids of the request or job it belongs to."""

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from uuid import uuid4

import structlog

from gis.settings import get_settings


def configure_logs(*, quiet: bool = False) -> None:
    """Send structlog's events to standard error, as the settings say (console or JSON).

    ``quiet`` leaves out what only informs, unless the level is set by the environment: a command
    answers by itself.
    """
    settings = get_settings()
    level = settings.log_level
    if quiet and "log_level" not in settings.model_fields_set:
        level = "warning"
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose events carry ``room=name``."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=name)
    return logger


@contextmanager
def job(name: str) -> Generator[str]:
    """Give every event inside the id of one job, and yield it; requests have ids of their own."""
    job_id = uuid4().hex
    with structlog.contextvars.bound_contextvars(job=name, job_id=job_id):
        yield job_id
