"""A siting as a file: sites, swaps, who is left out, shares and the proof; audited."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely

from gis.coverage.shares import PEOPLE
from gis.frames import Column, FrameContract
from gis.geometry.source_crs import SourceCrs
from gis.i18n import code_label, counted_label
from gis.layers import audit, imports
from gis.outlets import About, OutLayer, OutletOptions, format_of, write_export
from gis.outlets.labels import fact_label
from gis.scope import Action
from gis.services.exporting import WITHHELD, program_version
from gis.services.siting_names import told_apart

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.i18n import Language
    from gis.outlets import Written
    from gis.scope import Scope

_SITE = (
    Column("key", "str", "Key of the candidate.", required=True),
    Column("kind", "str", "Building, POI or place.", required=True),
    Column("name", "str", "Name of the place or its building."),
    Column("address", "str", "Street address of its building."),
    Column("building_id", "str", "UUID of its building."),
    Column("building_code", "str", "The source's own id of its building."),
    Column("community_code", "str", "12-digit code of the community."),
    Column("community_name", "str", "Name of the community."),
    Column("grid_code", "str", "Code of the grid."),
    Column("floor_area_m2", "float", "Floor area, square metres."),
    Column("cost", "float", "What it costs."),
    Column("capacity", "int", "People that it can serve."),
)
SITING_SITES = FrameContract(
    "siting_sites",
    (
        Column("rank", "int", "1: covers most people anew.", required=True),
        *_SITE,
        Column("fixed", "bool", "True: it had to be chosen.", required=True),
        Column("newly_covered", "int", "People within reach only now, nearest to this site."),
        Column("nearest_for", "int", "People who have no shorter walk to another station."),
    ),
    geometry=("Point",),
)
SITING_SWAPS = FrameContract(
    "siting_swaps",
    (
        Column("rank", "int", "1: the next best.", required=True),
        Column("leave", "str", "Key of the site that it stands in for.", required=True),
        Column("leave_label", "str", "What people call that site."),
        *_SITE,
        Column("objective", "float", "What it comes to."),
        Column("change", "float", "Against the chosen sites."),
    ),
    geometry=("Point",),
)
SITING_UNCOVERED = FrameContract(
    "siting_uncovered",
    (
        Column("building_id", "str", "UUID of the building.", required=True),
        Column("building_code", "str", "The source's own id."),
        Column("name", "str", "Name of the building."),
        Column("address", "str", "Street address."),
        Column("community_code", "str", "12-digit code of the community."),
        Column("grid_code", "str", "Code of the grid."),
        *(Column(name, "int", f"{name.replace('_', ' ')} that live here.") for name in PEOPLE),
        Column("covered_share", "float", "Share of the hours that count in which it is covered."),
        Column("distance_m", "float", "Walk to the nearest station, metres."),
        Column("walk_minutes", "float", "The same in minutes."),
        Column("reason", "str", "Why no station is reached."),
    ),
    geometry=("Point",),
)
SITING_SHARES = FrameContract(
    "siting_shares",
    (
        Column("people", "str", "Who is counted.", required=True),
        Column("total", "int", "All of them."),
        Column("covered_before", "int", "Within reach before."),
        Column("covered_after", "int", "Within reach with the new stations."),
        Column("share_before", "float", "Share from 0 to 1."),
        Column("share_after", "float", "Share from 0 to 1."),
    ),
)
SITING_FACTS = FrameContract(
    "siting_facts",
    (
        Column("fact", "str", "What.", required=True),
        Column("value", "str", "Its value."),
    ),
)
#: Facts that are codes, and the lists these are of.
_CODES = {
    "service": "service",
    "model": "objective",
    "people": "people",
    "unit": "unit",
    "status": "proof",
    "calendar": "calendar",
}
#: What a file that holds one layer gets.
_ALONE = "siting_sites"


@dataclass(frozen=True, slots=True)
class SitingExport:
    """What is to be written, and how.

    Parameters
    ----------
    path
        The file; its suffix says the format.
    format
        Where the suffix does not say it.
    crs
        System of the coordinates.
    headers
        Language of headers; ``None``: the names of the fields.
    language, timezone
        Of what is said about the export.
    """

    path: Path
    format: str | None = None
    crs: str = "EPSG:4326"
    headers: "Language | None" = None
    language: "Language" = "en"
    timezone: str = "UTC"


def export_siting(
    session: "Session", scope: "Scope", job_id: str, report: Mapping[str, Any], order: SitingExport
) -> "Written":
    """Write a siting to a file and note it in the audit trail; the caller commits.

    A format that holds one layer gets the sites. Counts are withheld as in the siting itself.

    Raises
    ------
    gis.errors.ForbiddenError
        The principal may not export.
    gis.errors.InvalidInputError
        The format is not written.
    gis.errors.DataSourceError
        The file cannot be written; nothing is left of it.
    """
    scope.require(Action.EXPORT)
    chosen = format_of(order.path, order.format)
    system = SourceCrs.parse(order.crs, "the export")
    options = OutletOptions(
        system, headers=order.headers, language=order.language, timezone=order.timezone
    )
    several = chosen.many or order.path.suffix.lower() == ".zip"
    layers = [one for one in _layers(report, order.headers) if several or one.name == _ALONE]
    facts = imports.facts(session, scope)
    about = About(
        exported_at=datetime.now(UTC),
        crs=system,
        program=f"wangge {program_version()}",
        suppression=f"Small counts of people are withheld, and those that would reveal one; "
        f"tables show {WITHHELD}.",
        attribution=facts.attribution,
        synthetic=facts.synthetic,
        filters={"siting": job_id, "service": report["service"], "as_of": report["as_of"]},
    )
    written = write_export(order.path, chosen, layers, options, about)
    _note(session, scope, job_id, written)
    return written


def _note(session: "Session", scope: "Scope", job_id: str, written: "Written") -> None:
    """Write down who took what out."""
    trail = replace(scope, actions=scope.actions | {Action.WRITE})
    after = {
        "file": written.path.name,
        "siting": job_id,
        "rows": dict(written.rows),
        "size_bytes": written.size_bytes,
    }
    audit.record(session, trail, audit.Change("export", "siting", job_id, after=after))


def _layers(report: Mapping[str, Any], headers: "Language | None") -> list[OutLayer]:
    called = told_apart(report)
    swaps = [
        {**swap["enter"], **swap, "leave_label": called.get(swap["leave"])}
        for swap in report["swaps"]
    ]
    before, after = report["before"]["groups"], report["after"]["groups"]
    shares = [
        {
            "people": name,
            "total": then["total"],
            "covered_before": before[name]["covered"],
            "covered_after": then["covered"],
            "share_before": before[name]["share"],
            "share_after": then["share"],
        }
        for name, then in ((name, after[name]) for name in PEOPLE)
    ]
    return [
        _layer(SITING_SITES, report["sites"]),
        _layer(SITING_SWAPS, swaps),
        _layer(SITING_UNCOVERED, report["uncovered"]["named"]),
        _layer(SITING_SHARES, shares),
        _layer(SITING_FACTS, list(_facts(report, headers))),
    ]


def _facts(
    report: Mapping[str, Any], headers: "Language | None"
) -> Iterator[dict[str, str | None]]:
    """Return what was asked, and how good the answer is; what the sites do is in other layers."""
    for name, value in _told(report).items():
        text = None if value is None or value == "" else str(value)
        if headers is not None and text is not None:
            text = _worded(name, text, headers)
        yield {"fact": fact_label(name, headers), "value": text}


def _told(report: Mapping[str, Any]) -> dict[str, Any]:
    plain = ("as_of", "method", "network", "calendar", "people", "radius", "unit", "group")
    proof, week = report["proof"], report["week"] or {}
    facts = {
        "service": report["service"],
        "model": report["objective"],
        "asked": report["asked"],
        **{name: report[name] for name in plain},
        "monday": week.get("monday"),
        "parts": ", ".join(week.get("parts", ())),
        "opening_hours": week.get("opening_hours"),
        **{name: proof[name] for name in ("status", "objective", "counted_in", "bound", "gap")},
        **{name: proof[name] for name in ("stopped", "seconds", "moves")},
        **report["candidates"],
        "stations_serving": report["standing"]["stations_serving"],
        "stations_off_network": ", ".join(report["off_network_names"]),
        "placed": (report["placed"] or {}).get("placed"),
        "uncovered_buildings": report["uncovered"]["buildings"],
        "uncovered_people": report["uncovered"]["people"][report["people"]],
    }
    for when in ("before", "after"):
        for name in ("mean_distance_m", "mean_walk_minutes"):
            facts[f"{name}_{when}"] = report[when][name]
    return facts


def _worded(name: str, text: str, language: "Language") -> str:
    """Return a value as people say it, where it is a code of a list with labels."""
    if name == "counted_in":
        return counted_label(text, language)
    kind = _CODES.get(name)
    return text if kind is None else code_label(kind, text, language)


def _layer(contract: FrameContract, rows: Sequence[Mapping[str, Any]]) -> OutLayer:
    def frames() -> "Iterator[pd.DataFrame]":
        yield _frame(contract, rows)

    return OutLayer(contract, frames, WITHHELD)


def _frame(contract: FrameContract, rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    import geopandas as gpd
    import pandas as pd

    names = [column.name for column in contract.columns]
    frame = pd.DataFrame([{name: row[name] for name in names} for row in rows], columns=names)
    if not contract.geometry:
        table: pd.DataFrame = contract.conform(frame)
        return table
    points = [shapely.Point(row["lon"], row["lat"]) for row in rows]
    found: pd.DataFrame = contract.conform(
        gpd.GeoDataFrame(frame, geometry=points, crs="EPSG:4326")
    )
    return found
