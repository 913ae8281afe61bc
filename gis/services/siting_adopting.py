"""Chosen sites become planned stations: coverage as of a day to come then shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from gis import frames
from gis.errors import ConflictError, InvalidInputError
from gis.frames import stable_ids
from gis.frames.stations import STATION_TIERS
from gis.hours import parse_hours
from gis.i18n import code_label
from gis.layers import audit, stations
from gis.layers.communities import Community
from gis.layers.queries import among, insert_layer, read_layer, table_of
from gis.layers.stations import Station
from gis.scope import Action
from gis.services.locating import local_day
from gis.services.opening import expand_open_intervals

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.i18n import Language
    from gis.scope import Scope


@dataclass(frozen=True, slots=True)
class Adoption:
    """How chosen sites become stations.

    Parameters
    ----------
    opens_on
        First day of service, today at the earliest: days that are over keep their coverage.
    timezone
        IANA name of the zone of the place.
    tier
        Tier of the stations.
    opening_hours
        Hours of the service; ``None``: those of the siting, or not known.
    language
        Of their names.
    """

    opens_on: date
    timezone: str
    tier: str = "community"
    opening_hours: str | None = None
    language: "Language" = "en"

    def __post_init__(self) -> None:
        """Refuse what no station can have."""
        if self.tier not in STATION_TIERS:
            raise InvalidInputError(
                f"tier {self.tier!r} is not known.",
                remedy=f"Use one of {', '.join(STATION_TIERS)}.",
                field="tier",
            )
        if self.opening_hours is not None:
            parse_hours(self.opening_hours, self.timezone)

    @property
    def has_begun(self) -> bool:
        """Whether the stations serve today already."""
        return self.opens_on <= local_day(datetime.now(UTC), self.timezone)


def adopt_sites(
    session: "Session", scope: "Scope", job_id: str, report: Mapping[str, Any], how: Adoption
) -> list[str]:
    """Make planned stations of the sites of a siting and return their ids; the caller commits.

    Raises
    ------
    gis.errors.ConflictError
        They were made already, or there are no sites.
    gis.errors.InvalidInputError
        The first day is over.

    Notes
    -----
    The floor area of a station is that which was stated for the site. What was reckoned from its
    building is the room of all who are in it, and is not taken for the station's.
    """
    import geopandas as gpd
    import pandas as pd
    import shapely

    scope.require(Action.WRITE)
    _refuse_the_past(how)
    sites = report["sites"]
    ids = stable_ids("siting", job_id, [site["key"] for site in sites])
    _refuse_twice(session, scope, job_id, ids)
    communities = read_layer(session, scope, Community, frames.COMMUNITIES)
    id_of = dict(zip(communities["code"], communities["id"], strict=True))
    label = code_label("service", report["service"], how.language)
    made = gpd.GeoDataFrame(
        {
            "id": ids,
            "community_id": [id_of.get(site["community_code"]) for site in sites],
            "name": [f"{label} · {site['label']}" for site in sites],
            "tier": how.tier,
            "status": "planned",
            "opens_on": how.opens_on,
            "floor_area_m2": [
                site["floor_area_m2"] if site.get("floor_stated") else None for site in sites
            ],
            "address": [site["address"] for site in sites],
            "source_id": [f"siting/{job_id}/{site['rank']}" for site in sites],
        },
        geometry=[shapely.Point(site["lon"], site["lat"]) for site in sites],
        crs="EPSG:4326",
    )
    hours = how.opening_hours or (report["week"] or {}).get("opening_hours")
    offers = pd.DataFrame(
        {
            "station_id": ids,
            "service": report["service"],
            "opening_hours": hours,
            "capacity": [site["capacity"] for site in sites],
        }
    )
    insert_layer(session, scope, Station, frames.STATIONS.conform(made))
    stations.add_services(session, scope, frames.STATION_SERVICES.conform(offers))
    _write_down(session, scope, job_id, made, how)
    return ids


def _refuse_the_past(how: Adoption) -> None:
    today = local_day(datetime.now(UTC), how.timezone)
    if how.opens_on < today:
        raise InvalidInputError(
            f"A planned station cannot open on {how.opens_on}: that day is over.",
            remedy=f"Give {today} or a later day.",
            field="opens_on",
        )


def _refuse_twice(session: "Session", scope: "Scope", job_id: str, ids: list[str]) -> None:
    if not ids:
        raise ConflictError(
            f"The siting {job_id} has chosen no sites.", remedy="Ask for another one."
        )
    there = read_layer(session, scope, Station, frames.STATIONS, among(table_of(Station).c.id, ids))
    if len(there):
        raise ConflictError(
            f"{len(there)} stations of the siting {job_id} are there already.",
            remedy="Change them one by one, or take back their status.",
        )


def _write_down(
    session: "Session",
    scope: "Scope",
    job_id: str,
    made: Any,  # noqa: ANN401 - a geo frame
    how: Adoption,
) -> None:
    laid_out = stations.hours_are_laid_out(session, scope)
    for one in made.itertuples():
        if laid_out:
            expand_open_intervals(
                session,
                scope,
                timezone=how.timezone,
                start=datetime.now(UTC),  # the stated horizon is taken
                station_id=one.id,
            )
        after = {
            "name": one.name,
            "status": "planned",
            "opens_on": how.opens_on.isoformat(),
            "siting": job_id,
        }
        audit.record(session, scope, audit.Change("create", "stations", one.id, after=after))
