"""What the plan report is made from: grids, measures of up to three plans, and what limits them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from gis.errors import CrsMismatchError, InvalidInputError

if TYPE_CHECKING:
    import geopandas as gpd

    from gis.districting import GridTrace, PlanException, PlanMeasures
    from gis.districting.compare import PlanComparison
    from gis.districting.plan import CountRange

_FRAMES = ("communities", "grids", "barriers")


@dataclass(frozen=True, eq=False)
class PreviousPlan:
    """The plan that the report compares with, on the same ground and with the same households.

    Parameters
    ----------
    name
        What people call it.
    comparison
        How the plan differs from it: :func:`gis.districting.compare.compare`, with the target and
        the band of the report.
    codes
        Code of each of its grids by number.
    """

    name: str
    comparison: "PlanComparison"
    codes: Mapping[int, str]


@dataclass(frozen=True, eq=False)
class PlanReport:
    """Everything the plan report shows. All geometries are in EPSG:4326.

    Grids and communities have a number, by which measures, exceptions, traces and lineage name
    them: that of :class:`gis.districting.CellGraph` and :class:`gis.districting.Plan`.

    Parameters
    ----------
    title
        Heading, for example the name of the subdistrict.
    plan_name
        What people call the plan.
    drawn_on
        Date of the drawing.
    target, minimum, maximum
        Households of a grid that the plan aims at, and the band.
    communities
        ``number`` (int), ``code``, ``name`` (may be missing) and geometry.
    grids
        ``number`` (int), ``code``, ``community`` (number), ``kind`` (``basic`` or ``dedicated``),
        optionally ``name``, and geometry; one row per grid of ``measures``, in any order.
    measures
        Measures of the plan.
    exceptions, traces
        What a planner must know, and why each grid ended as it did.
    feasible
        Numbers of grids that each community can have within the band.
    quarters
        Names of quarters, those of exceptions and of traces, by their number in the graph.
    previous
        The current plan, or another one to compare with.
    metis
        Measures of what METIS alone gives on the same graph.
    barriers
        ``barrier_class`` and geometry, drawn on the map.
    status
        Code of ``PLAN_STATUSES``; empty: not said.
    preset, seed
        How the plan was drawn; ``None``: not said, for example because it was edited since.
    stopped
        Whether the refinement was ended early.
    estimated
        Whether households are estimated, not recorded.
    synthetic
        Whether the ground and its households are made up.
    attribution
        Source and licence of the data, as plain text.
    """

    title: str
    plan_name: str
    drawn_on: date
    target: int
    minimum: int
    maximum: int
    communities: "gpd.GeoDataFrame"
    grids: "gpd.GeoDataFrame"
    measures: "PlanMeasures"
    exceptions: "Sequence[PlanException]" = ()
    traces: "Sequence[GridTrace]" = ()
    feasible: "Sequence[CountRange]" = ()
    quarters: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    previous: PreviousPlan | None = None
    metis: "PlanMeasures | None" = None
    barriers: "gpd.GeoDataFrame | None" = None
    status: Literal["", "draft", "review", "filed", "effective", "retired"] = ""
    preset: str | None = None
    seed: int | None = None
    stopped: bool = False
    estimated: bool = False
    synthetic: bool = False
    attribution: str = ""

    def check(self) -> None:
        """Raise unless the parts fit together.

        Raises
        ------
        gis.errors.CrsMismatchError
            A frame is not in EPSG:4326.
        gis.errors.InvalidInputError
            There is no grid, grids and measures are not the same, or a grid lies in a community
            that is not there.
        """
        for name in _FRAMES:
            frame = getattr(self, name)
            if frame is not None and (frame.crs is None or frame.crs.to_epsg() != 4326):
                msg = f"The report's frame '{name}' is not in EPSG:4326."
                raise CrsMismatchError(msg, remedy="Reproject it first.", field=name)
        if not len(self.grids):
            msg = "There is no grid to report on."
            raise InvalidInputError(msg, remedy="Draw a plan first.", field="grids")
        numbers = self.grids["number"].tolist()
        if sorted(numbers) != self.measures.grid.tolist():
            msg = "The report's grids are not those of its measures."
            raise InvalidInputError(msg, remedy="Give one row per grid.", field="grids")
        lost = set(self.grids["community"]) - set(self.communities["number"])
        if lost:
            msg = f"Grids lie in communities that are not given: {sorted(lost)[:5]}."
            raise InvalidInputError(msg, remedy="Give every community.", field="community")
