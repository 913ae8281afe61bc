"""The walking network: graph, snapping, distances and paths on foot; pure, without I/O."""
