"""A second delivery: seen before it is done, done as a whole, and taken back again."""

from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.errors import ConflictError, InvalidInputError, NotFoundError
from gis.frames import BUILDINGS, POIS, ROADS, FrameContract, stable_ids
from gis.layers import audit, history
from gis.layers.buildings import Building
from gis.layers.imports import ImportRecord, RowHistory
from gis.layers.plans import GridPlan
from gis.layers.queries import alive, read_layer, table_of
from gis.layers.registry import IMPORTED_LAYERS, LAYER_BY_NAME
from gis.scope import Scope
from gis.services.deliveries import (
    DeliveryOrder,
    DeliveryReport,
    apply_delivery,
    preview_delivery,
)
from gis.services.histories import row_history
from gis.services.plan_fitness import flag_unfit_plans
from gis.services.undoing import undo_last_import
from tests.town import key, square

pytestmark = pytest.mark.db

TODAY = date(2026, 6, 1)


def standing(session: Session, scope: Scope, layer: str):
    target = LAYER_BY_NAME[layer]
    conditions = [alive(target.model)] if layer in {"buildings", "communities"} else []
    return read_layer(session, scope, target.model, target.contract, *conditions)


def deliver(session: Session, scope: Scope, layer: str, frame, **order: object) -> DeliveryReport:
    asked = DeliveryOrder(layer, as_of=TODAY, **order)
    return apply_delivery(session, scope, asked, [frame], name="second", fingerprint="2")


def see(session: Session, scope: Scope, layer: str, frame, **order: object):
    return preview_delivery(session, scope, DeliveryOrder(layer, as_of=TODAY, **order), [frame])


def everything(session: Session) -> dict[str, list[Any]]:
    """Every row of every imported layer but the numbers of imports, geometry exactly."""
    found = {}
    for layer in IMPORTED_LAYERS:
        table = table_of(layer.model)
        hidden = {"data_version"}
        shown = [c for c in table.columns if c.name not in hidden]
        order = list(table.primary_key.columns)
        found[layer.name] = [
            tuple(map(str, row)) for row in session.execute(select(*shown).order_by(*order))
        ]
    return found


def renamed(frame, contract: FrameContract):
    """The same rows as another program would send them: other keys, no community."""
    fresh = frame.assign(id=[_other(row_id) for row_id in frame["id"]])
    if "community_id" in fresh:
        fresh["community_id"] = None
    return contract.conform(fresh)


def _other(row_id: str) -> str:
    return row_id[:-1] + ("0" if row_id[-1] != "0" else "1")


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["buildings", "stations", "pois", "communities", "incidents"])
@pytest.mark.parametrize("match", ["auto", "id", "geometry"])
def test_the_same_rows_again_change_nothing(town_session: Session, scope: Scope, layer: str, match):
    same = standing(town_session, scope, layer)
    if match == "geometry" and layer == "stations":
        same = same[same["status"] != "closed"]  # what is closed has left its place to others
    seen = see(town_session, scope, layer, same, match=match)
    assert seen.nothing_to_do, seen
    assert seen.unchanged == len(same)
    assert not seen.changed_fields


def test_other_keys_are_matched_by_source_id_and_then_by_place(town_session: Session, scope: Scope):
    other = renamed(standing(town_session, scope, "buildings"), BUILDINGS)
    half = len(other) // 2
    other.loc[half:, "source_id"] = [f"new-{i}" for i in range(len(other) - half)]
    seen = see(town_session, scope, "buildings", other)
    assert seen.matched_by == {"id": 0, "source_id": half, "geometry": len(other) - half}
    assert seen.changed_fields == {"source_id": len(other) - half}
    assert (seen.added, seen.removed) == (0, 0)


