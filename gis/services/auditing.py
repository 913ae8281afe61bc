"""Audit the ground in the store, keep what was found, and mend what can be mended safely."""

import hashlib
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from gis.errors import ConflictError, InvalidInputError
from gis.ingest.audit import (
    AUDITED_LAYERS,
    AuditOptions,
    Findings,
    Mend,
    Mending,
    audit_ground,
    mend_ground,
)
from gis.layers import audit, history, imports, locks
from gis.layers import findings as stored
from gis.layers.communities import forget_cells
from gis.layers.queries import table_of
from gis.layers.registry import LAYER_BY_NAME
from gis.logs import get_logger
from gis.scope import Action
from gis.services.ground import deployment_crs
from gis.services.plan_fitness import UnfitPlan, flag_unfit_plans

if TYPE_CHECKING:
    import pandas as pd
    import pyproj
    from sqlalchemy.orm import Session

    from gis.scope import Scope

log = get_logger(__name__)

#: Layers by which the place is found where there are no communities yet.
_PLACING = ("communities", "divisions", "buildings", "quarters", "stations", "roads", "pois")


@dataclass(frozen=True, slots=True)
class Touching:
    """The part of the ground that something touched.

    Parameters
    ----------
    layers
        Audited is what rows of these layers can have brought about; ``None``: everything.
    communities
        Keys: only rows of these communities and of none are audited, and their lines against all
        others; ``None``: all rows.
    """

    layers: Collection[str] | None = None
    communities: Collection[str] | None = None


@dataclass(frozen=True)
class AuditReport:
    """What an audit of the store found.

    Parameters
    ----------
    run_id
        Key of the stored audit.
    findings
        Every finding.
    crs
        System in which sizes were measured; ``None``: there was nothing to measure.
    seconds
        How long it took.
    """

    run_id: str
    findings: Findings
    crs: str | None
    seconds: float

    @property
    def counts(self) -> dict[str, int]:
        """Findings by kind."""
        return self.findings.counts

    @property
    def errors(self) -> int:
        """Findings that are errors."""
        return int((self.findings.frame["severity"] == "error").sum())

    def table(self) -> "pd.DataFrame":
        """Return one row per kind: count, rows, first ids, m², m; see ``Findings.table``."""
        return self.findings.table()


@dataclass(frozen=True)
class FixReport:
    """What was mended.

    Parameters
    ----------
    number
        Number of the import that the mends are undone by; ``None``: nothing was mended.
    rows
        Rows changed by layer.
    mending
        The mends, and the findings before and after.
    unfit_plans
        Plans that no longer fit the ground.
    run_id
        Key of the stored audit of the ground as it is now.
    """

    number: int | None
    rows: Mapping[str, int]
    mending: Mending
    unfit_plans: tuple[UnfitPlan, ...] = field(default=())
    run_id: str | None = None


def run_audit(
    session: "Session",
    scope: "Scope",
    *,
    import_no: int | None = None,
    plan_id: str | None = None,
    options: AuditOptions | None = None,
    touching: Touching | None = None,
    on_day: date | None = None,
) -> AuditReport:
    """Audit the ground as it exists on a day and store what is found; the caller commits.

    Parameters
    ----------
    session, scope
        Where, and who audits.
    import_no
        The import that it follows, for the record.
    plan_id
        Audit the grids of this plan; ``None``: those in effect.
    options
        Limits.
    touching
        Only what an import touched; ``None``: everything.
    on_day
        The day; ``None``: today.

    Raises
    ------
    gis.errors.InvalidInputError
        A layer of ``touching`` is unknown.
    gis.errors.NotFoundError
        There is no such plan.
    """
    scope.require(Action.WRITE)
    began = time.monotonic()
    options = options or AuditOptions()
    touching = touching or Touching()
    layers = _read(session, scope, on_day or _today(), touching, plan_id)
    crs = _crs(layers)
    found = _audited(layers, crs, options, touching.layers)
    if touching.communities is not None:
        found = _about(found, layers, frozenset(touching.communities))
    run_id = _store(session, scope, found, options, import_no)
    after = {"counts": found.counts, "import_no": import_no}
    audit.record(session, scope, audit.Change("check", "audit_runs", run_id, after=after))
    seconds = time.monotonic() - began
    log.info("audited", run=run_id, findings=found.counts, seconds=round(seconds, 2))
    return AuditReport(run_id, found, None if crs is None else crs.to_string(), seconds)


def fix_ground(
    session: "Session",
    scope: "Scope",
    *,
    options: AuditOptions | None = None,
    on_day: date | None = None,
) -> FixReport:
    """Mend what can be mended safely, as one import that can be undone; the caller commits.

    Rows are kept as they were before, so ``undo_last_import`` brings them back. Overlaps and gaps
    beyond the accuracy of the lines are not touched: they decide whose household it is.

    Raises
    ------
    gis.errors.ConflictError
        Somebody else is mending.
    """
    scope.require_everywhere(Action.WRITE)
    if not locks.try_lock(session, "audit:fix"):
        raise ConflictError(
            "The ground is being mended by another process.", remedy="Wait until it has ended."
        )
    options, day = options or AuditOptions(), on_day or _today()
    mending = preview_fix(session, scope, options=options, on_day=day)
    if not mending.mends:
        return FixReport(None, {}, mending)
    number = imports.begin(
        session,
        scope,
        name=f"audit fix {day}",
        fingerprint=_fingerprint(mending.mends),
        mode="fix",
    )
    rows = _write(session, scope, mending.mends, number)
    imports.end(session, scope, number, rows=rows, report=_report(mending))
    if any(set(mend.kinds) != {"ring_order"} for mend in mending.mends):
        forget_cells(session, scope)
    unfit = flag_unfit_plans(session, scope, day)
    run_id = _store(session, scope, mending.after, options, number)
    log.info("mended", number=number, rows=rows, left=len(mending.left))
    return FixReport(number, rows, mending, unfit, run_id)


