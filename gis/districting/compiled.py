"""Machine code for the inner loops of districting, kept between runs."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function of arrays and numbers when it is first called, and keep the code on disk.

    The kept code is made anew when the module of the function changes, but not when another module
    does: compiled functions that call each other live in one module.

    Parameters
    ----------
    function
        A function that numba can compile. It lets other threads run while it works.
    """
    return cast("Function", numba.njit(cache=True, nogil=True)(function))


def compiled_loop(function: Function) -> Function:
    """Compile as :func:`compiled` does a function that makes no arrays, nor do those it calls.

    Its arrays belong to the caller for as long as it runs, so references to them are not counted:
    counting took a third of the time of the annealing.

    Parameters
    ----------
    function
        A function that numba can compile and that only changes the arrays it is given.
    """
    uncounted: dict[str, Any] = {"_nrt": False}
    machine = numba.njit(cache=True, nogil=True, error_model="numpy", **uncounted)
    return cast("Function", machine(function))
