"""Accounts: opened, granted roles in areas, closed; and what somebody's grants come to."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from gis.access import MATRIX, Area, AreaKind, Grant, Held, Permission, Principal, Role
from gis.errors import (
    ConflictError,
    CredentialsError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
)
from gis.frames.personal import refuse_personal_text
from gis.layers import accounts, audit, credentials
from gis.scope import Action, Scope
from gis.services import passwords
from gis.services.door import DOOR
from gis.services.locating import local_day
from gis.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.layers.accounts import Given, Ground

LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}")
LANGUAGES = ("zh-CN", "en")
#: Names by which the audit log calls what is no account.
RESERVED = frozenset({"local_owner", "door", "unknown", "worker", "anonymous", "system"})
#: Roles that act for a department or an organisation.
ACTING = frozenset({Role.DEPARTMENT, Role.ORGANISATION})
_CODES = {
    AreaKind.SUBDISTRICT: re.compile(r"[0-9]{9}"),
    AreaKind.COMMUNITY: re.compile(r"[0-9]{12}"),
    AreaKind.GRID: re.compile(r".{1,64}"),
}


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it may be shown: never its hash.

    Parameters
    ----------
    id, login, language
        Who it is.
    has_password
        Whether anybody can sign in to it.
    disabled_at, locked_until, password_changed_at, created_at
        Its moments; ``None``: never.
    grants
        What it was granted, taken back or not, in the order of granting.
    """

    id: str
    login: str
    language: str | None
    has_password: bool
    disabled_at: datetime | None
    locked_until: datetime | None
    password_changed_at: datetime | None
    created_at: datetime
    grants: "tuple[Given, ...]" = ()


def add_user(
    session: "Session",
    scope: Scope,
    login: str,
    *,
    password: str | None = None,
    language: str | None = None,
) -> str:
    """Open an account and return its key; without a password nobody can sign in to it.

    Raises
    ------
    gis.errors.InvalidInputError
        The login, the language or the password cannot be used.
    gis.errors.ConflictError
        The login is taken.
    """
    _require_manager(scope)
    login = login.strip().lower()
    if not LOGIN.fullmatch(login) or login in RESERVED:
        raise InvalidInputError(
            f"The login {login!r} cannot be used.",
            remedy="Use 2 to 63 of a-z, 0-9, '.', '_' and '-': a work name, as grid-012.",
            field="login",
        )
    refuse_personal_text(login, "login")
    if language is not None and language not in LANGUAGES:
        raise InvalidInputError(
            f"The language {language!r} is not known.",
            remedy=f"Use one of {', '.join(LANGUAGES)}.",
            field="language",
        )
    if accounts.by_login(session, DOOR, login) is not None:
        raise ConflictError(f"There is a user {login} already.", remedy="Choose another login.")
    hashed = None if password is None else passwords.hashed(passwords.check(password, login))
    user_id = accounts.add(session, DOOR, login, language, by=scope.principal)
    if hashed is not None:
        accounts.change(session, DOOR, user_id, _with_password(hashed))
    _note(session, scope, "create", user_id, after={"login": login, "password": bool(hashed)})
    return user_id


def set_password(session: "Session", scope: Scope, user_id: str, password: str) -> None:
    """Give an account another password; its sessions end and its lock is lifted.

    Raises
    ------
    gis.errors.ForbiddenError
        It is the own one: for that the old password is asked for.
    """
    row = _managed(session, scope, user_id)
    if row.login == scope.principal:
        raise ForbiddenError(
            "The own password is changed with the old one.",
            remedy="Use PUT /v1/auth/password, or ask another admin.",
        )
    _put_password(session, scope, row, password, but=None)


def change_own_password(
    session: "Session", scope: Scope, new: str, *, session_id: str | None = None
) -> None:
    """Give whoever asks another password; other sessions than the one that is used end.

    The caller asked for the old one: :func:`gis.services.signing_in.prove_password`.
    """
    row = own_row(session, scope)
    _put_password(session, scope, row, new, but=session_id)


def disable(session: "Session", scope: Scope, user_id: str) -> None:
    """Close an account: its sessions end, its keys stop, nobody can sign in to it."""
    row = _managed(session, scope, user_id)
    if row.disabled_at is None:
        accounts.change(session, DOOR, user_id, {"disabled_at": datetime.now(UTC)})
        credentials.end_sessions(session, DOOR, user_id=user_id)
        _note(session, scope, "disable", user_id, after={"login": row.login})


