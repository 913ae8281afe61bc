"""Coverage by walking over a real store: equal to brute force on the small town with streets."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from heapq import heappop, heappush
from itertools import pairwise
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from gis.coverage.shares import PEOPLE
from gis.coverage.walking_coverage import NO_STATION_ON_NETWORK
from gis.errors import InvalidInputError, NotFoundError
from gis.frames import ROADS, Dataset
from gis.layers.buildings import Building
from gis.layers.queries import table_of
from gis.layers.stations import Station, StationHoursException, StationService
from gis.network import SPEEDS
from gis.network.walking import NO_STATION_REACHABLE
from gis.scope import Scope
from gis.services.coverage_asked import CoverageQuestion, walk_options
from gis.services.coverage_by_walking import Coverage, cover, not_reached
from gis.services.coverage_rooms import AccessOrder, RoomOrder, access_to, demand_of, place
from gis.services.coverage_shares import area_covers, read_areas
from gis.services.coverage_weeks import WeekOrder, read_week
from gis.services.importing import import_dataset
from gis.services.walking import WalkingGround, WalkingGrounds, read_walking_ground
from tests.streets import COLUMNS, ROWS, add_streets, streets
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


@pytest.mark.slow
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


def test_grids_withhold_small_counts_and_what_reveals_them(walkable: Session, scope: Scope):
    question = asked(options=walk_options("adult", [150, 200, 300, 400], []))
    found = covered(walkable, scope, question)
    areas = read_areas(walkable, scope, found.places, "grid", question.day)
    open_, shown = (area_covers(found, areas, below=below) for below in (0, 5))
    hidden = 0
    for before, after in zip(open_, shown, strict=True):
        for name in PEOPLE:
            counts = [before.counts[name], *(one.covered[name] for one in before.within)]
            told = [after.counts[name], *(one.covered[name] for one in after.within)]
            assert all(b in {None, a} for a, b in zip(counts, told, strict=True))
            hidden += told.count(None)
            if name != "households":
                known = sorted({0, *(one for one in told if one is not None)})
                assert all(b - a >= 5 for a, b in pairwise(known)), (after.code, name, told)
    assert hidden > 0


def test_in_a_straight_line_no_roads_are_needed(town_session: Session, scope: Scope):
    found = covered(town_session, scope, asked(method="straight_line"))
    assert found.network is None
    assert (found.verdicts["distance_m"] == found.verdicts["straight_m"]).all()
    with pytest.raises(InvalidInputError, match="no road"):
        covered(town_session, scope, asked())


def test_a_town_in_two_halves_and_a_station_beyond_the_roads(town_session: Session, scope: Scope):
    """The streets between columns 4 and 5 are missing, and the hub is far from every road."""
    roads = streets()
    west = shapely.box(*lon_lat(-1, 5), *lon_lat(4, -1))
    east = shapely.box(*lon_lat(5, 5), *lon_lat(11, -1))
    parts = [shapely.intersection(roads.geometry.to_numpy(), side) for side in (west, east)]
    kept = [line for line in shapely.get_parts(np.concatenate(parts)) if line.length > 0]
    halves = gpd.GeoDataFrame(
        {"id": [key("roads", f"half {i}") for i in range(len(kept))], "road_class": "local"},
        geometry=kept,
        crs="EPSG:4326",
    )
    import_dataset(town_session, scope, Dataset("halves", "", {"roads": ROADS.conform(halves)}))
    stations = table_of(Station)
    hub, office = key("stations", "Hub"), key("stations", "East office")
    far = shapely.Point(lon_lat(30, 3)).wkt
    town_session.execute(
        update(stations).where(stations.c.id == hub).values(geometry=f"SRID=4326;{far}")
    )
    found = covered(town_session, scope, asked("police"))
    assert found.stations_off_network == [hub]
    assert set(found.verdicts["reason"]) == {NO_STATION_ON_NETWORK}
    both = covered(town_session, scope, asked("affairs"))
    assert both.verdicts["reason"].isna().all()
    services = table_of(StationService)
    town_session.execute(delete(services).where(services.c.station_id == office))
    parted = covered(town_session, scope, asked("affairs"))
    cut = parted.verdicts["reason"] == NO_STATION_REACHABLE
    assert 0 < cut.sum() < len(cut)
    assert parted.verdicts["straight_m"].notna().all()
    (told,) = not_reached(parted, cut | ~cut)
    lost = parted.places.buildings[cut]
    assert (told["buildings"], told["households"]) == (cut.sum(), lost["households"].sum())


def test_capacity_nought_takes_nobody_and_none_stated_takes_all(walkable: Session, scope: Scope):
    services = table_of(StationService)

    def set_room(name: str, value: int | None) -> None:
        walkable.execute(
            update(services)
            .where(services.c.station_id == key("stations", name), services.c.service == "affairs")
            .values(capacity=value)
        )

    set_room("Centre", 0)
    set_room("West office", None)
    ground = read_walking_ground(walkable, scope)
    order = RoomOrder("households", 1.0, 60)
    rooms = place(walkable, scope, ground, asked(), order)
    told = rooms.plan.stations
    assert told.loc[key("stations", "Centre"), "people"] == 0
    # Whose nearest is the full Centre goes on; a station that does not serve is nobody's nearest.
    spill = rooms.plan.spill
    serving = {key("stations", name) for name in ("Centre", "West office", "East office")}
    assert set(spill["from_station_id"]) | set(spill["to_station_id"]) <= serving
    assert spill["people"].sum() == told["sent_on"].sum() == told["taken_in"].sum()
    assert told.loc[key("stations", "East office"), "people"] == 40
    assert told.loc[key("stations", "West office"), "people"] == rooms.demand - 40
    assert rooms.placed == rooms.demand == ground.buildings["households"].sum()
    access = access_to(walkable, scope, ground, asked(), order, AccessOrder())
    assert access.unstated == [key("stations", "West office")]
    assert (access.access * access.demand).sum() == pytest.approx(40)


def test_demand_of_a_share_is_whole_and_adds_up(walkable: Session, scope: Scope):
    buildings = read_walking_ground(walkable, scope).buildings
    for share in (0.01, 0.137, 0.5, 1.0):
        wanted = demand_of(buildings, RoomOrder("residents", share))
        assert wanted.sum() == round(buildings["residents"].sum() * share)
        assert (wanted >= 0).all()
        assert (wanted <= np.ceil(buildings["residents"] * share)).all()


def test_a_community_without_residents_has_no_share(walkable: Session, scope: Scope):
    buildings = table_of(Building)
    walkable.execute(
        update(buildings)
        .where(buildings.c.community_id == key("communities", "C"))
        .values(dict.fromkeys(PEOPLE, 0))
    )
    found = covered(walkable, scope, asked())
    areas = read_areas(walkable, scope, found.places, "community", found.question.day)
    empty = {one.code: one for one in area_covers(found, areas, below=3)}[CODE_OF["C"]]
    assert set(empty.counts.values()) == {0}
    assert all(set(one.share.values()) == {None} for one in empty.within)
    assert all(not one.suppressed for one in empty.within)
    week = read_week(
        walkable,
        scope,
        found.places,
        asked(),
        WeekOrder(date(2026, 5, 4), community=CODE_OF["C"]),
        3,
    )
    assert {one["share"]["households"] for one in week.hours} == {None}
    assert {one["mean_share"] for one in week.gaps} == {None}


def test_hours_of_exceptions_hold_for_the_service_they_name(walkable: Session, scope: Scope):
    exception = {
        "id": key("exceptions", "1"),
        "station_id": key("stations", "Centre"),
        "service": "affairs",
        "day": MORNING.date(),
        "hours": "off",
    }
    walkable.execute(insert(table_of(StationHoursException)).values(exception))
    affairs = covered(walkable, scope, asked("affairs"))
    assert affairs.serving.mask.sum() == 2
    noon = MORNING.replace(hour=12)
    canteen = covered(walkable, scope, asked("canteen", at=noon))
    assert canteen.serving.mask.sum() == 1
    assert covered(walkable, scope, asked(None, at=noon)).serving.mask.sum() == 4


def test_a_moment_and_a_day_at_once_are_refused():
    with pytest.raises(InvalidInputError, match="Both"):
        asked(as_of=MORNING.date())
    with pytest.raises(InvalidInputError, match="time zone"):
        asked(at=datetime(2026, 5, 6, 10))  # noqa: DTZ001 - that is the point
    with pytest.raises(InvalidInputError, match="group"):
        walk_options("runner")


def test_an_area_that_is_not_there_is_named(walkable: Session, scope: Scope):
    found = covered(walkable, scope, asked())
    with pytest.raises(NotFoundError, match="340102001099"):
        read_areas(walkable, scope, found.places, "grid", MORNING.date(), community="340102001099")
    with pytest.raises(InvalidInputError, match="party"):
        read_areas(walkable, scope, found.places, "grid", MORNING.date(), kind="party")