def preview_fix(
    session: "Session",
    scope: "Scope",
    *,
    options: AuditOptions | None = None,
    on_day: date | None = None,
) -> Mending:
    """Return what :func:`fix_ground` would do; nothing is written."""
    options, day = options or AuditOptions(), on_day or _today()
    layers = _read(session, scope, day, Touching())
    crs = _crs(layers)
    if crs is None:
        nothing = _audited(layers, crs, options, None)
        return Mending((), nothing, nothing)
    return mend_ground(layers, crs, options, on_day=day)


def _read(
    session: "Session",
    scope: "Scope",
    on_day: date,
    touching: Touching,
    plan_id: str | None = None,
) -> "dict[str, pd.DataFrame]":
    unknown = sorted(set(touching.layers or ()) - set(LAYER_BY_NAME) - {"grids"})
    if unknown:
        raise InvalidInputError(
            f"No layer is called {', '.join(unknown)}.", remedy=f"Use {', '.join(LAYER_BY_NAME)}."
        )
    mine = touching.communities
    return {
        name: stored.read_audited_grids(session, scope, on_day, plan_id=plan_id, communities=mine)
        if name == "grids"
        else stored.read_standing(session, scope, name, on_day, mine)
        for name in AUDITED_LAYERS
    }


def _crs(layers: "Mapping[str, pd.DataFrame]") -> "pyproj.CRS | None":
    for name in _PLACING:
        if len(layers[name]):
            return deployment_crs(layers[name])
    return None


def _audited(
    layers: "Mapping[str, pd.DataFrame]",
    crs: "pyproj.CRS | None",
    options: AuditOptions,
    touching: Collection[str] | None,
) -> Findings:
    from gis.geometry.crs import projected_crs

    # Without a place there is nothing to measure, and any system will do.
    return audit_ground(layers, crs or projected_crs(0, 0), options, touching=touching)


def _about(
    found: Findings, layers: "Mapping[str, pd.DataFrame]", communities: frozenset[str]
) -> Findings:
    """Leave out findings on the line of communities that were not asked for."""
    others = {str(key) for key in layers["communities"]["id"]} - communities
    keep = [
        layer != "communities" or not set(ids) <= others
        for layer, ids in zip(found.frame["layer"], found.frame["row_ids"], strict=True)
    ]
    return Findings(found.frame[keep].reset_index(drop=True))


def _store(
    session: "Session",
    scope: "Scope",
    found: Findings,
    options: AuditOptions,
    import_no: int | None,
) -> str:
    values = {"import_no": import_no, "options": asdict(options), "counts": found.counts}
    return stored.add_run(session, scope, values, found.frame)


def _write(
    session: "Session", scope: "Scope", mends: Collection[Mend], number: int
) -> dict[str, int]:
    """Write the mends, each row kept as it was before; return the rows by layer."""
    import shapely

    rows: dict[str, int] = {}
    for layer in LAYER_BY_NAME:
        mine = [mend for mend in mends if mend.layer == layer]
        if not mine:
            continue
        own = table_of(LAYER_BY_NAME[layer].model)
        keys = [mend.row_id for mend in mine]
        history.keep_before(session, scope, own, keys, number, "changed")
        shapes = {
            mend.row_id: bytes(shapely.to_wkb(mend.geometry))
            for mend in mine
            if mend.geometry is not None
        }
        ends = {mend.row_id: mend.valid_to for mend in mine if mend.valid_to is not None}
        if shapes:
            stored.redraw_rows(session, scope, layer, shapes, number)
        if ends:
            stored.end_rows(session, scope, layer, ends, number)
        rows[layer] = len(mine)
    return rows


def _report(mending: Mending) -> dict[str, Any]:
    """Return what was mended, by kind, as JSON can hold it."""
    return {
        "before": mending.before.counts,
        "after": mending.after.counts,
        "moved_m2": round(sum(mend.moved_m2 for mend in mending.mends), 3),
        "left": list(mending.left),
    }


def _fingerprint(mends: Collection[Mend]) -> str:
    import shapely

    digest = hashlib.sha256()
    for mend in mends:
        shape = "" if mend.geometry is None else shapely.to_wkb(mend.geometry, hex=True)
        digest.update(f"{mend.layer}\x1f{mend.row_id}\x1f{mend.valid_to}\x1f{shape}\x1e".encode())
    return digest.hexdigest()


def _today() -> date:
    return date.today()  # noqa: DTZ011 - features begin and end on days of the place