def enable(session: "Session", scope: Scope, user_id: str) -> None:
    """Open a closed account again, and lift its lock."""
    row = _managed(session, scope, user_id)
    values = {"disabled_at": None, "locked_until": None, "failed_attempts": 0}
    accounts.change(session, DOOR, user_id, values)
    _note(session, scope, "enable", user_id, after={"login": row.login})


def grant(session: "Session", scope: Scope, user_id: str, asked: Grant) -> str:
    """Grant an account a role in an area for a time; return the grant's key.

    Raises
    ------
    gis.errors.InvalidInputError
        The code is none of such an area, the dates are out of order or reach beyond those of
        whoever grants, or the role acts for an organisation and none is named.
    gis.errors.NotFoundError
        There is no such account or area, or it is another's.
    gis.errors.ForbiddenError
        It is the own account: roles are given by somebody else.
    """
    row = _managed(session, scope, user_id, to_grant=True)
    if row.login == scope.principal:
        raise ForbiddenError("Nobody grants a role to themselves.", remedy="Ask another admin.")
    _check_grant(asked)
    ground = accounts.ground_of(session, DOOR, [asked.area], _today())[asked.area]
    own = _own_areas(session, scope)
    holding = [one for one in own if lies_in(asked.area, ground, *one.held)]
    if ground.is_empty or not holding:
        raise NotFoundError(
            f"There is no {asked.area.kind} {asked.area.code}.",
            remedy="Import its communities, put its plan into effect, or correct the code.",
        )
    if not any(one.lasts(asked) for one in holding):
        raise InvalidInputError(
            "A role is granted for no longer than whoever grants it has their own there.",
            remedy=f"Give a last day of {max(str(one.grant.to_day) for one in holding)} at most.",
            field="to",
        )
    key = accounts.give(session, DOOR, user_id, asked, by=scope.principal)
    _note(session, scope, "grant", user_id, after=told(asked))
    return key


def revoke(session: "Session", scope: Scope, user_id: str, grant_id: str) -> None:
    """Take a grant back at once; it stays on record.

    Raises
    ------
    gis.errors.NotFoundError
        The account has no such grant that stands, or it is another's.
    """
    _require_manager(scope)
    found = [one for one in accounts.given(session, DOOR, [user_id]) if one.id == grant_id]
    standing = [one for one in found if one.revoked_at is None]
    if not standing or not _all_within(session, scope, standing):
        raise NotFoundError(f"There is no grant {grant_id}.", remedy="List the user's grants.")
    accounts.take_back(session, DOOR, grant_id)
    _note(session, scope, "revoke", user_id, before=told(standing[0].grant))


def list_users(session: "Session", scope: Scope) -> list[Account]:
    """Return the accounts that one may manage, by login."""
    _require_manager(scope)
    rows = accounts.listed(session, DOOR)
    by_user: dict[str, list[Given]] = {row.id: [] for row in rows}
    for one in accounts.given(session, DOOR, by_user):
        by_user[one.user_id].append(one)
    fits = _fitting(session, scope, [one for given in by_user.values() for one in given])
    return [
        _account(row, by_user[row.id])
        for row in rows
        if _may_manage(scope, row, by_user[row.id], fits)
    ]


def one_user(session: "Session", scope: Scope, user_id: str) -> Account:
    """Return an account that one may manage.

    Raises
    ------
    gis.errors.NotFoundError
        There is none, or it reaches beyond one's own area: nobody learns which.
    """
    row = _managed(session, scope, user_id)
    return _account(row, accounts.given(session, DOOR, [user_id]))


def own_account(session: "Session", scope: Scope) -> Account:
    """Return the account of whoever asks."""
    row = own_row(session, scope)
    return _account(row, accounts.given(session, DOOR, [row.id]))


def user_called(session: "Session", scope: Scope, login: str) -> Account:
    """Return an account that one may manage, by its login.

    Raises
    ------
    gis.errors.NotFoundError
        There is none, or it reaches beyond one's own area.
    """
    row = accounts.by_login(session, DOOR, login.strip().lower())
    if row is None:
        raise _no_user(login)
    try:
        return one_user(session, scope, row.id)
    except NotFoundError:
        raise _no_user(login) from None


