"""The data of the coverage map's page: small, suppressed, and safe inside a script element."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.i18n import Language, translate
from maps import style
from maps.coverage_data import (
    GROUPS,
    NO_DISTANCE,
    CoverageMapData,
    distance_matrix,
    positions,
    suppress,
    uncovered_counts,
)
from maps.labels import label, page_texts, readable_hours
from maps.packing import pack_geometries, pack_numbers

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

#: Drawing order of roads, from below.
ROAD_ORDER = ("steps", "path", "service", "local", "collector", "arterial", "motorway")


def page_data(data: CoverageMapData, language: Language) -> dict[str, Any]:
    """Return everything the page's script needs, as JSON-able values.

    Parameters
    ----------
    data
        The map's data, checked.
    language
        Language of every label.
    """
    west, south, east, north = (float(v) for v in data.communities.total_bounds)
    origin = (round(west, 6), round(south, 6))
    return {
        "language": language,
        "texts": page_texts(language),
        "head": _head(data, language),
        "bounds": [[south, west], [north, east]],
        "origin": origin,
        "groups": GROUPS,
        "choices": _choices(data, language),
        "classes": _classes(data, language),
        "colours": {"building": style.BUILDING_COLOURS, "base": style.BASE_COLOURS},
        "communities": _communities(data),
        "grids": _grids(data, language),
        "buildings": _buildings(data, language, origin),
        "stations": _stations(data, language),
        "uncovered": _uncovered(data),
        "gaps": _gaps(data, origin),
        "base": _base(data, origin),
        "quarters": _quarters(data),
    }


def _head(data: CoverageMapData, language: Language) -> dict[str, Any]:
    from babel.dates import format_date

    drawn = format_date(data.drawn_on, "long", locale=language.replace("-", "_"))
    return {
        "title": data.title,
        "plan": data.plan_name,
        "drawn": drawn,
        "synthetic": data.synthetic,
        "estimated": bool((data.buildings["households_source"] != "recorded").any()),
        "attribution": data.attribution,
    }


def _choices(data: CoverageMapData, language: Language) -> dict[str, Any]:
    services = list(dict.fromkeys(scenario.service for scenario in data.scenarios))
    moments = sorted({scenario.moment for scenario in data.scenarios}, key=_in_time)
    nearest = min(
        range(len(data.scenarios)), key=lambda i: (_apart(data.scenarios[i].moment, data.moment), i)
    )
    return {
        "services": [
            {"code": code, "label": label("service", code, language)} for code in services
        ],
        "moments": [_moment_label(moment, language) for moment in moments],
        "scenarios": [
            [services.index(scenario.service), moments.index(scenario.moment)]
            for scenario in data.scenarios
        ],
        "thresholds": list(data.thresholds_m),
        "scenario": nearest,
        "threshold": min(1, len(data.thresholds_m) - 1),
    }


def _in_time(moment: datetime | None) -> tuple[bool, datetime]:
    """Order moments in time, "whatever the hours" last."""
    return moment is None, moment or datetime.max.replace(tzinfo=UTC)


def _apart(moment: datetime | None, wanted: datetime | None) -> timedelta:
    if moment is None or wanted is None:
        return timedelta(0) if moment is wanted else timedelta.max
    return abs(moment - wanted)


def _moment_label(moment: datetime | None, language: Language) -> str:
    from babel.dates import format_datetime

    if moment is None:
        return translate("Whatever the hours", language)

    # Without tzinfo babel would turn the moment into UTC.
    return str(
        format_datetime(
            moment, "EEEE HH:mm", tzinfo=moment.tzinfo, locale=language.replace("-", "_")
        )
    )


def _classes(data: CoverageMapData, language: Language) -> dict[str, Any]:
    basic = _basic(data)
    households = _sums(data, basic)
    classes = {
        "households": style.count_classes(households, style.HOUSEHOLDS_PALETTE),
        "deviation": style.deviation_classes(data.minimum, data.target, data.maximum),
        "coverage": style.coverage_classes(),
    }
    if data.density is not None and len(data.density):
        counts = data.density["count"].tolist()
        classes["density"] = style.count_classes(counts, style.DENSITY_PALETTE)
    return {
        name: {
            "breaks": item.breaks,
            "colours": item.colours,
            "labels": class_labels(name, item, language),
        }
        for name, item in classes.items()
    } | {"target": data.target}


def class_labels(name: str, classes: style.Classes, language: Language) -> list[str]:
    """Return one text per class of the legend, for example ``301–400`` or ``≥ 98%``."""
    from babel.numbers import format_decimal, format_percent

    locale = language.replace("-", "_")

    def text(value: float) -> str:
        if name == "coverage":
            return str(format_percent(value, locale=locale))
        sign = "+" if name == "deviation" and value > 0 else ""
        return sign + str(format_decimal(int(value), locale=locale)).replace("-", "−")

    breaks = classes.breaks
    if not breaks:
        return ["…"]
    step = 0 if name == "coverage" else 1
    labels = [f"≤ {text(breaks[0])}"]
    labels += [
        f"{text(low + step)} … {text(high)}"
        if name == "deviation"
        else f"{text(low + step)}–{text(high)}"
        for low, high in pairwise(breaks)
    ]
    return [*labels, f"> {text(breaks[-1])}"]


def _basic(data: CoverageMapData) -> "NDArray[np.bool_]":
    return np.asarray(data.grids["kind"] != "dedicated", dtype=bool)


def _sums(data: CoverageMapData, chosen: "NDArray[np.bool_]") -> list[float]:
    place = positions(data.buildings["grid_id"], data.grids["id"])
    inside = place >= 0
    weights = data.buildings["households"].to_numpy(dtype=float)[inside]
    sums = np.bincount(place[inside], weights, len(data.grids))
    return [float(value) for value in sums[chosen]]


def _communities(data: CoverageMapData) -> dict[str, Any]:
    points = data.communities.geometry.representative_point()
    return {
        "name": _texts(data.communities, "name"),
        "code": _texts(data.communities, "code"),
        "derived": [bool(value) for value in data.communities["derived"]],
        "at": _lat_lon(points),
        "bounds": _bounds(data.communities),
    }


def _grids(data: CoverageMapData, language: Language) -> dict[str, Any]:
    grids = data.grids
    return {
        "code": _texts(grids, "code"),
        "sequence": [int(value) for value in grids["sequence"]],
        "community": positions(grids["community_id"], data.communities["id"]).tolist(),
        "dedicated": (~_basic(data)).astype(int).tolist(),
        "kind": [label("kind", kind, language) for kind in grids["kind"]],
        "compactness": [round(float(value), 2) for value in grids["compactness"]],
        "exceptions": [
            [label("exception", code, language) for code in codes] if codes is not None else []
            for codes in grids["exceptions"]
        ],
        "residents": _by_area(data, "residents", "grid_id", grids),
        "at": _lat_lon(grids.geometry.representative_point()),
        "bounds": _bounds(grids),
    }


def _by_area(data: CoverageMapData, column: str, key: str, frame: "gpd.GeoDataFrame") -> list[int]:
    place = positions(data.buildings[key], frame["id"])
    inside = place >= 0
    weights = data.buildings[column].to_numpy(dtype=float)[inside]
    return [int(value) for value in np.bincount(place[inside], weights, len(frame))]


def _buildings(
    data: CoverageMapData, language: Language, origin: tuple[float, float]
) -> dict[str, Any]:
    frame = data.buildings
    metres = np.nan_to_num(distance_matrix(data).round(), nan=NO_DISTANCE)
    uses = sorted(set(frame["use"]))
    out: dict[str, Any] = {
        "shapes": pack_geometries(frame.geometry.array, origin=origin),
        "count": len(frame),
        "distances": pack_numbers(np.minimum(metres, NO_DISTANCE), "u2"),
        "nearest": pack_numbers(_nearest(data), "i2"),
        "grid": pack_numbers(positions(frame["grid_id"], data.grids["id"]), "i4"),
        "community": pack_numbers(positions(frame["community_id"], data.communities["id"]), "i4"),
        "uses": [label("use", use, language) for use in uses],
        "use": [uses.index(use) for use in frame["use"]],
        "name": _texts(frame, "name"),
        "address": _texts(frame, "address"),
        "floors": _numbers(frame, "floors"),
        "households": frame["households"].tolist(),
        "residents": frame["residents"].tolist(),
        "estimated": (frame["households_source"] != "recorded").astype(int).tolist(),
    }
    # Counts of people in need never leave this floor when they are small.
    for group in GROUPS[1:]:
        out[group] = suppress(frame[group].to_numpy(dtype=np.int64)).tolist()
    return out


def _nearest(data: CoverageMapData) -> "NDArray[np.int64]":
    if data.nearest is None:
        return np.full((len(data.scenarios), len(data.buildings)), -1, dtype=np.int64)
    ids = list(data.buildings["id"])
    return np.vstack(
        [
            positions(data.nearest.loc[ids, scenario.key], data.stations["id"])
            for scenario in data.scenarios
        ]
    )


def _stations(data: CoverageMapData, language: Language) -> list[dict[str, Any]]:
    services: dict[str, list[dict[str, Any]]] = {}
    for row in data.station_services.itertuples(index=False):
        services.setdefault(str(row.station_id), []).append(_service(row, language))
    serving = [set(data.serving.get(scenario.key, ())) for scenario in data.scenarios]
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
            "serves": [int(row.id in ids) for ids in serving] if data.serving else [],
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


def _uncovered(data: CoverageMapData) -> dict[str, Any]:
    whole = np.zeros(len(data.buildings), dtype=np.int64)
    areas = {
        "all": (whole, 1),
        "communities": (
            positions(data.buildings["community_id"], data.communities["id"]),
            len(data.communities),
        ),
        "grids": (positions(data.buildings["grid_id"], data.grids["id"]), len(data.grids)),
    }
    out = {}
    for name, (place, count) in areas.items():
        counts, totals = uncovered_counts(data, place, count)
        out[name] = {
            "counts": pack_numbers(counts, "i4"),
            "totals": totals.tolist(),
            "areas": count,
        }
    return out


def _gaps(data: CoverageMapData, origin: tuple[float, float]) -> dict[str, Any]:
    """Return the shapes out of reach, and which of them belong to each scenario and radius.

    Where the same stations serve at several times, the shapes are the same and are held once.
    """
    if data.gaps is None:
        return {"shapes": [], "items": []}
    keys = {scenario.key: i for i, scenario in enumerate(data.scenarios)}
    place: dict[int, int] = {}
    shapes: list[Any] = []
    items: list[tuple[int, int, int]] = []
    for row in data.gaps.itertuples(index=False):
        if row.scenario not in keys or row.threshold_m not in data.thresholds_m:
            continue
        if id(row.geometry) not in place:
            place[id(row.geometry)] = len(shapes)
            shapes.append(row.geometry)
        items.append((keys[row.scenario], int(row.threshold_m), place[id(row.geometry)]))
    packed = [pack_geometries([_simple(shape)], origin=origin) for shape in shapes]
    return {"shapes": packed, "items": items}


def _simple(geometry: Any) -> Any:  # noqa: ANN401 - a geometry
    # About half a metre: the rim of a gap is a circle of many points.
    return shapely.simplify(geometry, 5e-6)


def _base(data: CoverageMapData, origin: tuple[float, float]) -> list[dict[str, Any]]:
    """Return the lines and areas of the base drawing, in drawing order."""
    out: list[dict[str, Any]] = []

    def add(kind: str, frame: "gpd.GeoDataFrame") -> None:
        if len(frame):
            shapes = pack_geometries(frame.geometry.array, origin=origin)
            out.append({"kind": kind, "count": len(frame), "shapes": shapes})

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


def _quarters(data: CoverageMapData) -> dict[str, Any]:
    if data.quarters is None:
        return {"name": [], "bounds": []}
    named = data.quarters[data.quarters["name"].notna()]
    return {"name": _texts(named, "name"), "bounds": _bounds(named)}


def _lat_lon(points: "gpd.GeoSeries") -> list[list[float]]:
    return [[round(point.y, 6), round(point.x, 6)] for point in points]


def _bounds(frame: "gpd.GeoDataFrame") -> list[list[float]]:
    return [[round(float(v), 6) for v in row] for row in frame.bounds.to_numpy()]


def _missing(value: object) -> bool:
    import pandas as pd

    return bool(pd.isna(value))  # type: ignore[call-overload]


def _text(value: object) -> str | None:
    return None if _missing(value) else str(value)


def _number(value: Any) -> float | None:  # noqa: ANN401 - a cell of a frame
    return None if _missing(value) else round(float(value), 1)


def _texts(frame: "gpd.GeoDataFrame", column: str) -> list[str | None]:
    return [_text(value) for value in frame[column]]


def _numbers(frame: "gpd.GeoDataFrame", column: str) -> list[int | None]:
    return [None if _missing(value) else int(value) for value in frame[column]]


def _day(value: Any, language: Language) -> str | None:  # noqa: ANN401 - a date or nothing
    from babel.dates import format_date

    if _missing(value):
        return None
    return str(format_date(value, "long", locale=language.replace("-", "_")))
