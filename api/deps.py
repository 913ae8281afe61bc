"""What endpoints depend on: settings, sessions, the principal, and known parameters only."""

from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from sqlalchemy.orm import Session, sessionmaker

from api.problems import UnknownParameterError
from api.security.gate import get_scope
from gis.database.engine import transaction
from gis.scope import Action, Scope
from gis.services.door import DOOR
from gis.services.walking import WalkingGrounds
from gis.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.dependencies.models import Dependant


def get_app_settings(request: Request) -> Settings:
    """Return the settings that the application was made with."""
    return cast("Settings", request.app.state.settings)


def get_walking_grounds(request: Request) -> WalkingGrounds:
    """Return the walking networks that this process keeps in memory."""
    return cast("WalkingGrounds", request.app.state.walking_grounds)


def get_session(
    request: Request, scope: Annotated[Scope, Depends(get_scope)]
) -> Generator[Session]:
    """Yield a session and commit it before the answer leaves: a failed commit is never a 201.

    Use it as ``Depends(get_session, scope="function")``; without the scope the commit would come
    after the answer.
    """
    with _transaction(request, scope) as session:
        yield session


def get_read_session(
    request: Request, scope: Annotated[Scope, Depends(get_scope)]
) -> Generator[Session]:
    """Yield a session whose transaction cannot write."""
    with _transaction(request, scope) as session:
        session.connection(execution_options={"postgresql_readonly": True})
        yield session


def get_accounts_session(
    request: Request, scope: Annotated[Scope, Depends(get_scope)]
) -> Generator[Session]:
    """Yield a session that sees accounts of every area, for services that say whose one manages.

    PostgreSQL shows an account to itself and to those who are allowed everywhere; an admin of an
    area is neither. It is committed as that of :func:`get_session`.
    """
    scope.require(Action.READ)
    with transaction(request.app.state.sessions, DOOR) as session:
        yield session


def _transaction(request: Request, scope: Scope) -> AbstractContextManager[Session]:
    """Return a transaction of whoever asks: nobody who is refused takes a connection."""
    scope.require(Action.READ)
    sessions: sessionmaker[Session] = request.app.state.sessions
    return transaction(sessions, scope)


AppSettings = Annotated[Settings, Depends(get_app_settings)]
Grounds = Annotated[WalkingGrounds, Depends(get_walking_grounds)]
Principal = Annotated[Scope, Depends(get_scope)]
WriteSession = Annotated[Session, Depends(get_session, scope="function")]
ReadSession = Annotated[Session, Depends(get_read_session, scope="function")]
AccountsSession = Annotated[Session, Depends(get_accounts_session, scope="function")]


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse a query parameter that the operation lacks, and one that is given twice.

    A misspelt filter would otherwise be a filter that silently does nothing.

    Raises
    ------
    api.problems.UnknownParameterError
        There is one.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = sorted(set(_query_names(route.dependant)))
    given = [name for name, _ in request.query_params.multi_items()]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UnknownParameterError(
            f"There is no parameter {unknown[0]!r} here.",
            remedy=f"Use {', '.join(known)}." if known else "This operation takes no parameters.",
            field=unknown[0],
        )
    twice = next((name for name in given if given.count(name) > 1), None)
    if twice is not None:
        raise UnknownParameterError(
            f"The parameter {twice!r} is given twice.", remedy="Give it once.", field=twice
        )


def _query_names(dependant: "Dependant") -> "Iterator[str]":
    for field in dependant.query_params:
        yield field.alias
    for below in dependant.dependencies:
        yield from _query_names(below)
