"""The map of what an audit found: by kind, with sizes, ids and what to do; opens offline."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import folium
import numpy as np
import shapely

from gis.errors import CrsMismatchError
from gis.i18n import Language, translate
from gis.ingest.audit.kinds import KINDS, SEVERITIES
from maps.findings_labels import FACTS, fact_text, findings_texts
from maps.labels import label
from maps.page import PageApp, PlainMap, add_tiles, number_elements

if TYPE_CHECKING:
    import geopandas as gpd

#: More findings than this are not drawn: the worst are, and the page says so.
MOST_DRAWN = 5000
#: Rows that a popup names.
NAMED_ROWS = 5
#: Colours by what the kinds are about; neighbours in the list differ for the colour-blind too.
COLOURS: Mapping[str, tuple[str, ...]] = {
    "#b3261e": (
        "overlap_between_communities",
        "gap_between_communities",
        "community_outside_division",
        "division_not_covered",
    ),
    "#8e2c8a": ("overlap_between_grids", "gap_between_grids", "grid_outside_community"),
    "#4a3aa7": ("invalid_ring", "code_collision"),
    "#0b63b0": ("building_outside", "building_straddling", "building_duplicated"),
    "#00725a": (
        "households_negative",
        "households_missing",
        "households_on_nonresidential",
        "people_without_households",
        "households_without_people",
    ),
    "#9a5b00": (
        "orphan_quarter",
        "station_outside",
        "station_far_from_road",
        "station_on_barrier",
        "road_outside",
        "poi_outside",
        "grid_without_post",
    ),
    "#5b6670": ("sliver", "ring_order"),
}
COLOUR_OF: Mapping[str, str] = {kind: hue for hue, kinds in COLOURS.items() for kind in kinds}
#: Places of a finding of many rows that are drawn.
_MOST_POINTS = 200


@dataclass(frozen=True)
class FindingsMapData:
    """Everything the map of findings shows; geometries in EPSG:4326.

    Parameters
    ----------
    title
        Heading; empty: that of the page.
    audited_on
        Day of the audit.
    findings
        Frame of :class:`gis.ingest.audit.Findings`.
    communities
        ``code``, ``name`` and geometry.
    grids
        ``code`` and geometry; ``None``: there are none.
    attribution
        Whose data are shown.
    """

    title: str
    audited_on: date
    findings: "gpd.GeoDataFrame"
    communities: "gpd.GeoDataFrame"
    grids: "gpd.GeoDataFrame | None" = None
    attribution: str = ""

    def check(self) -> None:
        """Raise :class:`~gis.errors.CrsMismatchError` unless every frame is in EPSG:4326."""
        for name in ("findings", "communities", "grids"):
            frame = getattr(self, name)
            if (
                frame is not None
                and len(frame)
                and (frame.crs is None or frame.crs.to_epsg() != 4326)
            ):
                msg = f"The map's frame '{name}' is not in EPSG:4326."
                raise CrsMismatchError(msg, remedy="Reproject it first.", field=name)


def findings_map(
    data: FindingsMapData,
    *,
    language: Language,
    tile_url: str | None = None,
    tile_attribution: str = "",
) -> folium.Map:
    """Return the map of an audit's findings; :func:`maps.page.save_offline` writes it.

    Parameters
    ----------
    data
        What to show.
    language
        Language of every label.
    tile_url, tile_attribution
        As for :func:`maps.coverage.coverage_map`.

    Raises
    ------
    gis.errors.CrsMismatchError
        A frame is not in EPSG:4326.
    """
    data.check()
    page = findings_page(data, language)
    (south, west), (north, east) = page["bounds"]
    chart = PlainMap(
        page["title"],
        language,
        location=[(south + north) / 2, (west + east) / 2],
        zoom_start=14,
        tiles=None,
        zoom_control=False,
        control_scale=True,
        min_zoom=5,
        max_zoom=21,
    )
    chart.options["zoomSnap"] = 0.5
    add_tiles(chart, tile_url, tile_attribution, max_zoom=21)
    app = PageApp(
        "WanggeFindings.start", page, styles=("findings.css",), scripts=("dom.js", "findings.js")
    )
    chart.add_child(app, name="findings_app")
    number_elements(chart.get_root())
    return chart


def findings_page(data: FindingsMapData, language: Language) -> dict[str, Any]:
    """Return the page's data: texts, kinds with their counts, findings the worst first."""
    frame = data.findings
    texts = findings_texts(language)
    drawn = frame.iloc[:MOST_DRAWN]
    severities = frame["severity"].value_counts()
    kinds = _kinds(frame, language)
    place = {kind["code"]: i for i, kind in enumerate(kinds)}
    return {
        "language": language,
        "title": data.title or texts["title"],
        "texts": texts,
        "audited": translate("Audited on {date}", language, date=data.audited_on.isoformat()),
        "summary": [int(severities.get(name, 0)) for name in SEVERITIES],
        "severities": [label("severity", name, language) for name in SEVERITIES],
        "attribution": data.attribution,
        "total": len(frame),
        "kinds": kinds,
        "findings": [_finding(row, place, language) for row in drawn.itertuples()],
        "communities": _areas(data.communities, named=True),
        "grids": [] if data.grids is None else _areas(data.grids, named=False),
        "bounds": _bounds(data),
    }


