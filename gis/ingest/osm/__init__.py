"""Reader of OpenStreetMap extracts: a PBF or XML file to a data set of every layer."""

from gis.ingest.osm.households import HouseholdOptions
from gis.ingest.osm.read import ATTRIBUTION, read_osm

__all__ = ["ATTRIBUTION", "HouseholdOptions", "read_osm"]
