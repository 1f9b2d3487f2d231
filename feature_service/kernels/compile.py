"""How kernels are compiled: typed, division as IEEE has it, no fastmath, no threads."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(function: _Function) -> _Function:
    """Compile a part of a kernel. Not cached on disk: only entry points are (see ``entries``)."""
    return cast("_Function", njit(error_model="numpy")(function))


def entry_point(function: _Function) -> _Function:
    """Compile a kernel that Python calls; kept on disk between processes, runs without the GIL."""
    return cast("_Function", njit(error_model="numpy", cache=True, nogil=True)(function))