@pytest.mark.slow
def test_added_changed_and_removed_are_told_and_households_per_grid(
    town_session: Session, scope: Scope
):
    frame = standing(town_session, scope, "buildings")
    before = everything(town_session)
    first, gone = frame["id"].iloc[0], frame.iloc[1]
    frame.loc[0, "households"] += 25
    frame.loc[0, "residents"] += 60
    new = frame.iloc[[0]].assign(
        id=_other(first), source_id="new", households=100, residents=200, community_id=None
    )
    new = new.set_geometry([square(2, 2, inset=0.3)], crs=4326)
    sent = BUILDINGS.conform(pd.concat([frame.drop(index=1), new], ignore_index=True))
    seen = see(town_session, scope, "buildings", sent)
    assert (seen.added, seen.changed, seen.removed, seen.returned) == (1, 1, 1, 0)
    assert seen.changed_fields == {"households": 1, "residents": 1}
    assert seen.examples["removed"][0]["id"] == gone["id"]
    assert sum(seen.removed_in.values()) == 1
    assert seen.examples["added"][0]["source_id"] == "new"
    flows = {flow.code: flow for flow in seen.grids}
    net = sum(f.households_after - (f.households_before or 0) for f in seen.grids)
    assert net == 25 + 100 - gone["households"]
    assert all(flow.plan_id == key("plans", "plan") for flow in flows.values())
    assert sum(f.buildings_in for f in seen.grids) == 1
    assert sum(f.buildings_out for f in seen.grids) == 1
    assert everything(town_session) == before  # a preview writes nothing


def test_a_building_that_moves_takes_its_households_to_another_grid(
    town_session: Session, scope: Scope
):
    frame = standing(town_session, scope, "buildings")
    row = frame.index[frame["source_id"] == "0,0"][0]
    frame.loc[row, "geometry"] = square(2, 2, inset=0.3)
    seen = see(town_session, scope, "buildings", frame)
    moved = int(frame.loc[row, "households"])
    flows = {f.code[-4:]: f.households_after - f.households_before for f in seen.grids if f.code}
    assert sorted(flows.values()) == [-moved, moved]
    assert seen.changed_fields == {"geometry": 1}


def test_without_a_plan_in_effect_no_households_move_between_grids(
    town_session: Session, scope: Scope
):
    frame = standing(town_session, scope, "buildings")
    frame.loc[0, "households"] += 10
    order = DeliveryOrder("buildings", as_of=TODAY, kind="micro")
    seen = preview_delivery(town_session, scope, order, [frame])
    assert seen.changed == 1
    assert seen.grids == ()


def test_what_is_gone_is_gone_within_reach_only(town_session: Session, scope: Scope):
    frame = standing(town_session, scope, "buildings")
    here = frame[frame["community_id"] == key("communities", "A")].iloc[1:].reset_index(drop=True)
    assert see(town_session, scope, "buildings", here).removed == 1


@pytest.mark.parametrize(("reach", "removed"), [("all", None), ("none", 0)])
def test_reach_may_be_all_or_none(town_session: Session, scope: Scope, reach, removed: int | None):
    frame = standing(town_session, scope, "buildings")
    sent = frame.iloc[:3].reset_index(drop=True)
    expected = len(frame) - 3 if removed is None else removed
    assert see(town_session, scope, "buildings", sent, reach=reach).removed == expected


def test_a_column_that_the_file_lacks_is_left_as_it_is(town_session: Session, scope: Scope):
    frame = standing(town_session, scope, "buildings")
    poor = BUILDINGS.conform(frame[["id", "source_id", "geometry"]])
    seen = see(town_session, scope, "buildings", poor, given=("id", "source_id", "geometry"))
    assert seen.nothing_to_do, seen.changed_fields


def test_applied_as_previewed_with_history_and_flagged_plan(
    town_factory: sessionmaker[Session], scope: Scope
):
    with transaction(town_factory) as session:
        frame = standing(session, scope, "buildings")
    gone = frame.iloc[1]
    frame.loc[0, "name"] = "新名"
    new = frame.iloc[[0]].assign(id=_other(frame["id"].iloc[0]), source_id="new", community_id=None)
    new = new.set_geometry([square(2, 2, inset=0.3)], crs=4326)
    sent = BUILDINGS.conform(pd.concat([frame.drop(index=1), new], ignore_index=True))
    with transaction(town_factory) as session:
        done = deliver(session, scope, "buildings", sent)
    with transaction(town_factory) as session:
        now = standing(session, scope, "buildings").set_index("id")
        assert set(now.index) == set(sent["id"])
        assert now.loc[frame["id"].iloc[0], "name"] == "新名"
        assert now.loc[new["id"].iloc[0], "community_id"] == key("communities", "A")
        ended = session.execute(select(Building.valid_to).where(Building.id == gone["id"]))
        assert ended.scalar_one() == TODAY
        [entry] = history.of_row(session, scope, "buildings", frame["id"].iloc[0])
        assert entry.change == "changed"
        assert entry.before["name"].startswith("House")
        assert entry.import_no == done.number
        plan = session.get(GridPlan, key("plans", "plan"))
        reasons = {why["reason"]: why for why in plan.unfit_reasons}
        assert reasons["buildings_without_grid"]["things"] == 1
        assert reasons["buildings_gone"]["things"] == 1
        assert plan.unfit_since is not None
        assert session.get(GridPlan, key("plans", "old")).unfit_since is None  # it is history
    assert {one.plan_id for one in done.unfit_plans} == {key("plans", "plan")}


