"""A walking graph as bytes: built once per version of the data, kept, and read back in a moment."""

import io
import json
import zipfile
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.network.graph import GraphReport, WalkGraph, Walls

if TYPE_CHECKING:
    from gis.geometry.crs import Geometries

#: Raised when graphs are built or packed in another way: kept ones are then built anew.
NETWORK_METHOD = "walk-1"
#: Columns of each layer that a graph depends on.
SHAPED_BY = {
    "roads": ["geometry", "road_class", "walkable", "bridge", "tunnel", "surface"],
    "barriers": ["geometry", "barrier_class"],
    "crossings": ["geometry", "kind", "open_to_walkers"],
    "quarters": ["geometry", "gated"],
}

_ARRAYS = (
    "node_xy_m",
    "edge_from",
    "edge_to",
    "edge_length_m",
    "edge_cost_m",
    "edge_road",
    "component",
    "edge_open",
    "edge_quarter",
)
_WALLS = ("water", "lines", "quarters", "gates")


def pack(graph: WalkGraph) -> bytes:
    """Return a graph as bytes; :func:`unpack` gives the same graph, bit for bit."""
    arrays = {name: getattr(graph, name) for name in _ARRAYS}
    shapes = {"edge_line": graph.edge_line, **{name: getattr(graph.walls, name) for name in _WALLS}}
    for name, geometries in shapes.items():
        arrays |= _ragged(name, geometries)
    head = {"method": NETWORK_METHOD, "crs": graph.crs, "report": asdict(graph.report)}
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def _ragged(name: str, geometries: "Geometries") -> "dict[str, np.ndarray]":
    """Return geometries of one kind as flat arrays: kind, coordinates and offsets."""
    if len(geometries) == 0:
        return {}
    kind, xy, offsets = shapely.to_ragged_array(geometries, include_z=False)
    parts = {f"{name}_offsets_{i}": values for i, values in enumerate(offsets)}
    return {f"{name}_kind": np.array([kind.value]), f"{name}_xy": xy, **parts}


def unpack(data: bytes) -> WalkGraph:
    """Return the graph that was packed.

    Raises
    ------
    gis.errors.InvalidInputError
        The bytes are no graph, or one of another method.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        head = json.loads(arrays["head"].tobytes())
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InvalidInputError(
            "The stored walking network cannot be read.", remedy="Build it again."
        ) from error
    if head["method"] != NETWORK_METHOD:
        msg = f"The stored walking network was built by method {head['method']!r}."
        raise InvalidInputError(msg, remedy="Build it again.", field="method")
    report = head["report"]
    report["quarters_without_gates"] = tuple(report["quarters_without_gates"])
    return WalkGraph(
        **{name: arrays[name] for name in _ARRAYS},
        edge_line=_shapes(arrays, "edge_line"),
        walls=Walls(**{name: _shapes(arrays, name) for name in _WALLS}),
        crs=head["crs"],
        report=GraphReport(**report),
    )


def _shapes(arrays: "dict[str, np.ndarray]", name: str) -> "Geometries":
    if f"{name}_kind" not in arrays:
        return np.empty(0, dtype=object)
    offsets: list[np.ndarray] = []
    while f"{name}_offsets_{len(offsets)}" in arrays:
        offsets.append(arrays[f"{name}_offsets_{len(offsets)}"])
    kind = shapely.GeometryType(int(arrays[f"{name}_kind"][0]))
    shapes = shapely.from_ragged_array(kind, arrays[f"{name}_xy"], tuple(offsets))
    return np.asarray(shapes, dtype=object)
