"""Machine code for the inner loops of districting (see :mod:`gis.geometry.compiled`)."""

from gis.geometry.compiled import compiled, compiled_loop

__all__ = ["compiled", "compiled_loop"]
