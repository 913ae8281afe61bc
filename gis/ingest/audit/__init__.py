"""Topology audit: what is wrong with a ground, how large it is, and what can be mended safely.

Pure: frames in, findings out; no store, no files.
"""

from gis.ingest.audit.findings import FINDING_COLUMNS, Finding, Findings
from gis.ingest.audit.kinds import KINDS, SEVERITIES, Kind
from gis.ingest.audit.mending import MENDED_KINDS, Mend, Mending, mend_ground
from gis.ingest.audit.options import AuditOptions
from gis.ingest.audit.run import AUDITED_LAYERS, audit_dataset, audit_ground, living

__all__ = [
    "AUDITED_LAYERS",
    "FINDING_COLUMNS",
    "KINDS",
    "MENDED_KINDS",
    "SEVERITIES",
    "AuditOptions",
    "Finding",
    "Findings",
    "Kind",
    "Mend",
    "Mending",
    "audit_dataset",
    "audit_ground",
    "living",
    "mend_ground",
]
