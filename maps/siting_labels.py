"""What people read on the map of a proposed siting."""

from gis.i18n import Language, translate
from maps.labels import page_texts

#: Texts by the key that the page's script asks for.
SITING_PAGE: dict[str, str] = {
    "before": "Today",
    "after": "Proposed",
    "before_map": "Map of today",
    "after_map": "Map of the proposal",
    "gain_line": "{count} new places bring {households} households within reach",
    "reach_line": "{share} today, {after} proposed",
    "newly": "Newly within reach",
    "lost": "No longer within reach",
    "people_table": "Out of reach",
    "chosen": "Chosen places",
    "candidate": "Candidate",
    "candidate_number": "Place {n}",
    "brings": "{n} households newly within reach",
    "exchanges": "If a place cannot be had",
    "exchanges_note": "The next best proposals, each with one place exchanged.",
    "instead_of": "Instead of",
    "take": "Take",
    "comes_to": "Comes to",
    "objective": "Asked for",
    "proof_optimal": "No proposal is better.",
    "proof_gap": "No proposal can come to more than {bound}: {gap} from this one.",
    "proof_gap_least": "No proposal can come to less than {bound}: {gap} from this one.",
    "proof_stopped": "Stopped early. No proposal can be better than {bound}: {gap} from this one.",
    "proof_infeasible": "Not everyone can be reached within the limits.",
    "proof_evaluated": "The places were given.",
    "proof_unknown": "How much better another proposal can be is not known.",
    "was": "Today",
    "becomes": "Proposed",
    "minutes_value": "{n} min",
    "speed_adult": "Adult",
    "speed_elderly": "Elder",
    "speed_frail": "Frail",
    "old_browser": "This browser is too old for the map. Use one of 2023 or later.",
    "loading": "Loading the map…",
    "show_details": "Show details",
    "hide_details": "Hide details",
    "nobody_near": "none within a walk",
}


def siting_texts(language: Language) -> dict[str, str]:
    """Return the texts of the map of a siting by key, in ``language``."""
    own = {key: translate(message, language) for key, message in SITING_PAGE.items()}
    return page_texts(language) | own
