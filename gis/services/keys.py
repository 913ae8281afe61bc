"""Keys by which programs act for a user: made, read, taken back."""

import re
import secrets
import string
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from gis.access import Permission
from gis.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from gis.frames.personal import refuse_personal_text
from gis.layers import audit, credentials
from gis.scope import Action, Scope
from gis.services.accounts import list_users, own_row, require_managed
from gis.services.door import DOOR
from gis.services.locating import local_day
from gis.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

#: What a key may do only if it is named: who has got hold of one makes no other, nor accounts.
NOT_BY_DEFAULT = frozenset({Permission.OWN_ACCOUNT, Permission.USERS_MANAGE})
DEFAULT_DAYS, MOST_DAYS = 90, 366
#: Keys of a user that stand at once: one for each program is plenty.
MOST_KEYS = 50
_LETTERS = string.digits + string.ascii_lowercase
_SHAPE = re.compile(r"wg_([0-9a-z]{8})_([A-Za-z0-9_-]{43})")
_NONE_SUCH = bytes(32)


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """What a key is wanted for.

    Parameters
    ----------
    label
        What it is for, for people to read.
    permissions
        What it may do of what its user may; ``None``: all but managing accounts.
    days
        For how many days it holds, 1 to 366.
    """

    label: str
    permissions: frozenset[Permission] | None = None
    days: int = DEFAULT_DAYS


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was just made: the only time that its secret is seen."""

    id: str
    prefix: str
    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Keyholder:
    """For whom a key acts, and what it is limited to.

    Parameters
    ----------
    key_id, prefix
        The key.
    user_id, login
        The user.
    limited_to
        What it may do of what its user may.
    """

    key_id: str
    prefix: str
    user_id: str
    login: str
    limited_to: frozenset[Permission]


def make_key(session: "Session", scope: Scope, user_id: str, order: KeyOrder) -> MadeKey:
    """Make a key for a user that one may manage.

    Raises
    ------
    gis.errors.InvalidInputError
        The label or the days cannot be used.
    gis.errors.NotFoundError
        There is no such user to manage.
    gis.errors.ConflictError
        The user has too many keys that stand.
    """
    return _make(session, scope, require_managed(session, scope, user_id), order)


def make_own_key(session: "Session", scope: Scope, order: KeyOrder) -> MadeKey:
    """Make a key for whoever asks; see :func:`make_key`.

    By a credential that may do less than its user a key is made that may do no more than that.

    Raises
    ------
    gis.errors.ForbiddenError
        The key is to do what the credential may not.
    """
    scope.require(Action.WRITE)
    return _make(session, scope, own_row(session, scope), _no_more_than(scope, order))


def _no_more_than(scope: Scope, order: KeyOrder) -> KeyOrder:
    """Return an order within what the credential of whoever asks is limited to."""
    if scope.limited_to is None:
        return order
    limit = frozenset(one for one in Permission if one.value in scope.limited_to)
    wanted = limit - NOT_BY_DEFAULT if order.permissions is None else order.permissions
    if not wanted <= limit:
        beyond = ", ".join(sorted(wanted - limit))
        raise ForbiddenError(
            f"The key or token that asks may not do {beyond}, so it can make no key that may.",
            remedy="Leave that out, or sign in with the password.",
        )
    return replace(order, permissions=wanted)


def read_key(session: "Session", secret: str, *, now: datetime | None = None) -> Keyholder | None:
    """Return for whom a key acts; ``None``: it is no key that stands."""
    now = now or datetime.now(UTC)
    shape = _SHAPE.fullmatch(secret)
    if shape is None:
        return None
    row = credentials.key_by_prefix(session, DOOR, shape[1])
    same = compare_digest(_NONE_SUCH if row is None else bytes(row.secret_sha256), _sha256(secret))
    if row is None or not same or not _stands(row, now):
        return None
    day = local_day(now, get_settings().timezone)
    if row.last_used_on != day:
        credentials.use_key(session, DOOR, row.id, day)
    return Keyholder(row.id, row.prefix, row.user_id, row.login, _limited_to(row.permissions))


def exchange_key(
    session: "Session", secret: str, address: str | None, *, request_id: str | None = None
) -> Keyholder | None:
    """Return for whom a key acts that is given for a token; every try is written down.

    Of a key that does not hold its public part alone is written down, if it has one. The caller
    commits whatever came of it.
    """
    holder, shape = read_key(session, secret), _SHAPE.fullmatch(secret)
    who = "unknown" if holder is None else holder.login
    change = audit.Change(
        "exchange",
        "api_keys",
        "unknown" if shape is None else shape[1],
        outcome="failed" if holder is None else "done",
    )
    trail = Scope(who, DOOR.actions, request_id=request_id, address=address)
    audit.record(session, trail, change)
    return holder


def list_keys(session: "Session", scope: Scope, user_id: str | None = None) -> "Sequence[Row[Any]]":
    """Return the keys of a user that one may manage, or of all, newest first, without hashes."""
    if user_id is None:
        managed = {one.id for one in list_users(session, scope)}
        return [row for row in credentials.keys(session, DOOR) if row.user_id in managed]
    require_managed(session, scope, user_id)
    return credentials.keys(session, DOOR, user_id=user_id)


def list_own_keys(session: "Session", scope: Scope) -> "Sequence[Row[Any]]":
    """Return the keys of whoever asks, newest first, without their hashes."""
    return credentials.keys(session, DOOR, user_id=own_row(session, scope).id)


def revoke_key(session: "Session", scope: Scope, key: str) -> str:
    """Take back a key of a user that one may manage; return its prefix.

    ``key`` is its id, its prefix, or the first characters of either.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such key to manage.
    gis.errors.InvalidInputError
        More than one begins so.
    """
    row = _one_key(credentials.keys(session, DOOR, beginning=_bare(key)), key)
    try:
        require_managed(session, scope, row.user_id)
    except NotFoundError:
        raise _no_key(key) from None
    return _revoke(session, scope, row)


def revoke_own_key(session: "Session", scope: Scope, key: str) -> str:
    """Take back a key of whoever asks; see :func:`revoke_key`."""
    scope.require(Action.WRITE)
    own = own_row(session, scope).id
    return _revoke(
        session,
        scope,
        _one_key(credentials.keys(session, DOOR, user_id=own, beginning=_bare(key)), key),
    )


def _make(session: "Session", scope: Scope, user: "Row[Any]", order: KeyOrder) -> MadeKey:
    label = order.label.strip()
    if not 1 <= len(label) <= 100:
        raise InvalidInputError(
            "A key needs a label of 1 to 100 characters.",
            remedy="Say what it is for.",
            field="label",
        )
    refuse_personal_text(label, "label")
    if not 1 <= order.days <= MOST_DAYS:
        raise InvalidInputError(
            f"A key holds for 1 to {MOST_DAYS} days, not {order.days}.",
            remedy="Make another when it ends.",
            field="days",
        )
    if user.disabled_at is not None:
        raise ForbiddenError(f"The account {user.login} is closed.", remedy="Enable it first.")
    now = datetime.now(UTC)
    theirs = credentials.keys(session, DOOR, user_id=user.id)
    if sum(one.revoked_at is None and now < one.expires_at for one in theirs) >= MOST_KEYS:
        raise ConflictError(
            f"{user.login} has {MOST_KEYS} keys already.", remedy="Revoke those that nobody uses."
        )
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(8))
    secret = f"wg_{prefix}_{secrets.token_urlsafe(32)}"
    until = now + timedelta(days=order.days)
    limited = None if order.permissions is None else sorted(order.permissions)
    facts = {
        "prefix": prefix,
        "secret_sha256": _sha256(secret),
        "user_id": user.id,
        "label": label,
        "permissions": limited,
        "expires_at": until,
    }
    key_id = credentials.add_key(session, DOOR, facts)
    after = {"login": user.login, "prefix": prefix, "permissions": limited, "days": order.days}
    audit.record(session, scope, audit.Change("create", "api_keys", key_id, after=after))
    return MadeKey(key_id, prefix, secret, until)


def _revoke(session: "Session", scope: Scope, row: "Row[Any]") -> str:
    if credentials.revoke_key(session, DOOR, row.id):
        before = {"login": row.login, "prefix": row.prefix}
        audit.record(session, scope, audit.Change("revoke", "api_keys", row.id, before))
    return str(row.prefix)


def _bare(key: str) -> str:
    """Return an id or a prefix without what surrounds the prefix in a secret."""
    return key.removeprefix("wg_").split("_")[0]


def _one_key(rows: "Sequence[Row[Any]]", key: str) -> "Row[Any]":
    if not rows:
        raise _no_key(key)
    if len(rows) > 1:
        raise InvalidInputError(
            f"{len(rows)} keys begin with {_bare(key)}.", remedy="Give more characters."
        )
    return rows[0]


def _no_key(key: str) -> NotFoundError:
    return NotFoundError(f"There is no key {_bare(key)}.", remedy="List the keys.")


def _stands(row: "Row[Any]", now: datetime) -> bool:
    return row.revoked_at is None and row.disabled_at is None and now < row.expires_at


def _limited_to(permissions: "list[str] | None") -> frozenset[Permission]:
    if permissions is None:
        return frozenset(Permission) - NOT_BY_DEFAULT
    # A permission of another version of the program is none of this one.
    return frozenset(one for one in Permission if one.value in permissions)


def _sha256(secret: str) -> bytes:
    # A secret is 256 random bits: nothing slower is needed.
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
