"""Rows of a layer as GeoJSON; geometries are passed on as the database wrote them."""

import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row
    from starlette.requests import Request

    from api.params import Paging
    from gis.layers.queries import Page
    from gis.services.withholding import Withheld

_PLACES = {"distance_m": 2, "floor_area_m2": 2, "compactness": 4}


class GeoJSONResponse(JSONResponse):
    """An answer of ``application/geo+json``, given as the text that it is."""

    media_type = "application/geo+json"

    def render(self, content: str) -> bytes:
        """Return the bytes of a text; nothing is encoded again."""
        return content.encode("utf-8")


def feature(
    row: "Row[Any]",
    *,
    withheld: "Withheld | None" = None,
    more: "Mapping[str, Any] | None" = None,
) -> str:
    """Return a row as a Feature, with small counts of people taken out.

    Parameters
    ----------
    row
        Columns ``id`` and ``geometry`` (GeoJSON text), and the properties.
    withheld
        Which counts of people are ``null``; ``suppressed`` names them. Rows that count people are
        not shown without it.
    more
        Properties beside those of the row.
    """
    facts = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name of a row's mapping
    row_id, geometry = facts.pop("id"), facts.pop("geometry")
    facts |= facts.pop("counts", {})
    return feature_of(row_id, geometry, facts, withheld=withheld, more=more)


def feature_of(
    row_id: str,
    geometry: str,
    facts: dict[str, Any],
    *,
    withheld: "Withheld | None" = None,
    more: "Mapping[str, Any] | None" = None,
) -> str:
    """Return a Feature of a key, a geometry as GeoJSON text and its properties."""
    properties = {**_properties(row_id, facts, withheld), **(more or {})}
    text = json.dumps(properties, ensure_ascii=False, default=_plain, separators=(",", ":"))
    return f'{{"type":"Feature","id":"{row_id}","geometry":{geometry},"properties":{text}}}'


def collection(
    request: "Request",
    page: "Page",
    paging: "Paging",
    asked: "Mapping[str, Any]",
    withheld: "Withheld | None" = None,
) -> GeoJSONResponse:
    """Return a page of rows as a FeatureCollection with the link to the next.

    Parameters
    ----------
    request
        What was asked.
    page
        Its rows.
    paging
        Which page it is.
    asked
        The filters as they were understood, defaults included: the next page asks the same.
    withheld
        See :func:`feature`.
    """
    features = [feature(row, withheld=withheld) for row in page.rows]
    return collection_of(request, features, page.next_after, paging, asked)


def collection_of(
    request: "Request",
    features: "Sequence[str]",
    next_after: str | None,
    paging: "Paging",
    asked: "Mapping[str, Any]",
    **members: object,
) -> GeoJSONResponse:
    """Return features of a page as a FeatureCollection with the link to the next.

    Parameters
    ----------
    request, paging, asked
        As for :func:`collection`.
    features
        Texts of the features.
    next_after
        Key after which the next page begins, if there is one.
    members
        Further members of the collection.
    """
    links = [_link(request, "self", dict(request.query_params))]
    if next_after is not None:
        again = {
            **request.query_params,
            **{name: _plain(value) for name, value in asked.items() if value is not None},
            "limit": str(paging.limit),
            "cursor": paging.next_cursor(next_after, asked),
        }
        links.append(_link(request, "next", again))
    more = "".join(
        f"{json.dumps(name)}:{json.dumps(value, ensure_ascii=False, default=_plain)},"
        for name, value in members.items()
    )
    return GeoJSONResponse(
        f'{{"type":"FeatureCollection","numberReturned":{len(features)},{more}'
        f'"links":{json.dumps(links)},"features":[{",".join(features)}]}}'
    )


def _properties(row_id: str, facts: dict[str, Any], withheld: "Withheld | None") -> dict[str, Any]:
    for name, digits in _PLACES.items():
        if facts.get(name) is not None:
            facts[name] = round(facts[name], digits)
    if "residents" not in facts:
        return facts
    if withheld is None:
        msg = "Rows that count people are shown by what is withheld of them."
        raise TypeError(msg)
    hidden = withheld.names(row_id, facts)
    return {**facts, **dict.fromkeys(hidden), "suppressed": hidden}


def _link(request: "Request", rel: str, query: "Mapping[str, str]") -> dict[str, str]:
    href = request.url.path + (f"?{urlencode(query)}" if query else "")
    return {"rel": rel, "href": href, "type": GeoJSONResponse.media_type}


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
