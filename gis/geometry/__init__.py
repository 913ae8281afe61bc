"""Pure geometry: CRS, tessellation checks, measures."""
