"""``wangge plan``: draw grids, measure, compare and change them."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli import plan_edits
from cli.asking import YesOption, agreed, require_one_of
from cli.plan_edits import PlanArgument, take_effect
from cli.store import opened
from cli.watching import watching
from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from gis.districting import DrawOptions

app = typer.Typer(name="plan", help="Grid plans: draw, measure, compare, change, export.")
app.add_typer(plan_edits.app)

KindOption = Annotated[Literal["community", "party"], typer.Option(help="What the grids are for.")]
TargetOption = Annotated[int, typer.Option(help="Households per grid to aim at.")]
MinimumOption = Annotated[int, typer.Option(help="Fewest households of a grid.")]
MaximumOption = Annotated[int, typer.Option(help="Most households of a grid.")]
PresetOption = Annotated[str, typer.Option(help="fast, balanced, compact or tight.")]
WeightOption = Annotated[
    list[str] | None,
    typer.Option(help="Change of a weight of the preset, once for each: shape=2000."),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of everything that is random.")]
SecondsOption = Annotated[
    float | None, typer.Option(min=0.1, help="Stop after so long, with the best so far.")
]
StabilityOption = Annotated[
    float, typer.Option(min=0, max=1, help="With --from: 0 starts afresh, 1 touches nothing.")
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Processes; as many as make it faster if unset.")
]
EffectiveOption = Annotated[
    datetime | None,
    typer.Option(help="First day of effect (YYYY-MM-DD); a draft if unset.", formats=["%Y-%m-%d"]),
]
SplitOption = Annotated[
    bool,
    typer.Option("--split-buildings", help="Divide buildings above --maximum by their units."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON.")]
KeepBestOption = Annotated[
    bool, typer.Option("--keep-best", help="Ctrl-C stores the best so far; twice, nothing.")
]


@app.command("draw")
def draw(
    plan: Annotated[
        str | None, typer.Argument(help="A draft to draw again; a new plan if unset.")
    ] = None,
    *,
    kind: KindOption = "community",
    name: Annotated[str | None, typer.Option(help="Name of the plan.")] = None,
    scope_code: Annotated[
        str | None, typer.Option("--scope", help="Code of a division; every community if unset.")
    ] = None,
    target: TargetOption = 400,
    minimum: MinimumOption = 300,
    maximum: MaximumOption = 500,
    preset: PresetOption = "balanced",
    weight: WeightOption = None,
    seed: SeedOption = 0,
    seconds: SecondsOption = None,
    from_plan: Annotated[
        str | None,
        typer.Option("--from", help="Start from the grids of this plan and keep what fits."),
    ] = None,
    lock: Annotated[
        list[str] | None,
        typer.Option(help="Code of a grid of --from that stays as it is, once for each."),
    ] = None,
    stability: StabilityOption = 0.5,
    split_buildings: SplitOption = False,
    workers: WorkersOption = None,
    effective: EffectiveOption = None,
    keep_best: KeepBestOption = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="With --effective: replace other plans unasked.")
    ] = False,
) -> None:
    """Draw a plan of grids over every community, prove it and store it."""
    from gis.services.redistricting import PlanOrder

    if plan is not None:
        _refuse_for_a_draft(name=name, scope=scope_code, kind=None if kind == "community" else kind)
    options = _options(
        target=target,
        minimum=minimum,
        maximum=maximum,
        preset=preset,
        weights=_weights(weight),
        seed=seed,
        seconds=seconds,
        stability=stability,
        workers=workers,
    )
    with opened() as (factory, scope):
        order = PlanOrder(
            scope_code,
            kind,
            name,
            options,
            plan_id=None if plan is None else _key(factory, scope, plan),
            from_plan=None if from_plan is None else _key(factory, scope, from_plan),
            locked=tuple(lock or ()),
            split_buildings=split_buildings,
        )
        _require_name(factory, scope, order)
        report = _drawn(factory, scope, order, keep_best=keep_best)
        _say_drawn(report)
        if effective is not None:
            key, asked = report["plan_id"], "Put it in effect? Else it stays a draft."
            take_effect(
                factory, scope, key, effective.date(), asked, yes=yes, only_if_replaced=True
            )


def _refuse_for_a_draft(**given: str | None) -> None:
    """Refuse what is said of a new plan where a draft is drawn again: it has these already."""
    said = [f"--{name}" for name, value in given.items() if value is not None]
    if said:
        raise InvalidInputError(
            f"{said[0]} is for a new plan; a draft that is drawn again keeps its own.",
            remedy="Leave it out, or leave the draft out to draw a new plan.",
            field=said[0],
        )


@app.command("list")
def list_plans(
    *,
    kind: Annotated[str | None, typer.Option(help="community, party or micro.")] = None,
    status: Annotated[
        str | None, typer.Option(help="draft, review, filed, effective or retired.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Plans to show.")] = 20,
) -> None:
    """Show the newest plans, newest first."""
    from cli.plan_views import show_plans
    from gis.database.engine import transaction
    from gis.frames.grids import PLAN_KINDS, PLAN_STATUSES
    from gis.layers import plans

    require_one_of("--kind", kind, PLAN_KINDS)
    require_one_of("--status", status, PLAN_STATUSES)
    with opened() as (factory, scope), transaction(factory) as session:
        rows = plans.newest(session, scope, limit=limit, kind=kind, status=status)
    if rows:
        show_plans(rows)
    else:
        typer.echo("There are no such plans.")


@app.command("show")
def show(
    plan: PlanArgument,
    *,
    trace: Annotated[
        bool, typer.Option("--trace", help="Also why each grid ended as it did.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a plan: where it is in effect, its measures, its exceptions."""
    from cli.plan_views import print_json, show_one_plan
    from gis.database.engine import transaction
    from gis.services.plan_measuring import facts_as_json, find_plan, plan_facts

    with opened() as (factory, scope), transaction(factory) as session:
        facts = plan_facts(session, scope, find_plan(session, scope, plan), trace=trace)
    if as_json:
        print_json(facts_as_json(facts))
    else:
        show_one_plan(facts)


