"""Siting on the store: an order becomes stations on the ground, told in the store's words."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from sqlalchemy import delete, func, select, update

from gis.coverage.walking_coverage import WalkOptions, serving_on, walking_verdicts
from gis.database.engine import transaction
from gis.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from gis.frames import QUARTERS
from gis.jobs import records
from gis.jobs.records import JobCancelledError, Recorder, in_the_foreground
from gis.jobs.siting import KIND, SitingJob, report_of, run_siting, siting_job, swapped
from gis.layers import audit, jobs
from gis.layers.buildings import Building
from gis.layers.quarters import Quarter
from gis.layers.queries import insert_layer
from gis.layers.stations import Station, StationService
from gis.layers.walking_networks import WalkingNetwork
from gis.outlets.labels import FIELD_LABELS
from gis.scope import Action, Scope
from gis.services import siting_exporting
from gis.services.coverage_asked import CoverageQuestion
from gis.services.coverage_by_walking import cover, measured
from gis.services.siting_adopting import Adoption, adopt_sites
from gis.services.siting_order import GivenPlace, SitingOrder
from gis.services.walking import WalkingGrounds, read_walking_ground
from tests.streets import add_streets
from tests.town import CODE_OF, TIMEZONE, key, lon_lat

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, sessionmaker

pytestmark = pytest.mark.db

DAY = date(2026, 6, 1)
RESIDENTS = "residents"


@pytest.fixture
def town(town_factory: "sessionmaker[Session]", scope: Scope) -> "sessionmaker[Session]":
    """The town with streets along every line of its squares."""
    with transaction(town_factory) as session:
        add_streets(session, scope)
    return town_factory


def order(**asked: Any) -> SitingOrder:
    facts: dict[str, Any] = {
        "service": "canteen",
        "as_of": DAY,
        "timezone": TIMEZONE,
        "count": 2,
        "radius_m": 200.0,
        "seconds": None,
    }
    return SitingOrder(**{**facts, **asked})


def sited(
    factory: "sessionmaker[Session]", scope: Scope, *, keep_best: bool = False, **asked: Any
) -> Mapping[str, Any]:
    told = SitingJob(order(**asked), keep_best).as_arguments()
    return in_the_foreground(
        factory, scope, KIND, told, lambda recorder: run_siting(factory, scope, told, recorder)
    )


def covered(told: Mapping[str, Any], when: str = "after", who: str = RESIDENTS) -> int:
    counted: int = told[when]["groups"][who]["covered"]
    return counted


def newest(factory: "sessionmaker[Session]", scope: Scope) -> Any:
    with transaction(factory) as session:
        return jobs.newest(session, scope, limit=1, kind=KIND)[0]


def test_two_more_canteens_are_told_in_the_stores_words(
    town: "sessionmaker[Session]", scope: Scope
):
    told = sited(town, scope)
    assert told["proof"]["status"] == "optimal"
    assert told["proof"]["gap"] == 0
    assert told["standing"] == {"stations_serving": 2, "stations_off_network": []}
    assert (told["method"], told["calendar"]) == ("walking", "verified")
    assert len(told["sites"]) == 2
    assert covered(told, "before") < covered(told) == told["proof"]["objective"]
    gained = sum(site["newly_covered"] for site in told["sites"])
    assert gained == covered(told) - covered(told, "before")
    for site in told["sites"]:
        assert site["community_code"] in CODE_OF.values()
        assert site["name"] == f"House {site['building_code']}"
        assert key("buildings", site["building_code"]) == site["building_id"] == site["key"]
    left = told["uncovered"]
    total = told["after"]["groups"][RESIDENTS]["total"]
    assert left["people"][RESIDENTS] == total - covered(told)
    assert sum(one[RESIDENTS] for one in left["named"]) == left["people"][RESIDENTS]
    assert all(one["distance_m"] > 200 for one in left["named"])
    assert [swap["rank"] for swap in told["swaps"]] == list(range(1, 11))
    assert max(swap["change"] for swap in told["swaps"]) <= 0
    with transaction(town) as session:  # kept for the next one
        assert session.execute(select(func.count(WalkingNetwork.id))).scalar_one() == 1


def test_what_is_told_of_coverage_is_what_coverage_says(
    town: "sessionmaker[Session]", scope: Scope
):
    """The sites become stations; coverage as of their first day finds the same people."""
    told = sited(town, scope, radius_m=None, radius_min=3.0, group="elderly")
    row = newest(town, scope)
    with transaction(town) as session:
        how = Adoption(date(2100, 3, 1), TIMEZONE)
        made = adopt_sites(session, scope, str(row.id), report_of(row), how)
        ground = read_walking_ground(session, scope)
        options = WalkOptions(thresholds_min=(3.0,), group="elderly")
        shares = {}
        for day in (DAY, date(2100, 3, 1)):
            mask = serving_on(ground.stations, ground.station_services, "canteen", day)
            near = walking_verdicts(ground.walked, mask, options)["within_3_min"]
            shares[day] = int(ground.buildings[RESIDENTS][near].sum())
        assert list(shares.values()) == [covered(told, "before"), covered(told)]
        for station in made:
            (entry,) = audit.history(session, scope, "stations", station)
            assert (entry.action, entry.after["siting"]) == ("create", str(row.id))
        with pytest.raises(ConflictError, match="there already"):
            adopt_sites(session, scope, str(row.id), report_of(row), how)


@pytest.mark.parametrize("objective", ["p_median", "p_center", "mix"])
def test_other_objectives(town: "sessionmaker[Session]", scope: Scope, objective: str):
    mix = {"uncovered": 1.0, "walk": 1.0} if objective == "mix" else {}
    told = sited(town, scope, objective=objective, mix=mix)
    assert told["proof"]["status"] == "optimal"
    assert told["after"]["mean_distance_m"] < told["before"]["mean_distance_m"]
    assert told["after"]["mean_walk_minutes"] < told["before"]["mean_walk_minutes"]


@pytest.mark.slow
def test_the_fewest_stations_that_reach_everybody(town: "sessionmaker[Session]", scope: Scope):
    told = sited(town, scope, objective="lscp", count=None)
    assert told["proof"]["status"] == "optimal"
    assert told["proof"]["objective"] == len(told["sites"]) > 2
    assert told["uncovered"]["buildings"] == 0
    first = told["sites"][0]["key"]
    fixed = sited(town, scope, objective="lscp", count=None, fixed=(first,))
    assert fixed["proof"]["objective"] == told["proof"]["objective"] == len(fixed["sites"])
    assert first in {site["key"] for site in fixed["sites"] if site["fixed"]}


def test_an_infeasible_lscp_names_the_buildings(town: "sessionmaker[Session]", scope: Scope):
    """A candidate in the north-west corner reaches nobody in the east."""
    places = (GivenPlace(lon=lon_lat(0.5, 0.5)[0], lat=lon_lat(0.5, 0.5)[1]),)
    told = sited(town, scope, objective="lscp", count=None, candidates="given", places=places)
    assert told["proof"]["status"] == "infeasible"
    names = {house["name"] for house in told["infeasible"]}
    assert "House 7,0" in names
    assert "House 0,0" not in names


def test_room_is_limited(town: "sessionmaker[Session]", scope: Scope):
    asked = {"objective": "capacitated_mclp", "capacity": 300, "radius_m": 400.0}
    with transaction(town) as session:
        session.execute(update(StationService).values(capacity=None))
    with pytest.raises(InvalidInputError, match="state no capacity") as caught:
        sited(town, scope, **asked)
    assert caught.value.context["field"] == "existing_capacity"
    told = sited(town, scope, **asked, existing_capacity=200)
    assert told["placed"]["placed"] == told["proof"]["objective"] <= 2 * 300 + 2 * 200
    assert {site["capacity"] for site in told["sites"]} == {300}


def test_old_people_weigh_more(town: "sessionmaker[Session]", scope: Scope):
    """The two old people of one house alone outweigh everybody else if they weigh enough."""
    told = sited(town, scope, count=1, radius_m=60.0, equity={"elderly": 1e6, "children": 0.0})
    plain = sited(town, scope, count=1, radius_m=60.0)
    assert covered(told, who="elderly") >= covered(plain, who="elderly")
    assert covered(plain) >= covered(told)


@pytest.mark.slow
def test_money_floor_and_spacing(town: "sessionmaker[Session]", scope: Scope):
    told = sited(town, scope, count=None, budget=250.0, site_cost=100.0)
    assert len(told["sites"]) == 2
    assert {site["cost"] for site in told["sites"]} == {100.0}
    told = sited(town, scope, spacing_m=250.0)
    xy = np.array([(site["lon"], site["lat"]) for site in told["sites"]])
    apart = gpd.GeoSeries(shapely.points(xy), crs=4326).to_crs(32650)
    assert apart.iloc[0].distance(apart.iloc[1]) >= 250 * 0.99
    told = sited(town, scope, least_floor_m2=1000.0)
    assert min(site["floor_area_m2"] for site in told["sites"]) >= 1000
    with pytest.raises(InvalidInputError, match="floor_m2 of the candidate"):
        sited(town, scope, candidates="given", places=(at(2, 1), at(5, 2)), least_floor_m2=10.0)


def at(x: float, y: float, **facts: Any) -> GivenPlace:
    lon, lat = lon_lat(x, y)
    return GivenPlace(lon=lon, lat=lat, **facts)


def test_places_are_named_by_the_planner(town: "sessionmaker[Session]", scope: Scope):
    house = key("buildings", "7,0")
    told = sited(
        town,
        scope,
        candidates="given",
        places=(at(2, 1, name="Kiosk", floor_m2=12.5), GivenPlace(id=house)),
    )
    kinds = {site["kind"]: site for site in told["sites"]}
    assert kinds["place"]["name"] == "Kiosk"
    assert kinds["place"]["floor_area_m2"] == 12.5
    assert kinds["place"]["grid_code"] is not None
    assert kinds["building"]["key"] == house
    with pytest.raises(NotFoundError, match="no building and no POI"):
        sited(town, scope, candidates="given", places=(GivenPlace(id=key("buildings", "no")),))


@pytest.mark.slow
def test_vacant_buildings_and_one_community(town: "sessionmaker[Session]", scope: Scope):
    with pytest.raises(InvalidInputError, match="no building where nobody lives"):
        sited(town, scope, candidates="vacant")
    empty = key("buildings", "7,1")
    counts = dict.fromkeys(("households", RESIDENTS, "elderly", "children"), 0)
    with transaction(town) as session:
        session.execute(
            update(Building)
            .where(Building.id == empty)
            .values(**counts, low_income_households=0, use="commercial")
        )
    for source in ("vacant", "non_residential"):
        told = sited(town, scope, candidates=source, count=1)
        assert [site["key"] for site in told["sites"]] == [empty]
    told = sited(town, scope, community=CODE_OF["B"])
    assert {site["community_code"] for site in told["sites"]} == {CODE_OF["B"]}
    people = {one["community_code"] for one in told["uncovered"]["named"]}
    assert people <= {CODE_OF["B"]}
    with pytest.raises(NotFoundError, match="no community 990000000000"):
        sited(town, scope, community="990000000000")


def test_too_many_candidates_are_thinned_and_it_is_said(
    town: "sessionmaker[Session]", scope: Scope
):
    fixed = key("buildings", "2,3")
    told = sited(town, scope, most_candidates=6, fixed=(fixed,))
    found = told["candidates"]
    assert (found["available"], found["weighed"]) == (21, 6)
    assert found["thinned_m"] > 100
    assert fixed in {site["key"] for site in told["sites"]}
    without = sited(town, scope, forbidden=(told["sites"][0]["key"],))
    assert told["sites"][0]["key"] not in {site["key"] for site in without["sites"]}


@pytest.mark.slow
def test_a_swap_is_evaluated_as_it_was_promised(town: "sessionmaker[Session]", scope: Scope):
    for asked in ({}, {"objective": "p_median"}, {"objective": "p_center", "count": 3}):
        told = sited(town, scope, **asked)
        row = newest(town, scope)
        for rank in (1, len(told["swaps"])):
            again = swapped(row, rank)
            job = SitingJob(again).as_arguments()
            found = run_again(town, scope, job)
            assert found["proof"]["status"] == "evaluated"
            assert found["proof"]["objective"] == pytest.approx(
                told["swaps"][rank - 1]["objective"], abs=1e-3
            )
    with pytest.raises(NotFoundError, match="none of rank 99"):
        swapped(row, 99)


def run_again(
    factory: "sessionmaker[Session]", scope: Scope, told: Mapping[str, Any]
) -> Mapping[str, Any]:
    return in_the_foreground(
        factory, scope, KIND, told, lambda recorder: run_siting(factory, scope, told, recorder)
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"objective": "lscp", "count": None},
        {"objective": "capacitated_mclp", "capacity": 300, "existing_capacity": 100},
    ],
)
def test_a_swap_of_whole_stations_is_evaluated_too(
    town: "sessionmaker[Session]", scope: Scope, asked: dict[str, Any]
):
    told = sited(town, scope, **asked)
    row = newest(town, scope)
    found = run_again(town, scope, SitingJob(swapped(row, 1)).as_arguments())
    assert found["proof"]["objective"] == told["swaps"][0]["objective"]
    assert len(found["sites"]) == len(told["sites"])


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["mclp", "p_median"])
def test_a_fixed_site_is_one_of_the_number(
    town: "sessionmaker[Session]", scope: Scope, objective: str
):
    """Who fixes what is best anyway gets the same; who fixes something else gets no better."""
    free = sited(town, scope, objective=objective)
    best = free["sites"][0]["key"]
    same = sited(town, scope, objective=objective, fixed=(best,))
    assert same["proof"]["objective"] == pytest.approx(free["proof"]["objective"])
    assert {site["key"] for site in same["sites"]} == {site["key"] for site in free["sites"]}
    worse = sited(town, scope, objective=objective, fixed=(key("buildings", "9,3"),))
    assert len(worse["sites"]) == 2
    sign = 1 if objective == "mclp" else -1
    assert sign * worse["proof"]["objective"] <= sign * free["proof"]["objective"]
    poor = {"site_cost": 100.0, "count": None}
    with pytest.raises(InvalidInputError, match="cost more than the budget"):
        sited(town, scope, **poor, budget=150.0, fixed=(best, key("buildings", "9,3")))
    with pytest.raises(InvalidInputError, match="is fixed, but"):
        sited(town, scope, spacing_m=2000.0, fixed=(best,))


def test_over_a_week_hours_count(town: "sessionmaker[Session]", scope: Scope):
    """New canteens that are open for lunch alone cover people for that part of the hours only."""
    week = {"monday": date(2026, 6, 1), "parts": ("office", "evening")}
    lunch = sited(town, scope, **week, opening_hours="11:00-13:00")
    always = sited(town, scope, **week, opening_hours="24/7")
    assert covered(lunch, "before") == covered(always, "before") < covered(lunch)
    assert covered(lunch) < covered(always)
    assert lunch["week"]["opening_hours"] == "11:00-13:00"
    part = {one["covered_share"] for one in lunch["uncovered"]["named"]}
    assert any(0 < one < 1 for one in part)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"service": "haircut"}, "service"),
        ({"objective": "best"}, "objective"),
        ({"count": None}, "count"),
        ({"count": 0}, "count"),
        ({"budget": 5.0}, "site_cost"),
        ({"radius_m": None}, "radius_m"),
        ({"radius_m": -1.0}, "radius_m"),
        ({"radius_min": 5.0}, "radius_m"),
        ({"capacity": 0}, "capacity"),
        ({"objective": "capacitated_mclp"}, "capacity"),
        ({"candidates": "given"}, "places"),
        ({"candidates": "stars"}, "candidates"),
        ({"fixed": ("a", "b", "c")}, "fixed"),
        ({"fixed": ("a",), "forbidden": ("a",)}, "fixed"),
        ({"equity": {"tall": 2.0}}, "equity"),
        ({"equity": {"elderly": 2.0}, "people": "households"}, "equity"),
        ({"monday": date(2026, 6, 2), "opening_hours": "24/7"}, "monday"),
        ({"monday": date(2026, 6, 1)}, "opening_hours"),
        ({"most_candidates": 0}, "most_candidates"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_read(asked: dict[str, Any], field: str):
    with pytest.raises(InvalidInputError) as caught:
        order(**asked)
    assert caught.value.context["field"] == field
    assert caught.value.remedy


def test_an_order_is_the_same_after_it_was_stored():
    asked = order(
        candidates="given",
        places=(at(1, 1, name="A"), GivenPlace(id="b", capacity=5)),
        fixed=("b",),
        equity={"elderly": 2.0},
        monday=date(2026, 6, 1),
        opening_hours="24/7",
    )
    assert SitingOrder.from_arguments(asked.as_arguments()) == asked


def test_more_stations_than_candidates_are_refused(town: "sessionmaker[Session]", scope: Scope):
    with pytest.raises(InvalidInputError, match="22 new stations") as caught:
        sited(town, scope, count=22)
    assert "21" in (caught.value.remedy or "")
    assert newest(town, scope).status == "failed"


def test_without_roads_people_or_a_road_near_the_place(
    town_factory: "sessionmaker[Session]", scope: Scope
):
    with pytest.raises(InvalidInputError, match="no road"):
        sited(town_factory, scope)
    with transaction(town_factory) as session:
        add_streets(session, scope)
    far = (at(300, 2), at(300, 3))
    with pytest.raises(InvalidInputError, match=r"no place is near a road \(2 are away"):
        sited(town_factory, scope, candidates="given", places=far)
    with pytest.raises(InvalidInputError, match="none of the candidates"):
        sited(town_factory, scope, fixed=("nowhere",))
    with transaction(town_factory) as session:
        session.execute(update(Building).values(residents=0, elderly=0, children=0))
    with pytest.raises(InvalidInputError, match="no building has residents"):
        sited(town_factory, scope)


def test_a_station_in_the_river_serves_nobody_and_is_named(
    town: "sessionmaker[Session]", scope: Scope
):
    lost = key("stations", "Noodle shop")
    with transaction(town) as session:
        where = func.ST_SetSRID(func.ST_MakePoint(*lon_lat(100, 2)), 4326)
        session.execute(update(Station).where(Station.id == lost).values(geometry=where))
    told = sited(town, scope)
    assert told["standing"] == {"stations_serving": 2, "stations_off_network": [lost]}
    assert told["off_network_names"] == ["Noodle shop"]
    asked = CoverageQuestion(
        told["service"], TIMEZONE, as_of=date.fromisoformat(told["as_of"]), method="walking"
    )
    with transaction(town) as session:
        found = measured(cover(session, scope, WalkingGrounds(), asked))
    assert {name: found[name] for name in told["standing"]} == told["standing"]


def test_places_are_called_what_people_call_them(town: "sessionmaker[Session]", scope: Scope):
    """By name, else by address, else by quarter and the source's code."""
    quarter = key("quarters", "North")
    facts = [("Hall", "1 High Street"), (None, "2 High Street"), (None, None)]
    with transaction(town) as session:
        box = shapely.box(*lon_lat(0, 0), *lon_lat(1, 1))
        drawn = gpd.GeoDataFrame({"id": [quarter], "name": "North"}, geometry=[box], crs=4326)
        insert_layer(session, scope, Quarter, QUARTERS.conform(drawn))
        ids = session.execute(select(Building.id).order_by(Building.id)).scalars().all()
        for row, one in enumerate(ids):
            name, address = facts[row % 3]
            told = {"name": name, "address": address, "source_id": f"b{row}", "quarter_id": quarter}
            session.execute(update(Building).where(Building.id == one).values(**told))
    report = sited(town, scope)
    expected = {
        str(one): (*(word for word in facts[row % 3] if word), f"North b{row}")[0]
        for row, one in enumerate(ids)
    }
    places = [*report["sites"], *(swap["enter"] for swap in report["swaps"])]
    places += report["uncovered"]["named"]
    assert len({one["label"][:2] for one in places}) == 3
    for one in places:
        assert one["label"] == expected[one["building_id"]]


