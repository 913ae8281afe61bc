"""The audit of the store: what is found is kept, and what is mended can be undone."""

import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner, Result

from cli.main import app
from gis import frames
from gis.database.base import Base
from gis.database.engine import make_engine, session_factory, transaction
from gis.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from gis.frames import stable_ids
from gis.layers import findings, history, imports
from gis.layers.buildings import Building
from gis.layers.communities import Community
from gis.layers.findings import AuditFinding
from gis.layers.queries import Window, alive, insert_layer, read_layer, table_of
from gis.layers.stations import Station
from gis.scope import Action, Scope
from gis.services.auditing import AuditReport, Touching, fix_ground, preview_fix, run_audit
from gis.services.importing import import_dataset
from gis.services.undoing import undo_last_import
from gis.settings import get_settings
from tests.town import CODE_OF, STEP, key, lon_lat, square

pytestmark = pytest.mark.db

DAY = date(2026, 5, 1)
#: Degrees of a metre east, about, in the town.
METRE = STEP / 94.6


def redraw(session: Session, model: type[Base], row_id: str, shape: shapely.Geometry) -> None:
    multi = shape if shape.geom_type == "MultiPolygon" else shapely.MultiPolygon([shape])
    session.execute(
        update(table_of(model))
        .where(table_of(model).c.id == row_id)
        .values(geometry=from_shape(multi, srid=4326))
    )


def community(first: float, last: float) -> shapely.Polygon:
    """Return the ground from one column of squares to another, outer ring counter-clockwise."""
    west, north = lon_lat(first, 0)
    east, south = lon_lat(last, 4)
    return shapely.orient_polygons(shapely.box(west, south, east, north))


def overlapping(session: Session, metres: float) -> None:
    redraw(session, Community, key("communities", "B"), community(4 - metres * METRE / STEP, 8))


def audit(session: Session, scope: Scope, **more: object) -> AuditReport:
    return run_audit(session, scope, on_day=DAY, **more)


def test_the_town_has_no_error_of_its_ground(town_session: Session, scope: Scope):
    report = audit(town_session, scope)
    assert report.crs == "EPSG:4548"
    tolerated = {"ring_order", "grid_without_post", "code_collision", "sliver"}
    assert set(report.counts) <= tolerated, report.table()
    assert report.findings.of("code_collision").empty, report.findings.of("code_collision").detail


def test_a_station_in_a_river_of_the_store_is_found(town_session: Session, scope: Scope):
    stations = table_of(Station)
    hub = stations.c.id == key("stations", "Hub")
    place = to_shape(town_session.execute(select(stations.c.geometry).where(hub)).scalar_one())
    bed = shapely.LineString([(place.x, place.y - STEP), (place.x, place.y + STEP)])
    river = gpd.GeoDataFrame(
        {"id": [key("barriers", "river")], "barrier_class": "river"}, geometry=[bed], crs=4326
    )
    import_dataset(
        town_session,
        scope,
        frames.Dataset("river", "", {"barriers": frames.BARRIERS.conform(river)}),
    )
    report = audit(town_session, scope, touching=Touching({"barriers"}))
    (found,) = report.findings.of("station_on_barrier").to_dict("records")
    assert found["row_ids"] == [key("stations", "Hub")]
    assert found["detail"]["what"] == "on_river"


