"""What people see of coverage in the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from cli.plan_views import printed, table_with, word

if TYPE_CHECKING:
    from gis.services.coverage_shares import AreaCover, Within
    from gis.services.coverage_weeks import Week

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
    how = word("method", facts["method"])
    typer.echo(
        f"{facts['service'] or 'any service'}, {when}; {how}, {facts['speed']} "
        f"{facts['speed_m_s']:g} m/s; {word('calendar', facts['calendar'])}"
    )
    said = [f"{facts['stations_serving']} stations serve"]
    if facts["stations_unknown"]:
        said.append(f"hours of {facts['stations_unknown']} unknown, not counted")
    if facts["stations_off_network"]:
        said.append(f"{len(facts['stations_off_network'])} of them have no road near")
    if facts["reason"]:
        said.append(word("reason", facts["reason"]))
    typer.echo("; ".join(said))


def say_missed(missed: Sequence[Mapping[str, Any]]) -> None:
    """Say why buildings reach no station, a line for each reason."""
    for one in missed:
        typer.echo(
            f"{word('reason', one['reason'])}: {one['buildings']:,} buildings, "
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


def show_buildings(
    facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], matched: int, what: str
) -> None:
    """List buildings with the station they reach, or why they reach none."""
    say_measured(facts)
    table = table_with(
        "building",
        "community",
        "grid",
        ("households", "r"),
        "station",
        ("walk, m", "r"),
        ("min", "r"),
        ("straight, m", "r"),
        "",
    )
    for row in rows:
        table.add_row(
            row["name"] or row["id"],
            row["community_code"] or "",
            row["grid_code"] or "",
            _count(row["households"]),
            row["station_name"] or "",
            _number(row["distance_m"], ",.0f"),
            _number(row["walk_minutes"], ".1f"),
            _number(row["straight_m"], ",.0f"),
            word("reason", row["reason"]),
        )
    printed(table)
    typer.echo(f"{len(rows):,} of {matched:,} buildings ({what})")


def show_week(facts: Mapping[str, Any], week: "Week") -> None:
    """Show a row per day with the share of households of each hour, and the gaps."""
    how = word("method", facts["method"])
    typer.echo(
        f"{facts['service'] or 'any service'}, week of {facts['monday']}; households within "
        f"{facts['threshold']:g} {facts['unit']} {how}, {facts['speed']}, in percent; "
        f"{word('calendar', week.calendar)}"
    )
    table = table_with("", *((f"{hour}", "r") for hour in range(24)))
    for first in range(0, len(week.hours), 24):
        day = week.hours[first : first + 24]
        rest = " rest" if day[0]["of_rest"] else ""
        shares = [hour["share"]["households"] for hour in day]
        cells = ["–" if one is None else f"{100 * one:.0f}" for one in shares]
        table.add_row(f"{day[0]['day']:%a %m-%d}{rest}", *cells)
    printed(table)
    for one in week.gaps:
        if one["mean_share"] is not None:
            typer.echo(part_of_week(one))
    unknown = max(hour["stations_unknown"] for hour in week.hours)
    if unknown:
        typer.echo(f"hours of {unknown} stations unknown, not counted")


def part_of_week(one: Mapping[str, Any]) -> str:
    """Say how many are covered in a part of the week, against the office hours of working days."""
    points = -100 * one["gap"]
    against = ""
    if one["part"] != "office":
        apart = f"{abs(points):.1f} points {'more' if points > 0 else 'less'} than"
        against = f", {apart if abs(points) >= 0.05 else 'as'} in office hours"
    return (
        f"{_PARTS[one['part']]}: {one['mean_share']:.1%} on average{against}; least "
        f"{one['least_share']:.1%}, {one['least_at']:%a %m-%d %H:%M}; "
        f"{one['never']:,} households never"
    )


_PARTS = {
    "office": "office hours of working days",
    "evening": "evenings of working days",
    "weekend": "days of rest",
}


def show_rooms(facts: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Show the stations with those who go there, who is sent on, and who is left out."""
    say_measured(facts)
    table = table_with(
        "station",
        *((n, "r") for n in ("room", "go there", "free", "nearest to", "sent on")),
        ("taken in", "r"),
    )
    for row in told["stations"]:
        numbers = [row[n] for n in ("people", "free", "nearest_to", "sent_on", "taken_in")]
        room = "no limit" if row["room"] is None else f"{row['room']:,}"
        table.add_row(row["name"], room, *(_count(number) for number in numbers))
    printed(table)
    mean = "" if told["mean_minutes"] is None else f", {told['mean_minutes']} min on average"
    typer.echo(
        f"{_count(told['placed'])} of {_count(told['demand'])} {facts['count']} find room within "
        f"{facts['limit_min']:g} min{mean}"
    )
    for one in told["left_out"]:
        typer.echo(f"{word('reason', one['reason'])}: {_count(one['people'])}")
    names = {row["station_id"]: row["name"] for row in told["stations"]}
    for one in told["spill"]:
        typer.echo(
            f"{names[one['from_station_id']]} → {names[one['to_station_id']]}: "
            f"{_count(one['people'])}, {one['mean_further_min']} min further"
        )


def show_access(facts: Mapping[str, Any], per: str, told: Mapping[str, Any]) -> None:
    """Show mean access by area, and what the stations are wanted for."""
    say_measured(facts)
    table = table_with(per, "name", (facts["count"], "r"), ("access", "r"), ("without", "r"))
    for row in told["areas"]:
        without = "–" if row["without"] is None else f"{row['without']:.1%}"
        access = _number(row["access"], ",.2f")
        table.add_row(row["code"] or "", row["name"] or "", _count(row["people"]), access, without)
    printed(table)
    typer.echo(f"access: {told['scale']}; {facts['model']}, decay {facts['decay']}")
    if told["without_capacity"]:
        typer.echo(f"{len(told['without_capacity'])} stations state no capacity and are left out")


def show_deliveries(facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Show who is served in which way."""
    say_measured(facts)
    table = table_with("served by", *((name, "r") for name in _PEOPLE.values()))
    for row in rows:
        cells = [
            _WITHHELD if name in row["suppressed"] else _number(row["share"][name], ".1%")
            for name in _PEOPLE
        ]
        table.add_row(word("served", row["served"]), *cells)
    printed(table)
    typer.echo(f"{facts['stations_delivering']} stations deliver")


def show_variants(facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Show the shares of households as asked and under each variant."""
    say_measured(facts)
    names = list(dict.fromkeys(row["variant"] for row in rows))
    heads = [_VARIANTS[name] for name in names]
    table = table_with("households within", *((head, "r") for head in heads))
    for key in dict.fromkeys((row["threshold"], row["unit"]) for row in rows):
        own = {r["variant"]: r for r in rows if (r["threshold"], r["unit"]) == key}
        cells = [_number(own[name]["share"]["households"], ".1%") for name in names]
        table.add_row(f"{key[0]:g} {key[1]}", *cells)
    printed(table)


_VARIANTS = {
    "as_asked": "as asked",
    "slower": "speed −20 %",
    "faster": "speed +20 %",
    "nearer": "−100 m",
    "farther": "+100 m",
}


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else f"{value:{form}}"