def test_where_no_station_stands_yet(town: "sessionmaker[Session]", scope: Scope):
    with transaction(town) as session:
        session.execute(delete(StationService).where(StationService.service == "canteen"))
    told = sited(town, scope)
    assert (told["standing"]["stations_serving"], covered(told, "before")) == (0, 0)
    assert told["before"]["mean_distance_m"] is None
    assert len(told["sites"]) == 2


@pytest.mark.slow
def test_small_counts_are_withheld_and_what_would_reveal_them(
    town: "sessionmaker[Session]", scope: Scope
):
    plain = sited(town, scope, count=1)
    below = plain["uncovered"]["people"][RESIDENTS] + 1
    told = sited(town, scope, count=1, suppress_below=below)
    group = told["after"]["groups"][RESIDENTS]
    assert (group["covered"], group["share"], group["suppressed"]) == (None, None, True)
    assert told["proof"]["objective"] is None
    assert told["uncovered"]["people"][RESIDENTS] is None
    assert told["after"]["groups"]["households"]["covered"] == covered(plain, who="households")
    for house in told["uncovered"]["named"]:
        assert house[RESIDENTS] is None
        assert RESIDENTS in house["suppressed"]


def test_a_siting_that_is_stopped_keeps_the_best_or_nothing(
    town: "sessionmaker[Session]", scope: Scope, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(records, "EVERY_S", 0.0)

    class Cancels(Recorder):
        def begin(self, step: str) -> None:
            super().begin(step)
            if step == "choose":
                with transaction(self.factory) as session:
                    jobs.request_cancel(session, self.scope, self.job_id)

    def begun(*, keep_best: bool) -> Mapping[str, Any]:
        told = SitingJob(order(objective="p_median"), keep_best).as_arguments()
        return in_the_foreground(
            town,
            scope,
            KIND,
            told,
            lambda one: run_siting(town, scope, told, Cancels(town, scope, one.job_id)),
        )

    with pytest.raises(JobCancelledError):
        begun(keep_best=False)
    assert newest(town, scope).status == "cancelled"
    told = begun(keep_best=True)
    assert told["proof"]["stopped"]
    assert len(told["sites"]) == 2
    row = newest(town, scope)
    assert (row.status, report_of(row)["proof"]["stopped"]) == ("succeeded", True)


def test_only_a_siting_that_has_ended_is_told(town: "sessionmaker[Session]", scope: Scope):
    told = SitingJob(order()).as_arguments()
    with transaction(town) as session:
        waiting = jobs.add(session, scope, KIND, told)
        other = jobs.add(session, scope, "import", {})
        with pytest.raises(ConflictError, match="is queued"):
            report_of(siting_job(session, scope, waiting))
        with pytest.raises(NotFoundError, match="no siting"):
            siting_job(session, scope, other)
        jobs.request_cancel(session, scope, waiting)
        with pytest.raises(ConflictError, match="was cancelled"):
            report_of(siting_job(session, scope, waiting))


def test_a_file_of_it_is_audited_and_needs_the_right(
    town: "sessionmaker[Session]", scope: Scope, tmp_path: Any
):
    told = sited(town, scope)
    job_id = str(newest(town, scope).id)
    path = tmp_path / "siting.gpkg"
    with transaction(town) as session:
        written = siting_exporting.export_siting(
            session, scope, job_id, told, siting_exporting.SitingExport(path)
        )
        (entry,) = audit.history(session, scope, "siting", job_id)
        reader = Scope("reader", frozenset({Action.READ}), None)
        with pytest.raises(ForbiddenError):
            siting_exporting.export_siting(
                session, reader, job_id, told, siting_exporting.SitingExport(path)
            )
    assert (entry.action, entry.after["rows"]) == ("export", dict(written.rows))
    sites = gpd.read_file(path, layer="siting_sites")
    assert sites["key"].tolist() == [site["key"] for site in told["sites"]]
    shares = gpd.read_file(path, layer="siting_shares")
    assert shares["covered_after"][1] == covered(told)
    assert len(gpd.read_file(path, layer="siting_uncovered")) == told["uncovered"]["buildings"]
    for contract in (
        siting_exporting.SITING_SITES,
        siting_exporting.SITING_SWAPS,
        siting_exporting.SITING_UNCOVERED,
        siting_exporting.SITING_SHARES,
        siting_exporting.SITING_FACTS,
    ):
        for name in contract.names:
            assert name in FIELD_LABELS, name


def test_points_of_interest_are_candidates_in_the_building_they_are_in(
    town: "sessionmaker[Session]", scope: Scope
):
    from gis.layers.pois import Poi

    rows = [
        {"id": key("pois", name), "name": name, "category": "market"} for name in ("North", "South")
    ]
    points = [shapely.Point(lon_lat(2.5, 0.5)), shapely.Point(lon_lat(2.5, 3.9))]
    with transaction(town) as session:
        insert_layer(session, scope, Poi, gpd.GeoDataFrame(rows, geometry=points, crs=4326))
    told = sited(town, scope, candidates="pois", poi_categories=("market",))
    found = {site["name"]: site for site in told["sites"]}
    assert found["North"]["building_code"] == "2,0"
    assert found["North"]["floor_area_m2"] > 0
    assert (found["South"]["building_id"], found["South"]["floor_area_m2"]) == (None, None)
    assert found["South"]["community_code"] == CODE_OF["A"]


def test_a_report_of_another_version_is_refused_with_a_way_out(
    town: "sessionmaker[Session]", scope: Scope
):
    sited(town, scope)
    row = newest(town, scope)
    earlier = {name: told for name, told in row.report.items() if name not in {"form", "standing"}}
    with transaction(town) as session:
        session.execute(update(jobs.Job).values(report=earlier))
    with pytest.raises(ConflictError, match="another version") as refused:
        report_of(newest(town, scope))
    assert f"--from {str(row.id)[:8]}" in str(refused.value.remedy)