def test_an_overlap_of_3_m_is_found_kept_and_read_again(town_session: Session, scope: Scope):
    overlapping(town_session, 3)
    report = audit(town_session, scope)
    assert report.errors >= 1
    [row] = report.findings.of("overlap_between_communities").itertuples()
    assert row.size_m2 == pytest.approx(3 * 443.6, rel=0.02)
    assert row.detail["codes"] == [CODE_OF["A"], CODE_OF["B"]]
    run = findings.one_run(town_session, scope, report.run_id)
    assert run.counts == report.counts
    assert run.options["sliver_width_m"] == 0.05
    page = findings.page_findings(town_session, scope, report.run_id, Window(1000))
    assert len(page.rows) == len(report.findings)
    assert [r.kind for r in page.rows] == report.findings.frame["kind"].tolist()
    kept = next(r for r in page.rows if r.kind == "overlap_between_communities")
    assert kept.row_ids == sorted([key("communities", "A"), key("communities", "B")], key=str) or (
        set(kept.row_ids) == {key("communities", "A"), key("communities", "B")}
    )
    assert kept.size_m2 == pytest.approx(row.size_m2)
    assert '"MultiPolygon"' in kept.geometry
    only = findings.page_findings(
        town_session, scope, report.run_id, Window(1000), kind="overlap_between_communities"
    )
    assert [r.id for r in only.rows] == [kept.id]
    none = findings.page_findings(
        town_session, scope, report.run_id, Window(9, bbox=(0.0, 0.0, 1.0, 1.0))
    )
    assert none.rows == []


def test_pages_of_findings_follow_each_other(town_session: Session, scope: Scope):
    overlapping(town_session, 3)
    add_copies(town_session, scope, 3)
    run = audit(town_session, scope).run_id
    seen, after = [], None
    while True:
        page = findings.page_findings(town_session, scope, run, Window(1, after))
        seen += [row.id for row in page.rows]
        after = page.next_after
        if after is None:
            break
    everything = select(AuditFinding.id).where(AuditFinding.run_id == run).order_by(AuditFinding.id)
    assert seen == list(town_session.execute(everything).scalars())
    assert len(seen) > 2


def test_an_invalid_ring_in_the_store_is_found_and_not_stumbled_over(
    town_session: Session, scope: Scope
):
    west, north = lon_lat(0.3, 0.3)
    east, south = lon_lat(0.7, 0.7)
    bow = shapely.Polygon([(west, north), (east, south), (east, north), (west, south)])
    redraw(town_session, Building, key("buildings", "0,0"), bow)
    report = audit(town_session, scope)
    [row] = report.findings.of("invalid_ring").itertuples()
    assert row.row_ids == [key("buildings", "0,0")]


def add_copies(session: Session, scope: Scope, count: int, **facts: object) -> list[str]:
    """Put copies of a footprint on one spot into the store."""
    ids = stable_ids("copies", "buildings", range(count))
    rows = [{"id": one, "community_id": key("communities", "A")} | facts for one in ids]
    shape = shapely.MultiPolygon([shapely.orient_polygons(square(1, 0, inset=0.4))])
    frame = gpd.GeoDataFrame(rows, geometry=[shape] * count, crs=4326)
    insert_layer(session, scope, Building, frames.BUILDINGS.conform(frame))
    return ids


def test_500_buildings_on_one_spot_are_one_finding(town_session: Session, scope: Scope):
    ids = add_copies(town_session, scope, 500, households=2)
    report = audit(town_session, scope, touching=Touching(layers={"buildings"}))
    [row] = report.findings.of("building_duplicated").itertuples()
    assert sorted(row.row_ids) == sorted(ids)
    assert row.detail["households"] == 1000


def test_only_what_was_touched_is_audited(town_session: Session, scope: Scope):
    overlapping(town_session, 3)
    add_copies(town_session, scope, 2)
    assert set(audit(town_session, scope, touching=Touching({"buildings"})).counts) <= {
        "building_duplicated",
        "ring_order",
    }
    there = Touching(communities=[key("communities", "C")])
    assert "overlap_between_communities" not in audit(town_session, scope, touching=there).counts
    there = Touching(communities=[key("communities", "A")])
    counts = audit(town_session, scope, touching=there).counts
    assert counts["overlap_between_communities"] == 1
    assert counts["building_duplicated"] == 1
    with pytest.raises(InvalidInputError, match="No layer is called lanes"):
        audit(town_session, scope, touching=Touching({"lanes"}))


def test_an_empty_store_has_no_finding(session: Session, scope: Scope):
    report = audit(session, scope)
    assert (report.counts, report.crs) == ({}, None)
    fixed = fix_ground(session, scope, on_day=DAY)
    assert (fixed.number, fixed.rows) == (None, {})
    assert [row.id for row in findings.newest_runs(session, scope, 5)] == [report.run_id]


