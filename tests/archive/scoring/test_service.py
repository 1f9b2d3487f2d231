"""Live scores are those of an evaluation on the same candles, and every prediction has its outcome once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from structlog.testing import capture_logs

from archive.scoring.figures import rule_score
from archive.scoring.service import run, shadow_bundles
from archive.scoring.taught import taught_labels
from feature_service.pipeline import compute_history
from inference_worker.bundle import HEADS, Bundle
from shared.codec import decode_outcome
from shared.contracts import WINDOW, Outcome, Reason, Series
from shared.scores import Score, read_message
from shared.settings.groups import Settings
from trainer.chunks import LabelledSeries
from trainer.evaluation.answers import Served
from trainer.evaluation.equity import trade
from trainer.evaluation.figures import measure
from trainer.evaluation.naive import persistence
from trainer.evaluation.predictions import BASELINES, MODEL, PERSISTENCE, Answers, probabilities_of, tabulate
from trainer.histories import History, LabelledHistories
from trainer.splits import Span

HORIZON = 12
STREAMED, FIRST_PART = 1_500, 900
WARM = 498 + WINDOW - 2  # candles whose predictions say WARMING
SCORED = STREAMED - WARM - HORIZON
FLAGS = {"score__window": SCORED}


@pytest.fixture(scope="module")
def scored(stream: Any, history: History, challenger: Path) -> Any:
    """The end of a history, champion and challenger, scored by one instance and then by another."""
    stream.push_bundle(challenger)
    candles = history.candles[-STREAMED:]
    for part in (candles[:FIRST_PART], candles[FIRST_PART:]):
        stream.push(history.series, part, shadow=True)
        run(stream.settings(**FLAGS), stream.context(), until_idle=True)
    return stream


@pytest.fixture(scope="module")
def found(scored: Any, history: History) -> list[Outcome]:
    return [decode_outcome(message) for message in scored.log(scored.broker.names.outcomes(history.series.partition))]


@pytest.fixture(scope="module")
def scores(scored: Any, history: History) -> dict[str, Score]:
    newest = scored.broker.client.hgetall(scored.broker.names.latest_scores(history.series.partition))
    read = [read_message(field.decode().split()[0], text) for field, text in newest.items()]
    return {score.role: score for score in read if isinstance(score, Score)}


@pytest.fixture(scope="module")
def evaluated(history: History, labelled: LabelledHistories, folder: Path) -> tuple[LabelledSeries, pd.DataFrame]:
    """What an evaluation tabulates of the scored candles."""
    span = Span(len(history.candles) - STREAMED + WARM, len(history.candles) - HORIZON)
    one = LabelledSeries(
        history.series.key,
        compute_history(history.candles),
        labelled.labels[0],
        replace(labelled.splits[0], test=span),
        history.candles,
        labelled.sources[0].costs,
    )
    spoken = Served(Bundle.load(folder), 1).answer(one.rows, span)
    inside = slice(span.start, span.stop)
    horizons = Settings().labels.horizons
    answers = [
        Answers(
            history.series, head, 0, 0, history.candles["t"][inside], one.labels[head][inside],
            {
                **dict.fromkeys(BASELINES, spoken[head]),
                MODEL: spoken[head],
                PERSISTENCE: persistence(one, head, horizons[head], span),
            },
        )
        for head in HEADS
    ]  # fmt: skip
    return one, tabulate(answers)


def test_every_prediction_has_its_outcome_once_and_in_order_whoever_scored_it(
    found: list[Outcome], history: History
) -> None:
    times = history.candles["t"][-STREAMED:]
    assert [one.prediction.t for one in found] == times[WINDOW - 1 : STREAMED - HORIZON].tolist()


def test_outcomes_are_the_labels_of_an_evaluation(
    found: list[Outcome], evaluated: tuple[LabelledSeries, pd.DataFrame]
) -> None:
    one, _ = evaluated
    warm = [outcome for outcome in found if outcome.prediction.n > WARM]
    places = [int(np.searchsorted(one.candles["t"], outcome.prediction.t)) for outcome in warm]
    assert [outcome.labels for outcome in warm] == [tuple(one.labels[head][at] for head in HEADS) for at in places]


def test_live_scores_are_those_of_an_evaluation_on_the_same_candles(
    scores: dict[str, Score], evaluated: tuple[LabelledSeries, pd.DataFrame], history: History
) -> None:
    score, table = scores["champion"], evaluated[1]
    assert (score.bundle, score.candles, score.missed, score.taught) == ("taught", SCORED, 0, True)
    assert score.first == history.candles["t"][-STREAMED + WARM]
    for head, classes in HEADS.items():
        rows, ours = table[table["head"] == head], score.heads[head]
        labels, shares = rows["label"].to_numpy(), probabilities_of(rows, MODEL, len(classes))
        theirs, before = measure(labels, shares, shares), probabilities_of(rows, PERSISTENCE, len(classes))
        assert ours.candles == len(rows) == SCORED
        assert ours.accuracy == theirs.accuracy
        assert ours.persistence == (before.argmax(1) == labels).mean()
        for name in ("log_loss", "brier", "ece"):  # window and backlog agree to 1e-5 a probability, no better
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-4), (head, name)
        assert sum(bucket.candles for bucket in ours.buckets) == len(rows)
    assert sum(regime.candles for regime in score.regimes.values()) == SCORED


def test_the_rule_earns_what_an_evaluation_says(
    found: list[Outcome], scores: dict[str, Score], folder: Path, evaluated: tuple[LabelledSeries, pd.DataFrame]
) -> None:
    one, table = evaluated
    theirs = trade(table, one, Settings().backtest, HORIZON, 1, (200, 100)).figures[1.0]
    taught = taught_labels(Bundle.load(folder).manifest, one.key)
    span = one.splits.test
    newest = found[-SCORED:]
    free = [replace(outcome, prediction=replace(outcome.prediction, reasons=Reason.REPLAY)) for outcome in newest]
    ours = rule_score("expected_value", Settings().backtest, taught, free, one.candles[span.start : span.stop])
    assert ours
    assert theirs.trades
    assert (ours.trades, ours.hit_rate) == (theirs.trades, theirs.hit_rate)
    assert ours.log_equity == pytest.approx(theirs.log_equity, abs=1e-9)
    barred = [replace(outcome, prediction=replace(outcome.prediction, reasons=Reason.GAP)) for outcome in newest]
    none = rule_score("expected_value", Settings().backtest, taught, barred, one.candles[span.start : span.stop])
    assert none
    assert none.trades == 0
    said = scores["champion"].rule
    assert said
    assert 0 < said.trades <= ours.trades  # the stream has gaps, which are no reason to trade


def test_a_challenger_is_scored_beside_the_champion(
    scored: Any, scores: dict[str, Score], found: list[Outcome], history: History
) -> None:
    names, p = scored.broker.names, history.series.partition
    assert shadow_bundles(scored.broker.client, names) == ["challenger"]
    theirs = [decode_outcome(message) for message in scored.log(names.shadow_outcomes(p, "challenger"))]
    labels = {one.prediction.t: one.labels for one in found}
    assert len(theirs) > FIRST_PART / 2
    assert all(labels[one.prediction.t] == one.labels for one in theirs)
    shadow = scores["shadow"]
    assert (shadow.bundle, shadow.last) == ("challenger", scores["champion"].last)


def test_a_series_that_the_bundle_was_not_taught_takes_thresholds_of_its_own_series(folder: Path) -> None:
    manifest = Bundle.load(folder).manifest
    other, own = taught_labels(manifest, "OTHER.H1"), taught_labels(manifest, Series("SAMPLE.r", "M15").key)
    assert (other.taught, own.taught) == (False, True)
    assert other.labels.setups["OTHER.H1"] == own.labels.setups[Series("SAMPLE.r", "M15").key]
    assert other.cost == own.cost


def test_a_manifest_gives_back_the_labels_it_was_written_from(folder: Path, labelled: LabelledHistories) -> None:
    key, source = labelled.sources[0].key, labelled.sources[0]
    read = taught_labels(Bundle.load(folder).manifest, key).labels
    assert read.settings == labelled.fitted.settings
    found = read.compute(key, source.candles, source.costs)
    assert all(np.array_equal(found[head], labelled.labels[0][head]) for head in HEADS)


def test_what_cannot_be_scored_any_more_is_counted(scored: Any, history: History) -> None:
    """Its candles are gone from the broker before anybody read them."""
    other = Series("LATE", "M15")
    scored.push(other, history.candles[-700:])
    client, names = scored.broker.client, scored.broker.names
    client.xtrim(names.candles(other.partition), maxlen=0, approximate=False)
    client.xtrim(names.history(other.partition, other.key), maxlen=300, approximate=False)
    with capture_logs() as said:
        run(scored.settings(**FLAGS), scored.context(), until_idle=True)
    unscored = [event["predictions"] for event in said if event["event"] == "predictions_unscored"]
    assert sum(unscored) == 700 - (WINDOW - 1) - HORIZON
    kept = [decode_outcome(message) for message in scored.log(names.outcomes(other.partition))]
    assert not [one for one in kept if one.prediction.series == other]
