"""Signing in with a password, and the sessions of those who did."""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from gis.errors import CredentialsError
from gis.layers import accounts, audit, credentials, locks
from gis.scope import Scope
from gis.services import passwords
from gis.services.accounts import LOGIN
from gis.services.door import DOOR

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

#: Wrong passwords in a row after which an account waits before the next is tried.
FREE_TRIES = 5
LONGEST_WAIT_S = 900
#: A session ends when it is not used for so long, and so long after signing in whatever happens.
IDLE, ABSOLUTE = timedelta(hours=2), timedelta(hours=12)
#: How exactly it is known when a session was last used.
_SEEN_EVERY = timedelta(minutes=1)
#: How long sessions are kept that ended; the audit log says who signed in and out.
_KEPT = timedelta(days=30)
_NOBODY = str(UUID(int=0))
#: Who it was is not written down where there is no account: people type passwords into that field.
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What came of a login and a password.

    The caller commits first, so that a wrong one is counted and written down, then asks
    :meth:`required`.

    Parameters
    ----------
    user_id, login, language
        Who it is; ``None``: the password is not right, or is not tried now.
    """

    user_id: str | None = None
    login: str | None = None
    language: str | None = None

    def required(self) -> str:
        """Return the key of the account.

        Raises
        ------
        gis.errors.CredentialsError
            Nobody signed in. It is the same for an unknown login, a wrong password, a closed
            account and one that waits.
        """
        if self.user_id is None:
            raise CredentialsError(
                "The login or the password is not right, or there were too many tries.",
                remedy="Try again in a while; an admin can set another password.",
            )
        return self.user_id


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whose session a token is.

    Parameters
    ----------
    session_id
        Key of the session.
    user_id, login, language
        The user.
    """

    session_id: str
    user_id: str
    login: str
    language: str | None


def sign_in(
    session: "Session",
    login: str,
    password: str,
    address: str | None,
    *,
    request_id: str | None = None,
    now: datetime | None = None,
) -> SignedIn:
    """Try a login and a password; every try is written down.

    Whatever the login, exactly one hash is computed and the same statements run. Tries of one login
    come one after the other, so that many at once are not more than the lock allows.
    """
    trail = Scope(_UNKNOWN, request_id=request_id, address=address)
    return _tried(session, trail, "sign_in", login.strip().lower(), password, now)


def prove_password(
    session: "Session", scope: Scope, password: str, *, now: datetime | None = None
) -> SignedIn:
    """Try the password of whoever asks already, as :func:`sign_in` does: it counts and is kept.

    A session that somebody left open is no way to try one password after another.
    """
    return _tried(session, scope, "prove_password", scope.principal, password, now)


def _tried(
    session: "Session",
    asker: Scope,
    action: str,
    login: str,
    password: str,
    now: datetime | None,
) -> SignedIn:
    """Try a login and a password for somebody, and write down under an action what came of it."""
    now = now or datetime.now(UTC)
    row = _looked_up(session, login)
    tried = _outcome(row, now, right=passwords.verify(_hash(row), password))
    values = _counted(row, tried, now)
    if tried == "right" and row is not None and passwords.is_outdated(row.password_hash):
        values["password_hash"] = passwords.hashed(password)
    accounts.change(session, DOOR, _NOBODY if row is None else row.id, values)
    who = _UNKNOWN if row is None else row.login
    trail = replace(asker, principal=who, actions=DOOR.actions)
    outcome: Literal["done", "failed"] = "done" if tried == "right" else "failed"
    change = audit.Change(
        action,
        "users",
        _UNKNOWN if row is None else row.id,
        after={"why": tried},
        outcome=outcome,
    )
    audit.record(session, trail, change)
    if row is None or tried != "right":
        return SignedIn()
    return SignedIn(row.id, row.login, row.language)


def wait_s(failed_attempts: int) -> int:
    """Return for how many seconds no password is tried after so many wrong ones in a row."""
    over = failed_attempts - FREE_TRIES
    return 0 if over < 0 else min(1 << min(over, 30), LONGEST_WAIT_S)


def open_session(
    session: "Session",
    user_id: str,
    *,
    instead_of: str | None = None,
    now: datetime | None = None,
) -> str:
    """Open a session for somebody who signed in and return its token, for a cookie.

    The token is always a new one and whatever session the browser had before is ended: a token
    that somebody planted there is worth nothing.
    """
    if instead_of is not None:
        credentials.end_sessions(session, DOOR, token_sha256=_sha256(instead_of))
    token, now = secrets.token_urlsafe(32), now or datetime.now(UTC)
    credentials.forget_ended(session, DOOR, user_id, now - _KEPT)
    credentials.add_session(session, DOOR, user_id, _sha256(token), until=now + ABSOLUTE)
    return token


def read_session(session: "Session", token: str, *, now: datetime | None = None) -> Visitor | None:
    """Return whose session a token is; ``None``: of none that stands."""
    now = now or datetime.now(UTC)
    row = credentials.session_by_hash(session, DOOR, _sha256(token))
    if row is None or row.revoked_at is not None or row.disabled_at is not None:
        return None
    if now >= row.expires_at or now >= row.seen_at + IDLE:
        return None
    if now >= row.seen_at + _SEEN_EVERY:
        credentials.see_session(session, DOOR, row.id, now)
    return Visitor(row.id, row.user_id, row.login, row.language)


def close_session(session: "Session", scope: Scope, token: str) -> bool:
    """End the session of a token; return whether it stood."""
    row = credentials.session_by_hash(session, DOOR, _sha256(token))
    if row is None or not credentials.end_sessions(session, DOOR, token_sha256=_sha256(token)):
        return False
    trail = replace(scope, principal=row.login, actions=DOOR.actions)
    audit.record(session, trail, audit.Change("sign_out", "users", row.user_id))
    return True


def close_all(session: "Session", scope: Scope, user_id: str, *, but: str | None = None) -> int:
    """End every session of a user but one; return how many stood.

    For whoever asks, or an admin after :func:`gis.services.accounts.require_managed`.
    """
    ended = credentials.end_sessions(session, DOOR, user_id=user_id, but=but)
    change = audit.Change("sign_out_everywhere", "users", user_id, after={"sessions": ended})
    audit.record(session, scope, change)
    return ended


def _looked_up(session: "Session", login: str) -> "Row[Any] | None":
    if not LOGIN.fullmatch(login):
        return None
    locks.lock(session, f"sign_in {login}")
    return accounts.by_login(session, DOOR, login, to_change=True)


def _hash(row: "Row[Any] | None") -> str | None:
    return None if row is None else row.password_hash


def _outcome(row: "Row[Any] | None", now: datetime, *, right: bool) -> str:
    """Return what came of a try, for the audit log only."""
    if row is None:
        return "unknown_login"
    if row.disabled_at is not None:
        return "closed_account"
    if row.locked_until is not None and now < row.locked_until:
        return "waits"
    return "right" if right else "wrong_password"


def _counted(row: "Row[Any] | None", tried: str, now: datetime) -> dict[str, Any]:
    """Return the columns that count the tries; a try while an account waits counts for nothing.

    Always the same columns: an unknown login runs the statement as well, on no row.
    """
    failed, until = (0, None) if row is None else (row.failed_attempts, row.locked_until)
    if tried == "right":
        failed, until = 0, None
    if tried == "wrong_password":
        failed += 1
        until = now + timedelta(seconds=wait_s(failed)) if wait_s(failed) else None
    return {"failed_attempts": failed, "locked_until": until}


def _sha256(token: str) -> bytes:
    # A token is 256 random bits: nothing slower is needed.
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
