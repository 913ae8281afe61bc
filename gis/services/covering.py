"""Who is within reach of an open station, for the map, the API and the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import numpy as np

from gis import frames
from gis.coverage.density import cell_polygons, incident_density
from gis.coverage.gaps import gap_polygons
from gis.coverage.verdicts import building_locations, lonlat_array, nearest_open_station
from gis.coverage.walking_coverage import on_the_spot
from gis.errors import InvalidInputError
from gis.geometry.crs import projected_crs
from gis.layers import divisions, grids, imports, plans, stations
from gis.layers.barriers import Barrier
from gis.layers.buildings import Building
from gis.layers.communities import Community
from gis.layers.incidents import Incident
from gis.layers.quarters import Quarter
from gis.layers.queries import alive, read_layer
from gis.layers.roads import Road
from gis.layers.stations import Station, StationService
from gis.services.locating import local_day
from gis.services.opening import read_calendar

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.hours import Calendar
    from gis.scope import Scope

THRESHOLDS_M = (300, 500, 1000)
#: The report's question: who is near a window for affairs on a working morning?
REFERENCE_SERVICE, REFERENCE_CLOCK, REFERENCE_M = "affairs", time(10), 500
#: Times that a manager asks about, on the next working day and the next day of rest.
WORKDAY_CLOCKS, REST_CLOCKS = (time(10), time(20), time(22)), (time(10), time(20))
#: Any service at all.
ANY = "any"
#: Most services that one map offers: each is measured at every moment.
MAX_SERVICES = 8
#: H3 resolution of the density map: cells with edges of about 66 m, smaller than a grid.
DENSITY_RESOLUTION = 10
#: Gaps smaller than this in which nobody lives are not shown.
SMALLEST_GAP_M2 = 500.0


@dataclass(frozen=True, slots=True)
class CoverageScenario:
    """A service (or ``any``) at a moment, and the name of its column of distances.

    Without a moment, hours are left out: every station in service today counts.
    """

    key: str
    service: str
    moment: datetime | None


@dataclass(frozen=True)
class CoverageView:
    """Everything that a coverage map or report shows; geometries in EPSG:4326.

    ``distances`` and ``nearest`` are indexed by building id with a column per scenario key: metres
    on the spheroid (NaN: no station serves) and the station's id. ``serving`` lists the stations
    that serve in each scenario.
    """

    plan_name: str | None
    plan_kind: str
    reference: CoverageScenario
    drawn_on: date
    synthetic: Literal["all", "matters", "none"]
    attribution: str
    communities: "gpd.GeoDataFrame"
    grids: "gpd.GeoDataFrame"
    buildings: "gpd.GeoDataFrame"
    stations: "gpd.GeoDataFrame"
    station_services: "pd.DataFrame"
    scenarios: Sequence[CoverageScenario]
    distances: "pd.DataFrame"
    nearest: "pd.DataFrame"
    serving: Mapping[str, Sequence[str]]
    gaps: "gpd.GeoDataFrame"
    density: "gpd.GeoDataFrame"
    roads: "gpd.GeoDataFrame"
    barriers: "gpd.GeoDataFrame"
    quarters: "gpd.GeoDataFrame"
    target: int
    minimum: int
    maximum: int

    def uncovered_households(self, threshold_m: float = REFERENCE_M) -> int:
        """Return the households beyond a distance in the reference scenario."""
        metres = self.distances.loc[list(self.buildings["id"]), self.reference.key].to_numpy(float)
        beyond = ~(metres <= threshold_m)  # NaN is beyond
        return int(self.buildings["households"].to_numpy()[beyond].sum())


@dataclass(frozen=True, slots=True)
class CoverageOrder:
    """What a view is to show.

    Parameters
    ----------
    timezone
        IANA name of the zone of the place.
    kind
        Kind of plan whose grids are shown.
    services
        Codes of services; empty: those that most stations offer.
    moments
        When, with a time zone; empty: the usual questions of the coming week.
    """

    timezone: str
    kind: str = "community"
    services: tuple[str, ...] = ()
    moments: tuple[datetime, ...] = ()


def read_coverage(session: "Session", scope: "Scope", order: CoverageOrder) -> CoverageView:
    """Measure straight-line coverage for a set of services and moments.

    Raises
    ------
    gis.errors.InvalidInputError
        There is no plan in effect or no community to measure.
    """
    today = local_day(datetime.now(UTC), order.timezone)
    in_effect = plans.read_effective(session, scope, order.kind, today)
    if not in_effect:
        raise InvalidInputError(
            f"No {order.kind} plan is in effect today.", remedy="Draw one and put it in effect."
        )
    communities = read_layer(session, scope, Community, frames.COMMUNITIES, alive(Community))
    drawn = grids.read_grids(session, scope, order.kind, today)
    buildings = with_grids(session, scope, drawn, [str(plan.id) for plan in in_effect])
    ground = scope.for_ground()  # the nearest station may be the neighbour's
    places = read_layer(session, ground, Station, frames.STATIONS)
    offers = read_layer(session, ground, StationService, frames.STATION_SERVICES)
    walked_to = on_the_spot(offers)
    scenarios = _scenarios(order, walked_to, _moments(session, scope, order, today))
    serving = {s.key: _serving(session, scope, s, order.timezone) for s in scenarios}
    distances, nearest = _measure(buildings, places, serving)
    facts = imports.facts(session, scope)
    options = in_effect[0].options or {}
    return CoverageView(
        plan_name=in_effect[0].name,
        plan_kind=in_effect[0].kind,
        reference=_reference(scenarios, walked_to),
        drawn_on=local_day(in_effect[0].created_at, order.timezone),
        synthetic=facts.synthetic,
        attribution=facts.attribution,
        communities=summed(communities, buildings),
        grids=drawn,
        buildings=buildings,
        stations=places,
        station_services=offers,
        scenarios=scenarios,
        distances=distances,
        nearest=nearest,
        serving=serving,
        gaps=_gaps(communities, buildings, places, serving),
        density=_density(session, scope),
        roads=read_layer(session, scope, Road, frames.ROADS),
        barriers=read_layer(session, scope, Barrier, frames.BARRIERS),
        quarters=read_layer(session, scope, Quarter, frames.QUARTERS),
        target=int(options.get("target", 400)),
        minimum=int(options.get("minimum", 300)),
        maximum=int(options.get("maximum", 500)),
    )


def scope_code(session: "Session", scope: "Scope") -> str:
    """Return the code of the division that the communities belong to, 12 digits."""
    return divisions.scope_code(session, scope)


def usual_moments(calendar: "Calendar", today: date, timezone: str) -> list[datetime]:
    """Return the moments that a manager asks about: a working day and a day of rest ahead."""
    zone = ZoneInfo(timezone)
    days = [today + timedelta(days=ahead) for ahead in range(1, 15)]
    workday = next((d for d in days if calendar.weekday(d) < 5), days[0])
    rest = next((d for d in days if calendar.weekday(d) >= 5), days[0])
    return [
        *(datetime.combine(workday, clock, zone) for clock in WORKDAY_CLOCKS),
        *(datetime.combine(rest, clock, zone) for clock in REST_CLOCKS),
    ]


def _moments(
    session: "Session", scope: "Scope", order: CoverageOrder, today: date
) -> list[datetime | None]:
    """Return the moments that are asked for, else the usual ones for which hours are laid out."""
    if order.moments:
        return list(order.moments)
    usual = usual_moments(read_calendar(session, scope), today, order.timezone)
    known = [moment for moment in usual if stations.hours_known_at(session, scope, moment)]
    return [*known, None]


def _scenarios(
    order: CoverageOrder, offers: "pd.DataFrame", moments: list[datetime | None]
) -> list[CoverageScenario]:
    services = order.services or most_offered(offers)
    return [
        CoverageScenario(
            f"{service}@{moment:%Y-%m-%dT%H:%M}" if moment else service, service, moment
        )
        for service in services
        for moment in moments
    ]


def _reference(scenarios: list[CoverageScenario], offers: "pd.DataFrame") -> CoverageScenario:
    """Return the scenario of the report: the first service at the first moment.

    Where nobody has stated the hours of any station of that service, hours are left out.
    """
    first = scenarios[0]
    own = offers if first.service == ANY else offers[offers["service"] == first.service]
    if own["opening_hours"].notna().any():
        return first
    return next((s for s in scenarios if s.service == first.service and s.moment is None), first)


def _serving(
    session: "Session", scope: "Scope", scenario: CoverageScenario, timezone: str
) -> list[str]:
    service = None if scenario.service == ANY else scenario.service
    if scenario.moment is None:
        today = local_day(datetime.now(UTC), timezone)
        return stations.in_service_on(session, scope, service, today)
    return stations.able_at(session, scope, service, scenario.moment, timezone)


def most_offered(offers: "pd.DataFrame") -> list[str]:
    """Return the reference service, any service, and those that most stations offer."""
    counts = offers["service"].value_counts()
    order = {service: i for i, service in enumerate(frames.SERVICES)}
    ranked = sorted(counts.index, key=lambda s: (s != REFERENCE_SERVICE, -counts[s], order[s]))
    return [*ranked[:1], ANY, *ranked[1:MAX_SERVICES]]


def with_grids(
    session: "Session", scope: "Scope", drawn: "gpd.GeoDataFrame", plan_ids: list[str]
) -> "gpd.GeoDataFrame":
    """Return the buildings with the key and code of their grid."""
    buildings: gpd.GeoDataFrame = read_layer(
        session, scope, Building, frames.BUILDINGS, alive(Building)
    )
    members = grids.read_building_grids(session, scope, plan_ids)
    grid_of = _lookup(members, set(drawn["id"]))
    code_of = dict(zip(drawn["id"], drawn["code"], strict=True))
    own = [grid_of.get(building) for building in buildings["id"]]
    return buildings.assign(grid_id=own, grid_code=[code_of.get(grid) for grid in own])


def _lookup(members: "pd.DataFrame", live: set[str]) -> dict[str, str]:
    pairs = zip(members["building_id"], members["grid_id"], strict=True)
    return {building: grid for building, grid in pairs if grid in live}


def _measure(
    buildings: "gpd.GeoDataFrame", places: "gpd.GeoDataFrame", serving: Mapping[str, Sequence[str]]
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Measure each distinct set of serving stations once."""
    import pandas as pd

    doors = lonlat_array(building_locations(buildings))
    spots = lonlat_array(places.geometry)
    ids = places["id"].to_numpy(dtype=object)
    measured: dict[tuple[str, ...], tuple[Any, Any]] = {}
    metres, stations_of = {}, {}
    for key, able in serving.items():
        group = tuple(able)
        if group not in measured:
            index, distance = nearest_open_station(doors, spots, np.isin(ids, able))
            found = np.where(index >= 0, ids[index] if len(ids) else None, None)
            measured[group] = np.where(index >= 0, distance, np.nan), found
        metres[key], stations_of[key] = measured[group]
    index = pd.Index(buildings["id"], name="building_id")
    return pd.DataFrame(metres, index=index), pd.DataFrame(stations_of, index=index, dtype=object)


