"""Machine code where it can be kept on disk, and where it cannot."""

import pytest

from gis.districting.compiled import compiled, compiled_loop

pytestmark = pytest.mark.geometry


@pytest.mark.parametrize("how", [compiled, compiled_loop])
def test_what_cannot_be_kept_is_compiled_all_the_same(how):
    made: dict = {}
    exec("def twice(x):\n    return 2 * x\n", made)  # noqa: S102 - a function that no file holds
    assert how(made["twice"])(21) == 42
