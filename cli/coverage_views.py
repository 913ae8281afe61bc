"""What people see of coverage in the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from cli.plan_views import printed, table_with

if TYPE_CHECKING:
    from gis.services.coverage_shares import AreaCover, Within

_WITHHELD = "·"
_PEOPLE = {
    "households": "households",
    "residents": "residents",
    "elderly": "elderly",
    "children": "children",
    "low_income_households": "low-income",
}


def show_shares(
    facts: Mapping[str, Any],
    per: str,
    covers: "Sequence[AreaCover]",
    missed: Sequence[Mapping[str, Any]],
) -> None:
    """Show the shares within each threshold, area by area; all counts where there is one area."""
    say_measured(facts)
    if len(covers) == 1:
        _one_area(covers[0])
    else:
        _many_areas(per, covers)
    say_missed(missed)
    if any(one.suppressed or any(w.suppressed for w in one.within) for one in covers):
        typer.echo(f"{_WITHHELD} withheld: a small count of people, or one that reveals it")


def say_measured(facts: Mapping[str, Any]) -> None:
    """Say in two lines what was asked and how it was measured."""
    when = f"{facts['at']:%Y-%m-%d %H:%M %Z}" if facts["at"] else f"{facts['day']}, hours left out"
    how = "on foot" if facts["method"] == "walking" else "in a straight line"
    typer.echo(
        f"{facts['service'] or 'any service'}, {when}; {how}, {facts['speed']} "
        f"{facts['speed_m_s']:g} m/s; calendar {facts['calendar']}"
    )
    said = [f"{facts['stations_serving']} stations serve"]
    if facts["stations_unknown"]:
        said.append(f"hours of {facts['stations_unknown']} unknown, not counted")
    if facts["stations_off_network"]:
        said.append(f"{len(facts['stations_off_network'])} of them have no road near")
    if facts["reason"]:
        said.append(facts["reason"].replace("_", " "))
    typer.echo("; ".join(said))


def say_missed(missed: Sequence[Mapping[str, Any]]) -> None:
    """Say why buildings reach no station, a line for each reason."""
    for one in missed:
        typer.echo(
            f"{one['reason'].replace('_', ' ')}: {one['buildings']:,} buildings, "
            f"{one['households']:,} households"
        )


def limit_of(within: "Within") -> str:
    """Return how a threshold is written."""
    return f"{within.threshold:g} {within.unit}"


def share_of(within: "Within", count: str) -> str:
    """Return how a share is written; a dot where it is withheld, a dash where nobody lives."""
    if count in within.suppressed:
        return _WITHHELD
    share = within.share[count]
    return "–" if share is None else f"{share:.1%}"


def _one_area(area: "AreaCover") -> None:
    table = table_with("within", *((name, "r") for name in _PEOPLE.values()))
    counts = [_count(area.counts[name]) for name in _PEOPLE]
    for within in area.within:
        table.add_row(limit_of(within), *(share_of(within, name) for name in _PEOPLE))
    table.add_row("all", *counts)
    printed(table)


def _many_areas(per: str, covers: "Sequence[AreaCover]") -> None:
    limits = [limit_of(within) for within in covers[0].within] if covers else []
    table = table_with(per, "name", ("households", "r"), *((limit, "r") for limit in limits))
    for area in covers:
        shares = [share_of(within, "households") for within in area.within]
        table.add_row(area.code or "", area.name or "", _count(area.counts["households"]), *shares)
    printed(table)


def _count(value: int | None) -> str:
    return _WITHHELD if value is None else f"{value:,}"
