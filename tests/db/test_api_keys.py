"""API keys: shown once, stored as hashes, limited, and worth nothing once they ended."""

import hmac
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.access import Permission, Role
from gis.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from gis.layers import audit
from gis.scope import Scope
from gis.services import accounts, keys
from gis.services.keys import KeyOrder
from tests.people import EVERYWHERE, OWNER, add_person, community, role_in, scope_of

pytestmark = pytest.mark.db

TODAY = datetime.now(UTC).date()


@pytest.fixture
def planner(town_session: Session) -> str:
    return add_person(town_session, "planner", role_in(Role.PLANNER, EVERYWHERE))


def own(session: Session, login: str = "planner") -> Scope:
    return scope_of(session, login, "own-account", day=TODAY)


def test_a_key_is_shown_once_and_stored_as_a_hash(town_session: Session, planner: str):
    made = keys.make_key(town_session, OWNER, planner, KeyOrder("nightly export"))
    assert re.fullmatch(rf"wg_{made.prefix}_[A-Za-z0-9_-]{{43}}", made.secret)
    holder = keys.read_key(town_session, made.secret)
    assert holder is not None
    assert (holder.key_id, holder.user_id, holder.login) == (made.id, planner, "planner")
    stored = town_session.execute(text("SELECT api_keys::text FROM api_keys")).scalar_one()
    assert made.secret not in stored
    assert made.secret.rsplit("_", 1)[-1] not in stored
    [row] = keys.list_keys(town_session, OWNER, planner)
    assert "secret_sha256" not in row._fields
    [entry] = audit.history(town_session, OWNER, "api_keys", made.id)
    assert made.secret not in str(entry)


