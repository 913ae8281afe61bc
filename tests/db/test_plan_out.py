"""Plans out of the store: to files, and to whoever may see a part of the ground."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.errors import InvalidInputError
from gis.scope import Action, Scope
from gis.services.exporting import ExportOrder, export_layers
from gis.services.plan_exporting import layers_of_plan
from gis.services.plan_measuring import compare_plans, measure_plan
from tests.db.planning import TOWN_PLAN
from tests.town import CODE_OF, key

pytestmark = pytest.mark.db


def test_a_plan_goes_out_with_measures_and_memberships(
    town_factory: sessionmaker[Session], scope: Scope, draft: str, tmp_path: Path
):
    path = tmp_path / "plan.gpkg"
    order = ExportOrder(layers_of_plan(path), path, plan=draft)
    with transaction(town_factory) as session:
        report = export_layers(session, scope, order)
        measured = measure_plan(session, scope, draft).table().set_index("grid_id")
    grids = pyogrio.read_dataframe(path, layer="grids").set_index("id")
    assert grids.crs.to_epsg() == 4326
    assert grids["households"].to_dict() == measured["households"].to_dict()
    rows = pyogrio.read_dataframe(path, layer="grid_measures").set_index("grid_id")
    assert report.rows["grid_measures"] == len(grids)
    assert np.allclose(rows["polsby_popper"], measured["polsby_popper"].loc[rows.index])
    members = pyogrio.read_dataframe(path, layer="building_grids")
    assert set(members["grid_id"]) <= set(grids.index)
    assert layers_of_plan(tmp_path / "plan.geojson") == ("grids",)


def test_grids_go_out_with_fewer_vertices_and_still_tile(
    town_factory: sessionmaker[Session], scope: Scope, draft: str, tmp_path: Path
):
    found = {}
    for tolerance_m in (None, 5.0):
        path = tmp_path / f"{tolerance_m}.gpkg"
        order = ExportOrder(("grids",), path, plan=draft, simplify_m=tolerance_m)
        with transaction(town_factory) as session:
            export_layers(session, scope, order)
        found[tolerance_m] = (
            pyogrio.read_dataframe(path, layer="grids").set_index("id").sort_index()
        )
    whole, light = found[None], found[5.0]
    assert light.drop(columns="geometry").equals(whole.drop(columns="geometry"))
    assert shapely.coverage_is_valid(light.geometry.to_numpy())
    vertices = [shapely.get_num_coordinates(f.geometry.to_numpy()).sum() for f in (whole, light)]
    assert vertices[1] < vertices[0]
    part = replace(order, community=CODE_OF["A"])
    with (
        transaction(town_factory) as session,
        pytest.raises(InvalidInputError, match="whole plan"),
    ):
        export_layers(session, scope, part)


def test_a_principal_of_one_community_measures_and_compares_that_one(
    town_session: Session, scope: Scope
):
    home = key("communities", "A")
    local = Scope("one", frozenset({Action.READ}), frozenset({home}))
    measured = measure_plan(town_session, local, TOWN_PLAN)
    assert set(measured.plan.grids["community_id"]) == {home}
    whole = measure_plan(town_session, scope, TOWN_PLAN).table()
    own = measured.table()
    same = whole[whole["community_code"] == CODE_OF["A"]].reset_index(drop=True)
    assert own["households"].tolist() == same["households"].tolist()
    found = compare_plans(town_session, local, key("plans", "old"), TOWN_PLAN)
    assert found.comparison.households_compared == int(own["households"].sum())
