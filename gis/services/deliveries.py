"""A second delivery of a layer: what it adds, changes and takes away, first seen, then done."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from gis.errors import ConflictError, InvalidInputError
from gis.layers import deliveries, imports, locks
from gis.layers.communities import forget_cells
from gis.layers.deliveries import Staged
from gis.layers.registry import LAYER_BY_NAME
from gis.logs import get_logger
from gis.scope import Action
from gis.services.importing import refuse_personal_texts
from gis.services.plan_fitness import UnfitPlan, flag_unfit_plans

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.scope import Scope

log = get_logger(__name__)

Match = Literal["auto", "id", "source_id", "geometry"]
Reach = Literal["auto", "all", "communities", "none"]

#: Layers that have no key of their own and can only be loaded.
_WITHOUT_KEY = frozenset({"station_services"})
_SHAPES_GROUND = frozenset({"communities", "buildings", "roads", "barriers", "quarters"})


@dataclass(frozen=True, slots=True)
class GridFlow:
    """How many households a grid gains or loses.

    Parameters
    ----------
    plan_id, code
        The grid; ``None`` for buildings that would lie in no grid.
    households_before, households_after
        Households of the grid; without a grid ``households_after`` is what would lie outside.
    buildings_in, buildings_out, buildings_changed
        Buildings that come, go, or stay with another number of households.
    """

    plan_id: str | None
    code: str | None
    households_before: int | None
    households_after: int
    buildings_in: int
    buildings_out: int
    buildings_changed: int


@dataclass(frozen=True, slots=True)
class DeliveryPreview:
    """What a delivery would do.

    Parameters
    ----------
    layer
        The layer.
    matched_by
        How many rows found their like by ``id``, ``source_id`` and ``geometry``.
    reach
        Within what rows that are not delivered count as gone.
    delivered, added, changed, returned, unchanged, removed
        Rows; what had ended and is delivered again is ``returned``.
    changed_fields
        Rows in which each column changes.
    examples
        Some rows of each kind of change.
    removed_in
        Rows that would be removed, by community: a delivery that only crosses into a community
        should not end what it does not speak of.
    grids
        Households moved per grid (a delivery of buildings).
    """

    layer: str
    matched_by: Mapping[str, int]
    reach: Reach
    delivered: int
    added: int
    changed: int
    returned: int
    unchanged: int
    removed: int
    changed_fields: Mapping[str, int]
    examples: Mapping[str, Sequence[Mapping[str, Any]]]
    removed_in: Mapping[str, int] = field(default_factory=dict)
    grids: Sequence[GridFlow] = ()

    @property
    def nothing_to_do(self) -> bool:
        """Whether the store is as the delivery says already."""
        return not (self.added or self.changed or self.returned or self.removed)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a delivery did; ``number`` is ``None`` if there was nothing to do."""

    number: int | None
    preview: DeliveryPreview
    unfit_plans: Sequence[UnfitPlan] = ()


@dataclass(frozen=True, slots=True)
class DeliveryOrder:
    """How a delivery is to be understood.

    Parameters
    ----------
    layer
        The layer.
    given
        Columns that the file has, ``geometry`` among them if it has, or a function that says so
        once the rows are read; ``None``: all.
    match
        How rows find their like; ``auto``: by id, then source id, then geometry.
    reach
        Within what rows that are not delivered count as gone; ``auto``: the communities in which
        the delivery has rows, or the whole layer where rows lie in no community.
    as_of
        First day on which what is gone is not there any more.
    kind
        Kind of the plans whose grids are counted.
    """

    layer: str
    given: tuple[str, ...] | Callable[[], tuple[str, ...]] | None = None
    match: Match = "auto"
    reach: Reach = "auto"
    as_of: date = field(default_factory=date.today)
    kind: str = "community"


def preview_delivery(
    session: "Session",
    scope: "Scope",
    order: DeliveryOrder,
    frames: "Iterable[pd.DataFrame]",
) -> DeliveryPreview:
    """Return what a delivery would do; nothing is changed.

    Parameters
    ----------
    session, scope
        A transaction in which nothing of this layer was delivered yet, and who asks.
    order
        How the delivery is to be understood.
    frames
        Its rows, conforming to the layer's contract.

    Raises
    ------
    gis.errors.InvalidInputError
        The layer is unknown or has no keys, two rows have one id or source id, or a text holds a
        person's numbers.
    """
    return _prepared(session, scope, order, frames)[1]