def test_the_secret_is_compared_in_constant_time(
    town_session: Session, planner: str, monkeypatch: pytest.MonkeyPatch
):
    made = keys.make_key(town_session, OWNER, planner, KeyOrder("nightly export"))
    compared: list[tuple[int, int]] = []

    def counted(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(keys, "compare_digest", counted)
    last = "A" if made.secret[-1] != "A" else "B"
    for secret in (made.secret[:-1] + last, made.secret.replace(made.prefix, "00000000")):
        assert keys.read_key(town_session, secret) is None
    assert keys.read_key(town_session, made.secret) is not None
    assert compared == [(32, 32)] * 3


@pytest.mark.parametrize(
    "secret", ["", "wg_", "wg_abcdefgh_", "Bearer x", "wg_abcdefgh_" + "a" * 44, "\x00", "\ud800"]
)
def test_what_is_no_key_is_told_without_asking_the_store(town_session: Session, secret: str):
    assert keys.read_key(town_session, secret) is None


def test_a_key_ends_when_its_days_are_over_it_is_revoked_or_its_user_closed(
    town_session: Session, planner: str
):
    def made(days: int = 30) -> keys.MadeKey:
        return keys.make_key(town_session, OWNER, planner, KeyOrder("test", days=days))

    short = made(days=1)
    assert keys.read_key(town_session, short.secret) is not None
    assert keys.read_key(town_session, short.secret, now=short.expires_at) is None
    revoked, kept = made(), made()
    assert keys.revoke_key(town_session, OWNER, revoked.prefix) == revoked.prefix
    assert keys.read_key(town_session, revoked.secret) is None
    assert keys.read_key(town_session, kept.secret) is not None
    accounts.disable(town_session, OWNER, planner)
    assert keys.read_key(town_session, kept.secret) is None
    with pytest.raises(ForbiddenError, match="closed"):
        made()
    told = audit.history(town_session, OWNER, "api_keys", revoked.id)
    assert [entry.action for entry in told] == ["create", "revoke"]


def test_the_last_use_is_written_once_a_day(town_session: Session, planner: str):
    made = keys.make_key(town_session, OWNER, planner, KeyOrder("nightly export"))
    version = text("SELECT last_used_on, xmin::text FROM api_keys")
    assert town_session.execute(version).one()[0] is None
    start = datetime.now(UTC)
    days = []
    for hours in (0, 1, 24, 25):
        keys.read_key(town_session, made.secret, now=start + timedelta(hours=hours))
        days.append(town_session.execute(text("SELECT last_used_on FROM api_keys")).scalar_one())
    assert days[2] == days[0] + timedelta(days=1)
    assert days[0] <= days[1] <= days[2] <= days[3]


def test_a_key_that_is_not_accepted_is_not_used(town_session: Session, planner: str):
    made = keys.make_key(town_session, OWNER, planner, KeyOrder("nightly export"))
    keys.revoke_key(town_session, OWNER, made.id)
    keys.read_key(town_session, made.secret)
    used = town_session.execute(text("SELECT last_used_on FROM api_keys")).scalar_one()
    assert used is None


def test_a_key_may_not_manage_accounts_unless_it_says_so(town_session: Session, planner: str):
    plain = keys.make_key(town_session, OWNER, planner, KeyOrder("all"))
    holder = keys.read_key(town_session, plain.secret)
    assert holder is not None
    assert frozenset(Permission) - holder.limited_to == {
        Permission.OWN_ACCOUNT,
        Permission.USERS_MANAGE,
    }
    only = frozenset({Permission.OWN_ACCOUNT, Permission.GROUND_READ})
    named = keys.make_key(town_session, OWNER, planner, KeyOrder("named", only))
    holder = keys.read_key(town_session, named.secret)
    assert holder is not None
    assert holder.limited_to == only


def test_a_key_without_any_permission_may_nothing(town_session: Session, planner: str):
    made = keys.make_key(town_session, OWNER, planner, KeyOrder("none", frozenset()))
    holder = keys.read_key(town_session, made.secret)
    assert holder is not None
    assert holder.limited_to == frozenset()


@pytest.mark.parametrize(
    "order",
    [
        KeyOrder(""),
        KeyOrder("  "),
        KeyOrder("x" * 101),
        KeyOrder("x", days=0),
        KeyOrder("x", days=367),
    ],
)
def test_an_order_that_cannot_be_met_is_refused(
    town_session: Session, planner: str, order: KeyOrder
):
    with pytest.raises(InvalidInputError):
        keys.make_key(town_session, OWNER, planner, order)


def test_everybody_has_keys_of_their_own_and_sees_no_others(town_session: Session, planner: str):
    add_person(town_session, "viewer", role_in(Role.VIEWER, community("A")))
    mine = keys.make_own_key(town_session, own(town_session), KeyOrder("mine"))
    theirs = keys.make_own_key(town_session, own(town_session, "viewer"), KeyOrder("theirs"))
    listed = keys.list_own_keys(town_session, own(town_session, "viewer"))
    assert [row.id for row in listed] == [theirs.id]
    for name in (mine.id, mine.prefix):
        with pytest.raises(NotFoundError, match="no key"):
            keys.revoke_own_key(town_session, own(town_session, "viewer"), name)
    with pytest.raises(ForbiddenError):
        keys.list_keys(town_session, own(town_session, "viewer"), planner)
    assert keys.revoke_own_key(town_session, own(town_session), mine.secret) == mine.prefix
    assert keys.read_key(town_session, mine.secret) is None
    assert keys.read_key(town_session, theirs.secret) is not None


def test_the_admin_of_an_area_neither_makes_nor_revokes_keys_of_others(
    town_session: Session, planner: str
):
    add_person(town_session, "admin-a", role_in(Role.ADMIN, community("A")))
    scope = scope_of(town_session, "admin-a", "users.manage", day=TODAY)
    made = keys.make_key(town_session, OWNER, planner, KeyOrder("mine"))
    with pytest.raises(NotFoundError, match="no key"):
        keys.revoke_key(town_session, scope, made.prefix)
    with pytest.raises(NotFoundError, match="no user"):
        keys.make_key(town_session, scope, planner, KeyOrder("taken over"))
    with pytest.raises(NotFoundError, match="no user"):
        keys.list_keys(town_session, scope, planner)


def test_a_beginning_that_fits_several_keys_revokes_none(town_session: Session, planner: str):
    made = [keys.make_key(town_session, OWNER, planner, KeyOrder("x")) for _ in range(2)]
    with pytest.raises(InvalidInputError, match="2 keys begin"):
        keys.revoke_key(town_session, OWNER, "")
    with pytest.raises(NotFoundError):
        keys.revoke_key(town_session, OWNER, "%")
    assert all(keys.read_key(town_session, one.secret) for one in made)


def test_a_user_has_no_more_keys_than_anybody_needs(
    town_session: Session, planner: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(keys, "MOST_KEYS", 2)
    first, _ = (keys.make_key(town_session, OWNER, planner, KeyOrder("x")) for _ in range(2))
    with pytest.raises(ConflictError, match="2 keys already"):
        keys.make_own_key(town_session, own(town_session), KeyOrder("x"))
    keys.revoke_key(town_session, OWNER, first.id)
    assert keys.make_own_key(town_session, own(town_session), KeyOrder("x"))


def test_a_label_names_nobody(town_session: Session, planner: str):
    with pytest.raises(InvalidInputError, match="a phone number"):
        keys.make_key(town_session, OWNER, planner, KeyOrder("for 13800138000"))
