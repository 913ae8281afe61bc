"""The walking map and the printed pages of communities: a week on foot, read, drawn and saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gis import frames
from gis.coverage.indicators import TARGETS, indicator_table, withheld
from gis.coverage.tallies import FLOOR_AREA, facilities_in_use
from gis.errors import InvalidInputError
from gis.frames.stations import SERVICES
from gis.i18n import code_label, indicator_label, translate
from gis.jobs.steps import Steps
from gis.layers import divisions, grids, imports, plans
from gis.layers.barriers import Barrier
from gis.layers.quarters import Quarter
from gis.layers.queries import read_layer
from gis.layers.roads import Road
from gis.services.covering import ANY, MAX_SERVICES, most_offered, summed, with_grids
from gis.services.indicators import RunGround, RunOrder, people_of, read_run_ground, staffing_of
from gis.services.locating import local_day
from gis.services.telling import PER_RESIDENTS
from gis.services.walking import WalkingGround, read_walking_ground
from gis.services.walking_week import (
    OPENING_HOUR,
    Delivered,
    WalkingWeek,
    draw_areas,
    places_per_person,
    read_deliveries,
    read_walking_week,
    week_of,
)
from maps.community_report import CommunityReportOrder, write_community_report
from maps.walking import (
    MOST_BUILDINGS,
    Delivery,
    Indicator,
    Limit,
    Reach,
    WalkingMapData,
    Ways,
    render_offline,
    save_offline,
    walking_map,
)

if TYPE_CHECKING:
    import folium
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.i18n import Language
    from gis.scope import Scope

#: Radii and minutes that can be chosen on the map.
METRES, MINUTES = (300, 500, 1000), (5, 10, 15)
#: What indicators of coverage are measured by: the last half kilometre, on foot.
REFERENCE_M = 500


@dataclass(frozen=True, slots=True)
class MapOrder:
    """How a map of the store is to look.

    Parameters
    ----------
    timezone
        IANA name of the zone of the place.
    title
        Heading.
    language
        Language of the labels.
    kind
        Kind of plan whose grids are shown.
    suppress_below
        Counts from 1 to this less one are not shown.
    people_within
        Whether people within reach are told, or homes alone.
    tile_url, tile_attribution
        Optional tile background.
    """

    timezone: str
    title: str
    language: "Language"
    kind: str = "community"
    suppress_below: int = 3
    people_within: bool = True
    tile_url: str | None = None
    tile_attribution: str = ""


@dataclass(frozen=True, slots=True)
class WalkingMapOrder(MapOrder):
    """What the walking map is to show, and how.

    Parameters
    ----------
    services
        Codes, or ``any``; empty: those that most stations offer.
    week
        A day of the week that is shown; today if it is left out.
    building_tiles
        Template of the addresses of vector tiles with the buildings' outlines; unset: they are in
        the page, however many there are.
    tiles_above
        With more buildings than this they come as tiles.

    Raises
    ------
    gis.errors.InvalidInputError
        A service is unknown, or given twice.
    """

    services: tuple[str, ...] = ()
    week: date | None = None
    building_tiles: str | None = None
    tiles_above: int = MOST_BUILDINGS

    def __post_init__(self) -> None:
        """Refuse what cannot be shown."""
        unknown = [one for one in self.services if one not in {ANY, *SERVICES}]
        if unknown:
            raise InvalidInputError(
                f"No service is called {unknown[0]!r}.",
                remedy=f"Use {ANY}, or one of {', '.join(SERVICES)}.",
                field="services",
            )
        if len(set(self.services)) < len(self.services):
            raise InvalidInputError(
                "A service is given twice.", remedy="Give each once.", field="services"
            )


def save_walking_map(
    session: "Session",
    scope: "Scope",
    order: WalkingMapOrder,
    path: Path,
    steps: Steps | None = None,
) -> WalkingMapData:
    """Write the walking map to a file that opens without a network, and return what it shows.

    Raises
    ------
    gis.errors.InvalidInputError
        There is no plan in effect, no community, or no road that one can walk along; or there are
        more buildings than one file holds.
    gis.errors.DataSourceError
        The file cannot be written.
    """
    steps = steps or Steps()
    data = read_walking_map(session, scope, order, steps)
    with steps.step("map"):
        save_offline(_drawn(data, order), path)
    return data


def walking_page(session: "Session", scope: "Scope", order: WalkingMapOrder) -> str:
    """Return the walking map as one page of HTML that asks for nothing else."""
    return render_offline(_drawn(read_walking_map(session, scope, order), order))


def save_community_report(
    session: "Session",
    scope: "Scope",
    order: WalkingMapOrder,
    path: Path,
    communities: Sequence[str] = (),
    steps: Steps | None = None,
) -> WalkingMapData:
    """Write a page to print for each community, and return what they were made from.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    order
        What they are to show; the first service is mapped.
    path
        The file.
    communities
        Codes of communities; empty: all.
    steps
        Told the steps as they begin.

    Raises
    ------
    gis.errors.NotFoundError
        There is no community of a code.
    gis.errors.InvalidInputError, gis.errors.DataSourceError
        As for :func:`save_walking_map`.
    """
    steps = steps or Steps()
    data = read_walking_map(session, scope, order, steps, areas=False)
    wanted = CommunityReportOrder(
        order.language, Limit("walking", "m", REFERENCE_M), communities=tuple(communities)
    )
    with steps.step("pages"):
        write_community_report(data, path, wanted)
    return data


def read_walking_map(
    session: "Session",
    scope: "Scope",
    order: WalkingMapOrder,
    steps: Steps | None = None,
    *,
    areas: bool = True,
) -> WalkingMapData:
    """Return what the walking map shows, as the store has it now.

    Parameters
    ----------
    session, scope, order, steps
        As for :func:`save_walking_map`.
    areas
        Whether gaps, isochrones and catchments are drawn, and deliveries and ways are told.
    """
    steps = steps or Steps()
    today = local_day(datetime.now(UTC), order.timezone)
    with steps.step("network"):
        ground = read_walking_ground(session, scope)
    base = read_ground(session, scope, order, ground)
    services = order.services or tuple(most_offered(ground.station_services)[:MAX_SERVICES])
    with steps.step("week"):
        week = read_walking_week(
            session, scope, ground, services, week_of(order.week or today), order.timezone
        )
    data: dict[str, Any] = base | {
        "indicators": _indicators(session, scope, order, ground, services[0], base["grids"]),
        "tiles": order.building_tiles if len(base["buildings"]) > order.tiles_above else None,
        **_reached(week),
    }
    if areas:
        told = steps.progress("areas")
        with steps.step("areas"):
            found = draw_areas(ground, week, metres=METRES, minutes=MINUTES, progress=told)
        travels = read_deliveries(session, scope, ground, week, order.timezone)
        data |= {
            "gaps": found.gaps if len(found.gaps) else None,
            "isochrones": found.isochrones if len(found.isochrones) else None,
            "catchments": found.catchments if len(found.catchments) else None,
            "ways": Ways(ground.graph, ground.homes, ground.doors),
            "delivery": None if travels is None else _delivery(ground, travels),
            # By division it tells how many people there are.
            "accessibility": places_per_person(ground, week) if order.people_within else {},
        }
    return WalkingMapData(**data)


def read_ground(
    session: "Session", scope: "Scope", order: MapOrder, ground: WalkingGround
) -> dict[str, Any]:
    """Return the fields of :class:`maps.ground_data.Ground`, buildings row by row as on foot.

    Raises
    ------
    gis.errors.InvalidInputError
        There is no plan in effect.
    """
    today = local_day(datetime.now(UTC), order.timezone)
    in_effect = plans.read_effective(session, scope, order.kind, today)
    if not in_effect:
        raise InvalidInputError(
            f"No {order.kind} plan is in effect today.", remedy="Draw one and put it in effect."
        )
    drawn = grids.read_grids(session, scope, order.kind, today)
    placed = with_grids(session, scope, drawn, [str(plan.id) for plan in in_effect])
    buildings = placed.set_index("id", drop=False).loc[list(ground.buildings["id"])]
    buildings = buildings.reset_index(drop=True)
    facts, options = imports.facts(session, scope), in_effect[0].options or {}
    return {
        "title": order.title,
        "plan_name": in_effect[0].name or code_label("plan_kind", order.kind, order.language),
        "drawn_on": local_day(in_effect[0].created_at, order.timezone),
        "synthetic": facts.synthetic,
        "attribution": facts.attribution,
        "communities": summed(ground.communities, buildings),
        "grids": drawn,
        "buildings": buildings,
        "stations": ground.stations,
        "station_services": ground.station_services,
        "roads": read_layer(session, scope, Road, frames.ROADS),
        "barriers": read_layer(session, scope, Barrier, frames.BARRIERS),
        "quarters": read_layer(session, scope, Quarter, frames.QUARTERS),
        "target": int(options.get("target", 400)),
        "minimum": int(options.get("minimum", 300)),
        "maximum": int(options.get("maximum", 500)),
        "suppress_below": order.suppress_below,
        "people_within": order.people_within,
    }


def _reached(week: WalkingWeek) -> dict[str, Any]:
    station, metres = week.straight
    return {
        "services": week.services,
        "hours": week.hours,
        "serving": week.serving,
        "walking": Reach(
            np.array([walk.station for walk in week.walks]),
            np.array([walk.distance_m for walk in week.walks]),
            np.array([walk.cost_m for walk in week.walks]),
        ),
        "straight": Reach(station, metres),
        "opens_at": (0, OPENING_HOUR),
        "thresholds_m": METRES,
        "minutes": MINUTES,
    }


def _delivery(ground: WalkingGround, travels: Delivered) -> Delivery:
    row_of = {key: row for row, key in enumerate(ground.stations["id"])}
    stations = [
        [row_of.get(key, -1) for key in verdict["station_id"]] for verdict in travels.verdicts
    ]
    return Delivery(
        travels.hours,
        np.array([verdict["delivered"].to_numpy(dtype=bool) for verdict in travels.verdicts]),
        np.array(stations, dtype=np.int64),
        np.array([verdict["minutes"].to_numpy(dtype=float) for verdict in travels.verdicts]),
    )


def _indicators(
    session: "Session",
    scope: "Scope",
    order: WalkingMapOrder,
    ground: WalkingGround,
    service: str,
    drawn: "pd.DataFrame",
) -> list[Indicator]:
    """Return the indicators as of today: who reaches the first service, and staffing."""
    asked = RunOrder(order.timezone, services=(service,), metres=(REFERENCE_M,), minutes=(15,))
    run: RunGround = read_run_ground(session, scope, asked, places=ground)
    found = indicator_table([*people_of(run, service), *staffing_of(run)], run.areas)
    table = withheld(found, order.suppress_below)
    if not order.people_within:
        of_people = {one.indicator for one in found.tallies.values() if one.sensitive}
        table = table[~table["indicator"].isin(of_people | {PER_RESIDENTS})]
    keys = {"community": ground.communities["id"], "grid": drawn["id"]}
    out = []
    for code, rows in table.groupby("indicator", sort=False):
        if rows["value"].isna().all():
            continue
        values = {
            kind: rows[rows["area_kind"] == kind]
            .set_index("area_id")["value"]
            .reindex(list(ids))
            .to_numpy(dtype=float, na_value=np.nan)
            for kind, ids in keys.items()
        }
        target = TARGETS.get(str(code))
        out.append(
            Indicator(
                str(code),
                indicator_label(str(code), order.language),
                "share" if rows["unit"].iloc[0] == "share" else "number",
                values["community"],
                None if np.isnan(values["grid"]).all() else values["grid"],
                target=None if target is None else target.value,
                source="" if target is None else target.source,
                notes=_unstated(ground, run.day, order.language) if code == FLOOR_AREA else (),
            )
        )
    return out


def _unstated(ground: WalkingGround, day: date, language: "Language") -> list[str]:
    """Return for each community of how many of its facilities nobody stated the floor area."""
    stations = ground.stations[facilities_in_use(ground.stations, day)]
    of = stations.groupby("community_id")["floor_area_m2"].agg(["size", "count"])
    notes = {
        str(key): translate(
            "Of {n} of {total} facilities the floor area is not stated; they add nothing.",
            language,
            n=row["size"] - row["count"],
            total=row["size"],
        )
        for key, row in of.iterrows()
        if row["count"] < row["size"]
    }
    return [notes.get(str(key), "") for key in ground.communities["id"]]


def _drawn(data: WalkingMapData, order: WalkingMapOrder) -> "folium.Map":
    return walking_map(
        data,
        language=order.language,
        tile_url=order.tile_url,
        tile_attribution=order.tile_attribution,
    )


def place_title(session: "Session", scope: "Scope", text: str) -> str:
    """Return a heading with the name of the division in front, where there is one of it."""
    code = divisions.scope_code(session, scope)
    name = divisions.name_of(session, scope, code)
    return f"{name} · {text}" if name else text
