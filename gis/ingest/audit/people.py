"""Counts of homes and people that cannot be, or contradict each other."""

from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.ingest.audit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gis.ingest.audit.ground import Ground

HOMES = ("residential", "mixed")


def counts_of_people(ground: "Ground") -> "Iterator[Finding]":
    """Yield buildings whose households are missing, negative, or at odds with use or residents.

    Where nobody's residents are recorded, that says nothing of a building.
    """
    if not ground.has("buildings"):
        return
    households = ground.numbers("buildings", "households")
    residents = ground.numbers("buildings", "residents")
    use = ground.column("buildings", "use")
    elsewhere = np.array([value is not None and value not in HOMES for value in use], dtype=bool)
    recorded = bool((np.nan_to_num(residents) > 0).any())
    faults = {
        "households_missing": np.isnan(households),
        "households_negative": households < 0,
        "households_on_nonresidential": elsewhere & (households > 0),
        "people_without_households": (residents > 0) & (np.nan_to_num(households) == 0),
        "households_without_people": recorded & (households > 0) & (residents == 0),
    }
    for kind, bad in faults.items():
        yield from _each(ground, kind, bad)


def _each(ground: "Ground", kind: str, bad: "NDArray[np.bool_]") -> "Iterator[Finding]":
    households = ground.numbers("buildings", "households")
    residents = ground.numbers("buildings", "residents")
    use, ids = ground.column("buildings", "use"), ground.ids("buildings")
    shapes = ground.valid("buildings")
    for row in np.flatnonzero(bad).tolist():
        facts = {"households": _count(households[row]), "residents": _count(residents[row])}
        place = None if shapely.is_empty(shapes[row]) else shapes[row]
        yield Finding(
            kind, "buildings", [ids[row]], place, detail={**facts, "use": _text(use[row])}
        )


def _count(value: float) -> int | None:
    return None if np.isnan(value) else int(value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
