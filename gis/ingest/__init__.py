"""Files to frames that keep a layer's contract: the first readers."""

from gis.ingest.boundary import read_boundary
from gis.ingest.files import ReadResult, read_layer
from gis.ingest.osm import ATTRIBUTION, HouseholdOptions, read_osm
from gis.ingest.rejects import RejectedRowsError, write_rejects

__all__ = [
    "ATTRIBUTION",
    "HouseholdOptions",
    "ReadResult",
    "RejectedRowsError",
    "read_boundary",
    "read_layer",
    "read_osm",
    "write_rejects",
]
