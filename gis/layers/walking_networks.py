"""Walking networks as they were built, one per version of the data; the newest is in use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, DateTime, LargeBinary, Text, delete, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.errors import NotFoundError
from gis.layers.common import Identified
from gis.layers.queries import table_of
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session


class WalkingNetwork(Identified, Base):
    """A walking network built from a version of the data."""

    __tablename__ = "walking_networks"
    __table_args__ = (CheckConstraint("octet_length(arrays) > 0", name="has_arrays"),)

    data_version: Mapped[str] = mapped_column(Text, index=True)
    built_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB)
    report: Mapped[dict[str, Any]] = mapped_column(JSONB)
    arrays: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class NewNetwork:
    """A network on its way into the store.

    Parameters
    ----------
    data_version
        Fingerprint of the data it was built from.
    settings
        What it was built with.
    report
        What came of it: components, lengths, islands.
    arrays
        Its arrays, packed.
    """

    data_version: str
    settings: Mapping[str, Any]
    report: Mapping[str, Any]
    arrays: bytes


def add(session: "Session", scope: Scope, network: NewNetwork) -> str:
    """Store a network and return its key; networks are never changed.

    It is made of public ground alone and the same for all, so whoever may write may keep it.
    """
    scope.require(Action.WRITE)
    made = insert(table_of(WalkingNetwork)).values(
        data_version=network.data_version,
        settings=dict(network.settings),
        report=dict(network.report),
        arrays=network.arrays,
    )
    return str(session.execute(made.returning(WalkingNetwork.id)).scalar_one())


def newest(session: "Session", scope: Scope, data_version: str | None = None) -> "Row[Any] | None":
    """Return the newest network, of one data version or of any, without its arrays.

    Returns
    -------
    sqlalchemy.Row or None
        ``id``, ``data_version``, ``built_at``, ``settings``, ``report``.
    """
    scope.require(Action.READ)
    c = table_of(WalkingNetwork).c
    asked = select(*(c[n] for n in ("id", "data_version", "built_at", "settings", "report")))
    if data_version is not None:
        asked = asked.where(c.data_version == data_version)
    asked = asked.order_by(c.built_at.desc(), c.id).limit(1)
    return session.execute(asked).one_or_none()


def arrays(session: "Session", scope: Scope, network_id: str) -> bytes:
    """Return the packed arrays of a network.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such network.
    """
    scope.require(Action.READ)
    c = table_of(WalkingNetwork).c
    found = session.execute(select(c.arrays).where(c.id == network_id)).scalar_one_or_none()
    if found is None:
        raise NotFoundError(
            f"There is no walking network {network_id}.", remedy="Build it with the coverage."
        )
    return bytes(found)


def remove_others(session: "Session", scope: Scope, keep_id: str) -> int:
    """Take every network but one out of the store and return how many; runs keep their values."""
    scope.require_everywhere(Action.WRITE)
    table = table_of(WalkingNetwork)
    gone = delete(table).where(table.c.id != keep_id).returning(table.c.id)
    return len(session.execute(gone).all())
