"""Real exports of many kinds, against what an independent reader found in them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from producer.exports.export import Export
from shared.errors import FormatError

REFUSED = {
    "tradingview_DATE_ONLY_intraday_DUPLICATES.csv": "repeats",
}
JUNK_ROWS = {"mt5_noheader_junk_prefix.csv": 1}  # the other reader counts it


def test_every_real_sample_is_read_right_or_refused_with_its_reason(market_data: Path) -> None:
    found = json.loads((market_data / "formats.json").read_text())
    for path in sorted((market_data / "formats").iterdir()):
        if path.name in REFUSED:
            with pytest.raises(FormatError, match=REFUSED[path.name]):
                Export(path)
            continue
        export = Export(path)
        candles = np.concatenate([block.candles for block in export.blocks()])
        truth = found.get(path.name)
        if truth is None:
            assert len(candles) > 1_000, path.name
            continue
        first, last = (candles[-1], candles[0]) if export.layout.descending else (candles[0], candles[-1])
        assert len(candles) == truth["rows"] - JUNK_ROWS.get(path.name, 0), path.name
        assert export.tally.total == JUNK_ROWS.get(path.name, 0), path.name
        for candle, key in ((first, "first"), (last, "last")):
            moment = datetime.fromisoformat(truth[key])
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            assert candle["t"] == moment.timestamp() * 1000, path.name
            assert [candle[name] for name in "ohlc"] == truth[f"{key}_ohlc"], path.name


def test_the_sign_of_a_day_first_broker_file_is_utc_plus_two_or_three(market_data: Path) -> None:
    """Weeks of FX begin on Sunday evening in UTC once the broker's clock is taken off."""
    from producer.history import read_history

    candles = read_history(market_data / "EURUSD_M15_mt4_2019-2021.csv", "M15", "broker-eu").candles
    assert len(candles) == 65_000
    after_weekend = candles["t"][1:][np.diff(candles["t"]) > 40 * 3_600_000]
    weekdays = (after_weekend // 86_400_000 + 4) % 7  # Sunday is 0
    assert np.mean(weekdays == 0) > 0.9
