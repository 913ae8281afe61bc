"""The report's table of key figures: this plan, the current one, and METIS alone."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maps.plan_report_labels import REPORT_SAID, Speaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from gis.districting import PlanMeasures
    from maps.plan_report_data import PlanReport


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table.

    Parameters
    ----------
    key
        Its label, a key of ``REPORT_SAID``.
    value
        The number that plans are compared by; NaN: unknown.
    better
        1: more is better, -1: less is better, 0: neither.
    digits
        Decimals that are shown; plans that agree in them are the same.
    grows
        Whether it grows with the number of grids: then only plans of as many grids are compared.
    """

    key: str
    value: "Callable[[PlanMeasures], float]"
    better: int
    digits: int = 0
    grows: bool = False


FIGURES = (
    Figure("count", lambda m: m.count, 0),
    Figure("in_range", lambda m: m.share_in_range, 1, 4),
    Figure("mean_deviation", lambda m: m.mean_deviation, -1, 1),
    Figure("max_deviation", lambda m: m.max_deviation, -1),
    Figure("extremes", lambda m: _extremes(m)[0], 0),
    Figure("noncontiguous", lambda m: m.noncontiguous, -1),
    Figure("polsby_popper", lambda m: m.mean_polsby_popper, 1, 3),
    Figure("reock", lambda m: m.mean_reock, 1, 3),
    Figure("border", lambda m: m.border_m / 1000, -1, 1, grows=True),
    Figure("off_street", lambda m: m.border_by_class_m[0] / 1000, -1, 1, grows=True),
    Figure("inside", lambda m: float(m.barrier_inside_m.sum()) / 1000, -1, 2),
)


def figure_table(report: "PlanReport", speaker: Speaker) -> dict[str, Any]:
    """Return the table: which columns there are, and rows of texts with marks.

    A mark is 1 where this plan is better than the one of the column, -1 where it is worse, 0 where
    they agree in what is shown, and ``None`` where there is nothing to compare.
    """
    mine = report.measures
    others = {
        name: measures
        for name, measures in (
            ("previous", report.previous.comparison.before if report.previous else None),
            ("metis", report.metis),
        )
        if measures is not None
    }
    band = {"minimum": report.minimum, "maximum": report.maximum}
    rows = []
    for figure in FIGURES:
        if math.isnan(figure.value(mine)):
            continue
        rows.append(
            {
                "label": speaker.say(REPORT_SAID[figure.key], **band),
                "cells": [_text(figure, mine, speaker)]
                + [_text(figure, other, speaker) for other in others.values()],
                "marks": [_mark(figure, mine, other) for other in others.values()],
            }
        )
    if report.previous is not None:
        moved = speaker.number(report.previous.comparison.households_moved)
        rows.append(
            {
                "label": speaker.say(REPORT_SAID["moved"]),
                "cells": [moved, *("–" for _ in others)],
                "marks": [None for _ in others],
            }
        )
    return {"columns": list(others), "rows": rows}


def _extremes(measures: "PlanMeasures") -> tuple[int, int]:
    basic = measures.households[~measures.dedicated]
    return (int(basic.min()), int(basic.max())) if len(basic) else (0, 0)


def _text(figure: Figure, measures: "PlanMeasures", speaker: Speaker) -> str:
    value = figure.value(measures)
    if math.isnan(value):
        return "–"
    if figure.key == "in_range":
        part = int((measures.in_range & ~measures.dedicated).sum())
        share = speaker.share(value)
        return speaker.say(
            REPORT_SAID["in_range_value"], part=part, total=measures.count, share=share
        )
    if figure.key == "extremes":
        return " – ".join(speaker.number(each) for each in _extremes(measures))
    return speaker.number(value, figure.digits)


def _mark(figure: Figure, mine: "PlanMeasures", other: "PlanMeasures") -> int | None:
    one, two = (round(figure.value(each), figure.digits) for each in (mine, other))
    if figure.grows and mine.count != other.count:
        return None
    if not figure.better or math.isnan(one) or math.isnan(two):
        return None
    return int((one > two) - (one < two)) * figure.better
