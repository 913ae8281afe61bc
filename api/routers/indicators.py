"""``/v1/coverage/runs`` and ``/v1/indicators``: measured by the worker, kept, traced to rows."""

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.beginning import begin_job
from api.deps import AppSettings, Grounds, Principal, ReadSession
from api.params import AtDay, CommunityCode
from api.problems import responses
from api.schemas.coverage import Area, Method
from api.schemas.indicators import (
    EvidenceAnswer,
    EvidenceRow,
    IndicatorFacts,
    IndicatorsAnswer,
    PageLink,
    PastValue,
    RunFacts,
    RunRequest,
    RunsAnswer,
)
from api.schemas.jobs import JobAnswer
from gis.jobs.coverage_run import KIND
from gis.layers import coverage_runs
from gis.scope import Action
from gis.services.indicator_reading import (
    EvidenceQuestion,
    IndicatorQuestion,
    read_evidence,
    read_indicators,
)
from gis.services.indicators import RunOrder
from gis.services.telling import telling_of

if TYPE_CHECKING:
    import pandas as pd

router = APIRouter(tags=["coverage"])

_CODE = r"^[a-z0-9_]{1,80}(:[a-z0-9_.]{1,80})?$"
Measure = Annotated[
    Method | None, Query(description="As the last run was measured if it is left out.")
]
Limit = Annotated[int, Query(ge=1, le=5000, description="Rows of a page.")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="Rows before the page.")]


@router.post(
    "/v1/coverage/runs",
    status_code=202,
    responses=responses(400, 403, 409, 413, 422, 502),
    summary="Measure coverage and keep the indicators",
)
def start_coverage_run(
    sent: RunRequest,
    request: Request,
    response: Response,
    scope: Principal,
    settings: AppSettings,
) -> JobAnswer:
    """Begin a job that measures the indicators of a day; the worker does it.

    Its report names the run. The walking network that it was measured on is stored with it.
    """
    scope.require(Action.WRITE)
    order = RunOrder(
        settings.timezone,
        sent.as_of,
        tuple(sent.services),
        tuple(sent.metres),
        tuple(sent.minutes),
        sent.speed,
        sent.method,
    )
    return begin_job(request, response, scope, KIND, order.as_arguments())


@router.get("/v1/coverage/runs", responses=responses(400, 422), summary="The newest runs")
def list_coverage_runs(
    session: ReadSession,
    scope: Principal,
    *,
    limit: Annotated[int, Query(ge=1, le=200, description="Runs of the answer.")] = 20,
) -> RunsAnswer:
    """Return the newest runs of coverage, newest day first."""
    return RunsAnswer(runs=[_run(row) for row in coverage_runs.runs(session, scope, limit=limit)])


@router.get("/v1/indicators", responses=responses(400, 404, 422), summary="Indicators of a day")
def list_indicators(
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    *,
    area_kind: Annotated[Area | None, Query(description="Of all kinds if it is left out.")] = None,
    community: CommunityCode = None,
    indicator: Annotated[
        str | None,
        Query(
            pattern=_CODE,
            description="Code of one indicator.",
            examples=["households_covered:canteen_500_m"],
        ),
    ] = None,
    as_of: AtDay = None,
    method: Measure = None,
    limit: Limit = 1000,
    offset: Offset = 0,
) -> IndicatorsAnswer:
    """Return indicators with target, gap, unit, source, and the values a month and a year before.

    The last run of the day answers, or of the day before it that has one: see `run.as_of`.
    """
    telling = telling_of(scope, settings.suppress_below)
    question = IndicatorQuestion(
        settings.timezone, as_of, area_kind, community, indicator, method, telling.below, telling
    )
    found = read_indicators(session, scope, question)
    page = _page(found.table, limit, offset)
    return IndicatorsAnswer(
        run=_run(found.run),
        total=len(found.table),
        indicators=[_indicator(row) for row in page],
        rounded_to=telling.rounded_to,
        links=_links(request, len(found.table), limit, offset),
    )


