"""The whole audit: every check over one ground."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from gis.ingest.audit.borders import communities_in_division, communities_tile, grids_tile
from gis.ingest.audit.duplicates import buildings_duplicated
from gis.ingest.audit.findings import Finding, Findings, findings_frame
from gis.ingest.audit.ground import Ground
from gis.ingest.audit.keys import codes, grids_without_post
from gis.ingest.audit.options import AuditOptions
from gis.ingest.audit.people import counts_of_people
from gis.ingest.audit.places import (
    orphan_quarters,
    stations_and_roads,
    stations_on_barriers,
    things_outside,
)
from gis.ingest.audit.placing import buildings_in_communities
from gis.ingest.audit.rings import invalid_rings, ring_order

if TYPE_CHECKING:
    import pandas as pd
    import pyproj

    from gis.frames import Dataset

Check = Callable[[Ground], Iterator[Finding]]

#: Every check, with the layers whose rows can change its answer.
CHECKS: tuple[tuple[Check, frozenset[str]], ...] = (
    (invalid_rings, frozenset({"divisions", "communities", "quarters", "buildings", "grids"})),
    (ring_order, frozenset({"divisions", "communities", "quarters", "buildings"})),
    (communities_tile, frozenset({"communities", "divisions", "quarters"})),
    (communities_in_division, frozenset({"communities", "divisions"})),
    (grids_tile, frozenset({"communities", "grids"})),
    (codes, frozenset({"divisions", "communities", "grids"})),
    (buildings_in_communities, frozenset({"communities", "buildings"})),
    (buildings_duplicated, frozenset({"buildings"})),
    (counts_of_people, frozenset({"buildings"})),
    (orphan_quarters, frozenset({"quarters", "buildings", "communities"})),
    (stations_and_roads, frozenset({"stations", "roads"})),
    (stations_on_barriers, frozenset({"stations", "barriers", "buildings"})),
    (things_outside, frozenset({"communities", "stations", "roads", "pois"})),
    (grids_without_post, frozenset({"grids", "posts"})),
)
#: Layers that the audit reads.
AUDITED_LAYERS = (
    "divisions",
    "communities",
    "quarters",
    "buildings",
    "stations",
    "roads",
    "barriers",
    "pois",
    "grids",
    "posts",
)


def audit_ground(
    layers: "Mapping[str, pd.DataFrame]",
    crs: "pyproj.CRS",
    options: AuditOptions | None = None,
    *,
    touching: Collection[str] | None = None,
) -> Findings:
    """Return the faults of a ground, each with its rows, its place and its size.

    Parameters
    ----------
    layers
        Frames by layer name, as their contracts have them, in EPSG:4326; ``grids`` are those of the
        plans in effect, ``posts`` those in force. Rows that exist no more are left out by the
        caller (:func:`living`). Geometries may be invalid, counts missing or negative.
    crs
        Projected system in metres.
    options
        Limits.
    touching
        Only what rows of these layers can have brought about; ``None``: everything.

    Raises
    ------
    gis.errors.CrsMismatchError
        ``crs`` is not projected in metres, or a coordinate cannot be projected.
    gis.errors.InvalidInputError
        A layer has no keys.
    """
    ground = Ground(layers, crs, options or AuditOptions())
    wanted = None if touching is None else frozenset(touching)
    found: list[Finding] = []
    for check, reads in CHECKS:
        if wanted is None or reads & wanted:
            found += check(ground)
    return findings_frame(found, crs)


def audit_dataset(
    dataset: "Dataset",
    crs: "pyproj.CRS",
    options: AuditOptions | None = None,
    *,
    on_day: date,
) -> Findings:
    """Return the faults of a data set that is not in the store yet, as of a day."""
    layers = {
        name: living(frame, on_day)
        for name, frame in dataset.layers.items()
        if name in AUDITED_LAYERS
    }
    return audit_ground(layers, crs, options)


def living(frame: Any, on_day: date) -> Any:  # noqa: ANN401 - a frame or geo frame
    """Return the rows of a layer that exist on a day, or all of one without dates."""
    import pandas as pd

    if "valid_to" not in frame:
        return frame
    begins, ends = (pd.to_datetime(frame[name]) for name in ("valid_from", "valid_to"))
    day = pd.Timestamp(on_day)
    return frame[(begins.isna() | (begins <= day)) & (ends.isna() | (ends > day))].reset_index(
        drop=True
    )
