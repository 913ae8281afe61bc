"""Sessions of signed-in people and keys of programs; only hashes of their secrets are stored."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Date,
    DateTime,
    LargeBinary,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.accounts import User
from gis.layers.common import Identified, reference
from gis.layers.queries import begins_with, table_of
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row
    from sqlalchemy.orm import Session


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


def add_session(
    session: "Session", scope: Scope, user_id: str, token_sha256: bytes, *, until: datetime
) -> str:
    """Write down a session of somebody who signed in; return its key."""
    scope.require_everywhere(Action.WRITE)
    made = insert(table_of(SignedInSession)).values(
        user_id=user_id, token_sha256=token_sha256, expires_at=until
    )
    return str(session.execute(made.returning(SignedInSession.id)).scalar_one())


def session_by_hash(session: "Session", scope: Scope, token_sha256: bytes) -> "Row[Any] | None":
    """Return a session with its user's login, language and disabled_at; ``None``: there is none."""
    scope.require_everywhere(Action.READ)
    c, users = table_of(SignedInSession).c, table_of(User)
    asked = (
        select(
            c.id,
            c.user_id,
            c.seen_at,
            c.expires_at,
            c.revoked_at,
            users.c.login,
            users.c.language,
            users.c.disabled_at,
        )
        .join(users, users.c.id == c.user_id)
        .where(c.token_sha256 == token_sha256)
    )
    found: Any = session.execute(asked).one_or_none()
    return found  # type: ignore[no-any-return] # a row, or none


def see_session(session: "Session", scope: Scope, session_id: str, at: datetime) -> None:
    """Write down that a session was used."""
    scope.require_everywhere(Action.WRITE)
    table = table_of(SignedInSession)
    session.execute(update(table).where(table.c.id == session_id).values(seen_at=at))


def end_sessions(
    session: "Session",
    scope: Scope,
    *,
    user_id: str | None = None,
    token_sha256: bytes | None = None,
    but: str | None = None,
) -> int:
    """End the session of a token, or every one of a user but one; return how many were open."""
    scope.require_everywhere(Action.WRITE)
    table = table_of(SignedInSession)
    ended = update(table).where(table.c.revoked_at.is_(None)).values(revoked_at=func.now())
    if token_sha256 is None:
        ended = ended.where(table.c.user_id == user_id)
    else:
        ended = ended.where(table.c.token_sha256 == token_sha256)
    if but is not None:
        ended = ended.where(table.c.id != but)
    return len(session.execute(ended.returning(table.c.id)).all())


def forget_ended(session: "Session", scope: Scope, user_id: str, before: datetime) -> None:
    """Remove the sessions of a user that ended before a moment."""
    scope.require_everywhere(Action.WRITE)
    c = table_of(SignedInSession).c
    ended = or_(c.expires_at < before, c.revoked_at < before)
    session.execute(delete(table_of(SignedInSession)).where(c.user_id == user_id, ended))


def add_key(session: "Session", scope: Scope, values: "Mapping[str, Any]") -> str:
    """Write down a key; return its id."""
    scope.require_everywhere(Action.WRITE)
    made = insert(table_of(ApiKey)).values(**values)
    return str(session.execute(made.returning(ApiKey.id)).scalar_one())


def key_by_prefix(session: "Session", scope: Scope, prefix: str) -> "Row[Any] | None":
    """Return a key with its user's login and disabled_at; ``None``: there is none."""
    scope.require_everywhere(Action.READ)
    c, users = table_of(ApiKey).c, table_of(User)
    asked = (
        select(*c, users.c.login, users.c.disabled_at)
        .join(users, users.c.id == c.user_id)
        .where(c.prefix == prefix)
    )
    found: Any = session.execute(asked).one_or_none()
    return found  # type: ignore[no-any-return] # a row, or none


def keys(
    session: "Session", scope: Scope, *, user_id: str | None = None, beginning: str | None = None
) -> "Sequence[Row[Any]]":
    """Return keys with their users' logins, newest first; never their hashes.

    Of one user, and with an id or prefix that begins with some characters, if given.
    """
    scope.require_everywhere(Action.READ)
    c, users = table_of(ApiKey).c, table_of(User)
    shown = [one for one in c if one.name != "secret_sha256"]
    asked = select(*shown, users.c.login).join(users, users.c.id == c.user_id)
    if user_id is not None:
        asked = asked.where(c.user_id == user_id)
    if beginning is not None:
        by_prefix = c.prefix.startswith(beginning, autoescape=True)
        asked = asked.where(by_prefix | begins_with(c.id, beginning))
    found: Any = session.execute(asked.order_by(c.created_at.desc(), c.id)).all()
    return found  # type: ignore[no-any-return] # rows


def use_key(session: "Session", scope: Scope, key_id: str, day: date) -> None:
    """Write down the day on which a key was used last."""
    scope.require_everywhere(Action.WRITE)
    table = table_of(ApiKey)
    session.execute(update(table).where(table.c.id == key_id).values(last_used_on=day))


def revoke_key(session: "Session", scope: Scope, key_id: str) -> bool:
    """Take a key back; return whether it stood."""
    scope.require_everywhere(Action.WRITE)
    table = table_of(ApiKey)
    gone = update(table).where(table.c.id == key_id, table.c.revoked_at.is_(None))
    ended = gone.values(revoked_at=func.now()).returning(table.c.id)
    return session.execute(ended).first() is not None
