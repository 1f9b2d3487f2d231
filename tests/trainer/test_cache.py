"""A cache gives back what was put, forgets the oldest, and never trusts a damaged entry."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from shared.errors import TrainingError
from shared.settings.learning import CacheSettings
from trainer import cache
from trainer.cache import LessonCache, entry_key, open_cache


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    one = LessonCache(tmp_path / "deep" / "er")
    assert one.get("a") is None
    one.put("a", {"x": np.arange(5, dtype=np.int8), "y": np.ones((2, 3), np.float32)})
    found = LessonCache(tmp_path / "deep" / "er").get("a")
    assert found is not None
    np.testing.assert_array_equal(found["x"], np.arange(5))
    assert found["y"].dtype == np.float32


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 half a zip"])
def test_a_damaged_entry_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    assert LessonCache(tmp_path).get("a") is None


def test_nothing_pickled_is_ever_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([print], dtype=object))
    assert LessonCache(tmp_path).get("a") is None


def test_the_least_recently_used_entries_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "ENTRIES_MAX", 2)
    one = LessonCache(tmp_path)
    for age, key in enumerate("abc"):
        one.put(key, {"x": np.zeros(1)})
        os.utime(tmp_path / f"{key}.npz", ns=(age, age))
    one.put("d", {"x": np.zeros(1)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.npz", "d.npz"]


def test_runs_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import numpy as np; from trainer import cache; cache.ENTRIES_MAX = 3\n"
        "one = cache.LessonCache(Path(sys.argv[1]))\n"
        "for turn in range(60):\n"
        "    one.put(str(turn % 5), {'x': np.full(1000, turn % 5)})\n"
        "    found = one.get(str((turn + 2) % 5))\n"
        "    assert found is None or (found['x'] == (turn + 2) % 5).all()\n"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    assert not list(tmp_path.glob("*.part"))


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match=r"cache\.folder"):
        open_cache(CacheSettings(folder=str(tmp_path / "file")))
    assert open_cache(CacheSettings()) is None


def test_a_key_names_its_parts_and_their_borders(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {entry_key(b"ab", b"c"), entry_key(b"a", b"bc"), entry_key(b"abc")}
    monkeypatch.setattr(cache, "_sources", lambda: b"other code")
    assert len({*keys, entry_key(b"abc")}) == 4
