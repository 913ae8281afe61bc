"""What people see of areas, runs, indicators and activities in the terminal."""

import json
from typing import TYPE_CHECKING, Any

import typer

from cli.plan_views import clock, print_json, printed, table_with, word
from gis.i18n import indicator_label
from gis.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    import pandas as pd

    from gis.outlets import Written
    from gis.services.activity_menu import MonthMenu
    from gis.services.indicator_reading import Indicators
    from gis.services.walking_areas import Reach

_WITHHELD = "·"


def show_areas(
    areas: "gpd.GeoDataFrame", reach: "Reach", drawn_from: "Mapping[str, Any]", *, as_json: bool
) -> None:
    """Show areas as a table, or as GeoJSON with what they were drawn from.

    Parameters
    ----------
    areas, reach
        What was drawn, and how far one walks.
    drawn_from
        ``network``, ``reason``, ``stations_off_network``, ``off_network_names`` and
        ``buildings_off_network``.
    as_json
        As GeoJSON.
    """
    from gis.outlets.area_geojson import area_collection_text

    facts = {
        "method": "walking",
        "speed": reach.group,
        "speed_m_s": reach.speed,
        **drawn_from,
    }
    below = get_settings().suppress_below
    text = area_collection_text(areas, facts, suppress_below=below)
    if as_json:
        typer.echo(text)
        return
    rows = [one["properties"] for one in json.loads(text)["features"]]
    columns = [name for name in (rows[0] if rows else {}) if name not in {"suppressed", "name"}]
    table = table_with("name", *((name.replace("_", " "), "r") for name in columns))
    for row in rows:
        cells = [_cell(row[name], row.get("suppressed", ()), name) for name in columns]
        table.add_row(row.get("name") or "", *cells)
    typer.echo(f"on foot, {reach.group} {reach.speed:g} m/s; network {drawn_from['network']}")
    if rows:
        printed(table)
    else:
        typer.echo("There is none.")
    _say_off_network(drawn_from)
    if drawn_from["reason"]:
        typer.echo(word("reason", drawn_from["reason"]))


def _say_off_network(drawn_from: "Mapping[str, Any]") -> None:
    """Name the stations that no road is near, and say how many buildings so stand."""
    if drawn_from["off_network_names"]:
        away = ", ".join(drawn_from["off_network_names"])
        typer.echo(f"no road is near, so nobody can walk there: {away}")
    if drawn_from["buildings_off_network"]:
        typer.echo(f"{drawn_from['buildings_off_network']:,} buildings have no road near")


def _cell(value: Any, suppressed: "Sequence[str]", name: str) -> str:  # noqa: ANN401 - a plain value
    if value is None:
        return _WITHHELD if name in suppressed else ""
    if isinstance(value, str):
        return value[:8]  # a key
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def say_run(report: "Mapping[str, Any]") -> None:
    """Say what a run has measured: the shares of households and what else is not of people."""
    how = word("method", report["method"])
    typer.echo(f"Run {report['run_id']}: {report['as_of']}, {how}, {report['values']:,} values")
    typer.echo(f"services: {', '.join(word('service', one) for one in report['services'])}")
    notes = _Notes()
    targets = report["targets"]
    aimed = (("target", "r"), ("gap", "r")) if targets else ()
    table = table_with("indicator", "code", ("subdistrict", "r"), *aimed)
    for code, value in report["subdistrict"].items():
        cells = [indicator_label(code, "en"), code, f"{value:,.4g}"]
        if targets:
            one = targets.get(code, {})
            cells += [notes.target(one.get("target"), one.get("source")), _number(one.get("gap"))]
        table.add_row(*cells)
    printed(table)
    notes.say()
    if "posts" in report["not_told"]:
        typer.echo("No posts are told of, so workers, leaders and posts filled are left out.")


class _Notes:
    """The sources of targets, as numbered notes under a table."""

    def __init__(self) -> None:
        self.sources: list[str] = []

    def target(self, value: float | None, source: str | None) -> str:
        """Return a target with the number of its note."""
        if value is None or source is None:
            return _number(value)
        if source not in self.sources:
            self.sources.append(source)
        return f"{_number(value)} ({self.sources.index(source) + 1})"

    def say(self) -> None:
        """Write the notes."""
        for number, source in enumerate(self.sources, 1):
            typer.echo(f"({number}) {source}")


