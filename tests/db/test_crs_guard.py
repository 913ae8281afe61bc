"""The guard before the store: files in another system than they claim, through the real reader."""


import numpy as np
import pytest

from gis.errors import CrsMismatchError
from gis.geometry import shifts
from gis.geometry.source_crs import SourceCrs
from gis.services.guarding import guard_layer
from tests.town import COMMUNITIES, NORTH, STEP, WEST, squares

pytestmark = pytest.mark.db


def _filled(count: int = 400, seed: int = 3) -> np.ndarray:
    """Lon, lat of points all over the town."""
    ground = np.array(list(squares(COMMUNITIES)), dtype=float)
    rng = np.random.default_rng(seed)
    at = ground[rng.integers(len(ground), size=count)] + rng.uniform(0.05, 0.95, (count, 2))
    return np.column_stack([WEST + at[:, 0] * STEP, NORTH - at[:, 1] * STEP])


def test_what_lies_right_goes_in(town_session, scope):
    report = guard_layer(town_session, scope, "pois", _filled(), where="pois.csv")
    assert report.verdict.kind == "fits"
    assert "100% of the points lie inside the outline of the communities" in report.notes[0]


def test_web_map_degrees_are_refused_with_vector_cause_and_remedy(town_session, scope):
    shifted = np.column_stack(shifts.wgs84_to_gcj02(*_filled().T))
    declared = SourceCrs.parse("EPSG:4326", "pois.csv")
    with pytest.raises(CrsMismatchError) as caught:
        guard_layer(town_session, scope, "pois", shifted, where="pois.csv", declared=declared)
    said = str(caught.value)
    assert "pois.csv: it looks like GCJ-02 read as WGS-84: 57" in said
    assert "m east-south-east" in said
    assert "Declare it with --crs gcj02." in said
    context = caught.value.context
    assert context["cause"] == "gcj02_as_wgs84"
    assert context["length_m"] == pytest.approx(572, abs=10)


def test_a_layer_outside_goes_in_with_a_reason_that_is_kept(town_session, scope):
    shifted = np.column_stack(shifts.wgs84_to_gcj02(*_filled().T))
    reason = "the new community east of the river"
    report = guard_layer(
        town_session, scope, "pois", shifted, where="pois.csv", accept_shift=reason
    )
    assert report.accepted_because == reason
    assert report.verdict.cause == "gcj02_as_wgs84"
    assert report.notes[-1] == f"let pass all the same, because: {reason}"
    assert report.as_json()["accepted_because"] == reason


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_empty_reason_is_none(town_session, scope, reason):
    shifted = np.column_stack(shifts.wgs84_to_gcj02(*_filled().T))
    with pytest.raises(CrsMismatchError, match="GCJ-02"):
        guard_layer(town_session, scope, "pois", shifted, where="pois.csv", accept_shift=reason)


def test_an_empty_store_has_nothing_to_compare_with_and_says_so(session, scope):
    report = guard_layer(session, scope, "pois", _filled(), where="pois.csv")
    assert report.verdict.kind == "nothing_to_compare"
    assert report.notes[0] == "There is nothing to compare the layer with."
