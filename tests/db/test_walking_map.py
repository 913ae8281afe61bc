"""The walking map and the pages of communities, from the store to the file."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from cli.main import app
from gis.errors import InvalidInputError, NotFoundError
from gis.jobs.walking_map import WalkingMapOrder, read_walking_map, save_community_report
from gis.layers.communities import Community
from gis.layers.stations import Station
from gis.network import nearest
from gis.scope import Scope
from gis.services.walking import read_walking_ground
from gis.settings import get_settings
from tests.streets import add_streets
from tests.town import CODE_OF, STATIONS, TIMEZONE, key

pytestmark = pytest.mark.db

ORDER = WalkingMapOrder(TIMEZONE, "Town", "en", services=("affairs", "any"), week=date(2026, 6, 3))


@pytest.mark.slow
def test_each_hour_names_the_stations_that_are_open_then(town_session: Session, scope: Scope):
    add_streets(town_session, scope)
    data = read_walking_map(town_session, scope, ORDER)
    names = np.array(data.stations["name"])

    def open_at(service: int, hour: int) -> set[str]:
        return set(names[data.serving[data.hours[service, hour]]])

    centre = next(row for row in STATIONS if row.name == "Centre")
    assert centre.services["affairs"] == "Mo-Fr 08:00-20:00; Sa-Su,PH 09:00-21:00"
    for day, first, last in ((2, 8, 20), (5, 9, 21)):
        for hour in range(24):
            assert ("Centre" in open_at(0, day * 24 + hour)) == (first <= hour < last)
    for hour in range(168):
        assert open_at(0, hour) <= open_at(1, hour)


@pytest.mark.slow
def test_the_nearest_stations_of_each_set_are_those_of_a_walk(town_session: Session, scope: Scope):
    add_streets(town_session, scope)
    data = read_walking_map(town_session, scope, ORDER)
    ground = read_walking_ground(town_session, scope)
    assert list(data.buildings["id"]) == list(ground.buildings["id"])
    for row, mask in enumerate(data.serving):
        walk = nearest(ground.graph, ground.homes, ground.doors, mask)
        assert np.array_equal(data.walking.station[row], walk.station)
        assert np.allclose(data.walking.distance_m[row], walk.distance_m, equal_nan=True)


@pytest.mark.slow
def test_areas_belong_to_sets_that_serve_when_the_map_opens(town_session: Session, scope: Scope):
    add_streets(town_session, scope)
    data = read_walking_map(town_session, scope, ORDER)
    sets = set(data.hours[:, data.opens_at[1]])
    for name in ("gaps", "isochrones", "catchments"):
        frame = getattr(data, name)
        assert frame is not None
        assert set(frame["set"]) <= sets
    service, hour = data.opens_at
    chosen = data.hours[service, hour]
    beyond = ~(data.walking.distance_m[chosen] <= 500)
    gaps = data.gaps
    told = gaps[(gaps["set"] == chosen) & (gaps["unit"] == "m") & (gaps["value"] == 500)]
    told = told[told["method"] == "walking"]
    assert told["households"].sum() == data.buildings["households"].to_numpy()[beyond].sum()


def test_what_cannot_be_drawn_says_why(town_session: Session, scope: Scope):
    with pytest.raises(InvalidInputError, match="no road"):
        read_walking_map(town_session, scope, ORDER)
    with pytest.raises(InvalidInputError, match="teleport"):
        WalkingMapOrder(TIMEZONE, "Town", "en", services=("teleport",))


@pytest.mark.slow
def test_a_page_per_community(town_session: Session, scope: Scope, tmp_path: Path):
    add_streets(town_session, scope)
    file = tmp_path / "pages.html"
    save_community_report(town_session, scope, ORDER, file, (CODE_OF["B"],))
    text = file.read_text(encoding="utf-8")
    assert "Community B" in text
    assert "Community A" not in text
    with pytest.raises(NotFoundError):
        save_community_report(town_session, scope, ORDER, file, ("340102009999",))


@pytest.mark.slow
def test_the_commands_write_files(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    url = new_database("town")
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        add_streets(session, Scope.local_owner())
    engine.dispose()
    monkeypatch.setenv("DATABASE_URL", url)
    get_settings.cache_clear()
    try:
        for command, title in (("map", "步行覆盖图"), ("report", "社区")):
            file = tmp_path / f"{command}.html"
            words = ["coverage", command, str(file), "--language", "zh-CN", "--week", "2026-06-03"]
            answer = CliRunner().invoke(app, words)
            assert answer.exit_code == 0, answer.output
            text = file.read_text(encoding="utf-8")
            assert title in text
            assert not re.search(r'<(?:script|link|img)[^>]+"https?://', text)
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


@pytest.mark.slow
def test_floor_area_that_nobody_stated_is_not_known_rather_than_nought(
    town_session: Session, scope: Scope
):
    add_streets(town_session, scope)
    code = "floor_area_per_100_households"

    def areas() -> tuple[dict[str, float], dict[str, str]]:
        data = read_walking_map(town_session, scope, ORDER)
        (found,) = [one for one in data.indicators if one.code == code]
        codes = list(data.communities["code"])
        return tuple(dict(zip(codes, of, strict=True)) for of in (found.communities, found.notes))

    centre, hub = key("stations", "Centre"), key("stations", "Hub")
    for station, area in ((centre, None), (hub, 300.0)):
        change = update(Station).where(Station.id == station).values(floor_area_m2=area)
        town_session.execute(change)
    homes = dict(
        town_session.execute(
            select(Station.id, Community.code).join_from(
                Station, Community, Station.community_id == Community.id
            )
        ).all()
    )
    found, notes = areas()
    assert notes[homes[centre]].startswith("Of 2 of 2 facilities the floor area is not stated")
    assert notes[homes[hub]].startswith("Of 1 of 2 facilities")
    assert "" in notes.values()
    assert found[homes[hub]] > 0
    assert np.isnan(found[homes[centre]])
    assert 0.0 in found.values()  # no facility at all
