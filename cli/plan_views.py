"""What people see of plans in the terminal."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

from gis.settings import get_settings

if TYPE_CHECKING:
    from rich.table import Table

    from gis.layers.plans import ReplacedPeriod
    from gis.services.plan_editing import NewNumber
    from gis.services.plan_lifecycle import Effect
    from gis.services.plan_measuring import Measured, PlanFacts
    from gis.services.plan_storing import Written

#: Measures of a plan as people read them: what, and how its number is written.
_MEASURES = {
    "grids": ("grids, dedicated ones included", ",.0f"),
    "basic_grids": ("grids to be balanced", ",.0f"),
    "share_in_range": ("share of these within the band", ".1%"),
    "mean_deviation": ("mean distance from the target, households", ",.1f"),
    "max_deviation": ("largest distance from the target, households", ",.0f"),
    "noncontiguous": ("grids in pieces", ",.0f"),
    "mean_compactness": ("mean compactness (Polsby–Popper)", ".3f"),
    "mean_reock": ("mean compactness (Reock)", ".3f"),
    "border_m": ("borders between grids, m", ",.0f"),
    "barrier_inside_m": ("main roads, rivers, railways inside grids, m", ",.0f"),
    "households_moved": ("households that change grid", ",.0f"),
}


def print_json(value: Any) -> None:  # noqa: ANN401 - plain values
    """Write JSON to the standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def show_plans(rows: Sequence[Any]) -> None:
    """List plans, newest first."""
    table = table_with(
        "id", "name", "kind", "status", "version", "drawn", ("grids", "r"), ("in range", "r")
    )
    for row in rows:
        measures = row.measures or {}
        table.add_row(
            str(row.id)[:8],
            row.name or "",
            row.kind,
            row.status + (" · unfit" if row.unfit_since else ""),
            str(row.version),
            clock(row.drawn_at or row.created_at),
            str(measures.get("grids", "")),
            f"{measures['share_in_range']:.0%}" if "share_in_range" in measures else "",
        )
    printed(table)


def show_one_plan(facts: "PlanFacts") -> None:
    """Show a plan, its measures, exceptions and traces."""
    row = facts.row
    typer.echo(f"{row.name or 'Plan'}  {row.id}")
    typer.echo(f"{row.kind}, {row.status}, division {row.scope_code}, version {row.version}")
    for one in sorted(facts.effects, key=lambda one: one["community_code"] or ""):
        until = f" until {one['effective_until']}" if one["effective_until"] else ""
        typer.echo(f"in effect in {one['community_code']} from {one['effective_from']}{until}")
    if row.unfit_since:
        reasons = ", ".join(one["reason"] for one in row.unfit_reasons)
        typer.echo(f"does not fit the ground since {row.unfit_since:%Y-%m-%d}: {reasons}")
    show_measures({"": row.measures or {}})
    drawing = facts.drawing or {}
    show_exceptions(drawing.get("exceptions", ()))
    for part in facts.parts:
        typer.echo(
            f"  {part['grid_code']}: {part['building'] or part['building_id']}, "
            f"{', '.join(part['units'])}: {part['households']} households"
        )
    for one in sorted(drawing.get("trace", ()), key=lambda one: one["grid_code"] or ""):
        how = one["fixed"] or f"{one['deviation']:+d}"
        typer.echo(f"  {one['grid_code']}: {one['households']} households ({how})")
        for reason in one["reasons"]:
            typer.echo(f"      {reason['sentence']}")


def show_exceptions(exceptions: Sequence[Mapping[str, Any]]) -> None:
    """Say what a planner must know of a plan: where, which quarter, and what."""
    told = [(one["grid_code"] or one["community_code"], one) for one in exceptions]
    for where, one in sorted(told, key=lambda pair: pair[0]):
        quarter = f" {one['quarter']}:" if one["quarter"] else ""
        note = f" {one['note']}" if one["note"] else ""
        typer.echo(f"  {where}:{quarter} {one['sentence']}{note}")


def show_measures(columns: Mapping[str, Mapping[str, Any]]) -> None:
    """Show the measures of plans side by side, one column each."""
    table = table_with("measure", *((name, "r") for name in columns))
    for key, (words, form) in _MEASURES.items():
        values = [measures.get(key) for measures in columns.values()]
        if any(value is not None for value in values):
            table.add_row(words, *("" if v is None else f"{v:{form}}" for v in values))
    if table.row_count:
        printed(table)


def show_measured(measured: "Measured") -> None:
    """Show the measures of each grid of a plan, and of the whole."""
    table = table_with(
        "grid",
        "kind",
        ("households", "r"),
        ("area, ha", "r"),
        ("perimeter, m", "r"),
        ("Polsby–Popper", "r"),
        ("Reock", "r"),
        ("barriers inside, m", "r"),
        "",
    )
    for row in measured.rows():
        remarks = [] if row.in_range else ["out of range"]
        remarks += [f"{row.pieces} pieces"] if row.pieces > 1 else []
        table.add_row(
            row.code,
            row.kind,
            f"{row.households:,}",
            f"{row.area_m2 / 10_000:.2f}",
            f"{row.perimeter_m:,.0f}",
            f"{row.polsby_popper:.3f}",
            f"{row.reock:.3f}",
            f"{row.barrier_inside_m:,.0f}",
            ", ".join(remarks),
        )
    printed(table)
    show_measures({"": measured.summary})


