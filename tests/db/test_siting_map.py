"""The map of a siting, from the store to the file: its counts are those that the siting told."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner

from cli.main import app
from gis.database.engine import make_engine, session_factory, transaction
from gis.errors import ConflictError
from gis.jobs.records import in_the_foreground
from gis.jobs.siting import KIND, SitingJob, find_siting, run_siting
from gis.jobs.siting_map import read_siting_map
from gis.jobs.walking_map import MapOrder
from gis.layers import jobs
from gis.network import SPEEDS
from gis.scope import Scope
from gis.services.siting_order import GivenPlace, SitingOrder
from gis.services.walking import read_walking_ground
from gis.settings import get_settings
from maps.siting import SitingMapData, siting_page
from tests.streets import add_streets
from tests.town import CODE_OF, TIMEZONE, lon_lat

pytestmark = pytest.mark.db

ORDER = MapOrder(TIMEZONE, "Town", "en", suppress_below=1)


@pytest.fixture
def url(
    new_database: Callable[[str], str], scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    url = new_database("town")
    engine = make_engine(url)
    with Session(engine) as session, session.begin():
        add_streets(session, scope)
    engine.dispose()
    monkeypatch.setenv("DATABASE_URL", url)
    get_settings.cache_clear()
    yield url
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def factory(url: str) -> "Iterator[sessionmaker[Session]]":
    engine = make_engine(url)
    yield session_factory(engine)
    engine.dispose()


def sited(factory: "sessionmaker[Session]", scope: Scope, **asked: Any) -> str:
    """Run a siting on the record and return its key."""
    known = {"service": "canteen", "count": 2, "radius_m": 200.0} | asked
    order = SitingOrder(as_of=date(2026, 6, 1), timezone=TIMEZONE, **known)
    told = SitingJob(order).as_arguments()
    in_the_foreground(
        factory, scope, KIND, told, lambda recorder: run_siting(factory, scope, told, recorder)
    )
    with transaction(factory) as session:
        return str(jobs.newest(session, scope, limit=1, kind=KIND)[0].id)


def shown(
    factory: "sessionmaker[Session]", scope: Scope, key: str, order: MapOrder = ORDER
) -> tuple[SitingMapData, dict[str, Any]]:
    """Return the data of a siting's map, and what the siting itself told."""
    with transaction(factory) as session:
        row = find_siting(session, scope, key)
        return read_siting_map(session, scope, row, order), row.report


AWAY = (0.45, 0.55)


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"radius_m": None, "radius_min": 3.5, "group": "frail"},
        {"objective": "p_median", "service": "affairs"},
        {
            "candidates": "given",
            "count": 1,
            "places": (
                GivenPlace(lon=lon_lat(*AWAY)[0], lat=lon_lat(*AWAY)[1], name="Corner"),
                GivenPlace(lon=lon_lat(8.5, 2.5)[0], lat=lon_lat(8.5, 2.5)[1]),
            ),
        },
    ],
)
def test_the_counts_are_those_of_the_siting(
    factory: "sessionmaker[Session]", scope: Scope, asked: dict[str, Any]
):
    data, report = shown(factory, scope, sited(factory, scope, **asked))
    homes = data.buildings["households"].to_numpy()
    for nearest, when in ((data.before, "before"), (data.after, "after")):
        near = nearest.metres <= data.limit.metres
        assert int(homes[near].sum()) == report[when]["groups"]["households"]["covered"]
    page = siting_page(data, "en")
    total = report["after"]["groups"]["households"]["total"]
    assert page["people"][0]["total"] == total
    chosen = data.candidates[data.candidates["chosen"]]
    assert list(chosen["key"]) == [site["key"] for site in report["sites"]]
    assert len(data.stations) == report["standing"]["stations_serving"]
    assert [
        (data.candidates["key"][one.leave], data.candidates["key"][one.enter])
        for one in data.exchanges
    ] == [(swap["leave"], swap["enter"]["key"]) for swap in report["swaps"]]