def summed(communities: "gpd.GeoDataFrame", buildings: "pd.DataFrame") -> "gpd.GeoDataFrame":
    """Return the communities with the people of their buildings."""
    sums = buildings.groupby("community_id")[list(grids.COUNTS)].sum()
    found = sums.reindex(communities["id"]).fillna(0).astype("int64").reset_index(drop=True)
    out: gpd.GeoDataFrame = communities.join(found)
    return out


def _gaps(
    communities: "gpd.GeoDataFrame",
    buildings: "gpd.GeoDataFrame",
    places: "gpd.GeoDataFrame",
    serving: Mapping[str, Sequence[str]],
) -> "gpd.GeoDataFrame":
    """Return the areas out of reach, each distinct set of serving stations drawn once."""
    import geopandas as gpd
    import pandas as pd

    ground = communities.union_all(method="coverage")
    middle = ground.representative_point()
    crs = projected_crs(middle.x, middle.y)
    spot_of = dict(zip(places["id"], places.geometry, strict=True))
    # Where people go in is worked out once, not for each gap.
    located = buildings.assign(entrance=building_locations(buildings).to_numpy())
    drawn: dict[tuple[tuple[str, ...], int], gpd.GeoDataFrame] = {}
    parts = []
    for key, able in serving.items():
        for threshold in THRESHOLDS_M:
            group = (tuple(able), threshold)
            if group not in drawn:
                drawn[group] = gap_polygons(
                    ground,
                    np.array([spot_of[s] for s in able], dtype=object),
                    threshold,
                    crs,
                    buildings=located,
                    minimum_area_m2=SMALLEST_GAP_M2,
                )[["households", "geometry"]]
            parts.append(drawn[group].assign(scenario=key, threshold_m=threshold))
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs="EPSG:4326")


def _density(session: "Session", scope: "Scope") -> "gpd.GeoDataFrame":
    """Return H3 cells with their incidents; small counts never leave this function."""
    import geopandas as gpd

    points = read_layer(session, scope, Incident, frames.INCIDENTS).geometry
    density = incident_density(points.x, points.y, DENSITY_RESOLUTION)
    cells = density.cells
    return gpd.GeoDataFrame(
        {"count": cells["count"]}, geometry=cell_polygons(cells["cell"]), crs="EPSG:4326"
    )
