"""Champion beside challenger: agreement over what both said, log-loss over what came true."""

import json

import numpy as np
import pytest
from sklearn.metrics import log_loss
from typer.testing import CliRunner

from inference_worker.bundle import HEADS
from inference_worker.comparison import compare
from natron.cli import app
from shared.codec import encode_outcome, encode_prediction
from shared.contracts import SCORED_HEADS, UNRESOLVED, Outcome, Prediction, Series
from shared.testing import BrokerUnderTest

SERIES = Series("EURUSD.r", "M15")
COUNT, RESOLVED = 40, 25


def drawn(bundle: str, n: int, random: np.random.Generator) -> Prediction:
    buy, sell, long_win, short_win, high = random.uniform(0.05, 0.95, 5).tolist()
    direction, regime = random.dirichlet(np.ones(3)), random.dirichlet(np.ones(6))
    return Prediction(
        SERIES, n * SERIES.width_ms, n, buy, sell, tuple(direction.tolist()), tuple(regime.tolist()),
        (long_win, short_win, high), (), 0, bundle, "ab" * 32, 0, 0, 0, 0,
    )  # fmt: skip


def shares(prediction: Prediction, head: str) -> list[float]:
    second = dict(zip(list(HEADS)[4:], prediction.outlook, strict=True))
    second |= {"buy": prediction.buy_prob, "sell": prediction.sell_prob}
    if head == "direction":
        return list(prediction.direction_probs)
    return list(prediction.regime_probs) if head == "regime" else [1 - second[head], second[head]]


@pytest.fixture
def logs(broker: BrokerUnderTest) -> tuple[list[Prediction], list[Prediction], list[Outcome]]:
    """Candles 101 to 140 of the champion, 96 to 135 of the challenger, the first 25 of the champion's resolved."""
    random, p = np.random.default_rng(3), SERIES.partition
    champion = [drawn("old", n, random) for n in range(101, 101 + COUNT)]
    shadow = [drawn("new", n, random) for n in range(96, 96 + COUNT)]
    outcomes = []
    for at, one in enumerate(champion[:RESOLVED]):
        labels = [int(random.integers(len(HEADS[head]))) for head in SCORED_HEADS]
        if at == 0:
            labels[SCORED_HEADS.index("regime")] = UNRESOLVED
        outcomes.append(Outcome(one, tuple(labels), tuple(labels), 0.0, 0.0))
    for one in champion:
        broker.client.xadd(broker.names.predictions(p), {b"m": encode_prediction(one)})
    broker.client.xadd(broker.names.predictions(p), {b"m": encode_prediction(drawn("older", 100, random))})
    for one in shadow:
        broker.client.xadd(broker.names.shadow(p, "new"), {b"m": encode_prediction(one)})
    for outcome in outcomes:
        broker.client.xadd(broker.names.outcomes(p), {b"m": encode_outcome(outcome)})
    broker.client.xadd(broker.names.outcomes(p), {b"m": b"rubbish"})
    return champion, shadow, outcomes


def test_log_loss_is_that_of_the_resolved_candles_that_both_predicted(
    broker: BrokerUnderTest, logs: tuple[list[Prediction], list[Prediction], list[Outcome]]
) -> None:
    champion, shadow, outcomes = logs
    found = compare(broker.client, broker.names, "old", "new")
    assert (found.both, found.only_champion, found.only_shadow) == (35, 5, 5)
    assert set(found.heads) == set(HEADS)
    of_shadow = {one.n: one for one in shadow}
    for head, one in found.heads.items():
        at = SCORED_HEADS.index(head)
        known = [outcome for outcome in outcomes if outcome.labels[at] != UNRESOLVED]
        labels, classes = [outcome.labels[at] for outcome in known], list(range(len(HEADS[head])))
        assert one.labelled == len(known) == RESOLVED - (head == "regime")
        ours = [shares(outcome.prediction, head) for outcome in known]
        theirs = [shares(of_shadow[outcome.prediction.n], head) for outcome in known]
        assert one.champion_loss / one.labelled == pytest.approx(log_loss(labels, ours, labels=classes), abs=1e-6)
        assert one.shadow_loss / one.labelled == pytest.approx(log_loss(labels, theirs, labels=classes), abs=1e-6)
        same = [
            np.argmax(shares(ours, head)) == np.argmax(shares(of_shadow[ours.n], head))
            for ours in champion
            if ours.n in of_shadow
        ]
        assert one.same == sum(same)


def test_the_command_prints_both_losses_and_says_where_none_is_known(
    broker: BrokerUnderTest, logs: tuple[list[Prediction], list[Prediction], list[Outcome]]
) -> None:
    command = ["bundle", "compare", "old", "new", "--broker", broker.url]
    shown = CliRunner().invoke(app, command).stdout
    assert "over 25 labels" in shown
    document = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert set(document["heads"]["buy"]["log_loss"]) == {"champion", "shadow"}
    broker.client.delete(broker.names.outcomes(SERIES.partition))
    assert "`natron score`" in CliRunner().invoke(app, command).stdout
    document = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert document["heads"]["buy"]["log_loss"] == {"champion": None, "shadow": None}
