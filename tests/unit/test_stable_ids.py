"""Ids derived from a source are those of uuid.uuid5, whatever the source's ids look like."""

from uuid import UUID, uuid5

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.frames import stable_ids
from gis.frames.contract import WANGGE_NAMESPACE

pytestmark = pytest.mark.unit

text = st.text(st.characters(codec="utf-8"), max_size=20)
keys = text | st.integers() | st.floats() | st.none() | st.integers(-9, 9).map(np.int64)


@given(dataset=text, layer=text, source_ids=st.lists(keys, max_size=20))
def test_they_are_uuids_of_version_5(dataset: str, layer: str, source_ids: list[object]):
    ids = stable_ids(dataset, layer, source_ids)
    assert ids == [
        str(uuid5(WANGGE_NAMESPACE, f"{dataset}\x1f{layer}\x1f{key}")) for key in source_ids
    ]
    assert all(UUID(key).version == 5 and str(UUID(key)) == key for key in ids)
    assert stable_ids(dataset, layer, iter(source_ids)) == ids
    assert len(set(ids)) == len({str(key) for key in source_ids})


def test_data_set_and_layer_tell_equal_ids_apart():
    ids = [stable_ids(*names, ["7"])[0] for names in (("a", "x"), ("a", "y"), ("b", "x"))]
    assert len(set(ids)) == 3
    # Stored rows are known by their ids: these must never become others.
    assert stable_ids("sample", "pois", ["7"]) == ["a92df2cd-08fb-5f29-ba67-1860bbdb6602"]
