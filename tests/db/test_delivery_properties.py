"""Any delivery of buildings: the preview counts as a plain comparison does, and undo is exact."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.frames import BUILDINGS
from gis.layers.buildings import Building
from gis.layers.grids import BuildingGrid
from gis.layers.queries import read_layer, table_of
from gis.scope import Scope
from gis.services.deliveries import DeliveryOrder, apply_delivery, preview_delivery
from gis.services.undoing import undo_last_import
from tests.db.test_deliveries import everything
from tests.town import COMMUNITIES, GRIDS, NORTH, STEP, WEST, grid_id, key, square, squares

pytestmark = pytest.mark.db

TODAY = date(2026, 6, 1)
#: What one row of a delivery may be.
FATES = ("kept", "gone", "counted", "named", "moved", "other_id", "other_keys", "shifted")
COMPARED = ("source_id", "name", "households", "residents", "geometry")


@dataclass(frozen=True)
class Sent:
    """A delivery: the fate of each standing row, squares of new ones, and what the file lacks."""

    fates: tuple[str, ...]
    new: tuple[tuple[int, int], ...]
    lacks: frozenset[str]
    reach: str
    exchange: bool


deliveries = st.builds(
    Sent,
    st.lists(st.sampled_from(("kept", *FATES)), min_size=5, max_size=40).map(tuple),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=4, unique=True).map(tuple),
    st.frozensets(st.sampled_from(("name", "households"))),
    st.sampled_from(("auto", "all", "none")),
    st.booleans(),
)


def rows_of(session: Session, scope: Scope) -> Any:
    """All buildings, those that ended too, and when each was made."""
    frame = read_layer(session, scope, Building, BUILDINGS)
    asked = select(Building.id, Building.created_at)
    made = {row.id: row.created_at for row in session.execute(asked)}
    return frame.assign(made=[made[one] for one in frame["id"]])


def living(rows: Any) -> Any:
    return rows[rows["valid_to"].isna()].reset_index(drop=True)


def deliver(rows: Any, sent: Sent, turn: int) -> Any:
    """The frame that a delivery sends."""
    frame = living(rows)[list(BUILDINGS.names)].copy()
    fates = [sent.fates[i % len(sent.fates)] for i in range(len(frame))]
    for i, fate in enumerate(fates):
        _befall(frame, i, fate, turn)
    if sent.exchange and len(frame) > 1:
        frame.loc[[0, 1], "source_id"] = frame.loc[[1, 0], "source_id"].to_numpy()
        frame.loc[[0, 1], "id"] = [_uuid(turn, 900), _uuid(turn, 901)]
    frame = frame[[fate != "gone" for fate in fates]]
    if sent.new and len(frame):
        new = frame.iloc[[0] * len(sent.new)].assign(
            id=[_uuid(turn, 1000 + i) for i in range(len(sent.new))],
            source_id=[f"new-{turn}-{i}" for i in range(len(sent.new))],
        )
        new = new.set_geometry([square(*at, inset=0.36) for at in sent.new], crs=4326)
        frame = pd.concat([frame, new], ignore_index=True)
    frame = frame.assign(community_id=None)
    return BUILDINGS.conform(gpd.GeoDataFrame(frame, geometry="geometry", crs=4326))


def _befall(frame: Any, i: int, fate: str, turn: int) -> None:
    """Let a row of a delivery have its fate."""
    if fate == "counted":
        frame.loc[i, "households"] += 7
        frame.loc[i, "residents"] += 20
    elif fate == "named":
        frame.loc[i, "name"] = f"renamed {turn}"
    elif fate == "moved":
        frame.loc[i, "geometry"] = square(i % 10, (i * 7) % 4, inset=0.31 + turn / 100)
    elif fate == "shifted":
        frame.loc[i, "geometry"] = shapely.affinity.translate(frame.geometry[i], 5e-5)
    if fate in {"other_id", "other_keys"}:
        frame.loc[i, "id"] = _uuid(turn, i)
    if fate == "other_keys":
        frame.loc[i, "source_id"] = f"other-{turn}-{i}"


def _uuid(turn: int, i: int) -> str:
    return f"00000000-0000-4000-9000-{turn:04d}{i:08d}"


def _square_of(shape: Any) -> tuple[int, int]:
    middle = shape.representative_point()
    return int((middle.x - WEST) / STEP), int((NORTH - middle.y) / STEP)


def _letter(drawing: str, shape: Any) -> str | None:
    return squares(drawing).get(_square_of(shape))


def pairs_of(rows: Any, frame: Any) -> dict[int, int]:
    """Rows of the frame to standing rows, by id, source id and place, the plain way."""
    pairs: dict[int, int] = {}
    by_id = {one: j for j, one in enumerate(rows["id"])}
    pairs.update({i: by_id[one] for i, one in enumerate(frame["id"]) if one in by_id})
    best = rows.assign(ended=rows["valid_to"].notna(), newest=-rows["made"].map(_stamp))
    best = best.drop(index=list(pairs.values())).sort_values(["ended", "newest", "id"])
    by_source: dict[str, int] = {}
    for j, source in best["source_id"].items():
        by_source.setdefault(source, j)
    for i, source in enumerate(frame["source_id"]):
        if i not in pairs and source in by_source:
            pairs[i] = by_source[source]
    left_new = [i for i in range(len(frame)) if i not in pairs]
    left_old = [j for j in living_index(rows) if j not in set(pairs.values())]
    likeness = {
        (i, j): merit
        for i in left_new
        for j in left_old
        if (merit := _shared(frame.geometry[i], rows.geometry[j])) >= 0.5
    }
    for i, j in likeness:
        rivals_new = [k for k in likeness if k[0] == i]
        rivals_old = [k for k in likeness if k[1] == j]
        if (i, j) == max(rivals_new, key=lambda k: (likeness[k], -_rank(rows, k[1]))) and (
            i,
            j,
        ) == max(rivals_old, key=lambda k: (likeness[k], -_rank(frame, k[0]))):
            pairs[i] = j
    return pairs


def living_index(rows: Any) -> list[int]:
    return [j for j, end in enumerate(rows["valid_to"]) if pd.isna(end)]


def _stamp(moment: Any) -> float:
    return float(pd.Timestamp(moment).timestamp())


def _rank(frame: Any, i: int) -> int:
    return sorted(frame["id"]).index(frame["id"][i])


def _shared(one: Any, other: Any) -> float:
    union = one.union(other).area
    return float(one.intersection(other).area / union) if one.intersects(other) else -1.0


def told(rows: Any, frame: Any, pairs: dict[int, int], sent: Sent) -> dict[str, Any]:
    """What a preview has to say, the plain way."""
    compared = [name for name in COMPARED if name not in sent.lacks]
    changed: dict[str, int] = {}
    changed_rows = set()
    for i, j in pairs.items():
        for name in (*compared, "community"):
            if _differs(frame, i, rows, j, name):
                changed[name] = changed.get(name, 0) + 1
                changed_rows.add(i)
    back = {i for i, j in pairs.items() if not pd.isna(rows["valid_to"][j])}
    here = {_letter(COMMUNITIES, shape) for shape in frame.geometry} - {None}
    here |= {_letter(COMMUNITIES, rows.geometry[j]) for j in pairs.values()} - {None}
    left = set(living_index(rows)) - set(pairs.values())
    if sent.reach == "none":
        left = set()
    elif sent.reach == "auto":
        left = {j for j in left if _letter(COMMUNITIES, rows.geometry[j]) in here}
    return {
        "added": len(frame) - len(pairs),
        "returned": len(back),
        "changed": len(changed_rows - back),
        "removed": {rows["id"][j] for j in left},
        "fields": {name: n for name, n in changed.items() if name != "community"},
    }


def _differs(frame: Any, i: int, rows: Any, j: int, name: str) -> bool:
    if name == "geometry":
        return bool(frame.geometry[i].hausdorff_distance(rows.geometry[j]) > 1e-8)
    if name == "community":
        ways = (_letter(COMMUNITIES, one) for one in (frame.geometry[i], rows.geometry[j]))
        return len(set(ways)) == 2
    return bool(frame[name][i] != rows[name][j])


def flows_of(
    rows: Any, frame: Any, pairs: dict[int, int], gone: set[str], sent: Sent, grid_of: Any
) -> dict[str | None, int]:
    """The change of households of each grid, the plain way."""
    change: dict[str | None, int] = {}

    def add(grid: str | None, households: int) -> None:
        change[grid] = change.get(grid, 0) + households

    for i in range(len(frame)):
        j = pairs.get(i)
        new = int(frame["households"][i])
        if j is not None and "households" in sent.lacks:
            new = int(rows["households"][j])
        lives = j is not None and pd.isna(rows["valid_to"][j])
        grid = _letter(GRIDS, frame.geometry[i])
        if lives:
            member = grid_of.get(rows["id"][j])
            add(member, -int(rows["households"][j]))
            moved = _differs(frame, i, rows, j, "geometry")
            grid = grid if moved or member is None else member
        add(grid, new)
    for j, one in enumerate(rows["id"]):
        if one in gone:
            add(grid_of.get(one), -int(rows["households"][j]))
    return {grid: n for grid, n in change.items() if n}


@pytest.mark.slow
@settings(
    max_examples=8,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # an example that fails is small enough to read
)
@given(st.lists(deliveries, min_size=1, max_size=3))
def test_any_deliveries_are_told_done_and_undone(
    town_session: Session, scope: Scope, several: list[Sent]
):
    names = {grid_id("plan", letter): letter for letter in "abcde"}
    members = table_of(BuildingGrid)
    live = select(members.c.building_id, members.c.grid_id).where(
        members.c.plan_id == key("plans", "plan")
    )
    grid_of = {one: names[grid] for one, grid in town_session.execute(live)}
    letters = grid_letters(town_session)
    states = []
    with town_session.begin_nested() as savepoint:
        for turn, sent in enumerate(several):
            rows = rows_of(town_session, scope)
            frame = deliver(rows, sent, turn)
            pairs = pairs_of(rows, frame)
            expected = told(rows, frame, pairs, sent)
            given_names = tuple(n for n in BUILDINGS.names if n not in {*sent.lacks, "valid_to"})
            order = DeliveryOrder("buildings", given=given_names, reach=sent.reach, as_of=TODAY)
            seen = preview_delivery(town_session, scope, order, [frame])
            counted = (seen.added, seen.returned, seen.changed, seen.removed)
            assert counted == (
                expected["added"],
                expected["returned"],
                expected["changed"],
                len(expected["removed"]),
            )
            fields = {k: n for k, n in seen.changed_fields.items() if k in COMPARED}
            assert fields == expected["fields"]
            wanted = flows_of(rows, frame, pairs, expected["removed"], sent, grid_of)
            flows = {
                letters.get(f.code): f.households_after - (f.households_before or 0)
                for f in seen.grids
            }
            assert {grid: n for grid, n in flows.items() if n} == wanted
            states.append(everything(town_session))
            done = apply_delivery(
                town_session, scope, order, [frame], name="d", fingerprint=str(turn)
            )
            if done.number is None:
                states.pop()
                continue
            now = living(rows_of(town_session, scope)).set_index("id")
            keys = {
                rows["id"][pairs[i]] if i in pairs else one for i, one in enumerate(frame["id"])
            }
            stay = set(rows["id"][living_index(rows)]) - expected["removed"]
            assert set(now.index) == keys | stay
            again = preview_delivery(town_session, scope, order, [frame])
            assert again.nothing_to_do, again
        for before in reversed(states):
            undo_last_import(town_session, scope, "buildings")
            assert everything(town_session) == before
        savepoint.rollback()


def grid_letters(session: Session) -> dict[str, str]:
    """Letter of each grid of the plan in effect by its code."""
    from gis.layers.grids import Grid

    codes = session.execute(select(Grid.id, Grid.code).where(Grid.plan_id == key("plans", "plan")))
    names = {grid_id("plan", letter): letter for letter in "abcde"}
    return {code: names[one] for one, code in codes}
