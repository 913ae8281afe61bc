"""What people read in the plan report: texts of the page and labels of its codes."""

from dataclasses import dataclass
from typing import Any

from gis.i18n import Language, translate

#: Closed lists by the kind that their message ids begin with.
REPORT_CODES: dict[str, tuple[str, ...]] = {
    "limit": (
        "whole_ground",
        "single_unit",
        "average",
        "large_unit",
        "size_of_units",
        "contiguity",
        "barrier",
        "shape",
        "locked",
        "community_line",
        "possible_moves",
    ),
    "preset": ("fast", "balanced", "compact", "tight", "metis"),
    "fate": ("kept", "grown", "shrunk", "exchanged", "merged", "split", "new", "dissolved"),
}

#: Texts of the page, by the key that its script asks for.
REPORT_PAGE: dict[str, str] = {
    "title": "Plan report",
    "contents": "Contents",
    "figures": "Key figures",
    "figures_note": "Marks say how this plan does against the plan of the column.",
    "this_plan": "This plan",
    "previous_plan": "Compared with: {name}",
    "metis": "METIS alone",
    "better": "better",
    "worse": "worse",
    "same": "the same",
    "grids": "Households per grid",
    "bars": "Bars: households per grid",
    "map": "Map of the grids",
    "sort_by": "Order",
    "by_code": "By number",
    "by_households": "By households",
    "band": "Band {minimum}–{maximum}",
    "target": "Target {n}",
    "state_in": "within the band",
    "state_below": "below the minimum",
    "state_above": "above the maximum",
    "state_dedicated": "dedicated grid",
    "dedicated": "Dedicated grid: not balanced",
    "outside": "Outside the band",
    "community_summary": "{grids} grids, {low}–{high} households",
    "community_one": "1 grid, {low} households",
    "community_none": "dedicated grids only",
    "outside_count": "{count} outside the band",
    "zoom_in": "Zoom in",
    "zoom_out": "Zoom out",
    "whole_plan": "Show the whole plan",
    "close": "Close",
    "table": "Measures of each grid",
    "table_note": "A heading sorts the table; a grid's number shows it on the map.",
    "show_table": "Show the table of {count} grids",
    "grid": "Grid",
    "community": "Community",
    "households": "Households",
    "deviation": "Deviation from target",
    "residents": "Residents",
    "area": "Area, ha",
    "polsby_popper": "Polsby–Popper",
    "reock": "Reock",
    "barrier": "Main roads, water, railway inside, m",
    "street_share": "Border along streets",
    "pieces": "Pieces",
    "notes": "Notes",
    "limits": "What limits the result",
    "exceptions": "Exceptions",
    "no_exceptions": "There is no exception.",
    "reasons": "Why grids are not nearer to the target",
    "no_reasons": "Nothing was recorded about single grids.",
    "items": "{count} grids",
    "item": "1 grid",
    "feasible": "Numbers of grids that each community can have",
    "feasible_note": "With so many grids the mean of the community is within the band.",
    "possible": "Possible",
    "drawn": "Drawn",
    "none_possible": "none",
    "change": "What changes for households",
    "fate": "What became of it",
    "previous_grid": "Grid before",
    "before": "Before",
    "after": "After",
    "come": "Households that come",
    "leave": "Households that leave",
    "flow": "{code}: {households}",
    "show_changes": "Show {count} grids that change",
    "reading": "How to read the measures",
    "why": "What limits it",
    "largest": "Largest units",
}

