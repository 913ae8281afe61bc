"""Locating: a point to its grid; pure, without I/O."""

from gis.locating.locator import GridLocator, Located

__all__ = ["GridLocator", "Located"]
