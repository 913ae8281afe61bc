"""What every map page says of its ground: heading, areas, stations, base drawing.

Counts of people come from frames; nothing here knows what a map is about.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.i18n import Language, translate
from maps.ground_data import Ground, positions
from maps.labels import PAGE, label, readable_hours
from maps.packing import pack_geometries
from maps.withheld import kept_back, shown

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

#: Drawing order of roads, from below.
ROAD_ORDER = ("steps", "path", "service", "local", "collector", "arterial", "motorway")


def head(data: Ground, language: Language) -> dict[str, Any]:
    """Return heading, plan, day and what is made up or estimated."""
    from babel.dates import format_date

    drawn = format_date(data.drawn_on, "long", locale=language.replace("-", "_"))
    return {
        "title": data.title,
        "plan": data.plan_name,
        "drawn": drawn,
        "synthetic": data.synthetic,
        "estimated": bool((data.buildings["households_source"] != "recorded").any()),
        "below": data.suppress_below,
        "people_within": data.people_within,
        "attribution": data.attribution,
    }


def basic_grids(data: Ground) -> "NDArray[np.bool_]":
    """Return which grids are basic ones, shape (grids,)."""
    return np.asarray(data.grids["kind"] != "dedicated", dtype=bool)


def households_of(data: Ground, chosen: "NDArray[np.bool_]") -> list[float]:
    """Return households of the chosen grids."""
    place = positions(data.buildings["grid_id"], data.grids["id"])
    inside = place >= 0
    weights = data.buildings["households"].to_numpy(dtype=float)[inside]
    sums = np.bincount(place[inside], weights, len(data.grids))
    return [float(value) for value in sums[chosen]]


def communities(data: Ground) -> dict[str, Any]:
    """Return names, codes, places and boxes of communities."""
    points = data.communities.geometry.representative_point()
    return {
        "name": texts_of(data.communities, "name"),
        "code": texts_of(data.communities, "code"),
        "derived": [bool(value) for value in data.communities["derived"]],
        "at": lat_lon(points),
        "bounds": bounds(data.communities),
    }


def grids(data: Ground, language: Language) -> dict[str, Any]:
    """Return what a pop-up and the search say of each grid."""
    frame = data.grids
    return {
        "code": texts_of(frame, "code"),
        "sequence": [int(value) for value in frame["sequence"]],
        "community": positions(frame["community_id"], data.communities["id"]).tolist(),
        "dedicated": (~basic_grids(data)).astype(int).tolist(),
        "kind": [label("kind", kind, language) for kind in frame["kind"]],
        "compactness": [round(float(value), 2) for value in frame["compactness"]],
        "exceptions": [
            [label("exception", code, language) for code in codes] if codes is not None else []
            for codes in frame["exceptions"]
        ],
        "residents": shown(
            np.array(people_of(data, "residents", "grid_id", frame), dtype=np.int64),
            kept_back(data)["residents"].of_grids,
        ).tolist(),
        "at": lat_lon(frame.geometry.representative_point()),
        "bounds": bounds(frame),
    }


def people_of(data: Ground, column: str, key: str, frame: "gpd.GeoDataFrame") -> list[int]:
    """Return a count of buildings summed over the areas that ``key`` names."""
    place = positions(data.buildings[key], frame["id"])
    inside = place >= 0
    weights = data.buildings[column].to_numpy(dtype=float)[inside]
    return [int(value) for value in np.bincount(place[inside], weights, len(frame))]


def stations(
    data: Ground, language: Language, serving: Sequence[set[str]] = ()
) -> list[dict[str, Any]]:
    """Return what the map and a pop-up say of each station.

    Parameters
    ----------
    data
        The map's data.
    language
        Language of the labels.
    serving
        Ids of the stations that serve, by scenario; empty: the page knows it in another way.
    """
    services: dict[str, list[dict[str, Any]]] = {}
    for row in data.station_services.itertuples(index=False):
        services.setdefault(str(row.station_id), []).append(_service(row, language))
    out = []
    for row in data.stations.itertuples(index=False):
        item = {
            "name": row.name,
            "tier": row.tier,
            "tierLabel": label("tier", row.tier, language),
            "status": row.status,
            "statusLabel": label("status", row.status, language),
            "opens": _day(row.opens_on, language),
            "closes": _day(row.closes_on, language),
            "area": _number(row.floor_area_m2),
            "address": _text(row.address),
            "temporary": bool(row.temporary),
            "at": [round(row.geometry.y, 6), round(row.geometry.x, 6)],
            "services": services.get(row.id, []),
            "serves": [int(row.id in ids) for ids in serving],
        }
        out.append(item)
    return out


def _service(row: Any, language: Language) -> dict[str, Any]:  # noqa: ANN401 - a named tuple of the frame
    hours = _text(row.opening_hours)
    return {
        "label": label("service", row.service, language),
        "hours": readable_hours(hours, language) if hours else None,
        "capacity": _number(row.capacity),
        "fee": label("fee_class", row.fee_class, language),
    }


def base_drawing(data: Ground, origin: tuple[float, float]) -> list[dict[str, Any]]:
    """Return the packed lines and areas of the base drawing, in drawing order."""
    return [
        {"kind": kind, "count": len(shapes), "shapes": pack_geometries(shapes, origin=origin)}
        for kind, shapes in base_shapes(data)
    ]


def base_shapes(data: Ground) -> list[tuple[str, Any]]:
    """Return kinds and geometries of the base drawing, in drawing order."""
    out: list[tuple[str, Any]] = []

    def add(kind: str, frame: "gpd.GeoDataFrame") -> None:
        if len(frame):
            out.append((kind, frame.geometry.array))

    if data.quarters is not None:
        add("quarter", data.quarters)
    if data.barriers is not None:
        for kind in ("river", "wall", "railway"):
            add(kind, data.barriers[data.barriers["barrier_class"] == kind])
    if data.roads is not None:
        for kind in ROAD_ORDER:
            add(kind, data.roads[data.roads["road_class"] == kind])
    if data.roads is None and data.barriers is not None:
        add("arterial", data.barriers[data.barriers["barrier_class"] == "arterial"])
    return out


def quarters(data: Ground) -> dict[str, Any]:
    """Return names and boxes of the quarters that have a name."""
    if data.quarters is None:
        return {"name": [], "bounds": []}
    named = data.quarters[data.quarters["name"].notna()]
    return {"name": texts_of(named, "name"), "bounds": bounds(named)}


def suppressed_text(language: Language) -> dict[str, str]:
    """Return what stands for a suppressed count, as the page's text of that name.

    It is the same for small counts and for those that would give them away, so that nobody sees
    which are which.
    """
    return {"suppressed": translate(PAGE["suppressed"], language)}


def lat_lon(points: "gpd.GeoSeries") -> list[list[float]]:
    """Return points as latitude and longitude, 0.1 m."""
    return [[round(point.y, 6), round(point.x, 6)] for point in points]


def bounds(frame: "gpd.GeoDataFrame") -> list[list[float]]:
    """Return boxes west, south, east, north, 0.1 m."""
    return [[round(float(v), 6) for v in row] for row in frame.bounds.to_numpy()]


def _missing(value: object) -> bool:
    import pandas as pd

    return bool(pd.isna(value))  # type: ignore[call-overload]


def _text(value: object) -> str | None:
    return None if _missing(value) else str(value)


def _number(value: Any) -> float | None:  # noqa: ANN401 - a cell of a frame
    return None if _missing(value) else round(float(value), 1)


def texts_of(frame: "gpd.GeoDataFrame", column: str) -> list[str | None]:
    """Return a column as texts, ``None`` where it is missing."""
    return [_text(value) for value in frame[column]]


def numbers_of(frame: "gpd.GeoDataFrame", column: str) -> list[int | None]:
    """Return a column as whole numbers, ``None`` where it is missing."""
    return [None if _missing(value) else int(value) for value in frame[column]]


def _day(value: Any, language: Language) -> str | None:  # noqa: ANN401 - a date or nothing
    from babel.dates import format_date

    if _missing(value):
        return None
    return str(format_date(value, "long", locale=language.replace("-", "_")))