def principal_of(
    session: "Session",
    user_id: str,
    limited_to: "frozenset[Permission] | None" = None,
    *,
    day: date | None = None,
    issued_at: float | None = None,
) -> Principal:
    """Return an account with what it was granted and the ground that this is on a day, or today.

    Parameters
    ----------
    session, user_id
        Whose it is.
    limited_to
        The permissions that a credential is limited to; ``None``: it is not.
    day
        Of which the ground is; ``None``: today.
    issued_at
        When a credential was issued that a newer password ends, seconds since 1970.

    Raises
    ------
    gis.errors.CredentialsError
        There is no such account, it is closed, or the password is newer than the credential.
    """
    row = accounts.by_id(session, DOOR, user_id)
    if row is None or row.disabled_at is not None:
        raise CredentialsError("This account is closed.", remedy="Ask an admin of your area.")
    changed = row.password_changed_at
    if issued_at is not None and changed is not None and issued_at < changed.timestamp():
        raise CredentialsError(
            "The password has changed since.", remedy="Sign in with the new one."
        )
    standing = [one for one in accounts.given(session, DOOR, [user_id]) if one.revoked_at is None]
    grounds = _grounds(session, standing, day)
    held = tuple(
        Held(
            one.grant,
            grounds[one.grant.area].community_ids,
            frozenset(grounds[one.grant.area].homes),
        )
        for one in standing
    )
    return Principal(row.login, held, limited_to)


def there_is_an_admin(session: "Session") -> bool:
    """Return whether an account with a password was ever made an admin.

    From then on everybody is asked who they are, whatever becomes of that account.
    """
    return accounts.an_admin(session, DOOR)


def told(asked: Grant) -> dict[str, Any]:
    """Return a grant as JSON."""
    return {
        "role": str(asked.role),
        "area_kind": str(asked.area.kind),
        "area_code": asked.area.code,
        "from": None if asked.from_day is None else asked.from_day.isoformat(),
        "to": None if asked.to_day is None else asked.to_day.isoformat(),
        "organisation": asked.organisation,
    }


def own_row(session: "Session", scope: Scope) -> "Row[Any]":
    """Return the stored account of whoever asks.

    Raises
    ------
    gis.errors.ForbiddenError
        Who asks has no account, as on the command line.
    """
    scope.require(Action.READ)
    row = accounts.by_login(session, DOOR, scope.principal)
    if row is None:
        raise ForbiddenError(
            f"{scope.principal} has no account of its own.", remedy="Sign in with an account."
        )
    return row


def require_managed(session: "Session", scope: Scope, user_id: str) -> "Row[Any]":
    """Return the stored account if one may manage it; see :func:`one_user`."""
    return _managed(session, scope, user_id)


def _require_manager(scope: Scope) -> None:
    """Raise unless accounts are managed by an admin or on the command line.

    The permission was asked for already; that a role which has it is among those used here holds
    even if an operation were declared with another permission by mistake.
    """
    scope.require(Action.WRITE)
    if not {"local_owner", str(Role.ADMIN)} & set(scope.roles):
        raise ForbiddenError(
            f"{scope.principal} may not manage accounts.", remedy="Ask an admin of your area."
        )


def _managed(
    session: "Session", scope: Scope, user_id: str, *, to_grant: bool = False
) -> "Row[Any]":
    """Return an account that one may manage; ``to_grant``: or that has no role anywhere yet."""
    _require_manager(scope)
    row = accounts.by_id(session, DOOR, user_id)
    if row is None:
        raise _no_user(user_id)
    theirs = accounts.given(session, DOOR, [user_id])
    if not theirs and to_grant:
        return row
    if not _may_manage(scope, row, theirs, _fitting(session, scope, theirs)):
        raise _no_user(user_id)
    return row


def _may_manage(scope: Scope, row: "Row[Any]", theirs: "list[Given]", fits: set[str]) -> bool:
    """Return whether an account is one's own to manage, given the grants that lie in one's area.

    One without grants is that of whoever opened it, or of who manages everything.
    """
    if scope.community_ids is None:
        return True
    if not theirs:
        return bool(row.opened_by == scope.principal)
    return all(one.id in fits for one in theirs)


def _no_user(name: str) -> NotFoundError:
    return NotFoundError(f"There is no user {name}.", remedy="List the users.")


@dataclass(frozen=True, slots=True)
class _Own:
    """An area in which whoever asks manages accounts, by the grant that says so."""

    grant: Grant
    ground: "Ground"

    @property
    def held(self) -> "tuple[Area, Ground]":
        return self.grant.area, self.ground

    def lasts(self, asked: Grant) -> bool:
        """Return whether it is held from the first to the last day of another."""
        begins = self.grant.from_day is None or (
            asked.from_day is not None and self.grant.from_day <= asked.from_day
        )
        # A grant from now on begins today, when this one holds.
        begins = begins or asked.from_day is None
        ends = self.grant.to_day is None or (
            asked.to_day is not None and asked.to_day <= self.grant.to_day
        )
        return begins and ends


