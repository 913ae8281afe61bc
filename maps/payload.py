"""The data of the coverage map's page: small, suppressed, and safe inside a script element."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.i18n import Language, translate
from maps import ground, style
from maps.coverage_data import NO_DISTANCE, CoverageMapData, distance_matrix, uncovered_counts
from maps.ground_data import GROUPS, positions
from maps.labels import label, page_texts
from maps.packing import pack_geometries, pack_numbers
from maps.withheld import areas_of, kept_back, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
        "head": ground.head(data, language),
        "bounds": [[south, west], [north, east]],
        "origin": origin,
        "groups": GROUPS,
        "choices": _choices(data, language),
        "classes": _classes(data, language),
        "colours": {"building": style.BUILDING_COLOURS, "base": style.BASE_COLOURS},
        "communities": ground.communities(data),
        "grids": ground.grids(data, language),
        "buildings": _buildings(data, language, origin),
        "stations": ground.stations(data, language, _serving(data)),
        "uncovered": _uncovered(data),
        "gaps": _gaps(data, origin),
        "base": ground.base_drawing(data, origin),
        "quarters": ground.quarters(data),
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
    basic = ground.basic_grids(data)
    households = ground.households_of(data, basic)
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
        "name": ground.texts_of(frame, "name"),
        "address": ground.texts_of(frame, "address"),
        "floors": ground.numbers_of(frame, "floors"),
        "households": frame["households"].tolist(),
        "estimated": (frame["households_source"] != "recorded").astype(int).tolist(),
    }
    # Small counts of people never leave this floor, nor what would give them away.
    for name, kept in kept_back(data).items():
        counts = frame[name].to_numpy(dtype=np.int64)
        out[name] = shown(counts, kept.of_buildings).tolist()
    return out


def _serving(data: CoverageMapData) -> list[set[str]]:
    if not data.serving:
        return []
    return [set(data.serving.get(scenario.key, ())) for scenario in data.scenarios]


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


def _uncovered(data: CoverageMapData) -> dict[str, Any]:
    out = {}
    for name, areas in areas_of(data).items():
        counts, totals = uncovered_counts(data, areas)
        out[name] = {
            "counts": pack_numbers(counts, "i4"),
            "totals": totals.tolist(),
            "areas": areas.size,
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
