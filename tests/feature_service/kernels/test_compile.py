"""Kernels are kept on disk, and work where nothing can be kept."""

import numpy as np
import pytest
from numba.core.caching import CacheImpl
from structlog.testing import capture_logs

from feature_service.kernels.compile import _tell_not_kept, entry_point
from feature_service.kernels.windows import ratio


def half(whole: np.ndarray) -> float:
    return ratio(whole[0], 2.0)


def test_an_entry_point_is_kept_on_disk() -> None:
    assert entry_point(half)._cache.cache_path


def test_where_no_folder_can_be_written_kernels_are_compiled_in_memory_and_the_log_says_so_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Numba refuses to decorate a function that it cannot cache: a service would not even start."""
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    _tell_not_kept.cache_clear()
    with capture_logs() as events:
        compiled = [entry_point(half), entry_point(half)]
    assert [function(np.array([3.0])) for function in compiled] == [1.5, 1.5]
    assert [(event["event"], "NUMBA_CACHE_DIR" in event["mend"]) for event in events] == [("kernels_not_kept", True)]
