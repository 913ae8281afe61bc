"""The data of the walking map's page: columns in one blob, labels and small tables beside it."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.i18n import Language
from maps import ground, style
from maps.blob import Blob, Ref, chain_rows
from maps.ground_data import GROUPS, SUPPRESSED, positions
from maps.labels import label
from maps.packing import SCALE
from maps.payload import class_labels
from maps.walking_labels import walking_texts
from maps.walking_tables import (
    Counter,
    Metres,
    counts_out_of_reach,
    counts_with_delivery,
    delivery_pairs,
    metres_of,
    whole_metres,
)
from maps.walking_ways import ways_part
from maps.withheld import areas_of, kept_back, shown

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from maps.walking_data import Indicator, WalkingMapData

#: About half a metre: rims of areas have many points.
_SIMPLIFY_DEGREES = 5e-6
#: Upper bounds of walking minutes but the last.
MINUTE_BREAKS = (5, 10, 15, 20, 30)
#: Upper bounds of an indicator as shares of its target.
_TARGET_BREAKS = (0.5, 0.8, 1.0, 1.25)


def walking_page(data: "WalkingMapData", language: Language) -> dict[str, Any]:
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
    blob = Blob()
    # Neighbours follow each other, so that differences are small.
    order = np.argsort(data.buildings.geometry.hilbert_distance().to_numpy(), kind="stable")
    metres = metres_of(data)
    pairs_of, pairs = delivery_pairs(data)
    page: dict[str, Any] = {
        "language": language,
        "texts": walking_texts(language) | ground.suppressed_text(language),
        "head": ground.head(data, language),
        "bounds": [[south, west], [north, east]],
        "origin": origin,
        "groups": GROUPS,
        "week": _week(blob, data, pairs_of, language),
        "choices": _choices(data),
        "classes": _classes(data, language),
        "colours": {
            "building": style.BUILDING_COLOURS,
            "base": style.BASE_COLOURS,
            "stations": style.STATION_PALETTE,
        },
        "communities": ground.communities(data),
        "grids": ground.grids(data, language)
        | {"shapes": blob.shapes(data.grids.geometry.array, origin)},
        "buildings": _buildings(blob, data, order, language, origin),
        "reach": _reach(blob, data, metres, order),
        "delivery": _delivery(blob, data, pairs, order),
        "ways": ways_part(blob, data, order, origin),
        "stations": _stations(data, language),
        "uncovered": _uncovered(blob, data, metres, pairs),
        "areas": {
            name: _areas(blob, getattr(data, name), data, origin)
            for name in ("gaps", "isochrones", "catchments")
        },
        "access": _access(blob, data, order, language),
        "indicators": [_indicator(each, language) for each in data.indicators],
        "base": _base(blob, data, origin),
        "quarters": ground.quarters(data),
    }
    page["blob"] = blob.text()
    return page


def _week(
    blob: Blob, data: "WalkingMapData", pairs_of: "NDArray[np.int64]", language: Language
) -> dict[str, Any]:
    from babel.dates import get_day_names

    locale = language.replace("-", "_")
    return {
        "services": [label("service", code, language) for code in data.services],
        "hours": blob.numbers(data.hours, "u2"),
        "pairs": blob.numbers(pairs_of, "i2"),
        "serving": [np.flatnonzero(mask).tolist() for mask in data.serving],
        "opens": list(data.opens_at),
        "days": [get_day_names("wide", locale=locale)[day] for day in range(7)],
        "short": [get_day_names("abbreviated", locale=locale)[day] for day in range(7)],
        "travels": [False] * len(data.services)
        if data.delivery is None
        else [bool((row >= 0).any()) for row in data.delivery.hours],
    }


def _choices(data: "WalkingMapData") -> dict[str, Any]:
    from gis.network.walking import SPEEDS

    return {
        "limits": [[*limit, limit.metres] for limit in data.limits],
        "thresholds": list(data.thresholds_m),
        "minutes": list(data.minutes),
        "speeds": SPEEDS,
    }


def _classes(data: "WalkingMapData", language: Language) -> dict[str, Any]:
    households = ground.households_of(data, ground.basic_grids(data))
    classes = {
        "households": style.count_classes(households, style.HOUSEHOLDS_PALETTE),
        "deviation": style.deviation_classes(data.minimum, data.target, data.maximum),
        "coverage": style.coverage_classes(),
    }
    shown = {
        name: {
            "breaks": item.breaks,
            "colours": item.colours,
            "labels": class_labels(name, item, language),
        }
        for name, item in classes.items()
    }
    breaks = MINUTE_BREAKS
    shown["minutes"] = {
        "breaks": breaks,
        "colours": style.MINUTES_PALETTE,
        "labels": [f"≤ {breaks[0]}", *(f"{a}–{b}" for a, b in pairwise(breaks)), f"> {breaks[-1]}"],
    }
    return shown | {"target": data.target}


def _buildings(
    blob: Blob,
    data: "WalkingMapData",
    order: "NDArray[np.int64]",
    language: Language,
    origin: tuple[float, float],
) -> dict[str, Any]:
    frame = data.buildings.iloc[order]
    uses = sorted(set(frame["use"]))
    floors = [-1 if each is None else each for each in ground.numbers_of(frame, "floors")]
    out: dict[str, Any] = {
        "count": len(frame),
        **_places(blob, frame, data.tiles, origin),
        "grid": blob.steps(positions(frame["grid_id"], data.grids["id"])),
        "community": blob.steps(positions(frame["community_id"], data.communities["id"])),
        "uses": [label("use", use, language) for use in uses],
        "use": blob.numbers(positions(frame["use"], uses), "u1"),
        "name": blob.texts(ground.texts_of(frame, "name")),
        "address": blob.texts(ground.texts_of(frame, "address")),
        "code": _codes(blob, frame),
        "floors": blob.numbers(floors, "i2"),
        "households": blob.integers(frame["households"]),
        "estimated": blob.numbers(frame["households_source"] != "recorded", "u1"),
    }
    # Small counts of people never leave this floor, nor what would give them away.
    for name, kept in kept_back(data).items():
        counts = frame[name].to_numpy(dtype=np.int64)
        out[name] = blob.integers(shown(counts, kept.of_buildings[order]))
    return out


def _places(
    blob: Blob, frame: "gpd.GeoDataFrame", tiles: str | None, origin: tuple[float, float]
) -> dict[str, Any]:
    """Return outlines; or, where they come as tiles, middles and the numbers they are known by."""
    if tiles is None:
        return {"shapes": blob.shapes(frame.geometry.array, origin)}
    west, south, east, north = frame.geometry.bounds.to_numpy().T
    middle = np.round(np.array([west + east, south + north]) / 2 * SCALE).astype(np.int64)
    return {
        "tiles": tiles,
        "numbers": blob.numbers([number_of(key) for key in frame["id"]], "f8"),
        "lon": blob.steps(middle[0]),
        "lat": blob.steps(middle[1]),
    }


def number_of(key: str) -> int:
    """Return the number of a feature in vector tiles: the last 52 bits of its key.

    Examples
    --------
    >>> number_of("00000000-0000-0000-0001-00000000000a")
    4503599627370506
    """
    return int(key.replace("-", "")[-13:], 16)


def _codes(blob: Blob, frame: "gpd.GeoDataFrame") -> Ref | None:
    """Return the codes by which buildings are known where they come from, if there are any."""
    if "source_id" not in frame or frame["source_id"].isna().all():
        return None
    return blob.texts(ground.texts_of(frame, "source_id"))


def _reach(
    blob: Blob, data: "WalkingMapData", metres: Metres, order: "NDArray[np.int64]"
) -> dict[str, Any]:
    """Return rows of whole metres and of stations per set; each told from the row most like it."""
    tables = {
        "straight": metres.straight,
        "straightStation": data.straight.station,
        "walking": metres.walking,
        "walkingStation": data.walking.station,
        "extra": metres.level - metres.walking,
    }
    return {name: _rows(blob, table[:, order]) for name, table in tables.items()}


def _rows(blob: Blob, table: "NDArray[np.int64]") -> list[dict[str, Any]]:
    parents, changes = chain_rows(table)
    return [
        {"parent": parent, "changes": blob.integers(row)}
        for parent, row in zip(parents, changes, strict=True)
    ]


def _delivery(
    blob: Blob, data: "WalkingMapData", pairs: list[tuple[int, int]], order: "NDArray[np.int64]"
) -> dict[str, Any] | None:
    if data.delivery is None:
        return None
    minutes = whole_metres(data.delivery.minutes)
    return {
        "pairs": pairs,
        "station": _rows(
            blob, np.where(data.delivery.reached, data.delivery.station, -1)[:, order]
        ),
        "minutes": _rows(blob, minutes[:, order]),
    }


def _stations(data: "WalkingMapData", language: Language) -> list[dict[str, Any]]:
    out = ground.stations(data, language)
    colours = _station_colours(data.stations)
    for item, colour in zip(out, colours, strict=True):
        item["colour"] = colour
    return out


def _station_colours(stations: "gpd.GeoDataFrame") -> list[int]:
    """Return a colour per station that its nearest neighbours do not have."""
    points = shapely.get_coordinates(stations.geometry.to_numpy())
    points = points * [np.cos(np.radians(points[:, 1].mean())) if len(points) else 1.0, 1.0]
    size = len(style.STATION_PALETTE)
    colours: list[int] = []
    for k in range(len(points)):
        near = np.argsort(np.linalg.norm(points[:k] - points[k], axis=1), kind="stable")
        taken = {colours[j] for j in near[: size - 1].tolist()}
        colours.append(next(c for c in range(size) if c not in taken))
    return colours


def _uncovered(
    blob: Blob, data: "WalkingMapData", metres: Metres, pairs: list[tuple[int, int]]
) -> dict[str, Any]:
    out = {}
    for name, areas in areas_of(data).items():
        counter = Counter(data, areas)
        sets = counts_out_of_reach(data, counter, metres)
        both: Any = counts_with_delivery(data, counter, metres, pairs) if pairs else []
        out[name] = {
            "areas": areas.size,
            "totals": counter.totals().tolist(),
            "sets": [blob.integers(row) for row in sets],
            "pairs": [blob.integers(row) for row in both],
        }
    return out


def _areas(
    blob: Blob,
    frame: "gpd.GeoDataFrame | None",
    data: "WalkingMapData",
    origin: tuple[float, float],
) -> list[dict[str, Any]]:
    """Return areas with the choice they belong to; the same geometry is held once."""
    held: dict[bytes, Ref] = {}
    out: list[dict[str, Any]] = []
    if frame is None:
        return out
    stations = {key: i for i, key in enumerate(data.stations["id"])}
    for row in frame.to_dict("records"):
        shape = shapely.simplify(row[frame.geometry.name], _SIMPLIFY_DEGREES)
        key = shapely.to_wkb(shape)
        if key not in held:
            held[key] = blob.shapes([shape], origin)
        item: dict[str, Any] = {"set": int(row["set"]), "shape": held[key]}
        for field in ("method", "unit", "speed"):
            if isinstance(row.get(field), str):
                item[field] = row[field]
        if "value" in row:
            item["value"] = int(row["value"])
        if "station_id" in row:
            item["station"] = stations[row["station_id"]]
        if GROUPS[0] in row:
            counts = np.array([row[group] for group in GROUPS], dtype=np.int64)
            told = data.suppress(counts[1:]) if data.people_within else np.full(3, SUPPRESSED)
            item["people"] = [int(counts[0]), *told.tolist()]
        out.append(item)
    return out


def _access(
    blob: Blob, data: "WalkingMapData", order: "NDArray[np.int64]", language: Language
) -> dict[str, Any]:
    from babel.numbers import format_decimal

    out = {}
    for code, values in data.accessibility.items():
        scaled = values * 1000
        known = scaled[np.isfinite(scaled)]
        cuts = np.unique(np.quantile(known, [0.2, 0.4, 0.6, 0.8])) if len(known) else np.empty(0)
        breaks = [float(f"{cut:.2g}") for cut in cuts if cut > 0]
        locale = language.replace("-", "_")
        texts = [str(format_decimal(cut, locale=locale)) for cut in breaks]
        inner = [f"{a}–{b}" for a, b in pairwise(texts)]
        labels = [f"≤ {texts[0]}", *inner, f"> {texts[-1]}"] if texts else ["…"]
        colours = style.TARGET_PALETTE[-len(labels) :]
        out[str(data.services.index(code))] = {
            "values": blob.numbers(scaled[order], "f4"),
            "breaks": breaks,
            "colours": colours,
            "labels": labels,
        }
    return out


def _indicator(each: "Indicator", language: Language) -> dict[str, Any]:
    classes, labels = indicator_classes(each, language)

    def cells(values: "NDArray[np.float64] | None") -> list[float | None] | None:
        if values is None:
            return None
        return [float(f"{v:.4g}") if np.isfinite(v) else None for v in values]

    return {
        "code": each.code,
        "label": each.label,
        "unit": each.unit,
        "target": each.target,
        "higher": each.higher_is_better,
        "source": each.source,
        "communities": cells(each.communities),
        "notes": list(each.notes),
        "grids": cells(each.grids),
        "classes": {"breaks": classes.breaks, "colours": classes.colours, "labels": labels},
    }


def indicator_classes(each: "Indicator", language: Language) -> tuple[style.Classes, list[str]]:
    """Return classes of an indicator and their labels.

    With a target the classes are shares of it, and the colour changes its hue where it is met;
    without one they are round numbers.
    """
    from babel.numbers import format_decimal, format_percent

    locale = language.replace("-", "_")

    def text(value: float) -> str:
        if each.unit == "share":
            return str(format_percent(value, format="#,##0.#%", locale=locale))
        return str(format_decimal(float(f"{value:.3g}"), locale=locale))

    if each.target is None:
        values = each.communities if each.grids is None else np.r_[each.communities, each.grids]
        known = values[np.isfinite(values)]
        classes = _even_classes(known)
    else:
        classes = _target_classes(each.target, each.unit == "share", each.higher_is_better)
    if not classes.breaks:
        return classes, ["…"]
    inner = [f"{text(a)}–{text(b)}" for a, b in pairwise(classes.breaks)]
    return classes, [f"< {text(classes.breaks[0])}", *inner, f"≥ {text(classes.breaks[-1])}"]


def _target_classes(target: float, share: bool, higher: bool) -> style.Classes:  # noqa: FBT001 - of an indicator
    if not higher:
        breaks = tuple(target / ratio for ratio in reversed(_TARGET_BREAKS))
        return style.Classes(breaks, style.TARGET_PALETTE[::-1])
    ratios = [ratio for ratio in _TARGET_BREAKS if not share or target * ratio <= 1]
    # A floor is met by its own value, and a class holds its upper bound.
    breaks = tuple(float(np.nextafter(target * ratio, -np.inf)) for ratio in ratios)
    return style.Classes(breaks, style.TARGET_PALETTE[: len(breaks) + 1])


def _even_classes(values: "NDArray[np.float64]") -> style.Classes:
    cuts = np.unique(np.quantile(values, [0.2, 0.4, 0.6, 0.8])) if len(values) else np.empty(0)
    breaks = tuple(sorted({float(f"{cut:.2g}") for cut in cuts}))
    return style.Classes(breaks, style.HOUSEHOLDS_PALETTE[: len(breaks) + 1])


def _base(blob: Blob, data: "WalkingMapData", origin: tuple[float, float]) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "shapes": blob.shapes(shapes, origin)}
        for kind, shapes in ground.base_shapes(data)
    ]
