"""Write down in the audit log that somebody asked for what they may not do."""

from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from api.security.declared import DECLARED, OPEN
from gis.database.engine import transaction
from gis.errors import WanggeError
from gis.logs import get_logger
from gis.services.audit_trail import note_refused

if TYPE_CHECKING:
    from fastapi import Request

log = get_logger(__name__)


def note_refusal(request: "Request", error: Exception) -> None:
    """Write a refusal down, in a transaction of its own: that of the request was rolled back.

    What was asked for is told by the operation and the path's values, never by what was sent. Of an
    open operation, such as signing in, the service has written down what came of it.

    A store that does not answer is no reason to answer otherwise: the log has it then.
    """
    route = request.scope.get("route")
    asker = getattr(request.state, "asker", None)
    operation = getattr(route, "name", "")
    if asker is None or DECLARED.get(operation, OPEN) is OPEN:
        return
    facts = {"why": type(error).__name__, **_told(error), "of": dict(request.path_params)}
    try:
        with transaction(request.app.state.sessions) as session:
            note_refused(session, asker, operation, facts)
    except (WanggeError, SQLAlchemyError):
        log.exception("refusal_not_noted", operation=operation)


def note_unseen(request: "Request", error: Exception) -> None:
    """Write down that somebody who is bound to an area asked for what is not there for them.

    It may be another area's, or nothing at all: whoever reads the log sees whether it was one slip
    or many tries.
    """
    asker = getattr(request.state, "asker", None)
    if asker is not None and asker.actions and not asker.is_everywhere:
        note_refusal(request, error)


def _told(error: Exception) -> dict[str, object]:
    if isinstance(error, WanggeError) and "reason" in error.context:
        return {"reason": error.context["reason"]}
    return {}
