"""What every export says of itself: plan, date, CRS, rows, what was withheld, and whose data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gis.geometry.source_crs import SourceCrs
from gis.outlets.labels import about_label

if TYPE_CHECKING:
    from gis.i18n import Language

#: How coordinates are described that no code of a reference system stands for.
SHIFT_NOTES = {
    "gcj02": "GCJ-02: degrees shifted by 300-700 m from WGS 84, for Chinese web maps; "
    "not EPSG:4326. Import them again as gcj02.",
    "bd09": "BD-09: degrees shifted from GCJ-02, for Baidu's maps; not EPSG:4326. "
    "Import them again as bd09.",
}


@dataclass(frozen=True)
class About:
    """What is known of an export when it begins; counts of rows follow when it ends.

    Parameters
    ----------
    exported_at
        When, with a time zone.
    crs
        System of the coordinates.
    program
        Name and version of this program.
    plan
        Id, name, kind, status and division code of the plan; empty without one.
    suppression
        The rule by which small counts were withheld, in a sentence; empty: none was.
    attribution
        Whose data they are.
    synthetic
        What of the data is made up: ``all``, ``matters``, ``none``.
    filters
        What part of the ground was asked for.
    """

    exported_at: datetime
    crs: SourceCrs
    program: str
    plan: Mapping[str, str] = field(default_factory=dict)
    suppression: str = ""
    attribution: str = ""
    synthetic: str = "none"
    filters: Mapping[str, str] = field(default_factory=dict)

    def facts(
        self, rows: Mapping[str, int] | None = None, losses: list[dict[str, object]] | None = None
    ) -> dict[str, Any]:
        """Return everything as JSON can hold it, with rows and losses once they are known."""
        told: dict[str, Any] = {
            "program": self.program,
            "exported_at": self.exported_at.isoformat(timespec="seconds"),
            "crs": self.crs.name,
            "crs_note": SHIFT_NOTES.get(self.crs.shift, f"{self.crs.crs.name}; x before y."),
            "plan": dict(self.plan),
            "filters": dict(self.filters),
            "suppression": self.suppression or "none: every count is as it is stored",
            "attribution": self.attribution,
            "synthetic": self.synthetic,
            "formulas": "defused by an apostrophe",
        }
        if rows is not None:
            told["rows"] = dict(rows)
        if losses is not None:
            told["losses"] = losses
        return told


def pairs(facts: Mapping[str, Any], language: "Language") -> list[tuple[str, str]]:
    """Return the facts as label and text, one pair for each, for tables and README files."""
    out: list[tuple[str, str]] = []
    for key, value in facts.items():
        if key == "formulas":
            continue
        label = about_label(key, language)
        if isinstance(value, Mapping):
            out += [(f"{label}: {about_label(str(k), language)}", str(v)) for k, v in value.items()]
        elif isinstance(value, list):
            out += [(label, ", ".join(f"{k}: {v}" for k, v in item.items())) for item in value]
        elif value not in ("", None):
            out.append((label, str(value)))
    return out


def readme(facts: Mapping[str, Any], language: "Language") -> str:
    """Return the text of README.txt."""
    return "".join(f"{label}: {text}\r\n" for label, text in pairs(facts, language))