@router.get(
    "/v1/indicators/evidence",
    responses=responses(400, 404, 422),
    summary="The rows behind a number",
)
def list_indicator_evidence(
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    *,
    indicator: Annotated[
        str, Query(pattern=_CODE, description="Its code.", examples=["posts_filled"])
    ],
    area_kind: Annotated[Area, Query(description="Of what kind of area.")],
    area_id: Annotated[
        UUID | None, Query(description="Key of the area; not needed for the subdistrict.")
    ] = None,
    as_of: AtDay = None,
    method: Measure = None,
    limit: Limit = 1000,
    offset: Offset = 0,
) -> EvidenceAnswer:
    """Return the buildings, stations, units, posts or grids that a number was worked out from.

    They are measured again by the settings of the run. `current: false` says that the data have
    changed since: then the rows are those of today.
    """
    question = EvidenceQuestion(
        settings.timezone,
        indicator,
        area_kind,
        None if area_id is None else str(area_id),
        as_of,
        method,
        scope.shown_below(settings.suppress_below),
    )
    found = read_evidence(session, scope, grounds, question)
    return EvidenceAnswer(
        run=_run(found.run),
        current=found.current,
        total=len(found.table),
        rows=[_evidence(row) for row in _page(found.table, limit, offset)],
        links=_links(request, len(found.table), limit, offset),
    )


def _run(row: Any) -> RunFacts:  # noqa: ANN401 - a row of coverage_runs
    usual: dict[str, Any] = {
        "network": None,
        "services": [],
        "metres": [],
        "minutes": [],
        "speed": "adult",
    }
    told = usual | row.parameters  # a run of another version may not tell all
    return RunFacts(
        id=row.id,
        as_of=row.as_of,
        made_at=row.made_at,
        method=row.method,
        data_version=row.data_version,
        network_id=row.network_id,
        **{name: told[name] for name in usual},
    )


def _page(table: "pd.DataFrame", limit: int, offset: int) -> list[dict[str, Any]]:
    """Return rows of a table as plain values, what is missing as None."""
    page = table.iloc[offset : offset + limit].astype(object)
    names = [str(name) for name in page]
    plain = page.where(page.notna(), None).itertuples(index=False, name=None)
    return [dict(zip(names, row, strict=True)) for row in plain]


def _indicator(row: dict[str, Any]) -> IndicatorFacts:
    past = {
        name: None
        if row[f"{name}_value"] is None
        else PastValue(
            as_of=row[f"{name}_as_of"],
            value=_rounded(row[f"{name}_value"]),
            change=_rounded(row[f"{name}_change"]),
        )
        for name in ("month", "year")
    }
    numbers = {name: _rounded(row[name]) for name in ("value", "gap")}
    named = {k: v for k, v in row.items() if k in IndicatorFacts.model_fields}
    return IndicatorFacts(**{**named, **numbers, **past})


def _evidence(row: dict[str, Any]) -> EvidenceRow:
    return EvidenceRow(
        **{
            **row,
            "distance_m": _rounded(row["distance_m"], 2),
            "walk_minutes": _rounded(row["walk_minutes"], 1),
        }
    )


def _rounded(value: float | None, digits: int = 6) -> Any:  # noqa: ANN401 - the value or None
    return None if value is None else round(value, digits)


def _links(request: Request, total: int, limit: int, offset: int) -> list[PageLink]:
    asked = dict(request.query_params)
    links = [PageLink(rel="self", href=_href(request, asked))]
    if offset + limit < total:
        more = {**asked, "limit": str(limit), "offset": str(offset + limit)}
        links.append(PageLink(rel="next", href=_href(request, more)))
    return links


def _href(request: Request, query: dict[str, str]) -> str:
    return request.url.path + (f"?{urlencode(query)}" if query else "")
