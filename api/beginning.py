"""Long work that is asked for over HTTP: on the record first, then before the worker."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from api.routers.jobs import answers
from gis.database.engine import transaction
from gis.errors import ConflictError
from gis.jobs.coverage_run import queue_run
from gis.jobs.queue import hand_over
from gis.layers import jobs

if TYPE_CHECKING:
    from fastapi import BackgroundTasks, Request, Response

    from api.schemas.jobs import JobAnswer
    from gis.scope import Scope

#: Jobs of one account that wait or run at once.
MOST_JOBS = 20


def coverage_is_due(request: "Request", after: "BackgroundTasks", scope: "Scope") -> None:
    """Queue a run of coverage once the answer, and with it the change, is stored.

    Parameters
    ----------
    request
        The change.
    after
        What is done after the answer.
    scope
        Who asks.
    """
    state = request.app.state
    url = state.engine.url.render_as_string(hide_password=False)
    after.add_task(queue_run, state.sessions, scope, state.settings.timezone, url=url)


def begin_job(
    request: "Request", response: "Response", scope: "Scope", kind: str, asked: Mapping[str, Any]
) -> "JobAnswer":
    """Write a job down, hand it to the worker, and return it with its place as the Location.

    Parameters
    ----------
    request, response
        What was asked, and the answer.
    scope
        Who asks.
    kind, asked
        What is to be done, and its arguments as JSON can hold them.

    Raises
    ------
    gis.errors.ConflictError
        So many of theirs wait that one more would only keep others from theirs.
    """
    sessions = request.app.state.sessions
    with transaction(sessions, scope) as session:
        if not scope.is_owner and jobs.waiting(session, scope) >= MOST_JOBS:
            raise ConflictError(
                f"{MOST_JOBS} jobs of yours wait or run already.",
                remedy="Wait until one has ended, or cancel one.",
            )
        job_id = jobs.add(session, scope, kind, asked)
    # The job is on the record before the worker can hear of it.
    hand_over(request.app.state.engine.url.render_as_string(hide_password=False), job_id)
    with transaction(sessions, scope) as session:
        (told,) = answers(session, scope, [jobs.one(session, scope, job_id)])
    response.headers["Location"] = f"/v1/jobs/{job_id}"
    return told