#: Sentences that are filled in where the data are made, by key.
REPORT_SAID: dict[str, str] = {
    "drawn": "Drawn on {date}",
    "recipe": "Preset {preset}, seed {seed}",
    "stopped": "Ended early: the best so far",
    "estimated": "Households are estimated",
    "synthetic": "Synthetic data",
    "shared": "{households} households of {communities} communities in {count} grids.",
    "shared_one": "{households} households of one community in {count} grids.",
    "shared_single": "{households} households of one community in one grid.",
    "nobody": "Nobody lives here: there are only dedicated grids.",
    "all_in": "Every grid has between {minimum} and {maximum} households.",
    "some_out": (
        "Outside {minimum}–{maximum} households: {outside} of {count} grids "
        "({below} below, {above} above)."
    ),
    "in_one_piece": "Every grid is in one piece.",
    "in_pieces": "Grids in more than one piece: {count}.",
    "nested": "No grid crosses a community line.",
    "near": "A grid is {mean} households from the target of {target} on average, {most} at most.",
    "dedicated": "Dedicated grids beside them, which are not balanced: {count}.",
    "changed": "Compared with {name}, {households} households ({share}) change grid.",
    "unchanged": "Compared with {name}, no household changes grid.",
    "infeasible": "Communities that cannot be shared out within the band: {count}.",
    "count": "Grids",
    "in_range": "Within {minimum}–{maximum} households",
    "in_range_value": "{part} of {total} ({share})",
    "mean_deviation": "Mean distance from the target, households",
    "max_deviation": "Largest distance from the target, households",
    "extremes": "Smallest and largest grid, households",
    "noncontiguous": "Grids in more than one piece",
    "polsby_popper": "Compactness (Polsby–Popper, mean)",
    "reock": "Compactness (Reock, mean)",
    "border": "Borders between grids, km",
    "off_street": "Borders that follow no street, km",
    "inside": "Main roads, rivers and railways inside grids, km",
    "moved": "Households that change grid",
    "kept": "Grids that keep all their households: {count}.",
    "building": "{quarter}, one building",
    "of_quarter": "{quarter}: {said}",
}

#: Explanations at the end of the report: a measure and what it says.
READING: tuple[tuple[str, str], ...] = (
    (
        "Polsby–Popper",
        "4π × area / perimeter²: 1 for a circle, 0.79 for a square, near 0 for a ragged shape.",
    ),
    ("Reock", "Area of the grid / area of the smallest circle around it: 0.64 for a square."),
    (
        "Deviation from target",
        "Households of the grid less the target; the mean distance leaves out the sign.",
    ),
    (
        "METIS alone",
        "What the graph partitioner METIS gives for the same cells, without the refinement.",
    ),
    (
        "Dedicated grid",
        "A market, a campus or a park: its borders are given, and it is not balanced.",
    ),
)


def report_texts(language: Language) -> dict[str, str]:
    """Return the texts of the page by key, in ``language``."""
    return {key: translate(message, language) for key, message in REPORT_PAGE.items()}


@dataclass(frozen=True, slots=True)
class Speaker:
    """Numbers and sentences in one language.

    Parameters
    ----------
    language
        The language.
    """

    language: Language

    @property
    def locale(self) -> str:
        """Babel's name of the language."""
        return self.language.replace("-", "_")

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with so many decimals, the minus as a minus sign."""
        from babel.numbers import format_decimal

        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        text = str(format_decimal(value, pattern, locale=self.locale))
        return text.replace("-", "−")

    def share(self, value: float) -> str:
        """Return a share as a percentage; one that is not all never reads 100 %."""
        from babel.numbers import format_percent

        if 0.995 <= value < 1 or 0 < value < 0.005:
            bounded = min(max(value, 0.0001), 0.9999)
            return str(format_percent(bounded, "0.##%", locale=self.locale))
        return str(format_percent(value, "0%", locale=self.locale))

    def say(self, message: str, **values: Any) -> str:  # noqa: ANN401 - numbers and texts
        """Return ``message`` with its fields, whole numbers among them written as numbers."""
        told = {
            key: value if isinstance(value, str) or value is None else self._figure(value)
            for key, value in values.items()
        }
        return translate(message, self.language, **told)

    def _figure(self, value: float) -> str:
        return self.number(value, 0 if float(value).is_integer() else 1)

    def day(self, value: Any) -> str:  # noqa: ANN401 - a date
        """Return a date in words."""
        from babel.dates import format_date

        return str(format_date(value, "long", locale=self.locale))
