"""Checks of columns: what a file says of opening hours is read before anything is stored."""

import pandas as pd
import pytest

from gis.frames import STATION_SERVICES
from gis.ingest.checks import check_columns, typed_columns
from gis.ingest.rejects import Rejects
from gis.ingest.values import MendLog

pytestmark = pytest.mark.unit

_HOURS = ["Mo-Fr 08:00-20:00; PH off", None, "whenever", "Mo 25:00-26:00", "Fr 22:00-25:00"]


@pytest.mark.parametrize("field", ["opening_hours", "delivery_hours"])
@pytest.mark.parametrize("checked", [True, False])
def test_hours_that_do_not_read_are_refused_row_by_row(field: str, *, checked: bool):
    columns = pd.DataFrame(
        {
            "station_id": ["6f1d9a52-8a43-5d0b-9d9e-0f5c2f3c9a10"] * 5,
            "service": ["canteen", "affairs", "health", "police", "property"],
            field: _HOURS,
        }
    )
    rejects = Rejects()
    (check_columns if checked else typed_columns)(columns, STATION_SERVICES, rejects, MendLog())
    found = rejects.frame()
    assert list(found["row"]) == [3, 4]
    assert set(found["field"]) == {field}
    assert "nothing begins after 24:00" in found["reason"][1]
    assert "opening_hours" in found["remedy"][0]
