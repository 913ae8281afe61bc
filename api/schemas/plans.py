"""Plans: what may be asked of them, and what is told."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.schemas.codes import OneOf, PlanKind
from gis.districting.plan import Fate
from gis.frames.grids import PLAN_STATUSES

PlanStatus = Annotated[str, OneOf(PLAN_STATUSES)]
Households = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Weight = Annotated[float, Field(strict=True, ge=0, le=1e6, allow_inf_nan=False)]
Name = Annotated[str, Field(strict=True, min_length=1, max_length=200)]
GridCode = Annotated[str, Field(strict=True, min_length=1, max_length=40)]
DrawnKind = Literal["community", "party"]


class DrawingOptions(BaseModel):
    """How grids are to be drawn; what is left out is as the plan has it, or as usual."""

    model_config = ConfigDict(extra="forbid")

    target: Households = Field(400, description="Households of a grid to aim at.")
    minimum: Households = Field(300, description="Fewest households of a grid.")
    maximum: Households = Field(500, description="Most households of a grid.")
    preset: Literal["fast", "balanced", "compact", "tight"] = "balanced"
    weights: dict[Name, Weight | list[Weight]] | None = Field(
        None, description="Changes to the preset's weights.", examples=[{"shape": 2000}]
    )
    seed: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] = Field(
        0, description="Seed of everything that is random."
    )
    seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] | None = Field(
        None, description="Stop after so long, with the best so far."
    )
    stability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        0.5, description="Of a drawing that starts from a plan: 0 starts afresh, 1 touches nothing."
    )

    @property
    def sent(self) -> dict[str, Any]:
        """The options that were sent."""
        told: dict[str, Any] = self.model_dump(exclude_unset=True)
        return told


class NewPlan(BaseModel):
    """An empty draft on its way in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "2027 方案",
                    "kind": "community",
                    "scope_code": "340102001000",
                    "options": {"target": 400, "preset": "balanced"},
                }
            ]
        },
    )

    name: Name | None = None
    kind: DrawnKind = "community"
    scope_code: Annotated[str, Field(strict=True, pattern=r"^[0-9]{12}$")] | None = Field(
        None, description="Code of the division that it covers; null: of all communities."
    )
    options: DrawingOptions | None = Field(None, description="How it will be drawn.")


class _Drawing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    options: DrawingOptions | None = Field(None, description="As the plan has them, but for these.")
    locked: list[GridCode] = Field(
        default_factory=list, max_length=10_000, description="Grids that stay as they are."
    )
    most_moved: Annotated[int, Field(strict=True, ge=0, le=10**9)] | None = Field(
        None, description="Households that may change grid at most."
    )
    split_buildings: bool | None = Field(
        None,
        description="Whether buildings above the maximum are divided between grids by their units "
        "(单元); null: as the plan was drawn, at first not.",
    )
    keep_best: bool = Field(
        default=False, description="When cancelled, keep the best so far instead of nothing."
    )


class DrawRequest(_Drawing):
    """What a draft is to be drawn from."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"options": {"preset": "fast", "seed": 7}}]},
    )

    from_plan_id: UUID | None = Field(
        None, description="Start from the grids of this plan and keep what fits of them."
    )


class RebalanceRequest(_Drawing):
    """How a plan is to be drawn again from its own grids."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"locked": ["340102001001001"], "most_moved": 500}]},
    )

    name: Name | None = Field(None, description="Name of the new draft.")
    in_place: bool = Field(
        default=False, description="Change this draft, instead of making a new one."
    )


class EffectAnswer(BaseModel):
    """Where and when a plan decides whose grid a place is."""

    community_code: str | None
    effective_from: date | None
    effective_until: date | None = Field(description="The first day without it; null: no end.")


class ExceptionAnswer(BaseModel):
    """One thing about a drawing that a planner must know."""

    kind: str = Field(examples=["below_minimum"])
    community_code: str | None
    grid_code: str | None
    quarter: str | None = Field(description="Name of the quarter concerned.")
    households: int
    limit: int | None
    count: int | None
    missed: int = Field(description="Households by which the band is missed.")
    sentence: str
    note: str | None = Field(description="What would help.")


