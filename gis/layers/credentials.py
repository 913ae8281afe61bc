"""Sessions of signed-in people and keys of programs; only hashes of their secrets are stored."""

from datetime import date, datetime

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Date,
    DateTime,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.common import Identified, reference


class SignedInSession(Identified, Base):
    """A session of somebody who signed in on the pages; its token is in a cookie, never here."""

    __tablename__ = "sessions"
    __table_args__ = (
        UniqueConstraint("token_sha256", name="uq_sessions_token_sha256"),
        CheckConstraint("octet_length(token_sha256) = 32", name="token_hashed"),
    )

    token_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[str] = reference("users.id", ondelete="CASCADE", nullable=False)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ApiKey(Identified, Base):
    """A key by which a program acts for a user; its secret is shown once and never stored."""

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("prefix", name="uq_api_keys_prefix"),
        CheckConstraint("prefix ~ '^[0-9a-z]{8}$'", name="prefix_plain"),
        CheckConstraint("octet_length(secret_sha256) = 32", name="secret_hashed"),
    )

    prefix: Mapped[str] = mapped_column(Text)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[str] = reference("users.id", ondelete="CASCADE", nullable=False)
    label: Mapped[str] = mapped_column(Text)
    #: Permissions that the key has of those of its user; null: all of them.
    permissions: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_used_on: Mapped[date | None] = mapped_column(Date)
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