def apply_delivery(  # noqa: PLR0913 - a delivery, and the record of it
    session: "Session",
    scope: "Scope",
    order: DeliveryOrder,
    frames: "Iterable[pd.DataFrame]",
    *,
    name: str,
    fingerprint: str,
    report: Mapping[str, Any] | None = None,
    job_id: str | None = None,
    guard: Callable[[], object] | None = None,
) -> DeliveryReport:
    """Do what a delivery says, in the session's transaction; the caller commits.

    Rows that are gone are ended (``valid_to``), closed (stations) or deleted; how they and the
    changed ones were is kept in the history. Plans that no longer fit are flagged.

    ``guard`` is asked once the delivery has been read and before it changes anything; what it
    raises ends it.

    Raises
    ------
    gis.errors.InvalidInputError
        As of :func:`preview_delivery`.
    gis.errors.ConflictError
        Another delivery of the layer is under way, or a row that is gone is still referred to.
    """
    if not locks.try_lock(session, f"delivery:{order.layer}"):
        raise ConflictError(
            f"Another delivery of {order.layer} is under way.", remedy="Wait until it has ended."
        )
    staged, preview, gone = _prepared(session, scope, order, frames)
    if guard is not None:
        guard()
    if preview.nothing_to_do:
        return DeliveryReport(None, preview)
    number = imports.begin(
        session, scope, name=name, fingerprint=fingerprint, mode="update", job_id=job_id
    )
    deliveries.apply(session, scope, staged, number, gone, order.as_of)
    if order.layer in _SHAPES_GROUND:
        forget_cells(session, scope)
    summary = {k: v for k, v in preview.as_dict().items() if k not in {"examples", "grids"}}
    imports.end(
        session,
        scope,
        number,
        rows={order.layer: preview.added + preview.changed + preview.returned + preview.removed},
        report={**(report or {}), "delivery": summary},
    )
    unfit = flag_unfit_plans(session, scope, order.as_of)
    log.info("delivery_applied", layer=order.layer, number=number, unfit=len(unfit))
    return DeliveryReport(number, preview, unfit)


def _prepared(
    session: "Session", scope: "Scope", order: DeliveryOrder, frames: "Iterable[pd.DataFrame]"
) -> tuple[Staged, DeliveryPreview, list[str]]:
    scope.require_everywhere(Action.WRITE)
    layer = LAYER_BY_NAME.get(order.layer)
    if layer is None or order.layer in _WITHOUT_KEY:
        possible = ", ".join(name for name in LAYER_BY_NAME if name not in _WITHOUT_KEY)
        raise InvalidInputError(
            f"The layer {order.layer!r} cannot be updated row by row.",
            remedy=f"Use one of {possible}.",
        )
    told = (_told(frame, order.layer) for frame in frames)
    staged = deliveries.stage(session, scope, layer.model, layer.contract, told)
    matched = _matched(session, scope, staged, order.match)
    given = order.given() if callable(order.given) else order.given
    given = tuple(layer.contract.names) if given is None else given
    deliveries.fill_ungiven(session, scope, staged, given)
    reach = _reach(order.reach, staged)
    gone = deliveries.gone(session, scope, staged, reach)
    grids: tuple[GridFlow, ...] = ()
    if order.layer == "buildings":
        flows = deliveries.grid_flows(session, scope, order.kind, order.as_of, gone)
        grids = tuple(GridFlow(*tuple(flow)) for flow in flows)
    preview = DeliveryPreview(
        layer=order.layer,
        matched_by=matched,
        reach=reach,
        delivered=staged.rows,
        removed=len(gone),
        changed_fields=deliveries.changed_fields(session, scope, staged),
        examples={
            kind: deliveries.examples(session, scope, staged, kind, gone)
            for kind in ("added", "changed", "removed")
        },
        removed_in=deliveries.by_community(session, scope, staged, gone),
        grids=grids,
        **deliveries.counts(session, scope, staged),
    )
    return staged, preview, gone


def _told(frame: "pd.DataFrame", layer: str) -> "pd.DataFrame":
    refuse_personal_texts(frame, layer, layer)
    return frame


def _matched(session: "Session", scope: "Scope", staged: Staged, match: Match) -> dict[str, int]:
    """Pair delivered and standing rows and return how many by each way."""
    ways = {
        "auto": ("id", "source_id", "geometry"),
        "id": ("id",),
        "source_id": ("source_id",),
        "geometry": ("geometry",),
    }[match]
    matched: dict[str, int] = {}
    for way in ways:
        if way not in staged.standing.c:
            continue
        if way == "geometry":
            matched[way] = deliveries.pair_by_geometry(session, scope, staged)
        else:
            matched[way] = deliveries.pair_by(session, scope, staged, way)
        if sum(matched.values()) == staged.rows:
            break
    return matched


def _reach(asked: Reach, staged: Staged) -> Reach:
    placed = "community_id" in staged.compared
    if asked == "auto":
        return "communities" if placed else "all"
    if asked == "communities" and not placed:
        raise InvalidInputError(
            f"Rows of {staged.layer} lie in no community.", remedy="Use --reach all or none."
        )
    return asked
