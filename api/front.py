"""What the front page says: each user's way in, and the state of the data."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from api.page_frame import page_frame
from gis.access import Permission
from gis.i18n import Language, code_label, translate
from gis.services.data_state import DataState

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True)
class Item:
    """A label and its value, or a label and where it leads."""

    label: str
    value: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """Who comes, what for, and where to."""

    who: str
    what: str
    go: str
    href: str


def front_page(
    state: DataState, language: Language, timezone: str, may: "Collection[Permission]"
) -> dict[str, Any]:
    """Return what the template of the front page shows, in a language, to whom may do so much."""
    return {
        **page_frame(language, lambda other: f"/?lang={other}", _texts(language)),
        "notices": _notices(state, language),
        "ways": _ways(language, may, walking=state.overview.counts["roads"] > 0),
        "counts": _counts(state, language),
        "facts": _facts(state, language, timezone),
        "layers": _layers(language, may),
    }


def _texts(language: Language) -> dict[str, str]:
    return {
        "tagline": translate("Grids, service stations and coverage of a subdistrict", language),
        "about": translate(
            "Grids of about 400 households, the incidents and demands in them, and the nearest "
            "station that is open: on one map and behind one interface.",
            language,
        ),
        "ways": translate("Where do you want to go?", language),
        "state": translate("State of the data", language),
        "data": translate("Data as GeoJSON", language),
    }


def _ways(language: Language, may: "Collection[Permission]", *, walking: bool) -> list[Way]:
    maps = _maps(language, walking=walking) if Permission.BUILDINGS_READ in may else []
    return [
        *maps,
        Way(
            translate("Dispatcher", language),
            translate("Ask whose grid a place is and which station is open and nearest.", language),
            translate("Try it in the API", language),
            "/docs#/locating",
        ),
        Way(
            translate("Developer", language),
            translate(
                "Read stations, incidents and demands, take new ones in, change hours.", language
            ),
            translate("Read the API's description", language),
            "/docs",
        ),
    ]


def _maps(language: Language, *, walking: bool) -> list[Way]:
    """Return the ways to the maps, which show single buildings."""
    coverage = f"/maps/coverage?lang={language}"
    on_foot = Way(
        translate("Manager", language),
        translate("See who walks how far, in every hour of the week.", language),
        translate("Open the walking map", language),
        f"/maps/walking?lang={language}",
    )
    return [
        *([on_foot] if walking else []),
        Way(
            translate("Manager", language),
            translate("See who is out of reach, of which service, and when.", language),
            translate("Open the coverage map", language),
            coverage,
        ),
        Way(
            translate("Planner", language),
            translate("See how even the grids are, and which of them are exceptions.", language),
            translate("Open the map of grids", language),
            f"{coverage}#deviation",
        ),
    ]


def _notices(state: DataState, language: Language) -> list[str]:
    found = []
    if state.empty:
        found.append(
            translate(
                "There are no data yet: run ./run demo, or wangge import with your own files.",
                language,
            )
        )
    elif state.plan_name is None:
        found.append(
            translate("No grid plan is in effect today, so nothing can be assigned.", language)
        )
    if state.plan_unfit:
        found.append(
            translate(
                "The grid plan in effect no longer fits: buildings or communities have been added, "
                "moved or removed since it was drawn.",
                language,
            )
        )
    if state.synthetic:
        found.append(
            translate(
                "These data are made up for demonstration; no real person or place is shown.",
                language,
            )
        )
    if not state.calendar_verified:
        found.append(
            translate(
                "The holidays of this year are not known: opening hours follow weekdays only.",
                language,
            )
        )
    return found


def _counts(state: DataState, language: Language) -> list[Item]:
    counts = state.overview.counts
    return [
        Item(translate("Communities", language), f"{counts['communities']:,}"),
        Item(translate("Grids", language), f"{counts['grids']:,}"),
        Item(translate("Buildings", language), f"{counts['buildings']:,}"),
        Item(translate("Households", language), f"{state.overview.households:,}"),
        Item(translate("Stations", language), f"{counts['stations']:,}"),
        Item(translate("Incidents", language), f"{counts['incidents']:,}"),
        Item(translate("Demands", language), f"{counts['demands']:,}"),
    ]


def _facts(state: DataState, language: Language, timezone: str) -> list[Item]:
    none = translate("none", language)
    found = state.overview
    plan = none
    if state.plan_name is not None and found.plan_since is not None:
        plan = translate(
            "{plan}, in effect since {date}",
            language,
            plan=state.plan_name or code_label("plan_kind", "community", language),
            date=found.plan_since.isoformat(),
        )
    imported = none
    if found.imported_at is not None:
        imported = f"{found.imported_name} · {_moment(found.imported_at, timezone)}"
    hours = none
    if found.hours_from is not None and found.hours_to is not None:
        hours = translate(
            "{first} to {last}",
            language,
            first=_moment(found.hours_from, timezone),
            last=_moment(found.hours_to, timezone),
        )
    years = ", ".join(map(str, state.calendar_years))
    facts = [
        Item(translate("Place", language), found.place or ""),
        Item(translate("Grid plan", language), plan),
        Item(translate("Last import", language), imported),
        Item(translate("Opening hours laid out", language), hours),
        Item(translate("Holidays known for", language), years or none),
        Item(translate("Not yet assigned", language), f"{found.unassigned:,}"),
        Item(translate("Source of the data", language), state.attribution),
    ]
    return [fact for fact in facts if fact.value]


def _layers(language: Language, may: "Collection[Permission]") -> list[Item]:
    layers = (
        ("Communities", "/v1/communities", Permission.GROUND_READ),
        ("Grids", "/v1/grids", Permission.GROUND_READ),
        ("Buildings", "/v1/buildings", Permission.BUILDINGS_READ),
        ("Stations", "/v1/stations", Permission.GROUND_READ),
        ("Incidents", "/v1/incidents", Permission.MATTERS_READ),
        ("Demands", "/v1/demands", Permission.MATTERS_READ),
    )
    return [Item(translate(name, language), href=at) for name, at, asked in layers if asked in may]


def _moment(at: date | datetime, timezone: str) -> str:
    local = at.astimezone(ZoneInfo(timezone)) if isinstance(at, datetime) else at
    return f"{local:%Y-%m-%d %H:%M}" if isinstance(local, datetime) else local.isoformat()
