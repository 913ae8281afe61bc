"""What people see of sitings in the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from cli.plan_views import clock, printed, table_with, word
from gis.i18n import counted_label
from gis.services.siting_names import told_apart

_NEEDS = {
    "mclp": "radius",
    "lscp": "radius; no number of stations",
    "p_median": "",
    "p_center": "",
    "capacitated_mclp": "capacity",
    "capacitated_p_median": "capacity",
    "mix": "mix, radius",
}
#: Objective, what it aims at, and what it needs besides a number of stations or a budget.
MODELS = tuple((key, word("objective", key), needs) for key, needs in _NEEDS.items())


def show_models() -> None:
    """List the objectives."""
    table = table_with("objective", "aim", "needs")
    for row in MODELS:
        table.add_row(*row)
    printed(table)


def listed(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of jobs
    """Return what a list says of a siting."""
    order, report = row.arguments["order"], row.report or {}
    return {
        "job_id": str(row.id),
        "status": row.status,
        "created_at": row.created_at.isoformat(),
        "service": order["service"],
        "objective": order["objective"],
        "count": order["count"],
        "sites": len(report.get("sites", ())),
        "proof": (report.get("proof") or {}).get("status"),
        "gap": (report.get("proof") or {}).get("gap"),
    }


def show_sitings(rows: Sequence[Any]) -> None:
    """List sitings, newest first."""
    table = table_with(
        "id", "begun", "status", "service", "objective", ("sites", "r"), "proof", ("gap", "r")
    )
    for row in rows:
        one = listed(row)
        table.add_row(
            one["job_id"][:8],
            clock(row.created_at),
            one["status"],
            one["service"],
            one["objective"],
            str(one["sites"]) if one["proof"] else "",
            one["proof"] or "",
            "" if one["gap"] is None else f"{one['gap']:.2%}",
        )
    printed(table)


def show_siting(job_id: str, report: Mapping[str, Any]) -> None:
    """Show the sites, the shares before and after, the proof, the swaps and who is left out."""
    proof, standing = report["proof"], report["standing"]
    found = report["candidates"]
    thinned = f", thinned to {found['weighed']:,}" if found["thinned_m"] else ""
    typer.echo(
        f"Siting {job_id}: {len(report['sites'])} new stations for {report['service']} "
        f"({report['objective']}) beside {standing['stations_serving']} that stand; "
        f"{found['available']:,} candidates{thinned}."
    )
    if standing["stations_off_network"]:
        away = ", ".join(report["off_network_names"])
        typer.echo(
            f"{len(standing['stations_off_network'])} of those that stand have no road near, "
            f"so they serve nobody on foot: {away}.",
            err=True,
        )
    if report["week"] is not None and report["calendar"] == "unverified":
        typer.echo(
            "The holidays of that week's year are not known: weekday rules stand in.", err=True
        )
    if report["asked"] is not None and len(report["sites"]) < report["asked"]:
        typer.echo(f"{report['asked']} were asked for; another one would gain nothing.")
    _show_sites(report)
    _show_shares(report)
    gap = "unknown" if proof["gap"] is None else f"{proof['gap']:.3%}"
    counted = counted_label(proof["counted_in"], "en").lower()
    typer.echo(
        f"objective {_amount(proof['objective'])} {counted}, bound {_amount(proof['bound'])}, "
        f"gap {gap}, {proof['seconds']:.1f} s: {word('proof', proof['status'])}."
    )
    _show_swaps(report)
    _show_left(report)


def _show_sites(report: Mapping[str, Any]) -> None:
    table = table_with(
        "", "site", "address", "community", "grid", "lon, lat", ("newly covered", "r")
    )
    for site in report["sites"]:
        table.add_row(
            str(site["rank"]),
            site["label"],
            site["address"] or "",
            site["community_name"] or site["community_code"] or "",
            site["grid_code"] or "",
            f"{site['lon']:.6f}, {site['lat']:.6f}",
            _amount(site["newly_covered"]),
        )
    if table.row_count:
        printed(table)


def _show_shares(report: Mapping[str, Any]) -> None:
    reach = f"within {report['radius']:g} {report['unit']}"
    table = table_with(reach, ("people", "r"), ("before", "r"), ("after", "r"))
    before, after = report["before"], report["after"]
    for name, then in after["groups"].items():
        now = before["groups"][name]
        table.add_row(name.replace("_", " "), _amount(then["total"]), _share(now), _share(then))
    for name, words in (("mean_distance_m", "mean walk, m"), ("mean_walk_minutes", "minutes")):
        table.add_row(words, "", _amount(before[name]), _amount(after[name]))
    printed(table)
    if report["placed"] is not None:
        typer.echo(f"There is room for {_amount(report['placed']['placed'])} people.")


def _show_swaps(report: Mapping[str, Any]) -> None:
    if not report["swaps"]:
        return
    names = told_apart(report)
    table = table_with("swap", "instead of", "take", ("objective", "r"), ("change", "r"))
    for swap in report["swaps"]:
        table.add_row(
            str(swap["rank"]),
            names.get(swap["leave"], swap["leave"]),
            names[swap["enter"]["key"]],
            _amount(swap["objective"]),
            "*" if swap["change"] is None else f"{swap['change']:+,.6g}",
        )
    printed(table)


def _show_left(report: Mapping[str, Any]) -> None:
    left = report["uncovered"]
    people = left["people"][report["people"]]
    typer.echo(
        f"{left['buildings']:,} buildings with {_amount(people)} {report['people']} are not "
        "covered."
    )
    if report["proof"]["status"] == "infeasible":
        limited = report["proof"]["counted_in"] == "buildings_left_out"
        typer.echo(
            "No answer within these limits was found that reaches everyone:"
            if limited
            else "Not everyone can be reached, whatever is chosen:",
            err=True,
        )
        for house in report["infeasible"]:
            typer.echo(f"  {house['label']}: {_why(house)}", err=True)


def _why(house: Mapping[str, Any]) -> str:
    if house["distance_m"] is None:
        return word("reason", house["reason"])
    return f"{house['distance_m']:,.0f} m from the nearest station"


def _share(group: Mapping[str, Any]) -> str:
    return "*" if group["suppressed"] else "" if group["share"] is None else f"{group['share']:.1%}"


def _amount(value: float | None) -> str:
    return "*" if value is None else f"{value:,.10g}"
