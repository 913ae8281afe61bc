"""How much a verdict hangs on its assumptions: shares at other speeds and distances, side by side.

Walking distances are some metres off (a door, a gate, a road that is not drawn), and nobody walks
at exactly the speed of the table.
"""

from typing import TYPE_CHECKING

from gis.coverage.shares import PEOPLE, check_index
from gis.coverage.walking_coverage import WalkOptions
from gis.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

#: Variants of a limit: name, factor of the speed, metres added to the reach.
VARIANTS = (
    ("as_asked", 1.0, 0.0),
    ("slower", 0.8, 0.0),
    ("faster", 1.2, 0.0),
    ("nearer", 1.0, -100.0),
    ("farther", 1.0, 100.0),
)


def sensitivity(
    buildings: "pd.DataFrame",
    verdicts: "pd.DataFrame",
    options: WalkOptions | None = None,
) -> "pd.DataFrame":
    """Return the shares within each threshold, at ±20 % speed and ±100 m.

    Parameters
    ----------
    buildings
        Buildings with the counts of :data:`gis.coverage.shares.PEOPLE`.
    verdicts
        ``distance_m`` and ``cost_m`` of each building, as
        :func:`gis.coverage.walking_coverage.walking_verdicts` returns them without a limit.
    options
        Thresholds and speeds.

    Returns
    -------
    pandas.DataFrame
        One row per threshold and variant: ``threshold``, ``unit`` (m or min), ``variant``
        (:data:`VARIANTS`), ``limit_m`` (metres of the walk, or equivalent metres for minutes), and
        per count ``{count}_share`` (NA where nobody lives) and ``{count}_change`` against
        ``as_asked``. Speed does not matter for metres: these rows have no share at other speeds.
        A limit that is not above 0 reaches nobody.

    Raises
    ------
    gis.errors.InvalidInputError
        The verdicts are not on the index of the buildings, or were cut off at a limit.
    """
    import pandas as pd

    options = options or WalkOptions()
    check_index(buildings, distance_m=verdicts["distance_m"], cost_m=verdicts["cost_m"])
    if "reason" in verdicts and (verdicts["reason"] == "beyond_limit").any():
        msg = "The verdicts were cut off at a limit, so farther walks are not known."
        raise InvalidInputError(msg, remedy="Ask for verdicts without limit_m.", field="verdicts")
    rows = []
    for unit, thresholds, column in (
        ("m", options.thresholds_m, "distance_m"),
        ("min", options.thresholds_min, "cost_m"),
    ):
        walked = verdicts[column].to_numpy(dtype=float)
        for threshold in thresholds:
            metres = threshold if unit == "m" else threshold * 60 * options.speed_m_s
            rows += _rows(buildings, walked, (threshold, unit, metres))
    return pd.DataFrame(rows).astype(
        {f"{name}_{kind}": "Float64" for name in PEOPLE for kind in ("share", "change")}
    )


def _rows(
    buildings: "pd.DataFrame",
    walked: "NDArray[np.float64]",
    asked: tuple[float, str, float],
) -> list[dict[str, object]]:
    import pandas as pd

    threshold, unit, metres = asked
    rows: list[dict[str, object]] = []
    first: dict[str, float] = {}
    for variant, factor, more in VARIANTS:
        told = unit == "min" or factor == 1.0
        limit = metres * factor + more
        row: dict[str, object] = {
            "threshold": threshold,
            "unit": unit,
            "variant": variant,
            "limit_m": limit,
        }
        near = (walked <= limit) & (limit > 0)  # NaN is beyond
        for name in PEOPLE:
            counts = buildings[name].to_numpy(dtype=float)
            known = told and counts.sum() > 0
            share = float(counts[near].sum() / counts.sum()) if known else None
            if variant == "as_asked" and share is not None:
                first[name] = share
            row[f"{name}_share"] = pd.NA if share is None else share
            row[f"{name}_change"] = pd.NA if share is None else share - first[name]
        rows.append(row)
    return rows
