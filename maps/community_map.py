"""The map of one community as SVG: outlines, streets, buildings by verdict, numbered stations."""

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from maps import ground, style
from maps.ground_data import positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from maps.ground_data import Ground

#: Width and height of the drawing; on paper five units are about a millimetre.
WIDTH, HEIGHT = 900, 520
_MARGIN = 18
#: Lengths of the scale bar to choose from, in metres.
_BARS = (20, 50, 100, 200, 500, 1000, 2000)
_LONGEST_BAR = 180
#: Widths of streets; others are paths.
_WIDTHS = {"motorway": 6.0, "arterial": 5.0, "collector": 3.5, "local": 2.4, "service": 1.4}
_FONT = "system-ui,'Noto Sans SC','Microsoft YaHei',sans-serif"


class _View:
    """From degrees to the drawing, with one scale in both directions."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        west, south, east, north = bounds
        metre = np.array([np.cos(np.radians((south + north) / 2)), 1.0]) * 111_195.0
        size = np.array([east - west, north - south]) * metre
        sheet = np.array([WIDTH, HEIGHT])
        #: Units of the drawing per metre.
        self.scale = float(((sheet - 2 * _MARGIN) / np.maximum(size, 1.0)).min())
        degree = metre * self.scale
        self._factor = degree * [1, -1]
        self._shift = (sheet - size * self.scale) / 2 - np.array([west, north]) * self._factor
        outer = (sheet / degree - [east - west, north - south]) / 2
        self._sheet = (west - outer[0], south - outer[1], east + outer[0], north + outer[1])

    def points(self, shapes: Any) -> "NDArray[np.float64]":  # noqa: ANN401 - geometries
        return np.asarray((shapely.get_coordinates(shapes) * self._factor + self._shift).round(1))

    def paths(self, shapes: Any) -> list[str]:  # noqa: ANN401 - an array of geometries
        """Return each shape as path data, as far as it is on the sheet."""
        clipped = shapely.clip_by_rect(shapes, *self._sheet)
        return [self._path(shape) for shape in clipped[~shapely.is_empty(clipped)]]

    def _path(self, shape: Any) -> str:  # noqa: ANN401 - a geometry
        parts = []
        for part in shapely.get_parts(shape):
            area = part.geom_type == "Polygon"
            for ring in (part.exterior, *part.interiors) if area else (part,):
                xy = self.points(ring).tolist()
                parts.append("M" + "L".join(f"{x:g} {y:g}" for x, y in xy) + ("Z" if area else ""))
        return "".join(parts)


def community_svg(data: "Ground", row: int, beyond: "NDArray[np.bool_]", metres: str) -> str:
    """Return the map of a community.

    Parameters
    ----------
    data
        The map's data.
    row
        Row of the community.
    beyond
        Which buildings are out of reach, shape (buildings,).
    metres
        How a length is written, with ``{n}``.
    """
    outline = data.communities.geometry.iloc[row]
    view = _View(outline.bounds)
    key = data.communities["id"].iloc[row]
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" class="map" aria-hidden="true">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{style.BASE_COLOURS["land"]}"/>',
        *_base(data, view),
        *_houses(data, view, str(key), beyond),
        *_grids(data, view, str(key)),
        *[
            f'<path d="{path}" fill="none" stroke="#2f3a45" stroke-width="3" '
            'stroke-dasharray="12 5 2 5"/>'
            for path in view.paths(np.array([outline]))
        ],
        *_stations(data, view, str(key)),
        *_bar(view, metres),
        "</svg>",
    ]
    return "".join(parts)


def _base(data: "Ground", view: _View) -> list[str]:
    colours = style.BASE_COLOURS
    out = []
    for kind, shapes in ground.base_shapes(data):
        for path in view.paths(np.asarray(shapes, dtype=object)):
            if kind == "quarter":
                out.append(f'<path d="{path}" fill="{colours["quarter"]}"/>')
                continue
            width = {"river": 11.0, "railway": 3.0, "wall": 1.0}.get(kind, _WIDTHS.get(kind, 1.2))
            colour = colours.get(kind, colours["road" if kind in _WIDTHS else "path"])
            if kind in _WIDTHS:
                out.append(
                    f'<path d="{path}" fill="none" stroke="{colours["casing"]}" '
                    f'stroke-width="{width + 1.2:g}"/>'
                )
            out.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>')
    return out


def _houses(data: "Ground", view: _View, key: str, beyond: "NDArray[np.bool_]") -> list[str]:
    colours = style.BUILDING_COLOURS
    mine = (data.buildings["community_id"] == key).to_numpy()
    lived = data.buildings["households"].to_numpy() > 0
    shapes = data.buildings.geometry.to_numpy()
    out = []
    for name, chosen in (
        ("empty", mine & ~lived),
        ("covered", mine & lived & ~beyond),
        ("uncovered", mine & lived & beyond),
    ):
        path = "".join(view.paths(shapes[chosen]))
        if path:
            out.append(
                f'<path d="{path}" fill="{colours[name]}" fill-rule="evenodd" '
                'stroke="#3a3f45" stroke-width="0.4"/>'
            )
    return out


def _grids(data: "Ground", view: _View, key: str) -> list[str]:
    mine = data.grids[data.grids["community_id"] == key]
    if not len(mine):
        return []
    out = [
        f'<path d="{path}" fill="none" stroke="#3d4f63" stroke-width="1.2"/>'
        for path in view.paths(mine.geometry.to_numpy())
    ]
    points = view.points(mine.geometry.representative_point().to_numpy())
    for (x, y), number in zip(points.tolist(), mine["sequence"], strict=True):
        out.append(_text(x, y + 5, f"{int(number):02d}", 14))
    return out


def _stations(data: "Ground", view: _View, key: str) -> list[str]:
    home = positions(data.stations["community_id"], [key])
    mine = data.stations[home == 0]
    out = []
    points = view.points(mine.geometry.to_numpy()).tolist() if len(mine) else []
    rows = zip(points, mine["status"], strict=True)
    for rank, ((x, y), status) in enumerate(rows, start=1):
        # Open: filled; planned: dashed outline; closed: grey.
        fill, line, ink = {
            "open": ("#0b3c5d", "", "#fff"),
            "planned": ("#fff", ' stroke-dasharray="3 2"', "#0b3c5d"),
        }.get(status, ("#8a8a8a", "", "#fff"))
        edge = "#fff" if status != "planned" else "#0b3c5d"
        out.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="11" fill="{fill}" stroke="{edge}" '
            f'stroke-width="1.8"{line}/>'
            f'<text x="{x:g}" y="{y + 4.5:g}" text-anchor="middle" font-size="13" '
            f'font-weight="700" font-family="{_FONT}" fill="{ink}">{rank}</text>'
        )
    return out


def _bar(view: _View, metres: str) -> list[str]:
    fitting = [length for length in _BARS if length * view.scale <= _LONGEST_BAR]
    length = fitting[-1] if fitting else _BARS[0]
    wide = length * view.scale
    x, y = WIDTH - 16 - wide, HEIGHT - 14
    bar = f'<path d="M{x:g} {y - 7:g}v7h{wide:g}v-7" fill="none" stroke="#222" stroke-width="1.6"/>'
    return [bar, _text(x + wide / 2, y - 6, metres.format(n=length), 12)]


def _text(x: float, y: float, text: str, size: int) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" font-size="{size}" font-weight="700" '
        f'font-family="{_FONT}" fill="#11324d" stroke="#fff" stroke-width="3" '
        f'paint-order="stroke">{escape(text)}</text>'
    )