def lies_in(area: Area, ground: "Ground", own: Area, own_ground: "Ground") -> bool:
    """Return whether all of an area lies in another one, also as these will be.

    A subdistrict is more than its communities of today, so it lies in itself alone; a grid that is
    in no plan in effect lies nowhere.
    """
    if own.kind is AreaKind.EVERYWHERE or area == own:
        return True
    if area.kind is AreaKind.COMMUNITY:
        return own.kind is AreaKind.SUBDISTRICT and str(area.code).startswith(str(own.code))
    homes = set(ground.homes.values()) if area.kind is AreaKind.GRID else set()
    return bool(homes) and homes <= (own_ground.community_ids or frozenset())


def _own_areas(session: "Session", scope: Scope) -> list[_Own]:
    """Return where whoever asks manages accounts today; the owner: everywhere, for ever."""
    if scope.is_owner:
        return [_Own(Grant(Role.ADMIN, Area(AreaKind.EVERYWHERE)), accounts.EVERYWHERE)]
    row, day = own_row(session, scope), _today()
    mine = [
        one
        for one in accounts.given(session, DOOR, [row.id])
        if one.revoked_at is None
        and Permission.USERS_MANAGE in MATRIX[one.grant.role]
        and one.grant.holds_on(day)
    ]
    grounds = _grounds(session, mine, day)
    return [_Own(one.grant, grounds[one.grant.area]) for one in mine]


def _all_within(session: "Session", scope: Scope, given: "list[Given]") -> bool:
    return len(_fitting(session, scope, given)) == len(given)


def _fitting(session: "Session", scope: Scope, given: "list[Given]") -> set[str]:
    """Return the keys of the grants whose areas lie in that of whoever asks."""
    if scope.community_ids is None:
        return {one.id for one in given}
    grounds, own = _grounds(session, given, None), _own_areas(session, scope)
    return {
        one.id
        for one in given
        if any(lies_in(one.grant.area, grounds[one.grant.area], *mine.held) for mine in own)
    }


def _grounds(
    session: "Session", given: "Iterable[Given]", day: date | None
) -> "Mapping[Area, Ground]":
    areas = {one.grant.area for one in given}
    return accounts.ground_of(session, DOOR, areas, day or _today()) if areas else {}


def _today() -> date:
    return local_day(datetime.now(UTC), get_settings().timezone)


def _check_grant(asked: Grant) -> None:
    code = _CODES.get(asked.area.kind)
    fits = asked.area.code is None if code is None else code.fullmatch(asked.area.code or "")
    if not fits:
        raise InvalidInputError(
            f"{asked.area.code!r} is no code of a {asked.area.kind}.",
            remedy="A subdistrict has 9 digits, a community 12, a grid the code of its plan.",
            field="area_code",
        )
    if asked.from_day and asked.to_day and asked.from_day >= asked.to_day:
        raise InvalidInputError(
            f"The grant ends on {asked.to_day}, before it begins.",
            remedy="Give a last day after the first.",
            field="to",
        )
    if (asked.role in ACTING) != bool(asked.organisation):
        raise InvalidInputError(
            f"A {asked.role} {'acts for an organisation' if asked.role in ACTING else 'does not'}.",
            remedy="Name an organisation with the roles department and organisation only.",
            field="organisation",
        )


def _put_password(
    session: "Session", scope: Scope, row: "Row[Any]", password: str, *, but: str | None
) -> None:
    hashed = passwords.hashed(passwords.check(password, row.login))
    accounts.change(session, DOOR, row.id, _with_password(hashed))
    credentials.end_sessions(session, DOOR, user_id=row.id, but=but)
    _note(session, scope, "password", row.id, after={"login": row.login})


def _with_password(hashed: str) -> dict[str, Any]:
    return {
        "password_hash": hashed,
        "password_changed_at": datetime.now(UTC),
        "failed_attempts": 0,
        "locked_until": None,
    }


def _account(row: "Row[Any]", given: "Iterable[Given]") -> Account:
    return Account(
        row.id,
        row.login,
        row.language,
        row.password_hash is not None,
        row.disabled_at,
        row.locked_until,
        row.password_changed_at,
        row.created_at,
        tuple(given),
    )


def _note(
    session: "Session",
    scope: Scope,
    action: str,
    user_id: str,
    *,
    before: "Mapping[str, Any] | None" = None,
    after: "Mapping[str, Any] | None" = None,
) -> None:
    audit.record(session, scope, audit.Change(action, "users", user_id, before, after))
