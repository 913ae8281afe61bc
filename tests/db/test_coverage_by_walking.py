"""Coverage by walking over a real store: equal to brute force on the small town with streets."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

import numpy as np
import pyproj
import pytest
import shapely
from sqlalchemy.orm import Session

from gis.coverage.shares import PEOPLE
from gis.network import SPEEDS
from gis.scope import Scope
from gis.services.coverage_asked import CoverageQuestion, walk_options
from gis.services.coverage_by_walking import Coverage, cover
from gis.services.coverage_shares import area_covers, read_areas
from gis.services.walking import WalkingGround, WalkingGrounds
from tests.streets import COLUMNS, ROWS, add_streets
from tests.town import CODE_OF, TIMEZONE, key, lon_lat

pytestmark = pytest.mark.db

ZONE = ZoneInfo(TIMEZONE)
MORNING = datetime(2026, 5, 6, 10, tzinfo=ZONE)
EVENING = datetime(2026, 5, 6, 19, 30, tzinfo=ZONE)


@pytest.fixture
def walkable(town_session: Session, scope: Scope) -> Session:
    add_streets(town_session, scope)
    return town_session


def asked(service: str | None = "affairs", **more: object) -> CoverageQuestion:
    facts = {"at": MORNING} | more
    return CoverageQuestion(service, TIMEZONE, **facts)


def covered(session: Session, scope: Scope, question: CoverageQuestion) -> Coverage:
    return cover(session, scope, WalkingGrounds(), question)


def ground_of(found: Coverage) -> WalkingGround:
    assert isinstance(found.places, WalkingGround)
    return found.places


class Plain:
    """The town's streets as plain pieces between crossings, walked by a plain search."""

    def __init__(self, crs: pyproj.CRS) -> None:
        metres = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
        self.at = lambda x, y: metres.transform(*lon_lat(x, y))
        self.pieces = [
            (self.at(x, y), self.at(*to))
            for x in range(COLUMNS + 1)
            for y in range(ROWS + 1)
            for to in ((x + 1, y), (x, y + 1))
            if to[0] <= COLUMNS and to[1] <= ROWS
        ]

    def legs(self, xy: Sequence[float]) -> list[tuple[tuple[float, float], float]]:
        """Return the metres from a place on a street to both ends of its piece."""
        shape = shapely.Point(xy)
        ends = min(self.pieces, key=lambda piece: shapely.LineString(piece).distance(shape))
        line = shapely.LineString(ends)
        along = line.project(shape)
        return [(ends[0], along), (ends[1], line.length - along)]

    def between(
        self, a: Sequence[float], b: Sequence[float], far: dict[tuple[float, float], float]
    ) -> float:
        """Return the metres between two places, one of them with the way from it to crossings."""
        one, other = self.legs(a), self.legs(b)
        ways = [metres + far[end] for end, metres in one]
        if [end for end, _ in one] == [end for end, _ in other]:  # the same piece of street
            ways.append(abs(one[0][1] - other[0][1]))
        return min(ways)

    def from_place(self, xy: Sequence[float]) -> dict[tuple[float, float], float]:
        around = defaultdict(list)
        for a, b in self.pieces:
            far = float(np.hypot(a[0] - b[0], a[1] - b[1]))
            around[a].append((b, far))
            around[b].append((a, far))
        best: dict[tuple[float, float], float] = {}
        heap = [(metres, end) for end, metres in self.legs(xy)]
        heap.sort()
        while heap:
            metres, here = heappop(heap)
            if here not in best:
                best[here] = metres
                for other, far in around[here]:
                    heappush(heap, (metres + far, other))
        return best


def walks(ground: WalkingGround, names: list[str]) -> dict[str, float]:
    """Return for each building the metres to the nearest of some stations, from the snapped places.

    Where somebody gets onto a street is proved elsewhere: a house is as near to the street on its
    west as to that on its east.
    """
    plain, homes, doors = Plain(ground.crs), ground.homes, ground.doors
    row_of = {station: row for row, station in enumerate(ground.stations["id"])}
    rows = [row_of[key("stations", name)] for name in names]
    fields = [plain.from_place(doors.xy_m[row]) for row in rows]
    return {
        building: homes.access_m[row]
        + min(
            doors.access_m[station] + plain.between(homes.xy_m[row], doors.xy_m[station], far)
            for station, far in zip(rows, fields, strict=True)
        )
        for row, building in enumerate(ground.buildings["id"])
    }


@pytest.mark.parametrize(
    ("service", "at", "names"),
    [
        ("affairs", MORNING, ["Centre", "West office", "East office"]),
        ("affairs", EVENING, ["Centre"]),
        (None, EVENING, ["Centre", "Hub", "West office"]),
        ("canteen", datetime(2026, 5, 6, 12, tzinfo=ZONE), ["Centre"]),
    ],
)
def test_verdicts_equal_a_plain_search(
    walkable: Session, scope: Scope, service: str | None, at: datetime, names: list[str]
):
    found = covered(walkable, scope, asked(service, at=at))
    expected = walks(ground_of(found), names)
    buildings = found.places.buildings
    assert found.serving.mask.sum() == len(names)
    for row, own in found.verdicts.iterrows():
        metres = expected[buildings.loc[row, "id"]]
        assert own["distance_m"] == pytest.approx(metres, abs=0.05)
        assert own["minutes"] == pytest.approx(metres / 72, abs=0.01)
        assert own["station_id"] in {key("stations", name) for name in names}
        assert own["reason"] is None
    assert found.network
    assert found.serving.calendar == "verified"


def test_shares_are_those_of_a_count_by_hand(walkable: Session, scope: Scope):
    question = asked(options=walk_options("elderly", [150, 400], [5]))
    found = covered(walkable, scope, question)
    expected = walks(ground_of(found), ["Centre", "West office", "East office"])
    buildings = found.places.buildings.set_index("id")
    areas = read_areas(walkable, scope, found.places, "community", question.day)
    told = {one.code: one for one in area_covers(found, areas, below=0)}
    assert set(told) == set(CODE_OF.values())
    for letter, code in CODE_OF.items():
        own = buildings[buildings["community_id"] == key("communities", letter)]
        limits = [150, 400, 5 * 60 * SPEEDS["elderly"]]
        assert [one.threshold for one in told[code].within] == [150, 400, 5]
        for limit, within in zip(limits, told[code].within, strict=True):
            near = own[[expected[b] <= limit for b in own.index]]
            for name in PEOPLE:
                assert within.covered[name] == near[name].sum(), (code, limit, name)
                assert within.share[name] == pytest.approx(
                    near[name].sum() / own[name].sum(), abs=1e-4
                )
            assert not within.suppressed