def test_a_siting_for_one_community_counts_it_alone(factory: "sessionmaker[Session]", scope: Scope):
    data, report = shown(factory, scope, sited(factory, scope, community=CODE_OF["A"]))
    homes = data.buildings["households"].to_numpy()
    total = report["after"]["groups"]["households"]["total"]
    assert homes.sum() == total < summed_homes(factory, scope)
    for nearest, when in ((data.before, "before"), (data.after, "after")):
        near = nearest.metres <= data.limit.metres
        assert int(homes[near].sum()) == report[when]["groups"]["households"]["covered"]
    assert siting_page(data, "en")["people"][0]["total"] == total
    assert "one community alone" in data.objective_label


def summed_homes(factory: "sessionmaker[Session]", scope: Scope) -> int:
    with transaction(factory) as session:
        return int(read_walking_ground(session, scope).buildings["households"].sum())


def test_a_chosen_building_is_reached_by_its_own_door(
    factory: "sessionmaker[Session]", scope: Scope
):
    data, _ = shown(factory, scope, sited(factory, scope))
    with transaction(factory) as session:
        access_m = read_walking_ground(session, scope).homes.access_m
    row_of = {key: row for row, key in enumerate(data.buildings["id"])}
    for row in np.flatnonzero(data.candidates["chosen"].to_numpy()):
        house = row_of[data.candidates["key"][row]]
        assert data.after.station[house] == len(data.stations) + row
        assert data.after.metres[house] == pytest.approx(2 * access_m[house])  # out and in again


def test_minutes_are_metres_at_the_speed_of_the_group(
    factory: "sessionmaker[Session]", scope: Scope
):
    key = sited(factory, scope, radius_m=None, radius_min=4.0, group="elderly")
    data, _ = shown(factory, scope, key)
    assert data.limit[1:] == ("min", 4, "elderly")
    assert data.limit.metres == 4 * 60 * SPEEDS["elderly"]


def test_what_was_asked_for_is_said_and_what_is_left_out(
    factory: "sessionmaker[Session]", scope: Scope
):
    key = sited(
        factory, scope, objective="capacitated_mclp", capacity=40, existing_capacity=40, count=1
    )
    data, _ = shown(factory, scope, key)
    assert data.objective_label == (
        "Most people within the radius for whom there is room (Residents); "
        "the map leaves limited room out"
    )
    chinese, _ = shown(factory, scope, key, MapOrder(TIMEZONE, "镇", "zh-CN"))
    assert chinese.objective_label == "覆盖最多且容纳得下的人 (居民); 地图不计容量限制"


def test_withheld_figures_are_not_in_the_page(factory: "sessionmaker[Session]", scope: Scope):
    key = sited(factory, scope, suppress_below=100_000)
    data, report = shown(factory, scope, key)
    assert report["proof"]["objective"] is None
    proof = siting_page(data, "en")["proof"]
    assert (proof["objective"], proof["bound"]) == (None, None)


def test_a_siting_that_has_not_ended_has_no_map(factory: "sessionmaker[Session]", scope: Scope):
    with transaction(factory) as session:
        key = jobs.add(session, scope, KIND, {})
    with transaction(factory) as session, pytest.raises(ConflictError, match="queued"):
        read_siting_map(session, scope, find_siting(session, scope, str(key)), ORDER)


def test_the_command_writes_one_file(
    factory: "sessionmaker[Session]", scope: Scope, tmp_path: Path
):
    key = sited(factory, scope)
    out = tmp_path / "siting.html"
    answer = CliRunner().invoke(app, ["siting", "map", key[:8], str(out), "--language", "en"])
    assert answer.exit_code == 0, answer.output
    assert "2 new stations, 21 buildings" in answer.stdout
    page = out.read_text(encoding="utf-8")
    assert "Most people within the radius (Residents)" in page
    assert "Siting map" in page
    none = CliRunner().invoke(app, ["siting", "map", "ffffffff", str(out)])
    assert none.exit_code == 1


def test_places_of_one_name_are_told_apart(factory: "sessionmaker[Session]", scope: Scope):
    spots = ((0.5, 0.5), (3.5, 0.5), (6.5, 0.5))
    places = tuple(
        GivenPlace(name="Works", lon=lon, lat=lat) for lon, lat in (lon_lat(*xy) for xy in spots)
    )
    key = sited(factory, scope, count=1, candidates="given", places=places)
    data, report = shown(factory, scope, key)
    names = [place["name"] for place in siting_page(data, "en")["candidates"]]
    assert len(names) == len(set(names)) == 1 + len(report["swaps"]) > 1
    assert {name.split(", ")[0] for name in names} == {"Works"}
