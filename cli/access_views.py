"""What ``wangge user``, ``key``, ``role`` and ``audit-log`` show."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from cli.plan_views import clock, printed, table_with
from gis.access import MATRIX, AreaKind, Permission, Role, sees_in_full

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

    from gis.access import Grant
    from gis.services.accounts import Account

#: How roles are headed where nine columns must fit.
_SHORT = {Role.GRID_WORKER: "grid w.", Role.ORGANISATION: "organis.", Role.DEPARTMENT: "depart."}


def grant_in_words(grant: "Grant") -> str:
    """Return a grant as people say it, for example ``planner in community 340102001001``."""
    area = grant.area
    where = "everywhere" if area.kind is AreaKind.EVERYWHERE else f"in {area.kind} {area.code}"
    words = [str(grant.role), where]
    if grant.organisation is not None:
        words.append(f"for {grant.organisation}")
    if grant.from_day is not None:
        words.append(f"from {grant.from_day}")
    if grant.to_day is not None:
        words.append(f"until {grant.to_day}")
    return " ".join(words)


def show_users(found: "Iterable[Account]") -> None:
    """Show accounts with the grants that stand."""
    table = table_with("login", "state", "granted")
    for one in found:
        standing = [given.grant for given in one.grants if given.revoked_at is None]
        granted = "; ".join(grant_in_words(grant) for grant in standing)
        _add(table, one.login, _state(one), granted or "nothing")
    printed(table)


def show_one_user(one: "Account") -> None:
    """Show an account and every grant, those taken back too."""
    typer.echo(f"{one.login}: {_state(one)}, opened on {clock(one.created_at)}")
    if one.password_changed_at is not None:
        typer.echo(f"Password of {clock(one.password_changed_at)}")
    table = table_with("id", "granted", "by", "on", "taken back")
    for given in one.grants:
        told = grant_in_words(given.grant)
        back = "" if given.revoked_at is None else clock(given.revoked_at)
        _add(table, given.id[:8], told, given.granted_by, clock(given.granted_at), back)
    if one.grants:
        printed(table)
    else:
        typer.echo("It was granted nothing.")


def show_keys(rows: "Iterable[Any]") -> None:
    """Show keys with their state."""
    table = table_with("key", "user", "label", "may", "until", "last used", "state")
    now = datetime.now(UTC)
    for row in rows:
        state = "expired" if row.expires_at <= now else "stands"
        may = "all but accounts" if row.permissions is None else ", ".join(row.permissions)
        _add(
            table,
            row.prefix,
            row.login,
            row.label,
            may or "nothing",
            f"{row.expires_at:%Y-%m-%d}",
            "never" if row.last_used_on is None else f"{row.last_used_on}",
            "revoked" if row.revoked_at is not None else state,
        )
    printed(table)


#: What small counts are of, and the permission that opens it.
_SMALL_COUNTS = {"areas": Permission.GROUND_READ, "buildings": Permission.BUILDINGS_READ}


def show_matrix() -> None:
    """Show which role has which permission."""
    table = table_with("permission", *(_SHORT.get(role, str(role)) for role in Role))
    for permission in Permission:
        has = ("yes" if permission in MATRIX[role] else "–" for role in Role)
        _add(table, str(permission), *has)
    for told, permission in _SMALL_COUNTS.items():
        seen = ("yes" if sees_in_full(role, permission) else "–" for role in Role)
        _add(table, f"small counts of {told}", *seen)
    printed(table)


def show_one_role(role: Role) -> None:
    """Show what a role may do, and whether it sees small counts."""
    table = table_with("permission", "meaning")
    for permission in Permission:
        if permission in MATRIX[role]:
            _add(table, str(permission), permission.meaning)
    printed(table)
    seen = [told for told, asked in _SMALL_COUNTS.items() if sees_in_full(role, asked)]
    small = f"small counts of {' and '.join(seen)}" if seen else "no small counts"
    typer.echo(f"A {role} sees {small}.")


def show_entries(rows: "Sequence[Any]") -> None:
    """Show entries of the audit log, newest first."""
    table = table_with("when", "who", "as", "did", "what", "outcome", "from")
    for row in rows:
        what = f"{row.layer} {row.row_id}"
        why = (row.after or {}).get("why") if row.outcome == "failed" else None
        outcome = row.outcome if why is None else f"{row.outcome}: {why}"
        origin = row.address or ""
        who = row.principal, row.role or ""
        _add(table, f"{clock(row.at)}:{row.at:%S}", *who, row.action, what, outcome, origin)
    printed(table)


def print_entries(rows: "Iterable[Any]") -> None:
    """Print entries of the audit log, one JSON object a line."""
    for row in rows:
        told = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name of a row's mapping
        told["at"] = row.at.isoformat()
        typer.echo(json.dumps(told, ensure_ascii=False))


def _state(one: "Account") -> str:
    if one.disabled_at is not None:
        return "closed"
    if one.locked_until is not None and one.locked_until > datetime.now(UTC):
        return "waits after wrong passwords"
    return "open" if one.has_password else "open, no password"


def _add(table: "Table", *cells: str) -> None:
    """Add a row as it is: what stands in brackets is no markup."""
    from rich.text import Text

    table.add_row(*(Text(cell) for cell in cells))
