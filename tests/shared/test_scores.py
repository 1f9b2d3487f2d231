"""What the scorer says survives the broker, and anything else is junk."""

import pytest

from shared.contracts import Series
from shared.errors import JunkError
from shared.names import Names
from shared.scores import (
    Bucket,
    Drift,
    FeatureDrift,
    HeadScore,
    Message,
    RegimeScore,
    RuleScore,
    Score,
    commands,
    read_message,
)
from shared.testing import broker_under_test

SERIES = Series("EUR|USD", "M15")
HEAD = HeadScore(
    horizon=1, candles=4, accuracy=0.5, persistence=0.75, log_loss=0.6, brier=0.4, ece=0.1,
    buckets=(Bucket(low=0.6, high=0.7, candles=4, mean=0.65, hit_rate=0.5),),
)  # fmt: skip
SCORE = Score(
    series=SERIES.key, symbol=SERIES.symbol, timeframe=SERIES.timeframe, bundle="reference", role="champion",
    at_ms=9, first=1, last=4, candles=4, learned=1, missed=0, taught=True, heads={"buy": HEAD},
    regimes={"RANGE": RegimeScore(candles=4, accuracy={"buy": 0.5}, persistence={"buy": 0.75}, brier={"buy": 0.4})},
    rule=RuleScore(
        name="expected_value", trades=0, hit_rate=None, total_return=0.0, log_equity=0.0, mean_trade_bps=None,
        cost_bps=1,
    ),
)  # fmt: skip
DRIFT = Drift(
    series=SERIES.key, symbol=SERIES.symbol, timeframe=SERIES.timeframe, bundle="reference", at_ms=9, rows=500,
    drifting=True, since_ms=8, why="volatility", families={"volatility": 1.5},
    features=(FeatureDrift(name="natr_14", family="volatility", psi=1.0, ks=0.5, strength=1.5),),
    log_loss=None, log_loss_change=False,
)  # fmt: skip


@pytest.mark.parametrize("message", [SCORE, DRIFT], ids=["score", "drift"])
def test_a_message_reaches_whoever_reads_the_log_or_the_newest(message: Message) -> None:
    names, p = Names(), SERIES.partition
    with broker_under_test() as broker:
        for command in commands(names, p, message):
            broker.client.execute_command(*command)
        [[_, flat]] = broker.client.execute_command("XRANGE", names.scores(p), "-", "+")
        assert read_message(flat[1].decode(), flat[3]) == message
        newest = broker.client.hgetall(names.latest_scores(p))
        assert [read_message(field.decode().split()[0], text) for field, text in newest.items()] == [message]


@pytest.mark.parametrize(("kind", "text"), [("score", "{}"), ("score", "no json"), ("other", SCORE.model_dump_json())])
def test_what_is_no_message_is_junk(kind: str, text: str) -> None:
    with pytest.raises(JunkError, match="scores"):
        read_message(kind, text)