def test_an_audit_is_of_the_ground_of_who_audits(town_session: Session):
    reader = Scope("reader", frozenset({Action.READ}), None)
    with pytest.raises(ForbiddenError):
        audit(town_session, reader)
    with pytest.raises(ForbiddenError):
        fix_ground(town_session, reader)
    local = Scope("local", frozenset(Action), frozenset({key("communities", "A")}))
    everywhere = Scope.local_owner()
    whole = audit(town_session, everywhere).run_id
    own = audit(town_session, local).run_id
    with pytest.raises(ForbiddenError):
        fix_ground(town_session, local)
    assert [run.id for run in findings.newest_runs(town_session, local, 10)] == [own]
    assert [run.id for run in findings.newest_runs(town_session, everywhere, 10)] == [whole]
    other = Scope("other", frozenset(Action), frozenset({key("communities", "B")}))
    for foreign in (whole, own):
        with pytest.raises(NotFoundError):
            findings.one_run(town_session, other, foreign)
    with pytest.raises(NotFoundError):
        findings.one_run(town_session, Scope.local_owner(), key("communities", "A"))


def images(session: Session, model: type[Base]) -> dict[str, dict[str, Any]]:
    """Return every row of a layer as it could be restored, by key."""
    table = table_of(model)
    asked = select(table.c.id, history.before_image(table)).order_by(table.c.id)
    return {row[0]: row[1] for row in session.execute(asked)}


def test_mends_are_one_import_that_undo_takes_back(town_session: Session, scope: Scope):
    copies = add_copies(town_session, scope, 3)
    overlapping(town_session, 0.02)
    before = images(town_session, Building), images(town_session, Community)
    report = fix_ground(town_session, scope, on_day=DAY)
    assert report.number is not None
    # The town's own rings run clockwise, so most rows change.
    assert set(report.rows) == {"buildings", "communities"}
    assert report.mending.before.counts["building_duplicated"] == 1
    assert set(report.mending.after.counts) <= {"grid_without_post"}
    assert set(audit(town_session, scope).counts) <= {"grid_without_post"}
    living = read_layer(town_session, scope, Building, frames.BUILDINGS, alive(Building))
    assert len(set(living["id"]) & set(copies)) == 3 - 2
    record = town_session.execute(
        select(imports.ImportRecord).where(imports.ImportRecord.number == report.number)
    ).scalar_one()
    assert (record.mode, record.rows) == ("fix", dict(report.rows))
    assert record.report["after"] == report.mending.after.counts

    undone = undo_last_import(town_session, scope, "communities")
    assert undone.number == report.number
    assert sum(undone.deleted.values()) == 0
    now = images(town_session, Building), images(town_session, Community)
    # Undoing forgets which cells are up to date; everything else is as it was.
    for row in (*before[1].values(), *now[1].values()):
        row.pop("data_version")
    assert now == before


def test_mending_twice_changes_nothing_more(town_session: Session, scope: Scope):
    overlapping(town_session, 0.02)
    assert fix_ground(town_session, scope, on_day=DAY).number is not None
    assert fix_ground(town_session, scope, on_day=DAY).number is None


def test_an_overlap_of_3_m_is_not_mended(town_session: Session, scope: Scope):
    overlapping(town_session, 3)
    fix_ground(town_session, scope, on_day=DAY)
    report = fix_ground(town_session, scope, on_day=DAY)
    assert report.number is None
    assert report.mending.after.counts["overlap_between_communities"] == 1


def test_a_preview_writes_nothing(town_session: Session, scope: Scope):
    add_copies(town_session, scope, 2)
    before = images(town_session, Building)
    mending = preview_fix(town_session, scope, on_day=DAY)
    assert "building_duplicated" in {kind for mend in mending.mends for kind in mend.kinds}
    assert images(town_session, Building) == before


