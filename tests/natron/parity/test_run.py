"""The real services and the trainer's path agree on a file, and a planted difference is found."""

import os
from pathlib import Path

import numpy as np
import pytest

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from natron.parity.run import ParityReport, ParityRequest, run_parity
from producer.sample import sample_candles, write_candles
from shared.contracts import WINDOW, Candles, Rows
from shared.errors import InputError
from shared.settings.groups import Settings

COUNT = 900


def parity(path: Path, planted: tuple[int, int] | None) -> ParityReport:
    def history_rows(candles: Candles) -> Rows:
        rows = compute_history(candles)
        if planted is not None:
            rows[planted] = np.nextafter(rows[planted], np.float32(np.inf))
        return rows

    write_candles(sample_candles(COUNT + 1, "H1", 3), path)
    with Path(os.devnull).open("wb") as output:
        return run_parity(
            ParityRequest(path, "EUR|USD", None, None), Settings(), output=output, history_rows=history_rows
        )


@pytest.mark.slow
@pytest.mark.parametrize("planted", [None, (700, 41)])
def test_services_and_trainer_agree_and_a_planted_difference_is_found(
    tmp_path: Path, planted: tuple[int, int] | None
) -> None:
    report = parity(tmp_path / "candles.csv", planted)
    assert (report.candles, report.rows, report.predictions) == (COUNT, COUNT, COUNT - WINDOW + 1)
    if planted is None:
        assert report.difference is None
    else:
        assert report.difference is not None
        assert (report.difference.kind, report.difference.name) == ("feature", FEATURE_SET.names[planted[1]])
        assert report.difference.n == planted[0] + 1


def test_a_file_without_a_whole_window_is_refused(tmp_path: Path) -> None:
    write_candles(sample_candles(WINDOW, "H1", 3), tmp_path / "short.csv")
    with pytest.raises(InputError, match=r"95 closed candles"):
        run_parity(ParityRequest(tmp_path / "short.csv", "X", None, None), Settings())