def test_the_history_of_a_row_tells_each_value_before_and_after(
    town_session: Session, scope: Scope
):
    frame = standing(town_session, scope, "buildings")
    row, households = frame["id"].iloc[0], int(frame["households"].iloc[0])
    assert row_history(town_session, scope, "buildings", row) == []
    for more in (10, 30):
        sent = frame.copy()
        sent.loc[0, "households"] = households + more
        deliver(town_session, scope, "buildings", sent)
    deliver(town_session, scope, "buildings", frame[1:])
    ended, second, first = row_history(town_session, scope, "buildings", row)
    assert first.columns == {"households": (households, households + 10)}
    assert second.columns == {"households": (households + 10, households + 30)}
    assert (ended.change, ended.columns) == ("removed", {"valid_to": (None, "2026-06-01")})
    assert (first.name, first.principal) == ("second", "local_owner")
    assert first.import_no < second.import_no < ended.import_no


def test_a_row_that_was_deleted_has_a_history_and_shows_its_place_in_words(
    town_session: Session, scope: Scope
):
    pois = gpd.GeoDataFrame(
        {"id": stable_ids("p", "pois", ["1", "2"]), "name": ["一", "二"], "category": "school"},
        geometry=[shapely.Point(117.3012346, 31.8798766), shapely.Point(117.302, 31.879)],
        crs=4326,
    )
    deliver(town_session, scope, "pois", POIS.conform(pois))
    deliver(town_session, scope, "pois", POIS.conform(pois[1:]), reach="all")
    [gone] = row_history(town_session, scope, "pois", pois["id"].iloc[0].upper())
    assert gone.columns["name"] == ("一", None)
    assert gone.columns["geometry"] == ("117.301235, 31.879877", None)


def test_the_history_of_a_matter_does_not_tell_whose_it_is(town_session: Session, scope: Scope):
    somebody, another = "tok_1234567890", "tok_0987654321"
    frame = standing(town_session, scope, "incidents")
    frame = frame.assign(complainant_token=somebody)
    deliver(town_session, scope, "incidents", frame)
    frame = frame.assign(complainant_token=another)
    frame.loc[0, "category"] = "noise"
    deliver(town_session, scope, "incidents", frame)
    told = row_history(town_session, scope, "incidents", frame["id"].iloc[0])
    assert [list(one.columns) for one in told] == [["category"], []]
    assert "tok" not in str(told)


