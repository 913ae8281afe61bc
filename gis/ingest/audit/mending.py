"""What of a ground's faults can be mended safely, and the rows that change by it."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import shapely

from gis.geometry.crs import to_lonlat
from gis.ingest.audit.duplicates import groups, identical, keeper
from gis.ingest.audit.findings import Findings
from gis.ingest.audit.ground import Ground
from gis.ingest.audit.lines import mend_lines
from gis.ingest.audit.options import AuditOptions
from gis.ingest.audit.rings import ORIENTED, may_repair, runs_wrong
from gis.ingest.audit.run import audit_ground

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyproj

#: Kinds that mending acts on.
MENDED_KINDS = ("invalid_ring", "sliver", "ring_order", "building_duplicated")


@dataclass(frozen=True, slots=True)
class Mend:
    """A row that changes.

    Parameters
    ----------
    layer, row_id
        Which row.
    kinds
        What is mended by it.
    geometry
        Its new geometry in EPSG:4326; ``None``: it stays.
    valid_to
        The day from which it exists no more; ``None``: it stays.
    moved_m2
        Area by which the geometry changes.
    """

    layer: str
    row_id: str
    kinds: tuple[str, ...]
    geometry: shapely.Geometry | None = None
    valid_to: date | None = None
    moved_m2: float = 0.0


@dataclass(frozen=True)
class Mending:
    """What was mended, and the audit before and after.

    Parameters
    ----------
    mends
        Rows that change, by layer and key.
    before, after
        Findings of the ground as it was and as it would be.
    left
        Sentences on what was not mended though it seemed so, and why.
    """

    mends: tuple[Mend, ...]
    before: Findings
    after: Findings
    left: tuple[str, ...] = ()

    def table(self) -> "pd.DataFrame":
        """Return one row per kind: count and m² before and after, and the difference mended."""
        sums = [
            findings.frame.groupby("kind", sort=False).agg(
                **{f"count_{when}": ("kind", "size"), f"m2_{when}": ("size_m2", "sum")}
            )
            for when, findings in (("before", self.before), ("after", self.after))
        ]
        both = sums[0].join(sums[1], how="outer").fillna(0)
        order = [kind for kind in (*self.before.counts, *self.after.counts) if kind in both.index]
        both = both.loc[list(dict.fromkeys(order))].reset_index(names="kind")
        counts = ["count_before", "count_after"]
        return cast("pd.DataFrame", both.astype(dict.fromkeys(counts, "int64")))


def mend_ground(
    layers: "Mapping[str, pd.DataFrame]",
    crs: "pyproj.CRS",
    options: AuditOptions | None = None,
    *,
    on_day: date,
) -> Mending:
    """Return the rows that can be changed safely, and what the audit says before and after.

    Rings are made valid where that leaves an area what it was; rings run as RFC 7946 says; lines of
    communities that differ by their accuracy become one, where that moves no building from one
    community to another; of buildings with one footprint and no fact that contradicts another the
    one with the most facts stays, and the others end on ``on_day``. Counts are never summed.

    Parameters
    ----------
    layers, crs, options
        As for :func:`gis.ingest.audit.audit_ground`; the frames are not changed.
    on_day
        The day on which duplicates end.
    """
    options = options or AuditOptions()
    before = audit_ground(layers, crs, options)
    ground = Ground(layers, crs, options)
    changes: dict[tuple[str, int], _Change] = {}
    for layer in ORIENTED:
        if ground.has(layer):
            _mend_rings(ground, layer, changes)
    left = _mend_lines(ground, changes)
    left += _end_duplicates(ground, on_day, changes)
    mends = tuple(_mend(ground, key, change) for key, change in sorted(changes.items()))
    after = audit_ground(_mended(layers, mends), crs, options)
    return Mending(mends, before, after, tuple(left))


@dataclass(slots=True)
class _Change:
    """What becomes of one row, in metres."""

    kinds: list[str]
    shape: shapely.Geometry | None = None
    lonlat: shapely.Geometry | None = None
    valid_to: date | None = None


def _mend_rings(ground: Ground, layer: str, changes: dict[tuple[str, int], _Change]) -> None:
    shapes, valid = ground.shapes(layer), ground.valid(layer)
    stored = ground.frame(layer)["geometry"].to_numpy()
    bad = np.flatnonzero(~shapely.is_valid(shapes) & ~shapely.is_missing(shapes))
    safe = bad[may_repair(shapes[bad], valid[bad], ground.options)] if len(bad) else bad
    for row in safe.tolist():
        # Made valid where it is stored, so that no vertex moves by a transformation.
        mended = shapely.make_valid(stored[row], method="structure")
        turned = shapely.orient_polygons(mended)
        if (
            shapely.is_valid(turned)
            and may_repair(shapes[[row]], valid[[row]], ground.options).all()
        ):
            changes[layer, row] = _Change(["invalid_ring"], valid[row], turned)
    for row in np.flatnonzero(runs_wrong(shapes)).tolist():
        turned = shapely.orient_polygons(stored[row])
        changes[layer, row] = _Change(["ring_order"], shapes[row], turned)


def _mend_lines(ground: Ground, changes: dict[tuple[str, int], _Change]) -> list[str]:
    if not ground.has("communities"):
        return []
    mended = mend_lines(ground)
    for row, (shape, lonlat) in mended.shapes.items():
        change = changes.setdefault(("communities", row), _Change([]))
        change.kinds.append("sliver")
        change.shape, change.lonlat = shape, lonlat
    return list(mended.left)


def _end_duplicates(
    ground: Ground, on_day: date, changes: dict[tuple[str, int], _Change]
) -> list[str]:
    if not ground.has("buildings"):
        return []
    left = []
    begun = ground.column("buildings", "valid_from")
    for rows in groups(ground):
        kept = keeper(ground, rows)
        if kept is None or not identical(ground.valid("buildings")[rows]):
            continue
        for row in rows.tolist():
            if row == kept:
                continue
            first = begun[row]
            if first is not None and first >= on_day:
                name = ground.ids("buildings")[row]
                left.append(f"Building {name} begins on {first} and cannot end before that.")
                continue
            changes["buildings", row] = _Change(["building_duplicated"], valid_to=on_day)
    return left


def _mend(ground: Ground, key: tuple[str, int], change: _Change) -> Mend:
    layer, row = key
    moved = 0.0
    if change.shape is not None:
        was = ground.valid(layer)[row]
        moved = float(shapely.area(shapely.symmetric_difference(was, change.shape)))
    lonlat = change.lonlat
    if lonlat is None and change.shape is not None:
        lonlat = to_lonlat(np.array([change.shape]), ground.crs)[0]
    return Mend(
        layer,
        str(ground.ids(layer)[row]),
        tuple(change.kinds),
        lonlat,
        change.valid_to,
        round(moved, 3),
    )


def _mended(
    layers: "Mapping[str, pd.DataFrame]", mends: tuple[Mend, ...]
) -> "dict[str, pd.DataFrame]":
    """Return the layers as they would be: a copy of each that changes."""
    out: dict[str, Any] = dict(layers)
    for layer in sorted({mend.layer for mend in mends}):
        frame = layers[layer].copy()
        mine = [mend for mend in mends if mend.layer == layer]
        new = {mend.row_id: mend.geometry for mend in mine if mend.geometry is not None}
        ended = {mend.row_id for mend in mine if mend.valid_to is not None}
        keys = frame["id"].astype(str)
        shapes = frame["geometry"].to_numpy().copy()
        for place in np.flatnonzero(keys.isin(list(new))).tolist():
            shapes[place] = new[keys.iloc[place]]
        frame["geometry"] = shapes
        out[layer] = frame[~keys.isin(list(ended))].reset_index(drop=True)
    return out
