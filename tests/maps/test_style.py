"""Neighbouring classes stay apart for every kind of colour vision."""

from itertools import pairwise

import numpy as np
import pytest

from maps import style

pytestmark = pytest.mark.maps

#: Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(colour: str, vision: str) -> np.ndarray:
    seen = np.clip(VISION[vision] @ linear(colour), 0, 1)
    t = (TO_XYZ @ seen) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(one: str, other: str, vision: str) -> float:
    """Return the difference of two colours (CIE 1976); 2.3 is just noticeable."""
    return float(np.linalg.norm(lab(one, vision) - lab(other, vision)))


def contrast(one: str, other: str) -> float:
    light, dark = sorted(
        (float(TO_XYZ[1] @ linear(colour)) for colour in (one, other)), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("name", style.PALETTES)
def test_neighbouring_classes_differ(name: str, vision: str):
    palette = style.PALETTES[name]
    steps = [apart(a, b, vision) for a, b in pairwise(palette)]
    assert min(steps) >= 8


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("name", ["households", "coverage", "density"])
def test_ordered_palettes_are_ordered_by_lightness(name: str, vision: str):
    steps = np.diff([lab(colour, vision)[0] for colour in style.PALETTES[name]])
    assert (steps < -4).all() or (steps > 4).all()


@pytest.mark.parametrize("vision", VISION)
def test_both_ends_of_the_deviation_differ(vision: str):
    palette = style.DEVIATION_PALETTE
    assert apart(palette[0], palette[-1], vision) >= 25
    assert apart(palette[1], palette[-2], vision) >= 15


@pytest.mark.parametrize("vision", VISION)
def test_buildings_can_be_told_apart_on_any_ground(vision: str):
    covered, uncovered, empty = style.BUILDING_COLOURS.values()
    assert apart(covered, uncovered, vision) >= 30
    assert apart(covered, empty, vision) >= 30
    assert apart(uncovered, empty, vision) >= 30
    for palette in style.PALETTES.values():
        assert min(apart(uncovered, colour, vision) for colour in palette) >= 20


def test_counts_get_round_classes():
    classes = style.count_classes([310, 395, 402, 420, 488, 34], style.HOUSEHOLDS_PALETTE)
    assert len(classes.colours) == len(classes.breaks) + 1
    assert all(value % 10 == 0 for value in classes.breaks)
    assert list(classes.breaks) == sorted(classes.breaks)


@pytest.mark.parametrize("values", [[], [7], [400, 400, 400], [3, 4], list(range(3, 5000, 7))])
def test_few_or_equal_counts_still_have_classes(values: list[int]):
    classes = style.count_classes(values, style.DENSITY_PALETTE)
    assert len(classes.colours) == len(classes.breaks) + 1 <= len(style.DENSITY_PALETTE)
    assert set(classes.colours) <= set(style.DENSITY_PALETTE)


def test_the_strongest_deviation_classes_are_the_grids_out_of_range():
    classes = style.deviation_classes(300, 400, 500)

    def rank(households: int) -> int:
        return sum(households - 400 > bound for bound in classes.breaks)

    assert [rank(n) for n in (299, 300, 379, 380, 400, 420, 421, 500, 501)] == [
        0, 1, 1, 2, 2, 2, 3, 3, 4,
    ]  # fmt: skip
