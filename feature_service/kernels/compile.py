"""How kernels are compiled: typed, division as IEEE has it, no fastmath, no threads."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import structlog
from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(function: _Function) -> _Function:
    """Compile a part of a kernel. Not cached on disk: only entry points are (see ``entries``)."""
    return cast("_Function", njit(error_model="numpy")(function))


def entry_point(function: _Function) -> _Function:
    """Compile a kernel that Python calls; kept on disk between processes, runs without the GIL.

    Numba keeps it beside the source, else in the user's cache folder, or where ``NUMBA_CACHE_DIR`` says.
    Where it can write none of them, it is compiled anew in every process, and the log says so.
    """
    try:
        compiled = njit(error_model="numpy", cache=True, nogil=True)(function)
    except RuntimeError as error:  # what numba raises where it finds no folder
        _tell_not_kept(str(error).partition(":")[2].strip())
        compiled = njit(error_model="numpy", nogil=True)(function)
    return cast("_Function", compiled)


@cache
def _tell_not_kept(cause: str) -> None:
    mend = "let NUMBA_CACHE_DIR name a folder that can be written"
    structlog.get_logger().warning("kernels_not_kept", cause=cause, cost="half a minute a start", mend=mend)
