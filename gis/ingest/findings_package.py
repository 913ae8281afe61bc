"""What an audit found, as a GeoPackage to work through in a GIS."""

import json
from typing import TYPE_CHECKING

from gis.ingest.audit import KINDS, Findings
from gis.ingest.rejects_package import write_whole

if TYPE_CHECKING:
    from pathlib import Path

LAYER = "findings"


def write_findings_package(path: "Path", findings: Findings) -> int:
    """Write findings with their rows, sizes, remedies and places; return how many there are.

    Raises
    ------
    gis.errors.DataSourceError
        The package cannot be written; ``path`` is as it was before.
    """
    frame = findings.frame.assign(
        row_ids=findings.frame["row_ids"].map("; ".join).astype(object),
        detail=findings.frame["detail"].map(_text).astype(object),
        remedy=findings.frame["kind"].map(lambda code: KINDS[code].remedy).astype(object),
    )
    write_whole(path, frame, LAYER, json.dumps(findings.counts), "The findings")
    return len(frame)


def _text(detail: object) -> str:
    return json.dumps(detail, ensure_ascii=False)