@app.command("evaluate")
def evaluate(plan: PlanArgument, *, as_json: JsonOption = False) -> None:
    """Measure a plan anew from its cells: households, shape and borders of each grid."""
    from cli.plan_views import print_json, show_measured
    from gis.database.engine import transaction
    from gis.services.plan_measuring import find_plan, measure_plan

    with opened() as (factory, scope), transaction(factory) as session:
        measured = measure_plan(session, scope, find_plan(session, scope, plan))
    if as_json:
        print_json(measured.as_json())
    else:
        show_measured(measured)


@app.command("compare")
def compare(
    before: Annotated[str, typer.Argument(help="Name or id of a plan.")],
    after: Annotated[str, typer.Argument(help="Name or id of the plan to compare with it.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show how a plan differs from another: measures, who changes grid, what became of each."""
    from cli.plan_views import print_json, show_comparison
    from gis.database.engine import transaction
    from gis.services.plan_measuring import compare_plans, find_plan

    with opened() as (factory, scope), transaction(factory) as session:
        keys = [find_plan(session, scope, called) for called in (before, after)]
        found = compare_plans(session, scope, *keys)
    if as_json:
        print_json(found.as_json())
        return
    show_comparison(found.as_json()["comparison"], found.before.name, found.after.name)
    typer.echo(f"{found.buildings_moved:,} buildings change grid.")


@app.command("rebalance")
def rebalance(
    plan: PlanArgument,
    *,
    lock: Annotated[
        list[str] | None, typer.Option(help="Code of a grid that stays as it is, once for each.")
    ] = None,
    max_moved: Annotated[
        int | None, typer.Option(min=0, help="Households that may change grid at most.")
    ] = None,
    stability: Annotated[
        float | None, typer.Option(min=0, max=1, help="0 starts afresh, 1 touches nothing; 0.5.")
    ] = None,
    target: Annotated[int | None, typer.Option(help="Households per grid to aim at.")] = None,
    minimum: Annotated[int | None, typer.Option(help="Fewest households of a grid.")] = None,
    maximum: Annotated[int | None, typer.Option(help="Most households of a grid.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="fast, balanced, compact or tight; as before if unset.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed; as before if unset.")] = None,
    split_buildings: Annotated[
        bool | None,
        typer.Option(
            "--split-buildings/--whole-buildings",
            help="Divide buildings above the maximum by their units; as before if unset.",
        ),
    ] = None,
    seconds: SecondsOption = None,
    workers: WorkersOption = None,
    name: Annotated[str | None, typer.Option(help="Name of the new draft.")] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Change this draft, instead of making a new one.")
    ] = False,
    keep_best: KeepBestOption = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show who would change grid.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Draw a plan again from its own grids: shows how many households move, then asks."""
    from cli.plan_views import show_comparison
    from gis.database.engine import transaction
    from gis.jobs.plan_drawing import DrawJob
    from gis.services.redistricting import keep, rebalance_order, told_sketch

    given = {
        "target": target,
        "minimum": minimum,
        "maximum": maximum,
        "preset": preset,
        "seed": seed,
        "seconds": seconds,
        "stability": stability,
        "workers": workers,
    }
    options = {key: value for key, value in given.items() if value is not None}
    with opened() as (factory, scope):
        key = _key(factory, scope, plan)
        with transaction(factory) as session:
            order = rebalance_order(
                session,
                scope,
                key,
                locked=tuple(lock or ()),
                options=options,
                name=name,
                split_buildings=split_buildings,
            )
            order = replace(order, plan_id=key) if in_place else order
        if name is not None:
            _require_name(factory, scope, order)
        job = DrawJob(order, keep_best=keep_best, preview=True, most_moved=max_moved)
        sketch = _sketched(factory, scope, job)
        show_comparison(told_sketch(sketch), "now", "then")
        if preview:
            return
        if not agreed("Store it?", yes=yes):
            return
        with transaction(factory) as session:
            drawn = keep(session, scope, sketch)
    _say_drawn({**asdict(drawn), "measures": dict(drawn.measures)})


def _options(**given: Any) -> "DrawOptions":  # noqa: ANN401 - fields of DrawOptions
    from gis.districting import DrawOptions

    return DrawOptions(**given)


def _weights(given: list[str] | None) -> dict[str, Any] | None:
    """Return weights by name; those of borders are four numbers with commas."""
    weights: dict[str, Any] = {}
    for one in given or ():
        name, _, value = one.partition("=")
        try:
            numbers = [float(part) for part in value.split(",")]
        except ValueError as error:
            raise InvalidInputError(
                f"--weight {one!r} is no weight.",
                remedy="Write it as name=number, for example shape=2000.",
            ) from error
        weights[name] = numbers[0] if len(numbers) == 1 else numbers
    return weights or None


def _key(factory: Any, scope: Any, called: str) -> str:  # noqa: ANN401 - sessions, the principal
    from gis.database.engine import transaction
    from gis.services.plan_measuring import find_plan

    with transaction(factory) as session:
        return find_plan(session, scope, called)


def _require_name(factory: Any, scope: Any, order: Any) -> None:  # noqa: ANN401 - see above
    """Refuse the name of a new plan that is taken before anything is drawn."""
    from gis.database.engine import transaction
    from gis.services.plan_lifecycle import require_free_name

    if order.plan_id is None and order.name is not None:
        with transaction(factory) as session:
            require_free_name(session, scope, order.name, order.kind, order.scope_code)


def _drawn(factory: Any, scope: Any, order: Any, *, keep_best: bool) -> Any:  # noqa: ANN401 - see above
    """Draw as a job that is on the record; return its report."""
    from gis.jobs.plan_drawing import DrawJob, run_draw
    from gis.jobs.records import in_the_foreground

    told = DrawJob(order, keep_best=keep_best).as_arguments()
    with watching() as watcher, stopping(wanted=keep_best) as stopped:
        return in_the_foreground(
            factory,
            scope,
            "draw",
            told,
            lambda recorder: run_draw(factory, scope, told, recorder, stopped),
            watcher,
        )


def _sketched(factory: Any, scope: Any, job: Any) -> Any:  # noqa: ANN401 - see above
    """Draw as a job that is on the record, and store nothing; return the drawing."""
    from gis.jobs.plan_drawing import Patient, sketched
    from gis.jobs.records import in_the_foreground
    from gis.jobs.steps import Steps
    from gis.services.redistricting import told_sketch

    drawn: list[Any] = []

    def work(recorder: Any) -> dict[str, Any]:  # noqa: ANN401 - see above
        patient = Patient(recorder, keep_best=job.keep_best, stop=stopped)
        drawn.append(sketched(factory, scope, job, Steps(patient), patient))
        return {"comparison": told_sketch(drawn[0])}

    with watching() as watcher, stopping(wanted=job.keep_best) as stopped:
        in_the_foreground(factory, scope, "rebalance", job.as_arguments(), work, watcher)
    return drawn[0]


@contextmanager
def stopping(*, wanted: bool) -> Generator[Callable[[], bool]]:
    """Yield what says whether Ctrl-C was pressed; the second one ends the program at once.

    Without ``wanted`` the first one does, and what was begun is rolled back.
    """
    import signal

    pressed = False

    def press(*_: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    before = signal.getsignal(signal.SIGINT)
    if wanted:
        signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    except KeyboardInterrupt:
        typer.echo("\nStopped; nothing was stored.", err=True)
        raise typer.Exit(130) from None
    finally:
        signal.signal(signal.SIGINT, before)


def _say_drawn(report: Any) -> None:  # noqa: ANN401 - a job's report
    from cli.plan_views import show_exceptions

    measures = report["measures"]
    if report["stopped"]:
        typer.echo("Stopped early: this is the best so far.", err=True)
    typer.echo(
        f"Plan {report['plan_id']}: {measures['grids']} grids, households "
        f"{measures['households']['min']}/{measures['households']['mean']}/"
        f"{measures['households']['max']} (min/mean/max), "
        f"{measures['share_in_range']:.0%} in range, compactness {measures['mean_compactness']}."
    )
    if "households_moved" in measures:
        typer.echo(
            f"{measures['households_moved']:,} of {measures['households_compared']:,} households "
            "change grid."
        )
    show_exceptions(report["exceptions"])
