"""Findings as they are collected, and as a frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.geometry.crs import to_lonlat
from gis.ingest.audit.kinds import KINDS, RANK, SEVERITIES, Severity

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import pyproj
    import shapely

#: Columns of a frame of findings before its geometry.
FINDING_COLUMNS = (
    "kind",
    "severity",
    "layer",
    "row_ids",
    "size_m2",
    "length_m",
    "fixable",
    "detail",
)
#: How many ids a table names for each kind.
NAMED_IDS = 3


@dataclass(slots=True)
class Finding:
    """One fault.

    Parameters
    ----------
    kind
        Code of :data:`gis.ingest.audit.kinds.KINDS`.
    layer
        Layer of the rows.
    row_ids
        Keys of the rows concerned.
    geometry
        Where, in the projected system of the audit; ``None`` where no place can be shown.
    size_m2, length_m
        How large, where that means something.
    severity
        ``None``: that of the kind.
    fixable
        Whether mending it is safe.
    detail
        Plain facts for people and programs.
    """

    kind: str
    layer: str
    row_ids: Sequence[str]
    geometry: "shapely.Geometry | None" = None
    size_m2: float | None = None
    length_m: float | None = None
    severity: Severity | None = None
    fixable: bool = False
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Findings:
    """What an audit found.

    Parameters
    ----------
    frame
        One row per finding: ``kind``, ``severity``, ``layer``, ``row_ids`` (list of str),
        ``size_m2``, ``length_m`` (NaN where they mean nothing), ``fixable``, ``detail`` (dict) and
        ``geometry`` in EPSG:4326; the order depends on the ground alone.
    """

    frame: "gpd.GeoDataFrame"

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def counts(self) -> dict[str, int]:
        """Number of findings by kind, in the order of reports; kinds without any are left out."""
        counted = self.frame["kind"].value_counts()
        return {code: int(counted[code]) for code in KINDS if code in counted}

    def of(self, kind: str) -> "gpd.GeoDataFrame":
        """Return the findings of a kind."""
        return self.frame[self.frame["kind"] == kind].reset_index(drop=True)

    def table(self) -> "pd.DataFrame":
        """Return one row per kind and severity: count, rows, first ids, m², m, fixable.

        ``count`` is of findings and ``rows`` of the rows that they concern; ``ids`` has the first
        :data:`NAMED_IDS` of them. ``size_m2`` and ``length_m`` are sums, NaN where none is known.
        """
        import pandas as pd

        told = []
        for (kind, severity), rows in self.frame.groupby(["kind", "severity"], sort=False):
            ids = list(dict.fromkeys(key for keys in rows["row_ids"] for key in keys))
            told.append(
                {
                    "kind": kind,
                    "severity": severity,
                    "count": len(rows),
                    "rows": len(ids),
                    "ids": ids[:NAMED_IDS],
                    "size_m2": rows["size_m2"].sum(min_count=1),
                    "length_m": rows["length_m"].sum(min_count=1),
                    "fixable": int(rows["fixable"].sum()),
                }
            )
        columns = ["kind", "severity", "count", "rows", "ids", "size_m2", "length_m", "fixable"]
        return pd.DataFrame(told, columns=columns)


def findings_frame(found: "Sequence[Finding]", crs: "pyproj.CRS") -> Findings:
    """Return findings as a frame, the worst first.

    Parameters
    ----------
    found
        Findings with geometries in ``crs``.
    crs
        Projected system in metres.
    """
    import geopandas as gpd
    import pandas as pd

    rows = sorted(found, key=_order)
    shapes = np.empty(len(rows), dtype=object)
    shapes[:] = [row.geometry for row in rows]
    data: dict[str, Any] = {
        "kind": [row.kind for row in rows],
        "severity": [_severity(row) for row in rows],
        "layer": [row.layer for row in rows],
        "row_ids": pd.Series([[str(k) for k in row.row_ids] for row in rows], dtype=object),
        "size_m2": pd.Series([row.size_m2 for row in rows], dtype="float64"),
        "length_m": pd.Series([row.length_m for row in rows], dtype="float64"),
        "fixable": pd.Series([row.fixable for row in rows], dtype="bool"),
        "detail": pd.Series([row.detail for row in rows], dtype=object),
    }
    geometry = to_lonlat(shapes, crs)
    return Findings(gpd.GeoDataFrame(data, geometry=geometry, crs="EPSG:4326"))


def rounded(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts with numbers as JSON has them, lengths and areas to the centimetre."""
    out: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, float | np.floating):
            out[name] = round(float(value), 2)
        elif isinstance(value, np.integer):
            out[name] = int(value)
        else:
            out[name] = value
    return out


def _severity(row: Finding) -> Severity:
    return row.severity or KINDS[row.kind].severity


def _order(row: Finding) -> tuple[int, int, str, float, list[str]]:
    size = -(row.size_m2 or 0.0)
    return SEVERITIES.index(_severity(row)), RANK[row.kind], row.layer, size, list(row.row_ids)