def test_two_cannot_mend_at_once(town_factory: "sessionmaker[Session]", scope: Scope):
    with transaction(town_factory) as first, transaction(town_factory) as second:
        fix_ground(first, scope, on_day=DAY)
        with pytest.raises(ConflictError, match="being mended"):
            fix_ground(second, scope, on_day=DAY)


def test_a_committed_mend_keeps_every_plan(town_factory: "sessionmaker[Session]", scope: Scope):
    with transaction(town_factory) as session:
        add_copies(session, scope, 2)
        grids = "SELECT count(*) FROM building_grids"
        had = session.connection().exec_driver_sql(grids).scalar_one()
    with transaction(town_factory) as session:
        report = fix_ground(session, scope, on_day=DAY)
        reasons = {m.reason for plan in report.unfit_plans for m in plan.misfits}
        # The copy that is left came without a grid; turned rings are no other shape.
        assert reasons == {"buildings_without_grid"}
    with transaction(town_factory) as session:
        assert session.connection().exec_driver_sql(grids).scalar_one() == had
        kept = session.execute(
            select(func.count()).select_from(table_of(imports.RowHistory))
        ).scalar_one()
        assert kept == sum(report.rows.values())


def test_the_table_has_counts_ids_and_sizes(town_session: Session, scope: Scope):
    overlapping(town_session, 3)
    table = audit(town_session, scope).table()
    assert isinstance(table, pd.DataFrame)
    [row] = table[table["kind"] == "overlap_between_communities"].itertuples()
    assert (row.count, row.rows) != (0, 0)
    assert row.size_m2 == pytest.approx(3 * 443.6, rel=0.02)
    assert len(row.ids) == 2


# ---- the command line --------------------------------------------------------------------------


@pytest.fixture
def command(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Result]]:
    """Return a function that runs ``wangge audit`` on a town with an overlap and copies."""
    url = new_database("town")
    engine = make_engine(url)
    with transaction(session_factory(engine)) as session:
        overlapping(session, 3)
        add_copies(session, Scope.local_owner(), 3)
    engine.dispose()
    monkeypatch.setenv("DATABASE_URL", url)
    get_settings.cache_clear()
    yield lambda *words, text=None: CliRunner().invoke(app, ["audit", *words], input=text)
    get_settings.cache_clear()


@pytest.mark.slow
def test_the_command_shows_a_table_and_exits_1_for_errors(
    command: Callable[..., Result], tmp_path: Path
):
    html, package = tmp_path / "findings.html", tmp_path / "findings.gpkg"
    answer = command("--html", str(html), "--rejects", str(package), "--language", "en")
    assert answer.exit_code == 1, answer.output
    assert "Overlap between communities" in answer.stdout
    assert "Building more than once" in answer.stdout
    assert key("communities", "A")[:8] in answer.stdout
    assert answer.stdout.splitlines()[-1].startswith("Audit ")
    assert '<html lang="en">' in html.read_text(encoding="utf-8")
    frame = pyogrio.read_dataframe(package)
    assert "overlap_between_communities" in set(frame["kind"])
    assert frame.loc[frame["kind"] == "building_duplicated", "row_ids"].iloc[0].count("; ") == 2


@pytest.mark.slow
def test_fix_shows_what_it_would_do_and_asks(command: Callable[..., Result]):
    refused = command("--fix", text="n\n")
    assert refused.exit_code != 0
    assert "Building more than once" in refused.stdout
    assert "Mended as import" not in refused.stdout
    done = command("--fix", text="y\n")
    assert "Mended as import" in done.stdout
    # The overlap is not mended: it is for people to decide.
    assert done.exit_code == 1
    assert "There is nothing that can be mended safely." in command("--fix", "--yes").stdout


def test_a_ground_without_errors_exits_0(command: Callable[..., Result]):
    url = os.environ["DATABASE_URL"]
    engine = make_engine(url)
    with transaction(session_factory(engine)) as session:
        redraw(session, Community, key("communities", "B"), community(4, 8))
    engine.dispose()
    assert command("--fix", "--yes").exit_code == 0
    plan = command("--plan", key("communities", "A"))
    assert plan.exit_code == 1
    assert "There is no" in plan.stderr
