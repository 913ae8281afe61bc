"""Districting: cells and their borders in, grids out; pure, without I/O."""
