"""``/v1/users``, ``/keys``, ``/roles`` and ``/audit-log``: who may do what, and who did."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from api.deps import AccountsSession, Principal, ReadSession, WriteSession
from api.params import Moment
from api.problems import responses
from api.schemas.accounts import (
    AuditEntryAnswer,
    AuditLogAnswer,
    GivenPassword,
    GrantAnswer,
    KeyAnswer,
    KeysAnswer,
    MadeKeyAnswer,
    NewGrant,
    NewKey,
    NewUser,
    Outcome,
    PermissionAnswer,
    RoleAnswer,
    RolesAnswer,
    UserAnswer,
    UsersAnswer,
)
from api.security.gate import forgetting
from gis.access import MATRIX, Area, Grant, Permission, Role, sees_in_full
from gis.layers.audit import Wanted
from gis.services import accounts, keys
from gis.services.audit_trail import read_trail

router = APIRouter(prefix="/v1", tags=["accounts"])

UserId = Annotated[UUID, Path(description="Key of the account.")]
_Word = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]+$")]
_CHANGES = [Depends(forgetting, scope="function")]


@router.get("/users", responses=responses(400, 403), summary="The accounts that one may manage")
def list_users(session: AccountsSession, scope: Principal) -> UsersAnswer:
    """Return the accounts whose grants lie in the own area, by login."""
    found = accounts.list_users(session, scope)
    return UsersAnswer(users=[UserAnswer.of(one) for one in found])


@router.post(
    "/users",
    status_code=201,
    responses=responses(400, 403, 409, 422),
    dependencies=_CHANGES,
    summary="Open an account",
)
def create_user(
    sent: NewUser, response: Response, session: AccountsSession, scope: Principal
) -> UserAnswer:
    """Open an account; it may do nothing until it is granted a role."""
    password = None if sent.password is None else sent.password.get_secret_value()
    user_id = accounts.add_user(
        session, scope, sent.login, password=password, language=sent.language
    )
    response.headers["Location"] = f"/v1/users/{user_id}"
    return UserAnswer.of(accounts.one_user(session, scope, user_id))


@router.get("/users/{user_id}", responses=responses(400, 403, 404, 422), summary="One account")
def get_user(user_id: UserId, session: AccountsSession, scope: Principal) -> UserAnswer:
    """Return an account with what it was granted."""
    return UserAnswer.of(accounts.one_user(session, scope, str(user_id)))


@router.put(
    "/users/{user_id}/password",
    status_code=204,
    responses=responses(400, 403, 404, 422),
    dependencies=_CHANGES,
    summary="Give an account another password",
)
def set_user_password(
    user_id: UserId, sent: GivenPassword, session: AccountsSession, scope: Principal
) -> None:
    """Give an account another password; its sessions end and its lock is lifted."""
    accounts.set_password(session, scope, str(user_id), sent.password.get_secret_value())


@router.post(
    "/users/{user_id}/disable",
    responses=responses(400, 403, 404, 422),
    dependencies=_CHANGES,
    summary="Close an account",
)
def disable_user(user_id: UserId, session: AccountsSession, scope: Principal) -> UserAnswer:
    """Close an account: its sessions end, its keys and tokens stop."""
    accounts.disable(session, scope, str(user_id))
    return UserAnswer.of(accounts.one_user(session, scope, str(user_id)))


@router.post(
    "/users/{user_id}/enable",
    responses=responses(400, 403, 404, 422),
    dependencies=_CHANGES,
    summary="Open an account again",
)
def enable_user(user_id: UserId, session: AccountsSession, scope: Principal) -> UserAnswer:
    """Open a closed account again, and lift its lock."""
    accounts.enable(session, scope, str(user_id))
    return UserAnswer.of(accounts.one_user(session, scope, str(user_id)))


@router.post(
    "/users/{user_id}/grants",
    status_code=201,
    responses=responses(400, 403, 404, 422),
    dependencies=_CHANGES,
    summary="Grant a role in an area",
)
def create_grant(
    user_id: UserId, sent: NewGrant, session: AccountsSession, scope: Principal
) -> GrantAnswer:
    """Grant an account a role in an area that lies in the own one."""
    asked = Grant(
        sent.role,
        Area(sent.area_kind, sent.area_code),
        sent.from_day,
        sent.to_day,
        sent.organisation,
    )
    key = accounts.grant(session, scope, str(user_id), asked)
    account = accounts.one_user(session, scope, str(user_id))
    return GrantAnswer.of(next(one for one in account.grants if one.id == key))


@router.delete(
    "/users/{user_id}/grants/{grant_id}",
    status_code=204,
    responses=responses(400, 403, 404, 422),
    dependencies=_CHANGES,
    summary="Take a role back",
)
def revoke_grant(
    user_id: UserId,
    grant_id: Annotated[UUID, Path(description="Key of the grant.")],
    session: AccountsSession,
    scope: Principal,
) -> None:
    """Take a grant back at once; it stays on record."""
    accounts.revoke(session, scope, str(user_id), str(grant_id))


@router.get("/keys", responses=responses(400, 403), summary="The own keys")
def list_keys(session: ReadSession, scope: Principal) -> KeysAnswer:
    """Return the keys of whoever asks, newest first, without their secrets."""
    return KeysAnswer(keys=[KeyAnswer.of(row) for row in keys.list_own_keys(session, scope)])


@router.post(
    "/keys", status_code=201, responses=responses(400, 403, 422), summary="Make a key for oneself"
)
def create_key(sent: NewKey, session: WriteSession, scope: Principal) -> MadeKeyAnswer:
    """Make a key by which a program acts for whoever asks; its secret is shown this once."""
    permissions = None if sent.permissions is None else frozenset(sent.permissions)
    made = keys.make_own_key(session, scope, keys.KeyOrder(sent.label, permissions, sent.days))
    return MadeKeyAnswer(
        id=UUID(made.id), prefix=made.prefix, secret=made.secret, expires_at=made.expires_at
    )


@router.delete(
    "/keys/{key_id}",
    status_code=204,
    responses=responses(400, 403, 404, 422),
    dependencies=_CHANGES,
    summary="Take an own key back",
)
def revoke_key(
    key_id: Annotated[UUID, Path(description="Key of the key.")],
    session: WriteSession,
    scope: Principal,
) -> None:
    """Take a key of one's own back; it stops at once."""
    keys.revoke_own_key(session, scope, str(key_id))


