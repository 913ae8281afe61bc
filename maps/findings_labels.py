"""What people read on the map of findings: texts of the page, and labels of the audit's codes."""

from typing import Any

from gis.i18n import Language, translate
from gis.ingest.audit.kinds import DECIDERS, KINDS, SEVERITIES, WHATS
from maps.labels import label

#: Closed lists by the kind that their message ids begin with.
FINDING_CODES: dict[str, tuple[str, ...]] = {
    "finding": tuple(KINDS),
    "severity": SEVERITIES,
    "what": WHATS,
    "decider": DECIDERS,
    "layer": (
        "divisions",
        "communities",
        "quarters",
        "buildings",
        "grids",
        "stations",
        "roads",
        "pois",
    ),
}

#: Texts of the page, by the key that its script or its data ask for.
FINDINGS_PAGE: dict[str, str] = {
    "title": "Findings of the audit",
    "audited": "Audited on {date}",
    "panel": "Findings by kind",
    "map": "Map of what the audit found",
    "summary": "{errors} errors, {warnings} warnings, {notes} notes",
    "nothing": "The audit found nothing.",
    "drawn_only": "The map shows the {shown} worst of {total} findings.",
    "more": "{count} more on the map",
    "show_kind": "Show on the map",
    "show_panel": "Show findings",
    "hide_panel": "Hide findings",
    "no_place": "no place on the map",
    "zoom_in": "Zoom in",
    "zoom_out": "Zoom out",
    "close": "Close",
    "fixable": "Can be mended by --fix",
    "rows": "Rows",
    "more_rows": "and {count} more",
    "size": "Area",
    "length": "Length",
    "square_metres": "{n} m²",
    "metres": "{n} m",
    "remedy": "What to do",
}

#: Facts of a finding that its popup shows, in this order, by key of ``detail``.
FACTS: dict[str, str] = {
    "what": "What exactly",
    "codes": "Code",
    "name": "Name",
    "buildings": "Buildings concerned",
    "households": "Households concerned",
    "most_households": "Most households of one of them",
    "residents": "Residents",
    "use": "Use",
    "width_m": "Width",
    "change_m2": "Area that a repair would change",
    "shares_m2": "Area on each side",
    "decides": "Who decides",
}


def findings_texts(language: Language) -> dict[str, str]:
    """Return the texts of the page by key, in ``language``."""
    return {key: translate(message, language) for key, message in FINDINGS_PAGE.items()}


def fact_text(key: str, value: Any, language: Language) -> str:  # noqa: ANN401 - a value of JSON
    """Return the value of a fact as people read it."""
    if key in {"what", "use"}:
        return label(key, value, language)
    if key == "decides":
        level, _, rest = str(value).partition(" ")
        return f"{label('decider', level, language)} {rest}".strip()
    if key == "shares_m2":
        return ", ".join(f"{part}: {_number(m2, 1)} m²" for part, m2 in value.items())
    if key in {"width_m", "change_m2"}:
        unit = "m" if key == "width_m" else "m²"
        return f"{_number(value, 2)} {unit}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return _number(value, 0) if isinstance(value, int) else str(value)


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"
