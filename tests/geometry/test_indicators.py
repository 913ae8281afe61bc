"""Indicators: values and gaps by hand, the rows behind them, what is withheld, and trends."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.coverage.indicators import (
    TARGETS,
    Areas,
    Items,
    Tally,
    Target,
    indicator_table,
    trends,
    withheld,
)
from gis.coverage.tallies import floor_area_tally, people_tallies, post_tallies
from gis.errors import InvalidInputError, NotFoundError
from gis.frames import INDICATORS, POSTS, UNITS, stable_ids
from tests.geometry.coverage_ground import houses, key, stands

pytestmark = pytest.mark.geometry

DAY = date(2026, 9, 15)
G1, G2, G3 = (key("grids", name) for name in ("g1", "g2", "g3"))
NORTH_C, SOUTH_C, EMPTY_C = (key("communities", name) for name in ("north", "south", "empty"))
TOWN = key("divisions", "town")
AREAS = Areas({G1: NORTH_C, G2: NORTH_C, G3: SOUTH_C}, (NORTH_C, SOUTH_C, EMPTY_C), TOWN)


@pytest.fixture(scope="module")
def buildings():
    frame = houses(
        {"a": (0, 0), "b": (50, 0), "c": (100, 0), "shop": (150, 0)},
        households={"a": 10, "b": 30, "c": 60},
        residents={"a": 20, "b": 80, "c": 100},
        elderly={"a": 2, "b": 20, "c": 30},
    )
    return frame.assign(grid_id=[G1, G2, G3, G3], community_id=[NORTH_C, NORTH_C, SOUTH_C, SOUTH_C])


def value(table: pd.DataFrame, indicator: str, area: str, column: str = "value"):
    row = table[(table["indicator"] == indicator) & (table["area_id"] == area)]
    assert len(row) == 1
    return row.iloc[0][column]


def covered_of(buildings, *names: str):
    return {"canteen_500_m": buildings["name"].isin(names)}


def test_people_covered_per_grid_community_and_town(buildings):
    found = indicator_table(people_tallies(buildings, covered_of(buildings, "a", "c")), AREAS)
    pd.testing.assert_frame_equal(INDICATORS.conform(found.table), found.table)
    name = "residents_covered:canteen_500_m"
    assert value(found.table, name, G1) == 1
    assert value(found.table, name, G2) == 0
    assert value(found.table, name, NORTH_C) == 0.2
    assert value(found.table, name, TOWN) == 120 / 200
    assert np.isnan(value(found.table, name, EMPTY_C))  # nobody: no share, not 0 and no crash
    assert value(found.table, name, EMPTY_C, "denominator") == 0
    assert np.isnan(value(found.table, "children_covered:canteen_500_m", TOWN))
    assert np.isnan(value(found.table, name, G1, "target"))


def test_every_number_leads_to_its_rows(buildings):
    found = indicator_table(people_tallies(buildings, covered_of(buildings, "a", "c")), AREAS)
    name = "elderly_covered:canteen_500_m"
    for row in found.table[found.table["indicator"] == name].itertuples():
        counted, base = found.behind(name, row.area_kind, row.area_id)
        assert counted.layer == base.layer == "buildings"
        assert counted.amount.sum() == row.numerator
        assert base.amount.sum() == row.denominator
    counted, base = found.behind(name, "community", NORTH_C)
    assert counted.ids.tolist() == [key("buildings", "a")]
    assert sorted(base.ids) == sorted(key("buildings", one) for one in "ab")
    with pytest.raises(NotFoundError, match="nothing"):
        found.behind("nothing", "grid", G1)


def test_floor_area_per_hundred_households(buildings):
    stations = stands(
        {"n": (0, 0), "old": (1, 1), "soon": (2, 2), "shop": (3, 3), "fair": (4, 4), "s": (5, 5)},
        tier={
            name: "partner" if name == "shop" else "community"
            for name in ("n", "old", "soon", "shop", "fair", "s")
        },
        community_id={"n": NORTH_C, "old": NORTH_C, "soon": NORTH_C, "shop": NORTH_C, "s": SOUTH_C},
        floor_area_m2={"n": 10.0, "old": 99.0, "soon": 99.0, "shop": 99.0, "fair": 99.0},
        status={
            "n": "open",
            "old": "closed",
            "soon": "planned",
            "shop": "open",
            "fair": "open",
            "s": "open",
        },
        opens_on={"soon": date(2027, 1, 1)},
        closes_on={"old": date(2026, 1, 1)},
        temporary={"fair": True, **dict.fromkeys(("n", "old", "soon", "shop", "s"), False)},
    )
    found = indicator_table([floor_area_tally(buildings, stations, DAY)], AREAS)
    name = "floor_area_per_100_households"
    assert value(found.table, name, NORTH_C) == 25
    assert value(found.table, name, NORTH_C, "gap") == 5
    assert np.isnan(value(found.table, name, SOUTH_C))  # a station whose area nobody stated
    assert np.isnan(value(found.table, name, SOUTH_C, "gap"))
    assert np.isnan(value(found.table, name, EMPTY_C, "gap"))
    assert value(found.table, name, TOWN) == 10
    assert "国办发〔2021〕56号" in value(found.table, name, TOWN, "source")
    assert set(found.table["area_kind"]) == {"community", "subdistrict"}
    counted, base = found.behind(name, "community", NORTH_C)
    assert counted.ids.tolist() == [key("stations", "n")]
    assert base.layer == "buildings"
    later = indicator_table([floor_area_tally(buildings, stations, date(2027, 1, 1))], AREAS)
    assert value(later.table, name, NORTH_C, "gap") == 0  # with the one that is planned


def posts(*rows: dict) -> pd.DataFrame:
    ids = stable_ids("t", "posts", range(len(rows)))
    told = [
        {"id": one, "person_token": f"p-{n:08d}", **row}
        for n, (one, row) in enumerate(zip(ids, rows, strict=True))
    ]
    return POSTS.conform(pd.DataFrame(told))


def test_workers_leaders_and_posts(buildings):
    units = UNITS.conform(
        pd.DataFrame(
            {
                "id": stable_ids("t", "units", "uvw"),
                "building_id": [key("buildings", one) for one in "aac"],
                "name": ["1", "2", "1"],
                "households": [5, 5, 60],
            }
        )
    )
    roster = posts(
        {"role": "grid_leader", "grid_id": G1},
        {"role": "grid_worker", "grid_id": G1},
        {"role": "grid_worker", "grid_id": G1},  # one too many: fills no post
        {"role": "grid_worker", "grid_id": G2, "person_token": "p-00000001"},  # the same person
        {"role": "grid_worker", "grid_id": G3, "backup": True},
        {"role": "grid_leader", "grid_id": G3, "active_to": DAY},  # gone
        {"role": "grid_leader", "grid_id": G2, "active_from": date(2026, 9, 16)},  # not yet
        {"role": "building_leader", "building_id": key("buildings", "a")},
        {"role": "building_leader", "building_id": key("buildings", "shop")},  # nobody lives there
        {"role": "unit_leader", "unit_id": units["id"].iloc[0]},
    )
    found = indicator_table(post_tallies(buildings, units, roster, AREAS.grids, DAY), AREAS)
    table = found.table
    assert value(table, "posts_filled", G1) == pytest.approx(2 / 3)
    assert value(table, "posts_filled", G2) == pytest.approx(1 / 3)
    assert value(table, "posts_filled", NORTH_C) == pytest.approx(3 / 6)
    assert value(table, "posts_filled", TOWN) == pytest.approx(4 / 9)
    assert value(table, "building_leader_coverage", NORTH_C) == 0.5
    assert value(table, "building_leader_coverage", G3) == 0
    assert value(table, "unit_leader_coverage", G1) == 0.5
    assert np.isnan(value(table, "unit_leader_coverage", G2))
    # Three workers in the north, one of them with two posts; 100 residents.
    assert value(table, "workers_per_10000_residents", NORTH_C) == 300
    assert value(table, "workers_per_10000_residents", NORTH_C, "target") == 18
    assert np.isnan(value(table, "workers_per_10000_residents", EMPTY_C))


def test_a_target_of_ones_own(buildings):
    tallies = people_tallies(buildings, covered_of(buildings, "a"))
    name = "households_covered:canteen_500_m"
    found = indicator_table(tallies, AREAS, targets={**TARGETS, name: Target(0.9, "plan of 2026")})
    assert value(found.table, name, TOWN, "gap") == pytest.approx(0.8)
    assert value(found.table, name, G1, "gap") == 0
    assert value(found.table, name, G1, "source") == "plan of 2026"
    assert indicator_table([], AREAS).table.empty


def test_small_counts_are_withheld_and_households_never(buildings):
    tallies = people_tallies(buildings, covered_of(buildings, "a", "c"))
    shown = withheld(indicator_table(tallies, AREAS), 3)
    name = "elderly_covered:canteen_500_m"
    # Two elderly in g1; g2 would follow from the community's sum.
    for grid in (G1, G2):
        assert value(shown, name, grid, "suppressed")
        assert np.isnan(value(shown, name, grid, "numerator"))
        assert np.isnan(value(shown, name, grid, "denominator"))
    assert not value(shown, name, G3, "suppressed")
    # The community's number is the same two people.
    assert value(shown, name, NORTH_C, "suppressed")
    assert not shown.loc[shown["indicator"].str.startswith("households"), "suppressed"].any()


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 1)), min_size=2, max_size=6))
def test_no_withheld_number_follows_from_the_others(people):
    base = np.array([count for count, _ in people], dtype=float)
    counted = np.floor(base * np.array([share for _, share in people]))
    grids = np.array([key("grids", str(n)) for n in range(len(people))], dtype=object)
    home = np.full(len(people), NORTH_C, dtype=object)
    items = [Items("buildings", grids, grids, home, amount) for amount in (counted, base)]
    areas = Areas(dict.fromkeys(grids, NORTH_C), (NORTH_C,), TOWN)
    found = indicator_table([Tally("x", *items, sensitive=True)], areas)
    shown = withheld(found, 3)
    rows = shown[shown["area_kind"] == "grid"].set_index("area_id").loc[grids]
    hidden = rows["suppressed"].to_numpy()
    for counts in (counted, base, base - counted):
        small = (counts > 0) & (counts < 3)
        assert (hidden | ~small).all()
        # More than one is unknown, or nobody at all is left who could be hidden with it.
        if small.any() and (counts[~small] > 0).any():
            assert hidden.sum() >= 2
            assert counts[hidden].sum() > hidden.sum() or hidden.all() or not small[hidden].any()
    assert rows.loc[~hidden, "numerator"].tolist() == counted[~hidden].tolist()


def history(*rows: tuple[str, float | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "as_of": [date.fromisoformat(day) for day, _ in rows],
            "data_version": [f"v-{day}" for day, _ in rows],
            "indicator": "x",
            "area_kind": "grid",
            "area_id": G1,
            "value": [one for _, one in rows],
        }
    )


def test_trends_against_the_month_and_the_year_before():
    told = history(
        ("2025-03-30", 0.4), ("2026-02-20", 0.5), ("2026-02-27", 0.55), ("2026-03-31", 0.6)
    )
    row = trends(told, date(2026, 3, 31)).iloc[0]
    assert row["month_as_of"] == date(2026, 2, 27)  # there is no 31 February
    assert row["month_change"] == pytest.approx(0.05)
    assert row["year_change"] == pytest.approx(0.2)
    assert row["year_data_version"] == "v-2025-03-30"
    none = trends(told, date(2026, 3, 31), slack_days=0).iloc[0]
    assert pd.isna(none["month_value"])
    assert pd.isna(none["month_change"])


def test_trends_of_leap_days_and_of_nothing():
    told = history(("2027-02-28", 0.1), ("2028-02-29", None))
    row = trends(told, date(2028, 2, 29)).iloc[0]
    assert row["year_as_of"] == date(2027, 2, 28)
    assert pd.isna(row["year_change"])
    assert trends(told, date(2030, 1, 1)).empty
    with pytest.raises(InvalidInputError, match="twice"):
        trends(pd.concat([told, told]), date(2028, 2, 29))
