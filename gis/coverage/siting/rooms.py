"""Stations with limited room: who goes where for a set of them, and how cheap any set can be."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.siting.kernels import by_rows, cheapest_first, swap_table
from gis.coverage.siting.table import Table
from gis.coverage.siting.transport import FAR, assign, site_values

if TYPE_CHECKING:
    from gis.coverage.siting.answer import Ground
    from gis.coverage.siting.problem import Floats, Ints
    from gis.coverage.siting.run import Run
    from gis.coverage.siting.table import Prices

_MOST = 2.0**53


@dataclass(frozen=True, eq=False)
class Rooms:
    """Whole prices of a person at each site, and the room there is.

    Sites are the ``m`` candidates that may be chosen, then the stations that stand.

    Parameters
    ----------
    row
        Row of the ground per row of this table: those that someone reaches.
    people
        Whole people per row, shape (n,).
    missed
        Price of a person whom nobody serves, shape (n,).
    table
        Prices of whole rows by row, cheapest first, as if there were room for all.
    sites
        Start, row and price of a person, by site.
    room
        People per site, shape (m + e,).
    number
        Candidate of the problem per site.
    standing
        How many sites stand.
    scale, whole
        As in :class:`gis.coverage.siting.table.Table`.
    """

    row: "Ints"
    people: "Ints"
    missed: "Ints"
    table: Table
    sites: "tuple[Ints, Ints, Ints]"
    room: "Ints"
    number: "Ints"
    standing: int
    scale: float
    whole: bool

    @classmethod
    def of(cls, ground: "Ground", prices: "Prices") -> "Rooms":
        """Return the rooms of a ground, priced."""
        problem, rules = ground.problem, ground.rules
        stands = np.flatnonzero(problem.candidates.stands)
        number = np.concatenate((rules.site, stands))
        place = np.full(problem.candidates.number, -1)
        place[number] = np.arange(len(number))
        row = np.flatnonzero(ground.reachable)
        people = ground.rows.people[row].astype(np.int64)
        equity = problem.equity_of_rows[ground.rows.demand[row]]
        length = np.diff(ground.pairs.start)[row]
        unit = np.repeat(equity, length) * prices.unit(ground.pairs.cost)
        missed = equity * prices.missed
        most = float(people @ np.maximum(missed, 1e-300))
        whole = bool((unit == np.rint(unit)).all() and (missed == np.rint(missed)).all())
        whole &= most < _MOST
        scale = 1.0 if whole else float(2.0 ** np.floor(np.log2(_MOST / most)))
        start = np.concatenate(([0], np.cumsum(length)))
        site = place[ground.pairs.candidate]
        price = np.rint(unit * scale).astype(np.int64)
        by_row = np.repeat(np.arange(len(row)), length)
        begin, order = by_rows(site, by_row, len(number), len(row))
        base = np.rint(missed * scale).astype(np.int64)
        table = Table(
            base * people,
            start,
            site.astype(np.int32),
            price * people[by_row],
            np.zeros(len(number), dtype=np.int64),
            scale,
            whole=whole,
            constant=0,
        )
        cheapest_first(table.start, table.site, table.price)
        sites = (begin, by_row[order], price[order])
        assert problem.candidates.capacity is not None
        room = problem.candidates.capacity[number]
        return cls(row, people, base, table, sites, room, number, len(stands), scale, whole)

    def open_numbers(self, chosen: "Ints") -> "Ints":
        """Return the open stations in the order of flows: chosen ones, then those that stand."""
        m = len(self.number) - self.standing
        return np.concatenate((self.number[chosen], self.number[m:]))


@dataclass(frozen=True, eq=False)
class Placed:
    """People placed at least cost in a set of stations.

    Parameters
    ----------
    chosen
        Candidates of the set, rows of the rules, ascending.
    cost
        In whole units.
    flow
        People per row and open station, the last column nowhere; the stations are ``chosen`` and
        then those that stand.
    worth
        What one more place in each open station would save.
    """

    chosen: "Ints"
    cost: int
    flow: "Ints"
    worth: "Ints"


class Placing:
    """Sets of stations of one table of rooms, and what changes of them cost at least.

    Parameters
    ----------
    rooms
        Prices and room.
    candidates
        How many of the sites may be chosen: the others stand.
    run
        Counts moves.
    """

    def __init__(self, rooms: Rooms, candidates: int, run: "Run") -> None:
        self.rooms, self.candidates, self.run = rooms, candidates, run
        self._standing = np.arange(candidates, len(rooms.room))
        self._known: dict[bytes, int] = {}

    def cost(self, chosen: "Ints") -> int:
        """Return what a set costs, remembered from the last time."""
        key = np.sort(chosen).tobytes()
        if key not in self._known:
            self._known[key] = self.place(chosen).cost
        return self._known[key]

    def place(self, chosen: "Ints") -> Placed:
        """Return who goes where at least cost; who finds no room stays out."""
        self.run.moves += 1
        rooms, chosen = self.rooms, np.sort(chosen)
        price = self._prices(chosen)
        flow = np.zeros(price.shape, dtype=np.int64)
        worth = assign(rooms.people, price, rooms.room[self._open(chosen)], flow)
        worth = np.minimum(worth, rooms.missed.max(initial=0))
        cost = int((flow * np.where(flow > 0, price, 0)).sum())
        return Placed(chosen, cost, flow, worth)

    def _open(self, chosen: "Ints") -> "Ints":
        return np.concatenate((chosen, self._standing))

    def _prices(self, chosen: "Ints") -> "Ints":
        start, row, price = self.rooms.sites
        is_open = self._open(chosen)
        out = np.full((len(self.rooms.people), len(is_open) + 1), FAR)
        for column, site in enumerate(is_open.tolist()):
            at = slice(start[site], start[site + 1])
            out[row[at], column] = price[at]
        out[:, -1] = self.rooms.missed
        # Being served nowhere is no worse than a price above it.
        out[:, :-1][out[:, :-1] > out[:, -1:]] = FAR
        return out

    def values(self, placed: Placed) -> "Floats":
        """Return what one person less in each row would save: the prices of demand."""
        price = self._prices(placed.chosen)
        price[:, :-1] += placed.worth
        values: Floats = price.min(axis=1).astype(np.float64)
        return values

    def changes(self, placed: Placed) -> "tuple[Ints, Ints, Ints]":
        """Return what it costs at least to add (m,), to drop (p,) and to exchange (m, p).

        Two relaxations that are exact for the set as it is: with the room of the open stations at
        its price, and with the people at theirs.
        """
        rooms, p = self.rooms, len(placed.chosen)
        m = self.candidates
        priced = self._prices(placed.chosen)
        priced[:, :-1] += placed.worth
        order = np.argsort(priced, axis=1, kind="stable")[:, :2]
        ends = np.take_along_axis(priced, order, axis=1)
        people, last = rooms.people, rooms.missed
        first = np.minimum(ends[:, 0], last) * people
        second = np.minimum(ends[:, -1], last) * people
        owner = np.where(order[:, 0] < p, order[:, 0], -1)
        second = np.where(owner < 0, first, second)
        shape = (len(rooms.room), p)
        self.run.moves += m * (p + 1)
        gain, loss, extra = swap_table(rooms.table.arrays, owner, first, second, shape)
        room = placed.worth[:p] * rooms.room[placed.chosen]
        reduced = np.empty(len(rooms.room))
        site_values(rooms.sites, people, rooms.room, self.values(placed), reduced)
        worth = np.ceil(reduced[:m] - 1e-6).astype(np.int64)
        add = np.maximum(-gain[:m], worth)
        drop = loss + room
        swap = (loss + room) - gain[:m, None] - extra[:m]
        return add, drop, np.maximum(swap, worth[:, None] + room)
