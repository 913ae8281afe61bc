"""The same shares under other assumptions, and beside services that come to the household."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.coverage.delivery import (
    DeliveryOptions,
    delivering_at,
    delivery_verdicts,
    together,
    together_shares,
    travelling,
)
from gis.coverage.scenarios import Scenario, in_service_on
from gis.coverage.sensitivity import sensitivity
from gis.coverage.shares import PEOPLE
from gis.frames import small_counts
from gis.services.coverage_asked import HoursBook
from gis.services.coverage_by_walking import Coverage
from gis.services.coverage_evidence import plain
from gis.services.coverage_rooms import named
from gis.services.coverage_shares import OPEN_COUNTS, people_apart
from gis.services.coverage_weeks import chosen_buildings
from gis.services.walking import WalkingGround

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.scope import Scope


def variants(coverage: Coverage, community: str | None, below: int) -> list[dict[str, Any]]:
    """Return the shares within each threshold at ±20 % speed and ±100 m, small ones withheld.

    Raises
    ------
    gis.errors.NotFoundError
        There is no community with the code.
    """
    chosen = chosen_buildings(coverage.places, community)
    buildings = coverage.places.buildings[chosen]
    table = sensitivity(buildings, coverage.verdicts[chosen], coverage.question.options)
    apart = people_apart(coverage, buildings, below)
    for name in PEOPLE:
        total = int(buildings[name].sum())
        share = table[f"{name}_share"]
        if name not in OPEN_COUNTS and total:
            counts = np.round(share.fillna(0).to_numpy(dtype=float) * total).astype(np.int64)
            gone = ~np.isin(counts, apart[name]) | (0 < total < below)
            table[f"{name}_share"] = share.mask(gone)
            table[f"{name}_change"] = table[f"{name}_change"].mask(gone | _first_gone(table, gone))
    return [_variant(row) for row in table.to_dict("records")]


def _first_gone(table: "pd.DataFrame", gone: "np.ndarray[Any, np.dtype[np.bool_]]") -> Any:  # noqa: ANN401 - booleans
    """Return of which rows the share as asked is withheld: a change would give it away."""
    asked = table["variant"] == "as_asked"
    keys = table["unit"] + table["threshold"].astype(str)
    return keys.isin(keys[asked & gone]).to_numpy()


def _variant(row: dict[Any, Any]) -> dict[str, Any]:
    def rounded(kind: str) -> dict[str, float | None]:
        return {name: _short(row[f"{name}_{kind}"]) for name in PEOPLE}

    facts = {name: row[name] for name in ("threshold", "unit", "variant", "limit_m")}
    return facts | {"share": rounded("share"), "change": rounded("change")}


def _short(value: Any) -> float | None:  # noqa: ANN401 - a number or NA
    found = plain(value)
    return None if found is None else round(float(found), 4)


@dataclass(frozen=True, eq=False)
class Delivered:
    """Who can walk to a service and to whom it comes.

    Parameters
    ----------
    delivering
        Stations whose delivery is on.
    verdicts
        Of the delivery, per building: ``station_id``, ``distance_m``, ``minutes``, ``means``,
        ``reason``, ``delivered``.
    served
        Per building: both, walking, delivery or none.
    shares
        By way: ``served``, ``counts``, ``share`` and ``suppressed``.
    """

    delivering: int
    verdicts: "pd.DataFrame"
    served: "pd.Series[str]"
    shares: Sequence[dict[str, Any]]


def deliveries(
    session: "Session",
    scope: "Scope",
    coverage: Coverage,
    limit_min: float,
    below: int,
    *,
    reach_m: float = 3000.0,
) -> Delivered:
    """Return who can walk to a service within minutes, and to whom it comes.

    For a day, whatever the hours, every station in service that day delivers.

    Raises
    ------
    gis.errors.InvalidInputError
        No service is named, or hours of a station cannot be read.
    """
    question, places = coverage.question, coverage.places
    assert isinstance(places, WalkingGround)
    service = named(question)
    offers, stations = places.station_services, places.stations
    if question.at is None:
        own = set(travelling(offers, service)["station_id"])
        on = stations["id"].isin(own) & in_service_on(stations, question.day)
    else:
        book = HoursBook.read(session, scope, question.timezone)
        scenario = Scenario(service, question.at)
        on = delivering_at(stations, offers, scenario, book.context(service))
    verdicts = delivery_verdicts(places.walked, offers, service, on, DeliveryOptions(reach_m))
    walking = coverage.verdicts["minutes"] <= limit_min
    served = together(walking, verdicts["delivered"])
    shares = _ways(together_shares(places.buildings, served), below)
    return Delivered(int(on.sum()), verdicts, served, shares)


def _ways(table: "pd.DataFrame", below: int) -> list[dict[str, Any]]:
    gone = {
        name: np.zeros(len(table), dtype=bool)
        if name in OPEN_COUNTS
        else small_counts.withheld(table[name].to_numpy(np.int64), below)
        for name in PEOPLE
    }
    out = []
    for at, (served, row) in enumerate(table.iterrows()):
        hidden = [name for name in PEOPLE if gone[name][at]]
        out.append(
            {
                "served": served,
                "counts": {n: None if n in hidden else int(row[n]) for n in PEOPLE},
                "share": {n: None if n in hidden else _short(row[f"{n}_share"]) for n in PEOPLE},
                "suppressed": hidden,
            }
        )
    return out
