"""The demo's people: an account for each role in an area that fits it, with new passwords."""

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gis.access import Area, AreaKind, Grant, Role
from gis.layers import accounts as stored
from gis.layers import communities, grids
from gis.layers.queries import Window
from gis.services import accounts, covering
from gis.services.door import DOOR

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from gis.scope import Scope

#: Where each role is at home in the demo; who is not named here is in the whole subdistrict.
HOMES = {
    Role.ADMIN: AreaKind.EVERYWHERE,
    Role.GRID_WORKER: AreaKind.GRID,
    Role.MANAGER: AreaKind.COMMUNITY,
}
#: Whom the department and the organisation of the demo act for.
ACTS_FOR = {Role.DEPARTMENT: "demo-department", Role.ORGANISATION: "demo-organisation"}
#: Of 32 letters and digits that are not mistaken for each other: 80 bits.
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 4


@dataclass(frozen=True, slots=True)
class DemoUser:
    """An account of the demo with the password of this run.

    Parameters
    ----------
    login, password
        How to sign in.
    granted
        What it was granted.
    """

    login: str
    password: str
    granted: Grant


def make_demo_users(session: "Session", scope: "Scope", today: "date") -> list[DemoUser]:
    """Open an account for each role in place of those of the run before."""
    stored.clear(session, scope)
    areas = _areas(session, scope, today)
    made = []
    for role in Role:
        area = areas[HOMES.get(role, AreaKind.SUBDISTRICT)]
        granted = Grant(role, area, organisation=ACTS_FOR.get(role))
        one = DemoUser(str(role).replace("_", "-"), _password(), granted)
        user_id = accounts.add_user(session, scope, one.login, password=one.password)
        accounts.grant(session, scope, user_id, granted)
        made.append(one)
    return made


def _areas(session: "Session", scope: "Scope", today: "date") -> dict[AreaKind, Area]:
    """Return the area of each kind: the subdistrict, its first community and that one's first grid.

    Ground without a published code has none that a grant could name: it is everywhere then.
    """
    everywhere = Area(AreaKind.EVERYWHERE)
    found = dict.fromkeys(AreaKind, everywhere)
    code = covering.scope_code(session, scope)[:9]
    subdistrict = Area(AreaKind.SUBDISTRICT, code)
    if not stored.ground_of(session, DOOR, [subdistrict], today)[subdistrict].is_empty:
        found[AreaKind.SUBDISTRICT] = subdistrict
    first = communities.page(session, scope, Window(limit=1), on_day=today).rows[0]
    found[AreaKind.COMMUNITY] = Area(AreaKind.COMMUNITY, first.code)
    wanted = grids.GridFilter("community", today, community=first.code)
    own = grids.page(session, scope, Window(limit=1), wanted).rows
    found[AreaKind.GRID] = Area(AreaKind.GRID, own[0].code) if own else found[AreaKind.COMMUNITY]
    return found


def _password() -> str:
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)
