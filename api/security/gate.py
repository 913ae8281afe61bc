"""The one dependency of every operation: who asks, may they, from where, and how often."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.security.browser import (
    CSRF_HEADER,
    SAFE,
    SessionCookie,
    refuse_forged,
    refuse_other_sites,
)
from api.security.credentials import Credential, NotSignedInError, read_credential
from api.security.declared import BY_FORM, DECLARED, EXPORTED, KNOWN, OPEN
from api.security.identity import OWNER, VISITOR, Caller, Identities, common_ground, of_request
from api.security.limits import POINTS, WRONG, Limits
from api.security.network import (
    Networks,
    client_address,
    has_passed_a_proxy,
    is_loopback,
    limited_as,
    networks,
)
from api.security.tokens import Tokens
from gis.access import Permission
from gis.errors import CredentialsError, ForbiddenError
from gis.scope import Scope
from gis.services.locating import local_day

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from sqlalchemy.orm import Session, sessionmaker

    from gis.settings import Settings


class Gate:
    """What an application needs to know who asks; one of each application."""

    def __init__(self, settings: "Settings", sessions: "sessionmaker[Session]") -> None:
        """Prepare it; the store is asked when the first request comes."""
        self.settings = settings
        self.tokens = Tokens.of(settings)
        self.identities = Identities(sessions, settings, self.tokens)
        self.limits = Limits.of(settings)
        self.cookie = SessionCookie(settings.https)
        self.trusted: Networks = networks(settings.trusted_proxies)
        #: Whoever reaches it sits at this machine, unless a proxy stands between.
        self.is_at_home = is_loopback(settings.host) and not settings.allow_non_loopback

    @classmethod
    def of(cls, request: Request) -> "Gate":
        """Return that of the application that answers a request."""
        return cast("Gate", request.app.state.gate)

    def address(self, request: Request) -> str:
        """Return where a request comes from."""
        return client_address(request, self.trusted)

    async def caller(self, request: Request) -> Caller:
        """Return who asks.

        Raises
        ------
        gis.errors.CredentialsError
            Nobody who is known, and it must be somebody.
        """
        credential = read_credential(request, self.cookie)
        if credential is not None:
            try:
                caller = await self._of(request, credential)
            except CredentialsError:
                if credential.kind != "session":
                    raise
            else:
                if credential.kind == "session":
                    _refuse_forged(request, credential.secret)
                return caller
        return await self._without_credential(request)

    async def visitor(self, session_token: str) -> Caller | None:
        """Return whose session a token of the pages is; ``None``: of none that stands."""
        credential = Credential("session", session_token)
        try:
            kept = self.identities.kept(credential)
            return kept or await run_in_threadpool(self.identities.look_up, credential)
        except CredentialsError:
            return None

    async def has_admin(self) -> bool:
        """Return whether there is an admin, so that everybody is asked who they are."""
        kept = self.identities.has_admin_kept()
        return await run_in_threadpool(self.identities.has_admin) if kept is None else kept

    async def _of(self, request: Request, credential: "Credential") -> Caller:
        """Return whose a credential is; whoever tries many wrong ones is kept from the store."""
        kept = self.identities.kept(credential)
        if kept is not None:
            return kept
        address = limited_as(self.address(request))
        self.limits.refuse_spent(address)
        try:
            return await run_in_threadpool(self.identities.look_up, credential)
        except CredentialsError:
            self.limits.charge(address, WRONG)
            raise

    async def _without_credential(self, request: Request) -> Caller:
        """Return who asks without a credential, or with that of a session that has ended."""
        if await self.has_admin():
            raise NotSignedInError(
                "You are not signed in.",
                remedy="Sign in at /login, or send Authorization: Bearer TOKEN (/v1/auth/token).",
            )
        if request.method not in SAFE:
            refuse_other_sites(request.headers)
        at_home = self.is_at_home and not has_passed_a_proxy(request.headers)
        return OWNER if at_home else VISITOR


async def get_scope(request: Request) -> Scope:
    """Return what a request may touch: of who asks, for what its operation asks for.

    Raises
    ------
    gis.errors.CredentialsError
        Nobody who is known asks.
    gis.errors.ForbiddenError
        Who asks may not do this anywhere, or a page of another site asks.
    api.security.limits.TooManyRequestsError
        Who asks does so too often.
    """
    gate = Gate.of(request)
    operation = request.scope["route"].name
    asked = DECLARED[operation]
    address, request_id = gate.address(request), request.state.request_id
    points = POINTS.get(operation, 1)
    if asked is OPEN:
        request.state.asker = Scope("anonymous", request_id=request_id, address=address)
        gate.limits.charge(limited_as(address), points)
        return cast("Scope", request.state.asker)
    request.state.asker = Scope("unknown", request_id=request_id, address=address)
    caller = await gate.caller(request)
    request.state.caller = caller
    nothing = Scope(caller.principal.name, request_id=request_id, address=address)
    request.state.asker = nothing
    if not caller.is_owner:
        gate.limits.charge(caller.user_id or limited_as(address), points)
    if asked is KNOWN:
        return nothing
    day = local_day(datetime.now(UTC), gate.settings.timezone)
    scope = of_request(caller.scope_for(asked, day), request_id, address)
    request.state.asker = scope
    return scope


def for_layers(request: Request, scope: Scope, layers: "Iterable[str]") -> Scope:
    """Return what an export may hold: ground on which all of its layers may be read as well.

    Raises
    ------
    gis.errors.ForbiddenError
        One of them may be read nowhere.
    """
    caller = cast("Caller", request.state.caller)
    day = local_day(datetime.now(UTC), Gate.of(request).settings.timezone)
    for permission in sorted({EXPORTED[one] for one in layers if one in EXPORTED}):
        scope = common_ground(scope, caller.scope_for(permission, day))
    return scope


def sees_in_full(request: Request, permission: Permission) -> bool:
    """Return whether who asks is shown small counts of what a permission opens."""
    caller = cast("Caller", request.state.caller)
    day = local_day(datetime.now(UTC), Gate.of(request).settings.timezone)
    try:
        scope = caller.scope_for(permission, day)
    except ForbiddenError:
        return False
    return scope.is_owner or scope.full_counts


def charge(request: Request, points: int) -> None:
    """Take the further points of a batch, once its size is known.

    Raises
    ------
    api.security.limits.TooManyRequestsError
        There are not so many left.
    """
    caller = cast("Caller", request.state.caller)
    if not caller.is_owner and points > 0:
        gate = Gate.of(request)
        gate.limits.charge(caller.user_id or limited_as(gate.address(request)), points)


def _refuse_forged(request: Request, session_token: str) -> None:
    """Refuse a change that a page of another site made a browser ask for.

    A form carries its token in the body, which its operation reads.
    """
    if request.method in SAFE:
        return
    refuse_other_sites(request.headers)
    if request.scope["route"].name not in BY_FORM:
        refuse_forged(session_token, request.headers.get(CSRF_HEADER))


def forgetting(request: Request) -> "Generator[None]":
    """Forget who is who after a change of accounts.

    A dependency of the route itself: it is entered before the session, so it ends after the
    commit. ``Depends(forgetting, scope="function")``.
    """
    yield
    Gate.of(request).identities.forget()
