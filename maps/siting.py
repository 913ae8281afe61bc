"""Before and after: a proposed siting on two maps that move together."""

from typing import TYPE_CHECKING, Any

import folium
import numpy as np
import shapely

from gis.i18n import Language
from maps import ground, style
from maps.blob import Blob
from maps.chart import open_chart
from maps.ground_data import GROUPS, SUPPRESSED, positions
from maps.labels import label
from maps.page import PageApp, number_elements, render_offline, save_offline
from maps.siting_data import Exchange, Nearest, SitingMapData
from maps.siting_labels import siting_texts
from maps.walking_tables import whole_metres

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Exchange",
    "Nearest",
    "SitingMapData",
    "render_offline",
    "save_offline",
    "siting_map",
]

#: In this order: each adds to what the one before has made.
SCRIPTS = (
    "packed.js",
    "panel.js",
    "coverage.js",
    "drawing.js",
    "colouring.js",
    "finding.js",
    "blob.js",
    "siting.js",
)
#: Panes from the ground up, with their z-index.
PANES = {"base": 210, "grids": 310, "ways": 315, "buildings": 320, "labels": 620}


def siting_map(
    data: SitingMapData,
    *,
    language: Language,
    tile_url: str | None = None,
    tile_attribution: str = "",
) -> folium.Map:
    """Return the map of a proposal; :func:`save_offline` writes it as one file.

    Parameters
    ----------
    data
        What to show; see :class:`~maps.siting_data.SitingMapData`.
    language
        Language of every label.
    tile_url, tile_attribution
        As for :func:`maps.coverage.coverage_map`; behind the map of today.

    Raises
    ------
    gis.errors.InvalidInputError, gis.errors.CrsMismatchError
        The parts do not fit together; see :meth:`~maps.siting_data.SitingMapData.check`.
    """
    data.check()
    page = siting_page(data, language)
    chart = open_chart(data, page, PANES, tile_url=tile_url, tile_attribution=tile_attribution)
    app = PageApp(
        "Wangge.startSiting", page, styles=("coverage.css", "siting.css"), scripts=SCRIPTS
    )
    chart.add_child(app, name="siting_app")
    number_elements(chart.get_root())
    return chart


def siting_page(data: SitingMapData, language: Language) -> dict[str, Any]:
    """Return everything the page's script needs, as JSON-able values."""
    west, south, east, north = (float(v) for v in data.communities.total_bounds)
    origin = (round(west, 6), round(south, 6))
    blob = Blob()
    order = np.argsort(data.buildings.geometry.hilbert_distance().to_numpy(), kind="stable")
    page: dict[str, Any] = {
        "language": language,
        "texts": siting_texts(language) | ground.suppressed_text(language),
        "head": ground.head(data, language),
        "bounds": [[south, west], [north, east]],
        "origin": origin,
        "groups": GROUPS,
        "panes": PANES,
        "service": label("service", data.service, language),
        "limit": [*data.limit, data.limit.metres],
        "colours": {"building": style.BUILDING_COLOURS, "base": style.BASE_COLOURS},
        "communities": ground.communities(data),
        "grids": ground.grids(data, language)
        | {"shapes": blob.shapes(data.grids.geometry.array, origin)},
        "buildings": _buildings(blob, data, order, origin),
        "stations": ground.stations(data, language),
        "candidates": _candidates(data),
        "people": _people(data),
        "proof": {
            "kind": data.proof,
            "label": data.objective_label,
            "objective": data.objective,
            "bound": data.bound,
        },
        "exchanges": [list(each) for each in data.exchanges],
        "base": [
            {"kind": kind, "shapes": blob.shapes(shapes, origin)}
            for kind, shapes in ground.base_shapes(data)
        ],
    }
    page["blob"] = blob.text()
    return page


def _reached(data: SitingMapData, nearest: Nearest) -> "NDArray[np.bool_]":
    return np.asarray(whole_metres(nearest.metres) <= data.limit.metres)


def _buildings(
    blob: Blob,
    data: SitingMapData,
    order: "NDArray[np.int64]",
    origin: tuple[float, float],
) -> dict[str, Any]:
    frame = data.buildings.iloc[order]
    return {
        "count": len(frame),
        "shapes": blob.shapes(frame.geometry.array, origin),
        "name": blob.texts(ground.texts_of(frame, "name")),
        "address": blob.texts(ground.texts_of(frame, "address")),
        "households": blob.integers(frame["households"]),
        "grid": blob.steps(positions(frame["grid_id"], data.grids["id"])),
        "before": blob.numbers(whole_metres(data.before.metres)[order], "u2"),
        "after": blob.numbers(whole_metres(data.after.metres)[order], "u2"),
        "beforeStation": blob.numbers(data.before.station[order], "i2"),
        "afterStation": blob.numbers(data.after.station[order], "i2"),
    }


def _candidates(data: SitingMapData) -> list[dict[str, Any]]:
    """Return the places that are chosen or named by an exchange, with whom each brings near."""
    newly = _reached(data, data.after) & ~_reached(data, data.before)
    homes = data.buildings["households"].to_numpy()
    named = {row for each in data.exchanges for row in each[:2]}
    points = shapely.get_coordinates(data.candidates.geometry.to_numpy())
    names = ground.texts_of(data.candidates, "name")
    out = []
    for row, chosen in enumerate(data.candidates["chosen"]):
        if chosen or row in named:
            mine = newly & (data.after.station == len(data.stations) + row)
            out.append(
                {
                    "row": row,
                    "name": names[row],
                    "chosen": bool(chosen),
                    "at": [round(float(points[row, 1]), 6), round(float(points[row, 0]), 6)],
                    "brings": int(homes[mine].sum()),
                }
            )
    return out


def _people(data: SitingMapData) -> list[dict[str, int]]:
    """Return for each group everybody, out of reach before and after; -1 where suppressed.

    A count is suppressed where it or a difference between two that are shown is small.
    """
    before, after = ~_reached(data, data.before), ~_reached(data, data.after)
    out = []
    for group in GROUPS:
        people = data.buildings[group].to_numpy(dtype=np.int64)
        total, was, becomes = (int(people[m].sum()) for m in (before | True, before, after))
        if group != GROUPS[0]:
            parts = np.array([was, becomes, total - was, total - becomes, abs(was - becomes)])
            if (data.suppress(parts) == SUPPRESSED).any():
                was = becomes = SUPPRESSED
            total = int(data.suppress(np.array([total]))[0])
        out.append({"total": total, "before": was, "after": becomes})
    return out
