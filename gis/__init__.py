"""Wangge (网格): districting, coverage and dispatch over space, on PostGIS."""

__version__ = "0.1.0"