@pytest.mark.parametrize(
    ("layer", "row"),
    [
        ("buildings", "00000000-0000-4000-8000-000000000000"),
        ("buildings", "17号楼"),
        ("station_services", "00000000-0000-4000-8000-000000000000"),
        ("houses", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_what_never_was_has_no_history(town_session: Session, scope: Scope, layer, row):
    with pytest.raises(NotFoundError):
        row_history(town_session, scope, layer, row)


def test_undone_it_is_as_before_to_the_last_bit(town_factory: sessionmaker[Session], scope: Scope):
    with transaction(town_factory) as session:
        before = everything(session)
        frame = standing(session, scope, "buildings")
    frame.loc[0, "households"] += 5
    frame.loc[0, "geometry"] = shapely.affinity.translate(frame.loc[0, "geometry"], 1e-5, 0)
    sent = frame.drop(index=2).reset_index(drop=True)
    with transaction(town_factory) as session:
        deliver(session, scope, "buildings", sent)
        flagged = session.get(GridPlan, key("plans", "plan")).unfit_since
    with transaction(town_factory) as session:
        assert everything(session) != before
        report = undo_last_import(session, scope, "buildings")
        assert report.mode == "update"
        assert report.restored["buildings"] == 2
        assert report.deleted["buildings"] == 0
    with transaction(town_factory) as session:
        assert everything(session) == before
        assert flagged is not None
        assert session.get(GridPlan, key("plans", "plan")).unfit_since is None
        assert session.execute(select(func.count(RowHistory.id))).scalar_one() == 0


@pytest.mark.parametrize("layer", ["communities", "divisions"])
def test_rows_may_exchange_codes_and_take_those_of_rows_that_are_gone(
    town_session: Session, scope: Scope, layer: str
):
    areas = {name: square(x, 5) for x, name in enumerate("abcd")}
    codes = [f"34010200{n}000" for n in range(1, 5)]
    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids("t", layer, list(areas)),
            "code": codes,
            **({"level": "subdistrict"} if layer == "divisions" else {}),
        },
        geometry=list(areas.values()),
        crs=4326,
    )
    contract = LAYER_BY_NAME[layer].contract
    deliver(town_session, scope, layer, contract.conform(frame), reach="none")
    before = everything(town_session)
    # a and b change places, c takes the code of d, which is gone, and somebody new that of c.
    sent = frame[:3].assign(code=[codes[1], codes[0], codes[3]])
    new = frame[3:].assign(id=stable_ids("t", layer, ["e"]), code=[codes[2]])
    report = deliver(
        town_session,
        scope,
        layer,
        contract.conform(pd.concat([sent, new])),
        reach="all",
        match="id",
    )
    assert (report.preview.changed, report.preview.added) == (3, 1)
    table = table_of(LAYER_BY_NAME[layer].model)
    stored = select(table.c.id, table.c.code).where(table.c.id.in_([*frame["id"][:3], *new["id"]]))
    wanted = dict(zip([*sent["id"], *new["id"]], [*sent["code"], *new["code"]], strict=True))
    assert {row.id: row.code for row in town_session.execute(stored)} == wanted
    undo_last_import(town_session, scope, layer)
    assert everything(town_session) == before


def test_undo_takes_the_newest_first_and_then_there_is_nothing_left(
    factory: sessionmaker[Session], scope: Scope
):
    frame = gpd.GeoDataFrame(
        {"id": [_uuid(i) for i in range(3)], "name": list("abc"), "category": "school"},
        geometry=shapely.points([[117.3, 31.8], [117.31, 31.8], [117.32, 31.8]]),
        crs=4326,
    )
    first = POIS.conform(frame)
    from gis.frames import Dataset
    from gis.services.importing import import_dataset

    with transaction(factory) as session:
        import_dataset(session, scope, Dataset("first", "", {"pois": first}))
    with transaction(factory) as session:
        deliver(session, scope, "pois", first.iloc[1:].assign(name="x"))
    with transaction(factory) as session:
        assert set(standing(session, scope, "pois")["name"]) == {"x"}
        assert undo_last_import(session, scope, "pois").restored == {"pois": 3}
    with transaction(factory) as session:
        assert list(standing(session, scope, "pois")["name"]) == list("abc")
        assert undo_last_import(session, scope, "pois").deleted == {"pois": 3}
    with transaction(factory) as session, pytest.raises(NotFoundError, match="left to undo"):
        undo_last_import(session, scope, "pois")
    with transaction(factory) as session:  # what was undone may come again
        import_dataset(session, scope, Dataset("first", "", {"pois": first}))
        record = session.execute(select(ImportRecord).order_by(ImportRecord.number)).scalars().all()
        assert [one.undone_by for one in record] == ["local_owner", "local_owner", None]


def test_rows_that_a_plan_holds_are_not_taken_back(
    town_factory: sessionmaker[Session], scope: Scope
):
    with transaction(town_factory) as session:
        before = everything(session)
        with pytest.raises(ConflictError, match="refers to its rows"):
            undo_last_import(session, scope, "buildings")
    with transaction(town_factory) as session:
        assert everything(session) == before


def test_rows_that_somebody_edited_are_not_overwritten_silently(
    town_factory: sessionmaker[Session], scope: Scope
):
    with transaction(town_factory) as session:
        frame = standing(session, scope, "stations")
        frame.loc[0, "address"] = "1 New Street"
        deliver(session, scope, "stations", frame)
    with transaction(town_factory) as session:
        row = frame["id"].iloc[0]
        audit.record(session, scope, audit.Change("update", "stations", row, {}, {}))
    with transaction(town_factory) as session:
        with pytest.raises(ConflictError, match="changed by hand"):
            undo_last_import(session, scope, "stations")
        undo_last_import(session, scope, "stations", overwrite_edits=True)
        assert standing(session, scope, "stations")["address"].isna().all()


def test_a_station_that_is_gone_is_closed_and_comes_back_when_delivered_again(
    town_factory: sessionmaker[Session], scope: Scope
):
    with transaction(town_factory) as session:
        whole = standing(session, scope, "stations")
        row = whole.index[whole["name"] == "Hub"][0]
        deliver(session, scope, "stations", whole.drop(index=row), reach="all")
        closed = standing(session, scope, "stations").set_index("id").loc[whole.loc[row, "id"]]
        assert (closed["status"], closed["closes_on"]) == ("closed", TODAY)
        again = deliver(session, scope, "stations", whole, reach="all")
        assert again.preview.returned >= 1


def test_what_had_ended_and_is_delivered_again_is_back(
    town_factory: sessionmaker[Session], scope: Scope
):
    with transaction(town_factory) as session:
        whole = standing(session, scope, "buildings")
        deliver(session, scope, "buildings", whole.iloc[1:])
        given = tuple(n for n in BUILDINGS.names if n != "valid_to")
        again = deliver(session, scope, "buildings", whole, given=given)
        assert (again.preview.returned, again.preview.added) == (1, 0)
        assert len(standing(session, scope, "buildings")) == len(whole)
        assert not flag_unfit_plans(session, scope, TODAY)


def test_lines_match_by_their_course(session: Session, scope: Scope):
    from gis.frames import Dataset
    from gis.services.importing import import_dataset

    lines = [
        shapely.LineString([(117.3, 31.8 + i / 1000), (117.31, 31.8 + i / 1000)]) for i in range(4)
    ]
    frame = gpd.GeoDataFrame(
        {"id": [_uuid(i) for i in range(4)], "name": list("abcd"), "road_class": "local"},
        geometry=lines,
        crs=4326,
    )
    import_dataset(session, scope, Dataset("roads", "", {"roads": ROADS.conform(frame)}))
    shifted = frame.assign(id=[_uuid(i + 50) for i in range(4)], name="n")
    shifted["geometry"] = shifted.geometry.translate(0, 2e-5)
    seen = see(session, scope, "roads", ROADS.conform(shifted.iloc[::-1]))
    assert seen.matched_by["geometry"] == 4
    assert seen.changed_fields == {"name": 4, "geometry": 4}


def test_text_with_a_persons_number_is_refused_and_nothing_is_stored(
    town_factory: sessionmaker[Session], scope: Scope
):
    with transaction(town_factory) as session:
        before = everything(session)
        frame = standing(session, scope, "incidents")
    frame.loc[0, "description"] = "call 13912345678"
    with (
        pytest.raises(InvalidInputError, match="phone number"),
        transaction(town_factory) as session,
    ):
        deliver(session, scope, "incidents", frame)
    with transaction(town_factory) as session:
        assert everything(session) == before


def test_a_layer_without_keys_is_refused_by_name(town_session: Session, scope: Scope):
    for layer in ("station_services", "nothing"):
        with pytest.raises(InvalidInputError, match="cannot be updated"):
            see(town_session, scope, layer, pd.DataFrame())


def test_of_two_deliveries_at_once_one_is_told(town_factory: sessionmaker[Session], scope: Scope):
    with transaction(town_factory) as one, transaction(town_factory) as two:
        frame = standing(one, scope, "pois")
        deliver(one, scope, "pois", frame.assign(name="x"))
        with pytest.raises(ConflictError, match="under way"):
            deliver(two, scope, "pois", frame)


def _uuid(i: int) -> str:
    return f"00000000-0000-4000-8000-{i:012d}"
