"""The PostGIS layers: one module per noun, with every query on it."""
