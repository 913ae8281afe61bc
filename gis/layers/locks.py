"""Advisory locks by name, held until the end of the transaction."""

from hashlib import blake2b
from typing import TYPE_CHECKING

from sqlalchemy import func, select

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def _key(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


def try_lock(session: "Session", name: str) -> bool:
    """Take the lock called ``name`` if nobody holds it, until the transaction ends."""
    return bool(session.execute(select(func.pg_try_advisory_xact_lock(_key(name)))).scalar_one())


def lock(session: "Session", name: str) -> None:
    """Take the lock called ``name``, waiting for whoever holds it."""
    session.execute(select(func.pg_advisory_xact_lock(_key(name))))
