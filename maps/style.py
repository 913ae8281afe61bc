"""Colours, classes and type of the maps.

The palettes follow ColorBrewer's colour-blind-safe schemes and the Okabe–Ito set; a test simulates
protanopia, deuteranopia and tritanopia and measures that neighbouring classes stay apart. Covered
buildings are a quiet slate and uncovered ones vermilion, so that the eye goes to the gaps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Households per grid: light to dark, one hue.
HOUSEHOLDS_PALETTE = ("#f1eef6", "#d0d1e6", "#a6bddb", "#67a0ca", "#2b76b5", "#08457e")
#: Deviation from the target: purple below, pale within, teal above; orange is for buildings.
DEVIATION_PALETTE = ("#762a83", "#bf9fcf", "#f5f5f5", "#93d3c9", "#0a6b63")
#: Share of households within reach: strong is little, pale is nearly all, so that gaps stand out.
COVERAGE_PALETTE = ("#4a1486", "#7355ae", "#9a8dc7", "#bdb8dc", "#dcd9ed", "#f8f7fb")
#: Incidents in a cell.
DENSITY_PALETTE = ("#e3f4ee", "#a6dbc4", "#5fb98f", "#2a8a57", "#00502a")
#: Minutes on foot: blue is near, red is far, with the change at a quarter of an hour.
MINUTES_PALETTE = ("#2c5f9e", "#6fa6cf", "#c3dfec", "#fdd58c", "#f08a4b", "#b5241e")
#: Short of a target: purple; met: teal. Also little and much accessibility.
TARGET_PALETTE = DEVIATION_PALETTE
#: Stations and their buildings; a station's neighbours have other colours.
STATION_PALETTE = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#6a4c93",
    "#8a8a00",
)
#: Buildings: within reach, out of reach, nobody lives here.
BUILDING_COLOURS = {"covered": "#66727f", "uncovered": "#d55e00", "empty": "#dcd7cf"}
#: Stations: in use, planned and closed differ in form as well.
STATION_COLOURS = {"open": "#0b3c5d", "planned": "#ffffff", "closed": "#8a8a8a"}
#: Base drawing, from the ground up: quiet, so that the subject stands out.
BASE_COLOURS = {
    "land": "#f4f2ed",
    "quarter": "#eae6dc",
    "river": "#a9cfe3",
    "railway": "#8c8c8c",
    "wall": "#b9ae9d",
    "arterial": "#ffffff",
    "road": "#ffffff",
    "casing": "#cfc8ba",
    "path": "#cfc8ba",
}
#: Palettes of ordered classes, for the legend and for the test.
PALETTES = {
    "households": HOUSEHOLDS_PALETTE,
    "deviation": DEVIATION_PALETTE,
    "coverage": COVERAGE_PALETTE,
    "density": DENSITY_PALETTE,
}

#: Upper bounds of coverage classes but the last, as shares.
COVERAGE_BREAKS = (0.5, 0.7, 0.8, 0.9, 0.98)


@dataclass(frozen=True, slots=True)
class Classes:
    """Classes of a choropleth: a value takes the first class whose upper bound is not below it.

    Parameters
    ----------
    breaks
        Upper bounds of all classes but the last, ascending, in the unit of the value.
    colours
        One colour per class, so one more than ``breaks``.
    """

    breaks: tuple[float, ...]
    colours: tuple[str, ...]

    def __post_init__(self) -> None:
        assert len(self.colours) == len(self.breaks) + 1, "one colour more than breaks"


def count_classes(values: Sequence[float], palette: tuple[str, ...]) -> Classes:
    """Return classes with round breaks (mapclassify's ``PrettyBreaks``) for counts.

    Parameters
    ----------
    values
        Counts, shape (n,); n may be 0.
    palette
        Colours, light to dark; as many as are needed are spread over it.
    """
    array = np.asarray(values, dtype=float)
    if len(array) == 0 or array.min() == array.max():
        return Classes((), (palette[len(palette) // 2],))
    from mapclassify import PrettyBreaks

    bins = [float(value) for value in PrettyBreaks(array, k=len(palette) - 1).bins]
    # The last bin closes the top; bins that hold nothing at either end only lengthen the legend.
    inner = [value for value in bins[:-1] if array.min() <= value < array.max()]
    inner = _thin(inner, len(palette) - 1)
    return Classes(tuple(inner), _spread(palette, len(inner) + 1))


def deviation_classes(minimum: int, target: int, maximum: int) -> Classes:
    """Return diverging classes of the deviation from ``target``, the middle one within ±5 %.

    The outer breaks are the plan's own bounds, so the strongest colours are the grids out of range.
    """
    from mapclassify import UserDefined

    middle = max(1, round(target * 0.05))
    breaks = [minimum - target - 1, -middle - 1, middle, maximum - target]
    bins = UserDefined(np.asarray(breaks, dtype=float), breaks).bins
    return Classes(tuple(float(value) for value in bins), DEVIATION_PALETTE)


def coverage_classes() -> Classes:
    """Return classes of the share of households within reach."""
    from mapclassify import UserDefined

    bins = UserDefined(np.asarray(COVERAGE_BREAKS), list(COVERAGE_BREAKS)).bins
    return Classes(tuple(float(value) for value in bins), COVERAGE_PALETTE)


def _thin(values: list[float], most: int) -> list[float]:
    if len(values) <= most:
        return values
    step = -(-len(values) // most)
    return values[step - 1 :: step]


def _spread(palette: tuple[str, ...], count: int) -> tuple[str, ...]:
    if count == 1:
        return (palette[len(palette) // 2],)
    picks = np.linspace(0, len(palette) - 1, count).round().astype(int)
    return tuple(palette[pick] for pick in picks)