class FeasibleAnswer(BaseModel):
    """How many grids within the band a community can have: none if low is above high."""

    community_code: str | None
    households: int
    low: int
    high: int
    drawn: int


class LineageAnswer(BaseModel):
    """Households of a grid that were in one grid of the plan before."""

    grid_code: str | None
    previous_grid_code: str | None
    households: int


class ReasonAnswer(BaseModel):
    """What keeps a grid from the target."""

    limit: str
    sentence: str


class HeldAnswer(BaseModel):
    """A large quarter or building of a grid."""

    quarter: str | None
    households: int


class TraceAnswer(BaseModel):
    """Why a grid ended as it did."""

    grid_code: str | None
    community_code: str | None
    households: int
    deviation: int
    fixed: str
    reasons: list[ReasonAnswer]
    border_by_class_m: list[float]
    line_m: float = Field(description="Border on the line of the community, metres.")
    street_share: float | None = Field(description="Share of its border that follows streets.")
    units: int
    largest: list[HeldAnswer]


class DrawingAnswer(BaseModel):
    """What came of the last drawing."""

    version: int | None = Field(description="The version that it made; a later one was edited.")
    stopped: bool = Field(description="Whether it was ended early, with the best so far.")
    exceptions: list[ExceptionAnswer]
    feasible: list[FeasibleAnswer]
    lineage: list[LineageAnswer]
    trace: list[TraceAnswer] | None = Field(None, description="With trace=true.")


class PlanRow(BaseModel):
    """A plan in a list."""

    id: UUID
    name: str | None
    kind: PlanKind
    status: PlanStatus
    scope_code: str
    version: int = Field(description="Raised by every change; the ETag of the plan.")
    from_plan_id: UUID | None = Field(description="The plan that it was drawn from.")
    options: dict[str, Any] | None
    measures: dict[str, Any] | None = Field(description="Null: not drawn yet.")
    created_at: AwareDatetime
    drawn_at: AwareDatetime | None
    unfit_since: AwareDatetime | None = Field(description="Since when the ground has changed.")
    unfit_reasons: list[dict[str, Any]] | None


class PartAnswer(BaseModel):
    """A part of a building that is split by its units (单元)."""

    building_id: UUID
    building: str | None = Field(description="Its name.")
    grid_id: UUID
    grid_code: str
    units: list[str] = Field(description="In their order along the building, which is assumed.")
    households: int


class PlanAnswer(PlanRow):
    """A plan with what came of its drawing."""

    effects: list[EffectAnswer]
    drawing: DrawingAnswer | None
    parts: list[PartAnswer] = Field(description="Of buildings that lie in several grids.")


class PlansAnswer(BaseModel):
    """The newest plans, newest first."""

    plans: list[PlanRow]


class GridMeasures(BaseModel):
    """Measures of one grid."""

    grid_id: UUID
    code: str
    community_code: str
    kind: str
    households: int
    in_range: bool
    area_m2: float
    perimeter_m: float
    polsby_popper: float
    reock: float | None
    pieces: int
    barrier_inside_m: float


class MeasuresAnswer(BaseModel):
    """Measures of a plan, reckoned anew from its cells."""

    plan_id: UUID
    name: str | None
    measures: dict[str, Any]
    grids: list[GridMeasures]


class FlowAnswer(BaseModel):
    """Households that came from a grid, or went to one."""

    grid_code: str | None
    households: int


class GridChangeAnswer(BaseModel):
    """What became of a grid."""

    fate: Fate
    community_code: str | None
    grid_code: str | None
    previous_grid_code: str | None
    households_before: int
    households_after: int
    households_in: int
    households_out: int
    sources: list[FlowAnswer]
    targets: list[FlowAnswer]


class ComparisonAnswer(BaseModel):
    """How a plan differs from another."""

    households_moved: int
    households_compared: int
    border_added_m: float
    border_removed_m: float
    before: dict[str, Any]
    after: dict[str, Any]
    grids: list[GridChangeAnswer]


class PlanRef(BaseModel):
    """A plan by key and name."""

    plan_id: UUID
    name: str | None


class ComparedPlansAnswer(BaseModel):
    """How a plan differs from another one."""

    before: PlanRef
    after: PlanRef
    buildings_moved: int
    comparison: ComparisonAnswer
