"""``/v1/auth``: tokens, who asks, the own password and sessions."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Request

from api.deps import Principal, WriteSession
from api.problems import responses
from api.schemas.accounts import Me, NewPassword, SessionsEnded, TokenAnswer, TokenRequest
from api.security.browser import csrf_token
from api.security.gate import Gate, forgetting
from api.security.network import limited_as
from gis.access import Permission
from gis.database.engine import transaction
from gis.errors import CredentialsError, InvalidInputError
from gis.services import accounts, signing_in
from gis.services.keys import exchange_key
from gis.services.locating import local_day

if TYPE_CHECKING:
    from api.security.identity import Caller

router = APIRouter(prefix="/v1/auth", tags=["accounts"])
#: Passwords that are hashed at once: each takes 64 MiB and a core for a while.
_HASHING = 2
_hashing: "dict[str, CapacityLimiter]" = {}


@router.post("/token", responses=responses(400, 401, 422), summary="A token for an hour's quarter")
async def create_token(request: Request, sent: TokenRequest) -> TokenAnswer:
    """Return a token for a login and its password, or for a key.

    It ends after 15 minutes. With `permissions` it may do less than its user.
    """
    gate = Gate.of(request)
    gate.limits.try_to_sign_in(limited_as(gate.address(request)))
    user_id, limited = await to_thread.run_sync(_known, request, sent, limiter=hashing())
    if sent.permissions is not None:
        asked = frozenset(sent.permissions)
        limited = asked if limited is None else asked & limited
    token, seconds = await to_thread.run_sync(gate.tokens.issue, user_id, limited)
    return TokenAnswer(access_token=token, expires_in=seconds)


@router.get("/me", responses=responses(400), summary="Who asks")
async def get_me(request: Request) -> Me:
    """Return who asks and what they may do today."""
    gate, caller = Gate.of(request), cast("Caller", request.state.caller)
    day = local_day(datetime.now(UTC), gate.settings.timezone)
    token = gate.cookie.read(request) if caller.by == "session" else None
    principal = caller.principal
    return Me(
        login=None if caller.by is None else principal.name,
        by=caller.by,
        roles=sorted({held.grant.role for held in principal.held if held.grant.holds_on(day)}),
        permissions=caller.permissions(day),
        csrf_token=None if token is None else csrf_token(token),
    )


@router.delete(
    "/sessions",
    responses=responses(400, 403),
    dependencies=[Depends(forgetting, scope="function")],
    summary="Sign out everywhere",
)
def end_sessions(session: WriteSession, scope: Principal) -> SessionsEnded:
    """End every session of whoever asks, this one too; tokens end by themselves."""
    own = accounts.own_account(session, scope)
    return SessionsEnded(ended=signing_in.close_all(session, scope, own.id))


@router.put(
    "/password",
    status_code=204,
    responses=responses(400, 403, 422),
    dependencies=[Depends(forgetting, scope="function")],
    summary="Change the own password",
)
def change_own_password(
    request: Request, sent: NewPassword, session: WriteSession, scope: Principal
) -> None:
    """Take another password; the other sessions end."""
    gate, caller = Gate.of(request), cast("Caller", request.state.caller)
    gate.limits.try_to_sign_in(limited_as(gate.address(request)))
    # A transaction of its own: a wrong password is counted, though the change is rolled back.
    with transaction(request.app.state.sessions) as proving:
        tried = signing_in.prove_password(proving, scope, sent.old.get_secret_value())
    try:
        tried.required()
    except CredentialsError as error:  # who asks is known: this is a field that is wrong
        raise InvalidInputError(
            "The old password is not right, or there were too many tries.",
            remedy=error.remedy,
            field="old",
        ) from None
    accounts.change_own_password(
        session, scope, sent.new.get_secret_value(), session_id=caller.session_id
    )


def hashing() -> CapacityLimiter:
    """Return what keeps passwords from being hashed all at once, on the threads of their own."""
    return _hashing.setdefault("limiter", CapacityLimiter(_HASHING))


def _known(request: Request, sent: TokenRequest) -> tuple[str, frozenset[Permission] | None]:
    """Return whose a login and password or a key are, and what the key is limited to."""
    gate = Gate.of(request)
    if sent.api_key is not None:
        with transaction(request.app.state.sessions) as session:
            holder = exchange_key(
                session,
                sent.api_key.get_secret_value(),
                gate.address(request),
                request_id=request.state.request_id,
            )
        if holder is None:
            raise CredentialsError("The key does not hold.", remedy="Make another.")
        return holder.user_id, holder.limited_to
    assert sent.login is not None
    assert sent.password is not None
    with transaction(request.app.state.sessions) as session:
        tried = signing_in.sign_in(
            session,
            sent.login,
            sent.password.get_secret_value(),
            gate.address(request),
            request_id=request.state.request_id,
        )
    return tried.required(), None  # after the commit: a wrong password is counted
