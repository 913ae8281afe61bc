"""A 12345 export into matters: placed where that is certain, else waiting for a person."""

import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gis.database.engine import transaction
from gis.errors import ConfigurationError
from gis.ingest.hotline import HotlineOrder, read_hotline
from gis.ingest.rejects import write_rejects
from gis.ingest.rows import SourceOptions
from gis.jobs.import_orders import rejects_table
from gis.layers import geocoding, imports, matters
from gis.layers.incidents import Incident
from gis.services import importing
from gis.services.geocoding import WaitingRow, queue_rows
from gis.settings import Settings, get_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session, sessionmaker

    from gis.ingest.hotline import HotlineRows
    from gis.jobs.import_orders import ImportOrder
    from gis.jobs.steps import Steps
    from gis.scope import Scope

_KEY_BYTES = 32


def take_in_hotline(
    factory: "sessionmaker[Session]",
    scope: "Scope",
    order: "ImportOrder",
    steps: "Steps",
    job_id: str | None,
    completed: "Callable[[Session, dict[str, Any]], dict[str, Any]]",
) -> dict[str, Any]:
    """Take the matters of an export in that are not there yet, and return what is to be said.

    Exports are cumulative: a matter whose number is stored, or waits for its place, is left as it
    is. ``completed`` does what is left to do before the commit, and returns the report.

    Raises
    ------
    gis.errors.InvalidInputError
        It is no such export, or rows of it cannot be taken and are not to be left out.
    gis.errors.ConflictError
        The same file was taken in before.
    """
    with steps.step("read"):
        options = SourceOptions(
            layer=order.table, encoding=order.encoding, header_rows=order.header_rows, spatial=False
        )
        asked = HotlineOrder(token_key(get_settings()), order.timezone, options)
        read = read_hotline(order.path, asked)
        if not order.skip_rejects:
            read.rejects.raise_if_any(str(order.path), int(read.report["rows"]))
        elif read.rejects.rows:
            write_rejects(read.rejects.frame(), order.rejects or rejects_table(order.path))
    with transaction(factory) as session:
        with steps.step("store"):
            digest = _digest(order.path)
            importing.claim(session, order.path.name, digest)
            number = imports.begin(
                session,
                scope,
                name=order.source or order.path.stem,
                fingerprint=digest,
                job_id=job_id,
            )
            known, waiting = _new_ones(session, scope, read)
            queued = queue_rows(session, scope, "incidents", waiting, timezone=order.timezone)
            report = {
                **read.report,
                "known_already": known,
                "placed": queued.placed,
                "queued": queued.queued,
            }
            rows = {"incidents": len(queued.matter_ids)}
            imports.end(session, scope, number, rows=rows, report=report)
        return completed(session, {"number": number, "rows_by_layer": rows, **report})


def token_key(settings: Settings) -> bytes:
    """Return the secret by which the same complainant gets the same token.

    It is the setting's, else that of a file in the home folder, which is made when it is missing
    and only its owner can read.

    Raises
    ------
    gis.errors.ConfigurationError
        The file cannot be made or read.
    """
    if settings.token_key is not None:
        return settings.token_key.get_secret_value().encode()
    path = settings.home / "token.key"
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            door = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(door, "wb") as file:
            key = secrets.token_hex(_KEY_BYTES).encode()
            file.write(key)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be used: {error.strerror}.",
            remedy="Set WANGGE_TOKEN_KEY, or make WANGGE_HOME a folder that can be written to.",
        ) from error
    return key


def _new_ones(
    session: "Session", scope: "Scope", read: "HotlineRows"
) -> tuple[int, list[WaitingRow]]:
    """Return how many matters are known already, and the others."""
    ids = [str(key) for key in read.matters["id"]]
    known = matters.existing(session, scope, Incident, ids)
    known |= geocoding.waiting_ids(session, scope, "incidents", ids)
    fresh = [
        WaitingRow(place, values) for place, values in read.rows() if str(values["id"]) not in known
    ]
    return len(ids) - len(fresh), fresh


def _digest(path: Path) -> str:
    digest = hashlib.sha256(b"hotline")
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
