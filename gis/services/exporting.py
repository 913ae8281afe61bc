"""Take layers, plans and results out of the store into a file, audited, small counts withheld."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from gis.coverage.verdicts import building_locations
from gis.districting.simplify import simplify_grids
from gis.errors import InvalidInputError, NotFoundError
from gis.geometry.crs import projected_crs
from gis.geometry.source_crs import SourceCrs
from gis.layers import audit, exports, imports
from gis.layers.exports import EXPORT_LAYERS, ExportLayer, Ground
from gis.logs import get_logger
from gis.outlets import (
    About,
    FileFormat,
    OutLayer,
    OutletOptions,
    check_export,
    format_of,
    write_export,
)
from gis.outlets.suppression import with_flags, withheld_in_groups, withhold
from gis.scope import Action
from gis.services.covering import THRESHOLDS_M, CoverageOrder, read_coverage
from gis.services.locating import local_day
from gis.services.plan_exporting import grid_measures
from gis.services.withholding import withheld_of_buildings, withheld_of_communities

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.i18n import Language
    from gis.outlets import Written
    from gis.scope import Scope
    from gis.services.covering import CoverageView

log = get_logger(__name__)

#: Told the layer and the rows read for it since the last call.
Progress = Callable[[str, int], None]
#: What stands for a count that is withheld where others are withheld beside the small ones.
WITHHELD = "*"


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What is to be exported, and how.

    Parameters
    ----------
    layers
        Names of :data:`gis.layers.exports.EXPORT_LAYERS`.
    path
        The file; its suffix says the format.
    plan
        Id or name of the plan whose grids are meant; ``None``: the community plans in effect.
    format
        Format where the suffix does not say it: ``csv`` in a ``.zip``, for example.
    crs
        System of the coordinates, as :meth:`gis.geometry.source_crs.SourceCrs.parse` knows it.
    encoding
        ``utf-8``, ``gbk`` or ``gb18030``; for Shapefile and CSV.
    headers
        Language of headers; ``None``: the names of the fields.
    language
        Language of what is said about the export.
    timezone
        IANA zone in which tables write moments, and of the day of effect.
    suppress
        Counts of people from 1 to this less one are withheld; ``None``: none is.
    community
        Code of the community to which the export is limited.
    bbox
        West, south, east, north in degrees, to which the export is limited.
    simplify_m
        How far the lines of a plan's grids may move so that they have fewer vertices, metres; they
        still tile. ``None``: they are as stored.
    """

    layers: tuple[str, ...]
    path: Path
    plan: str | None = None
    format: str | None = None
    crs: str = "EPSG:4326"
    encoding: str = "utf-8"
    headers: "Language | None" = None
    language: "Language" = "en"
    timezone: str = "UTC"
    suppress: int | None = None
    community: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    simplify_m: float | None = None


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was exported.

    Parameters
    ----------
    path, files
        The file, and all that were written.
    format, crs
        Title of the format, and name of the system of coordinates.
    rows
        Rows by layer.
    withheld
        Number of counts withheld, by layer and field.
    losses
        What the format could not hold: layer, field, loss, number of values.
    size_bytes
        Of all files.
    """

    path: Path
    files: tuple[Path, ...]
    format: str
    crs: str
    rows: Mapping[str, int]
    withheld: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    losses: tuple[Mapping[str, object], ...] = ()
    size_bytes: int = 0


def export_layers(
    session: "Session", scope: "Scope", order: ExportOrder, progress: Progress | None = None
) -> ExportReport:
    """Write layers to a file and note it in the audit trail; the caller commits.

    The rows of a layer come through a server-side cursor, some thousands at a time. For one
    picture of several layers the caller's transaction is ``REPEATABLE READ``.

    Raises
    ------
    gis.errors.ForbiddenError
        The principal may not export, or not rows that belong to no community.
    gis.errors.InvalidInputError
        A layer or format is unknown, the format cannot hold what is ordered, or there is no plan.
    gis.errors.NotFoundError
        There is no such plan or community.
    gis.errors.CrsMismatchError
        The system of coordinates is not known.
    gis.errors.DataSourceError
        The file cannot be written; nothing is left of it.
    """
    scope.require(Action.EXPORT)
    chosen, layers, options = _understood(order)
    ground = _ground(session, scope, order)
    sources = _sources(session, scope, order, ground, layers)
    about = _about(session, scope, order, ground, options.crs)
    outgoing = [source.layer for source in sources]
    written = write_export(order.path, chosen, outgoing, options, about, progress=progress)
    withheld = {s.layer.name: dict(s.withheld) for s in sources if any(s.withheld.values())}
    _note(session, scope, order, written, about)
    log.info("exported", layers=list(written.rows), rows=dict(written.rows), format=chosen.name)
    return ExportReport(
        written.path,
        written.files,
        chosen.title,
        options.crs.name,
        written.rows,
        withheld,
        written.losses,
        written.size_bytes,
    )


def _understood(order: ExportOrder) -> tuple[FileFormat, list[ExportLayer], OutletOptions]:
    """Return what an order means, before anything is read for it."""
    unknown = [name for name in order.layers if name not in EXPORT_LAYERS]
    if unknown:
        raise InvalidInputError(
            f"No layer is called {unknown[0]!r}.",
            remedy=f"Use {', '.join(EXPORT_LAYERS)}.",
            field="layer",
        )
    if order.suppress is not None and order.suppress < 1:
        raise InvalidInputError(
            f"Counts below {order.suppress} cannot be withheld.",
            remedy="Give 2 or more; 1 withholds nothing.",
            field="suppress",
        )
    chosen = format_of(order.path, order.format)
    options = OutletOptions(
        SourceCrs.parse(order.crs, "the export"),
        order.encoding,
        order.headers,
        order.language,
        order.timezone,
    )
    names = [name for name in EXPORT_LAYERS if name in order.layers]
    check_export(order.path, chosen, names, options)
    return chosen, [EXPORT_LAYERS[name] for name in names], options


def _ground(session: "Session", scope: "Scope", order: ExportOrder) -> Ground:
    today = local_day(datetime.now(UTC), order.timezone)
    if order.community is not None and not exports.community_exists(
        session, scope, order.community
    ):
        raise NotFoundError(
            f"There is no community {order.community}.", remedy="List the communities."
        )
    if order.plan is None:
        return Ground(None, today, order.community, order.bbox)
    found = exports.find_plan(session, scope, order.plan)
    if not found:
        raise NotFoundError(f"There is no plan {order.plan!r}.", remedy="List the plans.")
    if len(found) > 1:
        raise InvalidInputError(
            f"{len(found)} plans are called {order.plan!r}.",
            remedy=f"Give the id of one: {', '.join(found)}.",
            field="plan",
        )
    return Ground(found[0], today, order.community, order.bbox)


@dataclass
class _Source:
    """A layer on its way out, and how many of its counts are withheld."""

    layer: OutLayer
    withheld: dict[str, int] = field(default_factory=dict)


def _sources(
    session: "Session",
    scope: "Scope",
    order: ExportOrder,
    ground: Ground,
    layers: list[ExportLayer],
) -> list[_Source]:
    views = _Views(session, scope, order, ground)
    further = _further(session, scope, order, ground)
    return [
        _source(
            order,
            layer,
            _lighter(order, layer, _rows(session, scope, ground, layer, views)),
            further,
        )
        for layer in layers
    ]


def _rows(
    session: "Session", scope: "Scope", ground: Ground, layer: ExportLayer, views: "_Views"
) -> Callable[[], Iterator["pd.DataFrame"]]:
    """Return what gives the rows of a layer, from the beginning each time."""
    if layer.make is None:
        return lambda: iter([views.frame(layer.contract.name)])
    statement = layer.make(scope, ground)
    return lambda: exports.stream_frames(session, statement, layer.contract)


def _lighter(
    order: ExportOrder, layer: ExportLayer, rows: Callable[[], Iterator["pd.DataFrame"]]
) -> Callable[[], Iterator["pd.DataFrame"]]:
    """Return rows whose grids are simplified, all of the plan at once, if that is ordered."""
    if order.simplify_m is None or layer.contract.name != "grids":
        return rows
    tolerance_m = order.simplify_m
    if order.plan is None or order.community or order.bbox:
        raise InvalidInputError(
            "Grids can be simplified only as a whole plan: a part would no longer fit its rest.",
            remedy="Name a plan, and leave the community and the box out.",
            field="simplify_m",
        )

    def frames() -> Iterator["pd.DataFrame"]:
        import geopandas as gpd
        import pandas as pd

        found = pd.concat(list(rows()), ignore_index=True)
        grids = gpd.GeoSeries(found["geometry"], crs=4326)
        west, south, east, north = grids.total_bounds
        crs = projected_crs((west + east) / 2, (south + north) / 2)
        yield found.assign(geometry=simplify_grids(grids, tolerance_m, crs))

    return frames


def _source(
    order: ExportOrder,
    layer: ExportLayer,
    rows: Callable[[], Iterator["pd.DataFrame"]],
    further: Mapping[str, Mapping[str, set[str]]],
) -> _Source:
    if order.suppress is None or not layer.counts:
        return _Source(OutLayer(layer.contract, rows))
    below, contract = order.suppress, with_flags(layer.contract, layer.counts)
    more = further.get(layer.contract.name, {})
    key = layer.contract.columns[0].name
    source = _Source(OutLayer(contract, rows, WITHHELD if any(more.values()) else f"<{below}"))

    def frames() -> Iterator["pd.DataFrame"]:
        source.withheld = dict.fromkeys(layer.counts, 0)
        for frame in rows():
            shown = withhold(frame, layer.counts, below, more, key)
            for name in layer.counts:
                source.withheld[name] += int(shown[f"{name}_suppressed"].sum())
            yield shown

    source.layer = replace(source.layer, frames=frames)
    return source


def _further(
    session: "Session", scope: "Scope", order: ExportOrder, ground: Ground
) -> dict[str, dict[str, set[str]]]:
    """Return whose counts are withheld beside the small ones, because their sum goes out too.

    The buildings of a grid add up to the grid, the grids of a community to the community and the
    communities to all (which are published elsewhere), the units of a building to the building.
    """
    if order.suppress is None:
        return {}
    asked, below = set(order.layers), order.suppress
    found: dict[str, dict[str, set[str]]] = {}
    counts = EXPORT_LAYERS["grids"].counts
    if {"grids", "buildings"} & asked:
        above = withheld_of_communities(session, scope, below).further
        rows = exports.counts_by_community(session, scope, ground)
        found["grids"] = withheld_in_groups(rows, counts, below, above)
    if "buildings" in asked:
        rows = exports.counts_by_grid(session, scope, ground)
        own = withheld_in_groups(rows, counts, below, found["grids"], small_sums_shown=True)
        # By today's grids too, as everywhere else: another file may have another plan's.
        today = withheld_of_buildings(session, scope, below, None).further
        found["buildings"] = {name: own[name] | set(today.get(name, ())) for name in own}
    if {"buildings", "units"} <= asked:
        rows = exports.households_by_building(session, scope)
        units = withheld_in_groups(rows, ("households",), below)
        # The units of a building whose households are withheld would add up to them.
        hidden = found.get("buildings", {}).get("households", set())
        units["households"].update(exports.units_of(session, scope, hidden))
        found["units"] = units
    return found


def _about(
    session: "Session", scope: "Scope", order: ExportOrder, ground: Ground, crs: SourceCrs
) -> About:
    facts = imports.facts(session, replace(scope, actions=scope.actions | {Action.READ}))
    filters = {}
    if order.community is not None:
        filters["community"] = order.community
    if order.bbox is not None:
        filters["bbox"] = ", ".join(f"{value:g}" for value in order.bbox)
    return About(
        exported_at=datetime.now(UTC),
        crs=crs,
        program=f"wangge {program_version()}",
        plan=exports.plan_facts(session, scope, ground),
        suppression=_rule(order),
        attribution=facts.attribution,
        synthetic=facts.synthetic,
        filters=filters,
    )


def _rule(order: ExportOrder) -> str:
    if order.suppress is None:
        return ""
    return (
        f"Counts of people from 1 to {order.suppress - 1} are withheld, and the next smallest "
        f"where a sum in this export would reveal them. <count>_suppressed says which; tables show "
        f"<{order.suppress}, or {WITHHELD} where others are withheld beside the small ones."
    )


def program_version() -> str:
    """Return the version of this program."""
    try:
        return version("wangge")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"


def _note(
    session: "Session", scope: "Scope", order: ExportOrder, written: "Written", about: About
) -> None:
    """Write down who took what out; whoever may export need not be allowed to write layers."""
    trail = replace(scope, actions=scope.actions | {Action.WRITE})
    facts = about.facts(written.rows)
    kept = ("crs", "plan", "filters", "rows")
    after = {name: facts[name] for name in kept} | {
        "file": written.path.name,
        "suppress": order.suppress,
        "size_bytes": written.size_bytes,
    }
    audit.record(session, trail, audit.Change("export", "exports", str(uuid4()), after=after))


class _Views:
    """Coverage, measured once, and grids, each only if it is asked for."""

    def __init__(
        self, session: "Session", scope: "Scope", order: ExportOrder, ground: Ground
    ) -> None:
        self.session, self.scope, self.order, self.ground = session, scope, order, ground
        self.view: CoverageView | None = None

    def frame(self, name: str) -> "pd.DataFrame":
        if name == "grid_measures":
            return grid_measures(self.session, self.scope, self.ground)
        if self.order.plan is not None or self.order.community or self.order.bbox:
            raise InvalidInputError(
                f"{name} is measured for the plan in effect and the whole ground.",
                remedy="Leave the plan, the community and the box out, or export it apart.",
                field="layer",
            )
        if self.view is None:
            self.scope.require(Action.EXPORT)
            order = CoverageOrder(self.order.timezone)
            self.view = read_coverage(self.session, self.scope, order)
        return _verdicts(self.view) if name == "coverage" else _scenarios(self.view)


def _verdicts(view: "CoverageView") -> "pd.DataFrame":
    """Return a row per building: which station is nearest in the reference scenario, how far."""
    import geopandas as gpd

    buildings, key = view.buildings, view.reference.key
    metres = view.distances.loc[list(buildings["id"]), key].to_numpy(float)
    nearest = view.nearest.loc[list(buildings["id"]), key].to_numpy(dtype=object)
    names = dict(zip(view.stations["id"], view.stations["name"], strict=True))
    verdicts: pd.DataFrame = gpd.GeoDataFrame(
        {
            "building_id": buildings["id"],
            "name": buildings["name"],
            "community_id": buildings["community_id"],
            "grid_code": buildings["grid_code"],
            "service": view.reference.service,
            "moment": view.reference.moment,
            "station_id": nearest,
            "station_name": [names.get(station) for station in nearest],
            "distance_m": metres,
            **{f"within_{limit}m": metres <= limit for limit in THRESHOLDS_M},
        },
        geometry=building_locations(buildings).to_numpy(),
        crs="EPSG:4326",
    )
    return verdicts


def _scenarios(view: "CoverageView") -> "pd.DataFrame":
    """Return a row per service and moment, with the households within each distance."""
    import pandas as pd

    households = view.buildings["households"].to_numpy()
    metres = view.distances.loc[list(view.buildings["id"])]
    rows = [
        {
            "scenario": scenario.key,
            "service": scenario.service,
            "moment": scenario.moment,
            "stations_serving": len(view.serving[scenario.key]),
            **{
                f"households_within_{limit}m": int(
                    households[metres[scenario.key].to_numpy(float) <= limit].sum()
                )
                for limit in THRESHOLDS_M
            },
        }
        for scenario in view.scenarios
    ]
    return pd.DataFrame(rows)
