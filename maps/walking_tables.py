"""Counts of people out of reach for every distinct set of stations and every limit.

They are summed here and not in the page: the small ones may not be in the file. Distances are
rounded up to whole metres before they are compared, so that whole limits give the verdicts of the
unrounded ones, and the page gives the same.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from maps.ground_data import GROUPS
from maps.withheld import Areas, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from maps.walking_data import Limit, WalkingMapData

#: Stands for "no station can be reached" in the page's distances.
NOWHERE = 65_535
#: Calculated metres differ from exact ones by less.
_NOISE_M = 1e-6


def whole_metres(metres: "NDArray[np.float64]") -> "NDArray[np.int64]":
    """Return metres rounded up, :data:`NOWHERE` for NaN; more than 65,534 are 65,534.

    Examples
    --------
    >>> whole_metres(np.array([500.0, 500.2, np.nan])).tolist()
    [500, 501, 65535]
    """
    whole = np.minimum(np.ceil(metres - _NOISE_M), NOWHERE - 1)
    return np.asarray(np.maximum(np.nan_to_num(whole, nan=NOWHERE), 0), dtype=np.int64)


class Metres(NamedTuple):
    """Whole metres, each of shape (sets, buildings): as the crow flies, on foot, on the level."""

    straight: "NDArray[np.int64]"
    walking: "NDArray[np.int64]"
    level: "NDArray[np.int64]"

    def beyond(self, limit: "Limit") -> "NDArray[np.bool_]":
        """Return who is out of reach, shape (sets, buildings)."""
        table = self.straight if limit.method == "straight" else self.walking
        return np.asarray((self.level if limit.unit == "min" else table) > limit.metres)


def metres_of(data: "WalkingMapData") -> Metres:
    """Return the page's distances."""
    return Metres(
        whole_metres(data.straight.distance_m),
        whole_metres(data.walking.distance_m),
        whole_metres(data.walking.level_m),
    )


class Counter:
    """Counts people of each group by area.

    Parameters
    ----------
    data
        The map's data.
    areas
        Where people are counted.
    """

    def __init__(self, data: "WalkingMapData", areas: Areas) -> None:
        self._inside = areas.of >= 0
        self._place = areas.of[self._inside]
        self._areas, self._below = areas, data.suppress_below
        self._people = [
            data.buildings[group].to_numpy(dtype=float)[self._inside] for group in GROUPS
        ]
        self._totals = self.count(np.ones(len(areas.of), dtype=bool))

    def count(self, chosen: "NDArray[np.bool_]") -> "NDArray[np.int64]":
        """Return the people of the chosen buildings, shape (groups, areas), none suppressed."""
        here = np.flatnonzero(chosen[self._inside])
        place = self._place[here]
        sums = [np.bincount(place, people[here], self._areas.size) for people in self._people]
        return np.rint(sums).astype(np.int64)

    def shown(self, chosen: "NDArray[np.bool_]") -> "NDArray[np.int64]":
        """Return the same with -1 where it, or what is left of the total, is small.

        And where others of the same community, or of all, would follow from it.
        """
        counts = self.count(chosen)
        hidden = [
            self._areas.hidden_of(group, counts[at], self._totals[at], self._below)
            for at, group in enumerate(GROUPS[1:], 1)
        ]
        return np.vstack([counts[:1], shown(counts[1:], np.array(hidden))])

    def totals(self) -> "NDArray[np.int64]":
        """Return everybody, shape (groups, areas), -1 where kept back; households never are."""
        hidden = np.array([self._areas.hidden[group] for group in GROUPS[1:]])
        return np.vstack([self._totals[:1], shown(self._totals[1:], hidden)])


def counts_out_of_reach(
    data: "WalkingMapData", counter: Counter, metres: Metres
) -> "NDArray[np.int64]":
    """Return people out of reach, shape (sets, limits, groups, areas); -1 where suppressed."""
    out = []
    for limit in data.limits:
        beyond = metres.beyond(limit)
        out.append([counter.shown(row) for row in beyond])
    return np.array(out).swapaxes(0, 1)


def delivery_pairs(data: "WalkingMapData") -> tuple["NDArray[np.int64]", list[tuple[int, int]]]:
    """Return the distinct pairs of a set and a row of the delivery.

    Returns
    -------
    tuple
        Pair of each service and hour, shape (services, 168), -1 where nobody travels; and the
        pairs, each a set and a row.
    """
    of = np.full(data.hours.shape, -1, dtype=np.int64)
    pairs: dict[tuple[int, int], int] = {}
    if data.delivery is not None:
        for place in np.argwhere(data.delivery.hours >= 0):
            key = (int(data.hours[tuple(place)]), int(data.delivery.hours[tuple(place)]))
            of[tuple(place)] = pairs.setdefault(key, len(pairs))
    return of, list(pairs)


def counts_with_delivery(
    data: "WalkingMapData", counter: Counter, metres: Metres, pairs: list[tuple[int, int]]
) -> "NDArray[np.int64]":
    """Return people whom delivery does not reach, and whom neither it nor a walk does.

    Returns
    -------
    numpy.ndarray
        Shape (pairs, 1 + walking limits, groups, areas): delivery alone, then together with each
        limit on foot; -1 where suppressed.
    """
    assert data.delivery is not None
    walks = [limit for limit in data.limits if limit.method == "walking"]
    out = []
    for chosen, row in pairs:
        left = ~data.delivery.reached[row]
        both = [counter.shown(left & metres.beyond(limit)[chosen]) for limit in walks]
        out.append([counter.shown(left), *both])
    return np.array(out)
