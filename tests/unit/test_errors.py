"""Errors keep what they say between processes."""

from copy import copy

import pandas as pd
import pytest

from gis.database.copying import UnfitValueError
from gis.errors import InfeasiblePlanError, InvalidInputError, WanggeError
from gis.ingest.rejects import RejectedRowsError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("family", [WanggeError, InvalidInputError, InfeasiblePlanError])
def test_an_error_of_a_worker_reaches_the_caller_as_it_was(family):
    prove(family("Row 7 has no grid.", remedy="Give it one.", field="grid", row=7))


def test_so_does_one_that_is_made_from_other_facts():
    prove(UnfitValueError(6, "grid", "x", "whole number"))
    rows = pd.DataFrame({"row": [7]})
    again = prove(RejectedRowsError("Row 7 has no grid.", rows, field="grid"))
    assert again.rejects.equals(rows)


def prove(error):
    """Prove that what an error is taken apart to makes it again; copying goes the way of pickle."""
    again = copy(error)
    assert type(again) is type(error)
    assert (again.args, str(again)) == (error.args, str(error))
    assert (again.message, again.remedy) == (error.message, error.remedy)
    assert dict(again.context) == dict(error.context)
    return again
