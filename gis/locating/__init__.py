"""Locating: a point to its grid; pure, without I/O."""
