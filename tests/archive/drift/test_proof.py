"""On real markets too, usual rows raise no drift and a shifted family does."""

from pathlib import Path

import pytest

from archive.drift.proof import prove
from inference_worker.bundle import Bundle
from inference_worker.service import bundle_folder
from producer.sample import sample_candles
from shared.contracts import Series
from shared.errors import InputError
from shared.settings.groups import Settings
from trainer.files import read_spec
from trainer.histories import History
from trainer.request import CsvSpec


def test_limits_hold_on_a_market_of_the_reference_bundle(market_data: Path) -> None:
    spec = CsvSpec(market_data / "EURUSD_M15_mt4_2019-2021.csv", "EURUSD", "M15", "broker-eu")
    found = prove(Bundle.load(bundle_folder(Settings())), [read_spec(spec)[0]], 0)
    assert found.holds, found


def test_a_history_of_another_series_is_refused() -> None:
    history = History(Series("OTHER", "M15"), sample_candles(700, "M15", 1), "UTC", "0" * 64)
    with pytest.raises(InputError, match="none of the bundle's series"):
        prove(Bundle.load(bundle_folder(Settings())), [history], 0)
