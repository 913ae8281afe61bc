"""Accounts and what they were granted: a login is a work name, never a person's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Integer,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import DATERANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from gis.access import Area, AreaKind, Grant, Role
from gis.database.base import Base
from gis.layers.common import Identified, one_of, reference
from gis.layers.communities import Community
from gis.layers.grids import Grid, in_effect
from gis.layers.queries import among, row_of, table_of
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session


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
    opened_by: Mapped[str | None] = mapped_column(Text)


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
    granted_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


@dataclass(frozen=True, slots=True)
class Given:
    """A grant as it is stored.

    Parameters
    ----------
    id, user_id
        Its key and whose it is.
    grant
        What was granted.
    granted_by, granted_at
        By whom and when.
    revoked_at
        When it was taken back; ``None``: it stands.
    """

    id: str
    user_id: str
    grant: Grant
    granted_by: str
    granted_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What an area is on a day.

    Parameters
    ----------
    community_ids
        Its communities, at whatever time they existed; ``None``: all there are.
    homes
        Its grids, each with its community.
    """

    community_ids: frozenset[str] | None = field(default_factory=frozenset)
    homes: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing at all."""
        return self.community_ids is not None and not self.community_ids and not self.homes


#: The ground of whoever may go everywhere.
EVERYWHERE = Ground(None)


def add(
    session: "Session", scope: Scope, login: str, language: str | None, *, by: str | None = None
) -> str:
    """Open an account without password and grants, and return its key; ``by``: who opens it."""
    scope.require_everywhere(Action.WRITE)
    made = insert(table_of(User)).values(login=login, language=language, opened_by=by)
    return str(session.execute(made.returning(User.id)).scalar_one())


def by_login(
    session: "Session", scope: Scope, login: str, *, to_change: bool = False
) -> "Row[Any] | None":
    """Return an account by its login; ``None``: there is none."""
    scope.require_everywhere(Action.READ)
    table = table_of(User)
    asked = select(*table.c).where(table.c.login == login)
    found: Any = session.execute(asked.with_for_update() if to_change else asked).one_or_none()
    return found  # type: ignore[no-any-return] # a row, or none


def by_id(session: "Session", scope: Scope, user_id: str) -> "Row[Any] | None":
    """Return an account by its key; ``None``: there is none."""
    scope.require_everywhere(Action.READ)
    return row_of(session, scope, User, user_id)


def listed(session: "Session", scope: Scope) -> "list[Row[Any]]":
    """Return every account, by login."""
    scope.require_everywhere(Action.READ)
    table = table_of(User)
    return list(session.execute(select(*table.c).order_by(table.c.login)))


def change(session: "Session", scope: Scope, user_id: str, values: "Mapping[str, Any]") -> bool:
    """Write columns of an account; return whether there is such an account."""
    scope.require_everywhere(Action.WRITE)
    table = table_of(User)
    written = update(table).where(table.c.id == user_id).values(**values)
    return session.execute(written.returning(table.c.id)).first() is not None


def clear(session: "Session", scope: Scope) -> None:
    """Remove every account with all that belongs to it: for the demo's own database.

    Elsewhere accounts are closed, so that the audit log speaks of somebody that can be looked up.
    """
    scope.require_everywhere(Action.WRITE)
    session.execute(delete(table_of(User)))


def give(session: "Session", scope: Scope, user_id: str, grant: Grant, *, by: str) -> str:
    """Write a grant down and return its key."""
    scope.require_everywhere(Action.WRITE)
    made = insert(table_of(UserGrant)).values(
        user_id=user_id,
        role=str(grant.role),
        area_kind=str(grant.area.kind),
        area_code=grant.area.code,
        during=Range(grant.from_day, grant.to_day, bounds="[)"),
        organisation=grant.organisation,
        granted_by=by,
    )
    return str(session.execute(made.returning(UserGrant.id)).scalar_one())


def take_back(session: "Session", scope: Scope, grant_id: str) -> bool:
    """Mark a grant as taken back; return whether it stood."""
    scope.require_everywhere(Action.WRITE)
    c = table_of(UserGrant).c
    gone = update(table_of(UserGrant)).where(c.id == grant_id, c.revoked_at.is_(None))
    ended = gone.values(revoked_at=func.now()).returning(c.id)
    return session.execute(ended).first() is not None


def given(session: "Session", scope: Scope, user_ids: Iterable[str]) -> list[Given]:
    """Return what some accounts were granted, taken back or not, in the order of granting."""
    scope.require_everywhere(Action.READ)
    c = table_of(UserGrant).c
    asked = select(*c).where(among(c.user_id, user_ids)).order_by(c.granted_at, c.id)
    return [_given(row) for row in session.execute(asked)]


def _given(row: "Row[Any]") -> Given:
    grant = Grant(
        Role(row.role),
        Area(AreaKind(row.area_kind), row.area_code),
        row.during.lower,
        row.during.upper,
        row.organisation,
    )
    return Given(row.id, row.user_id, grant, row.granted_by, row.granted_at, row.revoked_at)


def an_admin(session: "Session", scope: Scope) -> bool:
    """Return whether an account with a password was ever made an admin, whatever came after.

    An installation that once had one asks everybody who they are from then on: neither a grant
    that ran out nor a closed account opens it again.
    """
    scope.require_everywhere(Action.READ)
    users, grants = table_of(User), table_of(UserGrant)
    asked = (
        select(users.c.id)
        .join(grants, grants.c.user_id == users.c.id)
        .where(users.c.password_hash.is_not(None), grants.c.role == Role.ADMIN)
    )
    return session.execute(asked.limit(1)).first() is not None


def ground_of(
    session: "Session", scope: Scope, areas: Iterable[Area], day: date
) -> dict[Area, Ground]:
    """Return what areas are on a day.

    A subdistrict is every community whose code begins with its own, a grid that of the community
    plan in effect, else of the micro plan; party grids may have the same codes on other ground.
    """
    scope.require_everywhere(Action.READ)
    wanted = set(areas)
    communities = _communities(session, {area.code for area in wanted if _of_communities(area)})
    grids = _grids(session, {a.code for a in wanted if a.kind is AreaKind.GRID}, day)
    found = {}
    for area in wanted:
        if area.kind is AreaKind.EVERYWHERE:
            found[area] = Ground(None)
        elif area.kind is AreaKind.GRID:
            found[area] = Ground(frozenset(), grids.get(area.code, {}))
        else:
            inside = (key for key, code in communities if code.startswith(str(area.code)))
            found[area] = Ground(frozenset(inside))
    return found


def _of_communities(area: Area) -> bool:
    return area.kind in {AreaKind.SUBDISTRICT, AreaKind.COMMUNITY}


def _communities(session: "Session", codes: "set[str | None]") -> "list[tuple[str, str]]":
    """Return key and code of the communities whose codes begin with one of these."""
    if not codes:
        return []
    c = table_of(Community).c
    begins: list[ColumnElement[bool]] = [
        c.code.startswith(code, autoescape=True) for code in codes if code
    ]
    return [(row.id, row.code) for row in session.execute(select(c.id, c.code).where(or_(*begins)))]


def _grids(session: "Session", codes: "set[str | None]", day: date) -> dict[Any, dict[str, str]]:
    """Return by code the grids in effect on a day, each with its community."""
    if not codes:
        return {}
    c = table_of(Grid).c
    found: dict[Any, dict[str, str]] = {}
    for kind in ("micro", "community"):
        asked = select(c.id, c.code, c.community_id).where(c.code.in_(sorted(map(str, codes))))
        rows = session.execute(asked.where(in_effect(kind, day))).all()
        found.update({code: {} for code in {row.code for row in rows}})
        for row in rows:
            found[row.code][row.id] = row.community_id
    return found