def show_comparison(told: Mapping[str, Any], before: str, after: str) -> None:
    """Show how two plans differ: measures side by side, and each grid that is not as it was."""
    show_measures({before: told["before"], after: told["after"]})
    changed = [one for one in told["grids"] if one["fate"] != "kept"]
    if changed:
        table = table_with(
            "grid",
            "before",
            "what",
            ("was", "r"),
            ("is", "r"),
            ("in", "r"),
            ("out", "r"),
            "from / to",
        )
        for one in changed:
            table.add_row(
                one["grid_code"] or "",
                one["previous_grid_code"] or "",
                one["fate"],
                f"{one['households_before']:,}",
                f"{one['households_after']:,}",
                f"{one['households_in']:,}",
                f"{one['households_out']:,}",
                _flows(one),
            )
        printed(table)
    kept = len(told["grids"]) - len(changed)
    share = told["households_moved"] / max(told["households_compared"], 1)
    typer.echo(
        f"{told['households_moved']:,} of {told['households_compared']:,} households ({share:.1%}) "
        f"change grid; {kept} grids stay as they are."
    )


def _flows(one: Mapping[str, Any]) -> str:
    """Return where households came from and went to, most first; open land has none."""
    came = [f"← {part['grid_code']} {part['households']:,}" for part in one["sources"]]
    went = [f"→ {part['grid_code']} {part['households']:,}" for part in one["targets"]]
    lived = [flow for flow in [*came[:3], *went[:3]] if not flow.endswith(" 0")]
    return ", ".join(lived) or "open land"


def show_written(written: "Written") -> None:
    """Say what a draft consists of after an edit."""
    measures = written.measures
    typer.echo(
        f"{measures['grids']} grids, {measures['share_in_range']:.0%} in range, compactness "
        f"{measures['mean_compactness']}; {measures['households_moved']:,} households change grid."
    )


def show_numbers(found: "Sequence[NewNumber]") -> None:
    """List grids that get another number."""
    if not found:
        typer.echo("Every grid has the number that the rule gives it.")
        return
    table = table_with("community", "code", "new code")
    for one in found:
        table.add_row(one.community_code, one.code, one.new_code)
    printed(table)


def show_replaced(effect: "Effect", today: date) -> None:
    """List the periods of other plans that a plan takes the place of; warn of those taken out."""
    if not effect.replaced:
        return
    table = table_with("community", "plan it replaces", "in effect from", "until", "then until")
    for one in effect.replaced:
        then = "taken out" if one.remains is None else str(one.remains.upper)
        days = (str(day or "") for day in (one.during.lower, one.during.upper))
        table.add_row(one.community_code, _called(one), *days, then)
    printed(table)
    lost: dict[tuple[str, date | None], list[str]] = {}
    for one in effect.taken_out:
        lost.setdefault((_called(one), one.during.lower), []).append(one.community_code)
    for (plan, first), where in lost.items():
        future = first is not None and first > today
        what = "never comes into effect" if future else "loses all its days"
        typer.echo(
            f"Warning: the period of {plan} from {first} is taken out: it {what} in "
            f"{', '.join(where)}.",
            err=True,
        )


def say_in_effect(effect: "Effect") -> None:
    """Say where a plan is in effect, and how many periods of others it replaced."""
    where = "one community" if effect.communities == 1 else f"{effect.communities} communities"
    out = len(effect.taken_out)
    cut = len(effect.replaced) - out
    told = [f"{n} {what}" for n, what in ((cut, "cut back"), (out, "taken out")) if n]
    others = f"; periods of other plans: {', '.join(told)}" if told else ""
    typer.echo(f"In effect in {where} from {effect.since:%Y-%m-%d}{others}.")


def _called(one: "ReplacedPeriod") -> str:
    return one.plan_name or one.plan_id[:8]


def clock(moment: datetime) -> str:
    """Return a moment as the clocks of the place show it, to the minute."""
    return f"{moment.astimezone(ZoneInfo(get_settings().timezone)):%Y-%m-%d %H:%M}"


def table_with(*columns: str | tuple[str, str]) -> "Table":
    """Return an empty table; a column that is a pair stands at the right."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False)
    for column in columns:
        name, right = column if isinstance(column, tuple) else (column, "")
        table.add_column(name, justify="right" if right else "left")
    return table


def word(kind: str, code: str | None) -> str:
    """Return the English label of a code as it stands within a sentence; nothing for none."""
    from gis.i18n import code_label

    label = code_label(kind, code, "en") if code else ""
    return label[:1].lower() + label[1:]


def printed(table: "Table") -> None:
    """Write a table to the standard output."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:  # nothing is cut off in a file or a pipe
        console = Console(width=160)
    console.print(table)
