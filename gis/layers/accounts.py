"""Accounts and what they were granted: a login is a work name, never a person's."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, DateTime, Integer, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import DATERANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from gis.access import AreaKind, Role
from gis.database.base import Base
from gis.layers.common import Identified, one_of, reference


class User(Identified, Base):
    """An account; without a password nobody can sign in to it."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("login", name="uq_users_login"),
        CheckConstraint("login ~ '^[a-z0-9][a-z0-9._-]{1,62}$'", name="login_plain"),
        CheckConstraint("failed_attempts >= 0", name="failed_attempts_not_negative"),
        one_of("language", ("zh-CN", "en"), nullable=True),
    )

    login: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)
    password_changed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    language: Mapped[str | None] = mapped_column(Text)
    disabled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    failed_attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class UserGrant(Identified, Base):
    """A role of a user in an area, for a time."""

    __tablename__ = "user_grants"
    __table_args__ = (
        one_of("role", tuple(Role)),
        one_of("area_kind", tuple(AreaKind)),
        CheckConstraint(
            "(area_kind = 'everywhere') = (area_code IS NULL)", name="area_code_by_kind"
        ),
        CheckConstraint("NOT isempty(during)", name="during_some_day"),
    )

    user_id: Mapped[str] = reference("users.id", ondelete="CASCADE", nullable=False)
    role: Mapped[str] = mapped_column(Text)
    area_kind: Mapped[str] = mapped_column(Text)
    area_code: Mapped[str | None] = mapped_column(Text)
    during: Mapped[Range[date]] = mapped_column(DATERANGE)
    organisation: Mapped[str | None] = mapped_column(Text)
    granted_by: Mapped[str] = mapped_column(Text)
    granted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