def show_runs(rows: "Sequence[Any]", *, as_json: bool) -> None:
    """List runs, newest day first."""
    if as_json:
        told = ("id", "as_of", "made_at", "method", "data_version", "network_id", "parameters")
        print_json([{name: getattr(row, name) for name in told} for row in rows])
        return
    if not rows:
        typer.echo("Coverage has not been measured: wangge coverage run.")
        return
    table = table_with("id", "as of", "measured", "method", "services", "thresholds")
    for row in rows:
        asked = row.parameters
        limits = [f"{one:g} m" for one in asked.get("metres", ())]
        limits += [f"{one:g} min" for one in asked.get("minutes", ())]
        table.add_row(
            str(row.id)[:8],
            f"{row.as_of}",
            clock(row.made_at),
            word("method", row.method),
            ", ".join(asked.get("services", ())),
            ", ".join(limits),
        )
    printed(table)


def show_indicators(found: "Indicators", *, as_json: bool) -> None:
    """Show indicators with target, gap and trend."""
    rows = _plain(found.table)
    if as_json:
        print_json({"as_of": found.run.as_of, "method": found.run.method, "indicators": rows})
        return
    typer.echo(f"{found.run.as_of}, {word('method', found.run.method)}")
    aimed = any(row["target"] is not None for row in rows)
    notes = _Notes()
    table = table_with(
        "indicator",
        "code",
        "area",
        ("value", "r"),
        *((("target", "r"), ("gap", "r")) if aimed else ()),
        "unit",
        ("month", "r"),
        ("year", "r"),
    )
    for row in rows:
        table.add_row(
            indicator_label(row["indicator"], "en"),
            row["indicator"],
            row["name"] or row["code"] or row["area_kind"],
            _WITHHELD if row["suppressed"] else _number(row["value"]),
            *((notes.target(row["target"], row["source"]), _number(row["gap"])) if aimed else ()),
            word("unit", row["unit"]) if row["unit"] else "",
            _signed(row["month_change"]),
            _signed(row["year_change"]),
        )
    printed(table)
    notes.say()
    if any(row["suppressed"] for row in rows):
        typer.echo(f"{_WITHHELD} withheld: a small count of people, or one that reveals it")


def show_menu(found: "MonthMenu", *, as_json: bool) -> None:
    """Show the activities of a month, then how much of them is after office hours."""
    menu = found.menu
    if as_json:
        print_json(
            {
                "month": menu.month,
                "calendar": menu.calendar,
                "activities": _plain(menu.table),
                "supply": _plain(found.supply),
                "free_time": _plain(found.free_time.reset_index(names="group")),
            }
        )
        return
    typer.echo(
        f"{menu.month:%Y-%m}: {len(menu.table)} activities; {word('calendar', menu.calendar)}"
    )
    table = table_with("day", "time", "activity", "station", "group", ("came", "r"), ("of", "r"))
    for row in _plain(menu.table):
        came = _WITHHELD if row["suppressed"] else _number(row["attendance"])
        table.add_row(
            f"{row['day']}",
            f"{row['begins']}-{row['ends']}",
            row["name"],
            row["station_name"] or "",
            row["served_group"],
            came,
            _number(row["places"]),
        )
    if table.row_count:
        printed(table)
    supply = table_with(
        "of", ("activities", "r"), ("hours", "r"), ("after office hours", "r"), ("when free", "r")
    )
    for row in _plain(found.supply):
        if row["by"] in {"all", "served_group"}:
            supply.add_row(
                row["key"],
                f"{row['activities']:,}",
                _number(row["hours"]),
                _share(row["off_hours_share"]),
                _share(row["free_time_share"]),
            )
    printed(supply)


def say_written(written: "Written") -> None:
    """Say what was written."""
    for layer, rows in written.rows.items():
        typer.echo(f"{layer}: {rows:,} rows")
    typer.echo(f"Wrote {written.path} ({written.size_bytes:,} bytes)")


def _plain(table: "pd.DataFrame") -> "list[dict[str, Any]]":
    names = [str(name) for name in table]
    whole = table.astype(object)
    rows = whole.where(whole.notna(), None).itertuples(index=False, name=None)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.4g}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
