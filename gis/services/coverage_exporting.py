"""Coverage as a file: verdicts, isochrones, catchments, gaps and indicators; audited."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np

from gis.coverage.shares import PEOPLE
from gis.coverage.verdicts import building_locations
from gis.errors import InvalidInputError
from gis.frames import Column, FrameContract
from gis.frames.small_counts import also_withheld
from gis.geometry.source_crs import SourceCrs
from gis.layers import audit, imports
from gis.outlets import About, OutLayer, OutletOptions, check_export, format_of, write_export
from gis.outlets.suppression import with_flags, withhold
from gis.scope import Action
from gis.services.coverage_asked import CoverageQuestion, serving
from gis.services.coverage_by_walking import Coverage, cover
from gis.services.exporting import WITHHELD, program_version
from gis.services.indicator_reading import IndicatorQuestion, read_indicators
from gis.services.walking import WalkingGround, WalkingGrounds
from gis.services.walking_areas import (
    GapQuestion,
    Reach,
    at_stations,
    catchment_areas,
    gap_areas_on_foot,
    isochrone_areas,
)

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.i18n import Language
    from gis.outlets import Written
    from gis.scope import Scope

#: Counts of people that are withheld when small.
_SMALL = tuple(name for name in PEOPLE if name != "households")
_COUNTS = tuple(
    Column(name, "int", f"{name.replace('_', ' ').capitalize()} that live here.", minimum=0)
    for name in PEOPLE
)
_LIMIT = (
    Column("unit", "str", "What the limit is in: metres along the walk, or minutes."),
    Column("distance_m", "float", "The limit in metres.", required=True),
    Column("walk_minutes", "float", "The limit, minutes at the speed.", required=True),
    Column("area_m2", "float", "Area, square metres.", required=True),
)
WALKING_VERDICTS = FrameContract(
    "walking_verdicts",
    (
        Column("building_id", "str", "UUID of the building.", required=True),
        Column("name", "str", "Name of the building."),
        Column("community_id", "str", "UUID of the community."),
        Column("service", "str", "Service that is asked for; empty: any."),
        Column("moment", "datetime", "When; empty: whatever the hours."),
        Column("as_of", "date", "The local day.", required=True),
        Column("station_id", "str", "UUID of the nearest station that serves then."),
        Column("station_name", "str", "Name of that station."),
        Column("distance_m", "float", "Length of the walk, metres."),
        Column("walk_minutes", "float", "Minutes of the walk at the speed."),
        Column("straight_m", "float", "Straight line to the nearest station in it, metres."),
        Column("reason", "str", "Why no station is reached."),
    ),
    geometry=("Point",),
)
ISOCHRONES = FrameContract(
    "isochrones",
    (
        Column("station_id", "str", "UUID of the station.", required=True),
        Column("name", "str", "Name of the station."),
        *_LIMIT,
        Column("buildings", "int", "Buildings within the limit.", required=True),
        Column("households", "int", "Their households.", required=True),
    ),
    geometry=("Polygon", "MultiPolygon"),
)
CATCHMENTS = FrameContract(
    "catchments",
    (
        Column("station_id", "str", "UUID of the station.", required=True),
        Column("name", "str", "Name of the station."),
        *_LIMIT,
        *_COUNTS,
    ),
    geometry=("Polygon", "MultiPolygon"),
)
COVERAGE_GAPS = FrameContract(
    "coverage_gaps",
    (Column("rank", "int", "1: most households.", required=True), *_LIMIT, *_COUNTS),
    geometry=("Polygon", "MultiPolygon"),
)
INDICATOR_VALUES = FrameContract(
    "indicators",
    (
        Column("indicator", "str", "Code of the indicator.", required=True),
        Column("area_kind", "str", "Grid, community or subdistrict.", required=True),
        Column("area_id", "str", "UUID of the area.", required=True),
        Column("code", "str", "Code of the area."),
        Column("name", "str", "Name of the area."),
        Column("as_of", "date", "The day.", required=True),
        Column("method", "str", "On foot, or in a straight line.", required=True),
        Column("value", "float", "The value; empty: nothing to divide by, or withheld."),
        Column("target", "float", "What is to be reached."),
        Column("gap", "float", "What is missing to the target."),
        Column("unit", "str", "Unit of the value."),
        Column("source", "str", "Where the target comes from."),
        Column("numerator", "float", "What is counted."),
        Column("denominator", "float", "By what it is divided."),
        Column("suppressed", "bool", "True: withheld.", required=True),
        Column("month_as_of", "date", "The day about a month before."),
        Column("month_value", "float", "Its value."),
        Column("month_change", "float", "The value now less that one."),
        Column("year_as_of", "date", "The day about a year before."),
        Column("year_value", "float", "Its value."),
        Column("year_change", "float", "The value now less that one."),
    ),
)
CONTRACTS: Mapping[str, FrameContract] = {
    one.name: one
    for one in (WALKING_VERDICTS, ISOCHRONES, CATCHMENTS, COVERAGE_GAPS, INDICATOR_VALUES)
}


@dataclass(frozen=True, slots=True)
class CoverageExport:
    """What of coverage is to be written, and how.

    Parameters
    ----------
    path
        The file; its suffix says the format.
    layers
        Names of :data:`CONTRACTS`; a format that holds one layer gets the first.
    question
        Which stations count; always on foot.
    reach
        Limits of isochrones; the greatest is that of catchments and gaps.
    community
        Code of the community of the gaps and indicators; ``None``: all.
    indicators
        Which indicators.
    below
        Counts of people from 1 to this less one are withheld.
    format
        Where the suffix does not say it.
    crs
        System of the coordinates.
    headers
        Language of headers; ``None``: the names of the fields.
    language
        Of what is said about the export.
    """

    path: Path
    layers: tuple[str, ...]
    question: CoverageQuestion
    reach: Reach = field(default_factory=Reach)
    community: str | None = None
    indicators: IndicatorQuestion | None = None
    below: int = 3
    format: str | None = None
    crs: str = "EPSG:4326"
    headers: "Language | None" = None
    language: "Language" = "en"


def export_coverage(
    session: "Session",
    scope: "Scope",
    order: CoverageExport,
    grounds: WalkingGrounds | None = None,
) -> "Written":
    """Write coverage to a file and note it in the audit trail; the caller commits.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    order
        What is to be written.
    grounds
        Kept in memory; by default the ground is read.

    Raises
    ------
    gis.errors.ForbiddenError
        The principal may not export.
    gis.errors.InvalidInputError
        A layer or the format is unknown, the format cannot hold what is ordered, or there are no
        roads to walk along.
    gis.errors.NotFoundError
        Indicators are wanted, and none have been measured.
    gis.errors.DataSourceError
        The file cannot be written; nothing is left of it.
    """
    scope.require(Action.EXPORT)
    unknown = [name for name in order.layers if name not in CONTRACTS]
    if unknown or not order.layers:
        raise InvalidInputError(
            f"Coverage has no layer {(unknown or ['at all'])[0]!r}.",
            remedy=f"Use {', '.join(CONTRACTS)}.",
            field="layer",
        )
    chosen = format_of(order.path, order.format)
    timezone = order.question.timezone
    system = SourceCrs.parse(order.crs, "the export")
    options = OutletOptions(
        system, headers=order.headers, language=order.language, timezone=timezone
    )
    check_export(order.path, chosen, list(order.layers), options)
    reader = replace(scope, actions=scope.actions | {Action.READ})
    made = _Made(session, reader, order, grounds or WalkingGrounds())
    layers = [made.layer(name) for name in order.layers]
    about = _about(session, reader, order, system)
    written = write_export(order.path, chosen, layers, options, about)
    _note(session, scope, order, written)
    return written


def _about(session: "Session", scope: "Scope", order: CoverageExport, system: SourceCrs) -> About:
    facts, question = imports.facts(session, scope), order.question
    when = question.as_of if question.at is None else question.at.isoformat()
    filters = {"service": question.service or "any", "at": str(when), "speed": order.reach.group}
    if order.community is not None:
        filters["community"] = order.community
    return About(
        exported_at=datetime.now(UTC),
        crs=system,
        program=f"wangge {program_version()}",
        suppression=f"Counts of people from 1 to {order.below - 1} are withheld, and those that "
        f"would reveal one; tables show {WITHHELD}.",
        attribution=facts.attribution,
        synthetic=facts.synthetic,
        filters=filters,
    )


def _note(session: "Session", scope: "Scope", order: CoverageExport, written: "Written") -> None:
    """Write down who took what out; whoever may export need not be allowed to write layers."""
    trail = replace(scope, actions=scope.actions | {Action.WRITE})
    after = {
        "file": written.path.name,
        "service": order.question.service,
        "rows": dict(written.rows),
        "suppress": order.below,
        "size_bytes": written.size_bytes,
    }
    audit.record(session, trail, audit.Change("export", "coverage", str(uuid4()), after=after))


@dataclass
class _Made:
    """Layers of coverage, each made only if it is asked for."""

    session: "Session"
    scope: "Scope"
    order: CoverageExport
    grounds: WalkingGrounds

    def layer(self, name: str) -> OutLayer:
        makers: dict[str, Callable[[], pd.DataFrame]] = {
            "walking_verdicts": self._verdicts,
            "isochrones": self._isochrones,
            "catchments": self._catchments,
            "coverage_gaps": self._gaps,
            "indicators": self._indicators,
        }
        contract, frame = CONTRACTS[name], makers[name]()
        counts = tuple(one for one in _SMALL if one in contract.names)
        shown = contract.conform(frame)
        if counts:
            key = contract.columns[0].name
            shown = withhold(shown, counts, self.order.below, self._further(shown, counts), key)
            contract = with_flags(contract, counts)

        def frames() -> "Iterator[pd.DataFrame]":
            yield shown

        return OutLayer(contract, frames, WITHHELD)

    def _further(self, frame: "pd.DataFrame", counts: tuple[str, ...]) -> dict[str, set[str]]:
        """Return whose counts are withheld beside the small ones: the sum of all may be known."""
        keys = frame.iloc[:, 0].astype(str).to_numpy()
        return {
            name: set(keys[also_withheld(frame[name].to_numpy(dtype=np.int64), self.order.below)])
            for name in counts
        }

    @cached_property
    def _ground(self) -> WalkingGround:
        return self.grounds.current(self.session, self.scope)

    @cached_property
    def _serving(self) -> "pd.Series[bool]":
        return serving(self.session, self.scope, self._ground, self.order.question).mask

    @cached_property
    def _names(self) -> "pd.Series[str]":
        names: pd.Series[str] = self._ground.stations.set_index("id")["name"]
        return names

    def _verdicts(self) -> "pd.DataFrame":
        import geopandas as gpd

        found: Coverage = cover(self.session, self.scope, self.grounds, self.order.question)
        verdicts, buildings = found.verdicts, found.places.buildings
        out: pd.DataFrame = gpd.GeoDataFrame(
            {
                "building_id": buildings["id"],
                "name": buildings["name"],
                "community_id": buildings["community_id"],
                "service": found.question.service,
                "moment": found.question.at,
                "as_of": found.question.day,
                "station_id": verdicts["station_id"],
                "station_name": verdicts["station_id"].map(self._names),
                "distance_m": verdicts["distance_m"].round(2),
                "walk_minutes": verdicts["minutes"].round(1),
                "straight_m": verdicts["straight_m"].round(2),
                "reason": verdicts["reason"],
            },
            geometry=building_locations(buildings).to_numpy(),
            crs="EPSG:4326",
        )
        return out.reset_index(drop=True)

    def _isochrones(self) -> "pd.DataFrame":
        origins = at_stations(self._ground, list(self._ground.stations["id"][self._serving]))
        found = isochrone_areas(self._ground, origins, self.order.reach, each=True)
        found = found[found["station_id"].notna() & ~found.geometry.is_empty]
        out: pd.DataFrame = found.assign(name=found["station_id"].map(self._names))
        return out

    def _catchments(self) -> "pd.DataFrame":
        out: pd.DataFrame = catchment_areas(self._ground, self._serving, self.order.reach)
        return out

    def _gaps(self) -> "pd.DataFrame":
        asked = GapQuestion(self.order.reach, self.order.community)
        found = gap_areas_on_foot(self._ground, self._serving, asked)
        out: pd.DataFrame = found.assign(rank=np.arange(1, len(found) + 1))
        return out

    def _indicators(self) -> "pd.DataFrame":
        order = self.order
        asked = order.indicators or IndicatorQuestion(order.question.timezone)
        asked = replace(asked, community=asked.community or order.community, below=order.below)
        found = read_indicators(self.session, self.scope, asked)
        return found.table.assign(as_of=found.run.as_of, method=found.run.method)
