"""Frames into files: GeoPackage, GeoJSON, Shapefile, CSV, Excel, GeoParquet, FlatGeobuf."""

from gis.outlets.about import About
from gis.outlets.formats import FORMATS, FileFormat, check_export, format_of
from gis.outlets.layer import Losses, OutLayer, OutletOptions
from gis.outlets.writing import Written, write_export

__all__ = [
    "FORMATS",
    "About",
    "FileFormat",
    "Losses",
    "OutLayer",
    "OutletOptions",
    "Written",
    "check_export",
    "format_of",
    "write_export",
]