@router.get("/roles", responses=responses(400), summary="The roles, and what each may do")
async def list_roles() -> RolesAnswer:
    """Return the matrix of roles and permissions."""
    return RolesAnswer(
        roles=[
            RoleAnswer(
                role=role,
                full_counts=sees_in_full(role, Permission.GROUND_READ),
                full_building_counts=sees_in_full(role, Permission.BUILDINGS_READ),
                permissions=[one for one in Permission if one in MATRIX[role]],
            )
            for role in Role
        ],
        permissions=[PermissionAnswer(code=one, meaning=one.meaning) for one in Permission],
    )


@router.get("/audit-log", responses=responses(400, 403, 422), summary="Who did or tried what")
def list_audit_log(
    session: ReadSession,
    scope: Principal,
    *,
    since: Annotated[Moment | None, Query(description="From then on, with a time zone.")] = None,
    until: Annotated[Moment | None, Query(description="Before then.")] = None,
    who: Annotated[_Word, Query(description="Login.")] = None,
    action: Annotated[_Word, Query(description="What was done.")] = None,
    layer: Annotated[_Word, Query(description="To what.")] = None,
    row_id: Annotated[_Word, Query(description="To which.")] = None,
    outcome: Annotated[Outcome | None, Query(description="What came of it.")] = None,
    before: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="Entries older than this one.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Entries of the answer.")] = 100,
) -> AuditLogAnswer:
    """Return entries of the audit log, newest first."""
    wanted = Wanted(since, until, who, action, layer, row_id, outcome, before)
    rows = read_trail(session, scope, wanted, limit=limit)
    return AuditLogAnswer(
        entries=[AuditEntryAnswer.of(row) for row in rows],
        next_before=rows[-1].id if len(rows) == limit else None,
    )
