"""The guard of the store: a layer that lies in another coordinate system is not let in."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from sqlalchemy import func, select

from gis.errors import CrsMismatchError
from gis.frames import COMMUNITIES, DIVISIONS
from gis.ingest.crs_guard import detect_shift
from gis.ingest.crs_verdict import Reference, ShiftVerdict
from gis.layers.buildings import Building
from gis.layers.communities import Community
from gis.layers.divisions import Division
from gis.layers.imports import stood_before
from gis.layers.queries import alive, read_layer, restricted, table_of
from gis.logs import get_logger

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.geometry.source_crs import SourceCrs
    from gis.scope import Scope

log = get_logger(__name__)

#: At most about this many building locations are read, chosen by a hash of their keys.
BUILDINGS_READ = 50_000
#: At most this many points of the layer are looked at, evenly through the sample.
POINTS_LOOKED_AT = 20_000
#: Layers whose features stand where buildings stand, so that points can be laid upon them.
_LIKE_BUILDINGS = frozenset({"buildings"})
#: Layers that the outline of the communities need not hold.
_ABOVE = frozenset({"communities", "divisions"})


@dataclass(frozen=True, slots=True)
class GuardReport:
    """What the guard compared, and what it found.

    Parameters
    ----------
    verdict
        The comparison's verdict.
    notes
        Sentences for people: what was compared, what cannot be said, what was let pass and why.
    accepted_because
        The reason that was stated for a layer that would have been refused; empty: it was not.
    """

    verdict: ShiftVerdict
    notes: tuple[str, ...]
    accepted_because: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the report for the record of an import."""
        verdict = self.verdict
        known = np.isfinite(verdict.length_m)
        return {
            "kind": verdict.kind,
            "compared_with": verdict.compared_with,
            "points": verdict.points,
            "shift_m": [round(verdict.east_m, 1), round(verdict.north_m, 1)] if known else None,
            "cause": verdict.cause,
            "confidence": verdict.confidence,
            "notes": list(self.notes),
            "accepted_because": self.accepted_because,
        }


def guard_layer(
    session: "Session",
    scope: "Scope",
    layer: str,
    sample_lonlat: "NDArray[np.float64]",
    *,
    where: str,
    declared: "SourceCrs | None" = None,
    accept_shift: str | None = None,
) -> GuardReport:
    """Refuse a layer that lies in another coordinate system than it was read in.

    Parameters
    ----------
    session, scope
        Where the buildings and outlines are that are known to be right, and who asks.
    layer
        Name of the layer that is to be imported.
    sample_lonlat
        One point for each feature, or for a sample of them: lon, lat in EPSG:4326 as read, shape
        (n, 2).
    where
        File that an error names.
    declared
        What the file was read as.
    accept_shift
        Why the layer is right although it seems not to be (a new community outside the others);
        it is then let pass, and the reason is kept in the report.

    Raises
    ------
    gis.errors.CrsMismatchError
        The layer is shifted, elsewhere, or has its axes exchanged, naming the vector, the likely
        cause and the remedy; ``context`` has ``east_m``, ``north_m``, ``length_m``, ``cause``,
        ``confidence``, ``compared_with`` and ``layer``.
    """
    points = np.asarray(sample_lonlat, dtype=float).reshape(-1, 2)
    points = points[np.isfinite(points).all(axis=1)]
    points = points[:: max(-(-len(points) // POINTS_LOOKED_AT), 1)]
    reference = read_reference(session, scope, layer)
    verdict = detect_shift(points, reference, declared=declared)
    notes = (_opening(verdict), *verdict.notes)
    if declared is not None and (note := getattr(declared, "note", "")):
        notes = (*notes, note)
    log.info(
        "guarded",
        layer=layer,
        verdict=verdict.kind,
        compared_with=verdict.compared_with,
        cause=verdict.cause,
        accepted=accept_shift is not None,
    )
    if not verdict.refused:
        return GuardReport(verdict, notes)
    if accept_shift is not None and accept_shift.strip():
        reason = accept_shift.strip()
        told = f"let pass all the same, because: {reason}"
        return GuardReport(verdict, (*notes, told), reason)
    raise _refusal(verdict, layer, where)


def read_reference(session: "Session", scope: "Scope", layer: str) -> Reference:
    """Return what in the store a new layer can be compared with.

    Living buildings, if there are enough and the layer is of buildings; the living communities'
    outline, else that of the divisions. A layer of communities is held against the divisions only.
    """
    outline, name = None, "the outline of the communities"
    if layer not in _ABOVE:
        outline = _union(read_layer(session, scope, Community, COMMUNITIES, alive(Community)))
    if outline is None and layer != "divisions":
        outline = _union(read_layer(session, scope, Division, DIVISIONS))
        name = "the outline of the divisions"
    points = _building_points(session, scope) if layer in _LIKE_BUILDINGS else None
    return Reference(outline, points, outline_name=name)


def _union(frame: Any) -> Any:  # noqa: ANN401 - a geo frame; a polygon or None
    shapes = frame.geometry.to_numpy()
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    return shapely.union_all(shapes) if len(shapes) else None


def _building_points(session: "Session", scope: "Scope") -> "NDArray[np.float64] | None":
    """Return lon, lat of the living buildings, or of a part of them that is the same every time."""
    table = table_of(Building)
    # Rows of the import that is being guarded are in the table already, in the same transaction.
    known = alive(Building), stood_before(Building)
    count = session.execute(
        restricted(select(func.count()).select_from(table).where(*known), scope, Building)
    ).scalar_one()
    if not count:
        return None
    point = table.c.location
    chosen = select(func.ST_X(point), func.ST_Y(point)).where(*known)
    every = -(-count // BUILDINGS_READ)
    if every > 1:
        chosen = chosen.where(func.mod(func.uuid_hash(table.c.id), every) == 0)
    rows = session.execute(restricted(chosen, scope, Building)).all()
    return np.array([tuple(row) for row in rows], dtype=float).reshape(-1, 2)


def _opening(verdict: ShiftVerdict) -> str:
    words = verdict.sentence.rstrip(".")
    return f"{words[:1].upper()}{words[1:]}."


def _refusal(verdict: ShiftVerdict, layer: str, where: str) -> CrsMismatchError:
    sentence = verdict.sentence
    if verdict.kind == "shifted" and not verdict.cause:
        sentence = f"the layer is {sentence}"
    lead = sentence if sentence.startswith(("the layer", "The layer")) else f"it {sentence}"
    return CrsMismatchError(
        f"{where}: {lead}.",
        remedy=f"{verdict.remedy} If it is right all the same, say why with --accept-shift.",
        file=where,
        layer=layer,
        east_m=verdict.east_m,
        north_m=verdict.north_m,
        length_m=verdict.length_m,
        direction=verdict.direction,
        cause=verdict.cause,
        confidence=verdict.confidence,
        compared_with=verdict.compared_with,
        alternatives=[alternative.claim for alternative in verdict.alternatives],
    )
