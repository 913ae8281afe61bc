"""Machine code for the inner loops, kept between runs."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function of arrays and numbers when it is first called, and keep the code on disk.

    The kept code is made anew when the module of the function changes, but not when another module
    does: compiled functions that call each other live in one module. Where nothing can be written
    beside the package or in the user's cache, the code is made in each process.

    Parameters
    ----------
    function
        A function that numba can compile. It lets other threads run while it works.
    """
    return _machine(function)


def compiled_loop(function: Function) -> Function:
    """Compile as :func:`compiled` does a function that makes no arrays, nor do those it calls.

    Its arrays belong to the caller for as long as it runs, so references to them are not counted:
    counting took a third of the time of the annealing.

    Parameters
    ----------
    function
        A function that numba can compile and that only changes the arrays it is given.
    """
    return _machine(function, error_model="numpy", _nrt=False)


def _machine(function: Function, **options: Any) -> Function:  # noqa: ANN401 - numba's own options
    try:
        return cast("Function", numba.njit(cache=True, nogil=True, **options)(function))
    except RuntimeError:  # numba found no place to keep the code in
        return cast("Function", numba.njit(nogil=True, **options)(function))
