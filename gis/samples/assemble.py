"""The sample as a data set: every frame by its contract, with a report that says it is made up."""

from types import MappingProxyType
from typing import TYPE_CHECKING

import shapely

from gis import frames
from gis.codes import DivisionCode
from gis.samples import ground as rows
from gis.samples.activities import activity_rows
from gis.samples.city import plan_city
from gis.samples.matters import Things, demand_rows, incident_rows, refer
from gis.samples.names import DEPARTMENTS, PARTNERS, PROPERTY_FIRMS, SUBDISTRICT_NAME
from gis.samples.stations import station_rows
from gis.samples.table import ORIGIN_LON_LAT, PROJECTED_CRS, Tables

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

SCOPE_CODE = "340102001"
#: Numbers from here on are not in use in the public list, so that nobody takes them for real.
FIRST_COMMUNITY = 901
INCIDENTS_PER_HOUSEHOLD = 3_000 / 13_600
DEMANDS_PER_HOUSEHOLD = 1_500 / 13_600


def assemble(households: int, seed: int, today: "date") -> frames.Dataset:
    """Return the sample of ``households`` and ``seed`` as a data set; see :mod:`gis.samples`."""
    tables = Tables(f"sample-{seed}-{households}")
    ground = rows.survey(plan_city(households, seed), households, seed, tables)
    stations, offers = station_rows(ground)
    roads, pois = rows.road_rows(ground), rows.poi_rows(ground)
    layers: dict[str, pd.DataFrame] = {
        "divisions": tables.frame(frames.DIVISIONS, [_division(ground)]),
        "communities": tables.frame(
            frames.COMMUNITIES, rows.community_rows(ground, _codes(ground))
        ),
        "quarters": tables.frame(frames.QUARTERS, rows.quarter_rows(ground)),
        "buildings": tables.frame(frames.BUILDINGS, rows.building_rows(ground)),
        "units": tables.frame(frames.UNITS, rows.unit_rows(ground)),
        "stations": tables.frame(frames.STATIONS, stations),
        "station_services": tables.frame(frames.STATION_SERVICES, offers),
        "activities": tables.frame(frames.ACTIVITIES, activity_rows(ground, stations, today), "a"),
        "roads": tables.frame(frames.ROADS, roads, "r"),
        "barriers": tables.frame(frames.BARRIERS, rows.barrier_rows(ground), "x"),
        "crossings": tables.frame(frames.CROSSINGS, rows.crossing_rows(ground), "g"),
        "pois": tables.frame(frames.POIS, pois, "p"),
        "organisations": tables.frame(frames.ORGANISATIONS, _organisations(), "o"),
        "dedicated_areas": tables.frame(frames.DEDICATED_AREAS, rows.dedicated_rows(ground), "d"),
    }
    things = Things(
        refer(roads, layers["roads"]["id"].tolist()), refer(pois, layers["pois"]["id"].tolist())
    )
    incidents = incident_rows(ground, things, round(households * INCIDENTS_PER_HOUSEHOLD))
    layers["incidents"] = tables.frame(frames.INCIDENTS, incidents, "i")
    demands = demand_rows(ground, things, round(households * DEMANDS_PER_HOUSEHOLD))
    layers["demands"] = tables.frame(frames.DEMANDS, demands, "n")
    return frames.Dataset(
        name="sample",
        scope_code=SCOPE_CODE,
        layers=MappingProxyType(layers),
        report=MappingProxyType(_report(ground, households, seed)),
        synthetic=True,
    )


def _division(ground: rows.Ground) -> rows.Row:
    return {
        "source_id": SCOPE_CODE,
        "code": DivisionCode.parse(SCOPE_CODE).value,
        "name": SUBDISTRICT_NAME,
        "level": "subdistrict",
        "parent_code": DivisionCode.parse(SCOPE_CODE[:6]).value,
        "geometry": shapely.coverage_union_all(list(ground.city.layout.faces)),
    }


def _codes(ground: rows.Ground) -> list[str]:
    return [f"{SCOPE_CODE}{FIRST_COMMUNITY + k}" for k in range(len(ground.community_names))]


def _organisations() -> list[rows.Row]:
    return [
        {"name": name, "kind": kind}
        for kind, names in (
            ("department", DEPARTMENTS),
            ("property_firm", PROPERTY_FIRMS),
            ("partner", PARTNERS),
        )
        for name in names
    ]


def _report(ground: rows.Ground, households: int, seed: int) -> dict[str, object]:
    """Return facts that a reader should know before taking the sample for a place."""
    layout = ground.city.layout
    return {
        "synthetic": True,
        "note": (
            "Made up by this program. Area, households and posts follow published figures of "
            "Mingguang Road subdistrict, Hefei; streets, quarters, buildings, stations, names, "
            "activities, incidents and demands are fictional."
        ),
        "seed": seed,
        "households": households,
        "communities": len(ground.community_names),
        "quarters": len(ground.quarters),
        "buildings": len(ground.buildings),
        "area_m2": round(layout.region.area),
        "projected_crs": f"EPSG:{PROJECTED_CRS}",
        "origin_lon_lat": list(ORIGIN_LON_LAT),
        "share_estimated": 0.0,
    }