def _kinds(frame: "gpd.GeoDataFrame", language: Language) -> list[dict[str, Any]]:
    told = []
    for code in [code for code in KINDS if (frame["kind"] == code).any()]:
        rows = frame[frame["kind"] == code]
        size = float(rows["size_m2"].sum())
        told.append(
            {
                "code": code,
                "label": label("finding", code, language),
                "colour": COLOUR_OF[code],
                "count": len(rows),
                "severity": min(SEVERITIES.index(name) for name in rows["severity"]),
                "size": round(size, 1) if rows["size_m2"].notna().any() else None,
                "remedy": translate(KINDS[code].remedy, language),
            }
        )
    return sorted(told, key=lambda kind: kind["severity"])


def _finding(row: Any, place: dict[str, int], language: Language) -> dict[str, Any]:  # noqa: ANN401 - a row of the frame
    detail = row.detail or {}
    facts = [
        [translate(FACTS[key], language), fact_text(key, detail[key], language)]
        for key in FACTS
        if detail.get(key) not in (None, "", [])
    ]
    ids = list(row.row_ids)
    shape = _drawable(row.geometry)
    return {
        "k": place[row.kind],
        "s": SEVERITIES.index(row.severity),
        "l": label("layer", row.layer, language),
        "n": _name(detail, ids),
        "m2": None if np.isnan(row.size_m2) else round(float(row.size_m2), 2),
        "m": None if np.isnan(row.length_m) else round(float(row.length_m), 2),
        "x": bool(row.fixable),
        "ids": ids[:NAMED_ROWS],
        "rows": len(ids),
        "f": facts,
        "g": None if shape is None else json.loads(shapely.to_geojson(shape)),
        "p": None if shape is None else _centre(shape),
    }


def _name(detail: Mapping[str, Any], ids: list[str]) -> str:
    """Return what a list calls a finding: its codes, its name, else the first id."""
    codes = detail.get("codes")
    if codes:
        return " / ".join(str(code) for code in codes)
    return str(detail.get("name") or ids[0][:8])


def _drawable(shape: Any) -> Any:  # noqa: ANN401 - a geometry or None
    """Return a geometry for the browser: seven decimals, and not every point of very many."""
    if shape is None or shapely.is_empty(shape):
        return None
    if shape.geom_type == "MultiPoint" and len(shape.geoms) > _MOST_POINTS:
        step = -(-len(shape.geoms) // _MOST_POINTS)
        shape = shapely.MultiPoint(list(shape.geoms)[::step])
    return shapely.transform(shape, lambda points: np.round(points, 7))


def _centre(shape: Any) -> list[float]:  # noqa: ANN401 - a geometry
    first = shapely.get_parts(shape)[0] if shape.geom_type.startswith("Multi") else shape
    if shape.geom_type == "MultiPolygon":
        parts = shapely.get_parts(shape)
        first = parts[int(np.argmax(shapely.area(parts)))]
    point = (
        shapely.centroid(first) if first.geom_type == "Point" else shapely.point_on_surface(first)
    )
    return [round(point.y, 7), round(point.x, 7)]


def _areas(frame: "gpd.GeoDataFrame", *, named: bool) -> list[dict[str, Any]]:
    shapes = frame.geometry.to_numpy()
    rounded = shapely.transform(shapes, lambda points: np.round(points, 6))
    told = []
    for place, shape in enumerate(rounded):
        if shape is None or shapely.is_empty(shape):
            continue
        area: dict[str, Any] = {"g": json.loads(shapely.to_geojson(shape))}
        if named:
            row = frame.iloc[place]
            name = row["name"] if isinstance(row.get("name"), str) else None
            area |= {"n": name or str(row["code"]), "p": _centre(shape)}
        told.append(area)
    return told


def _bounds(data: FindingsMapData) -> list[list[float]]:
    """Return south-west and north-east of the communities, else of the findings, as lat, lon."""
    for frame in (data.communities, data.findings):
        shapes = frame.geometry.dropna()
        shapes = shapes[~shapes.is_empty]
        if len(shapes):
            west, south, east, north = (float(value) for value in shapes.total_bounds)
            return [[south, west], [north, east]]
    return [[-60.0, -170.0], [70.0, 170.0]]
