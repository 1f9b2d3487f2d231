"""Drift is raised where rows leave the training rows, and not where they are of the same markets."""

import numpy as np
import pytest

from archive.drift.distances import LIMITS, ROWS, Distances
from archive.drift.row_window import RowWindow
from archive.drift.watch import DriftWatch
from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from inference_worker.bundle import Bundle
from inference_worker.records import HistogramsRecord
from inference_worker.service import bundle_folder
from producer.sample import sample_candles
from shared.clock import SimulatedClock
from shared.codec import encode_row
from shared.contracts import FeatureRow, Reason, Rows, Series
from shared.settings.groups import Settings
from shared.testing import BrokerUnderTest, walk_candles
from trainer.chunks import LabelledSeries
from trainer.splits import Span, Splits
from trainer.spread import fit_histograms

SERIES = Series("SAMPLE", "M15")
BLOCK = 200
NOW_MS = 1_000_000


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Rows of a long sample that are warm."""
    return compute_history(sample_candles(30_000, "M15", 3))[600:]


@pytest.fixture(scope="module")
def train(rows: Rows) -> Rows:
    return rows[:20_000]


@pytest.fixture(scope="module")
def validation(rows: Rows) -> Rows:
    return rows[21_000:]


@pytest.fixture(scope="module")
def bundle(train: Rows) -> Bundle:
    """The reference bundle as if it had been trained on the sample."""
    found = Bundle.load(bundle_folder(Settings()))
    manifest = found.manifest.model_copy(update={"histograms": histograms(train)})
    return Bundle(found.path, manifest, found.graph)


def histograms(train: Rows) -> HistogramsRecord:
    """As a trainer fits them."""
    span = Span(0, len(train))
    one = LabelledSeries("one", train, {}, Splits(span, span, span), walk_candles(2), np.zeros(2))
    return fit_histograms([one])


@pytest.fixture
def watch(broker: BrokerUnderTest, bundle: Bundle) -> DriftWatch:
    return DriftWatch(broker.client, broker.names, SimulatedClock(NOW_MS), bundle)


def sampled(rows: Rows, count: int, seed: int) -> Rows:
    """Blocks of rows from anywhere."""
    starts = np.random.default_rng(seed).integers(0, len(rows) - BLOCK, count // BLOCK)
    return np.concatenate([rows[start : start + BLOCK] for start in starts])


def send(broker: BrokerUnderTest, rows: Rows, first: int = 1, reasons: int = 0) -> None:
    """Put rows into the features log."""
    key = broker.names.features(SERIES.partition, FEATURE_SET.hash[:8])
    pipeline = broker.client.pipeline(transaction=False)
    for n, values in enumerate(rows, first):
        row = FeatureRow(SERIES, n, n - 1, n, values, FEATURE_SET.hash, reasons, 0, 0)
        pipeline.xadd(key, {"m": encode_row(row)})
    pipeline.execute()


def shift(rows: Rows, train: Rows, family: str, distances: Distances) -> Rows:
    """Rows of which one family is a training interquartile range higher."""
    own = np.array([one == family for one in distances.families])
    low, high = np.quantile(train, [0.25, 0.75], axis=0)
    return (rows + np.where(own, high - low, 0)).astype(np.float32)


def test_ten_thousand_candles_block_sampled_from_the_validation_split_raise_no_drift(
    broker: BrokerUnderTest, watch: DriftWatch, validation: Rows
) -> None:
    send(broker, sampled(validation, 10_000, 0))
    watch.read()
    [found] = watch.news()
    assert (found.rows, found.drifting, found.why) == (ROWS, False, "")
    assert not broker.client.exists(broker.names.drift)


@pytest.mark.parametrize("family", LIMITS)
def test_a_family_that_is_shifted_by_an_interquartile_range_raises_it_within_500_candles(
    broker: BrokerUnderTest, watch: DriftWatch, train: Rows, validation: Rows, family: str, bundle: Bundle
) -> None:
    assert bundle.manifest.histograms
    distances = Distances(bundle.manifest.histograms)
    send(broker, sampled(validation, 600, 1))
    watch.read()
    assert not watch.news()[0].drifting
    send(broker, shift(sampled(validation, 600, 2)[:500], train, family, distances), 601)
    watch.read()
    [found] = watch.news()
    assert found.drifting
    assert found.families[family] > 1
    assert family in found.why
    assert broker.client.hkeys(broker.names.drift) == [SERIES.key.encode()]


def test_what_drifts_no_longer_is_lifted(
    broker: BrokerUnderTest, watch: DriftWatch, train: Rows, validation: Rows, bundle: Bundle
) -> None:
    assert bundle.manifest.histograms
    shifted = shift(validation[:500], train, "momentum", Distances(bundle.manifest.histograms))
    send(broker, shifted)
    watch.read()
    assert watch.news()[0].since_ms == NOW_MS
    successor = DriftWatch(broker.client, broker.names, SimulatedClock(NOW_MS + 1), bundle)
    successor.read()  # another scorer takes over what is known
    assert (successor.news()[0].drifting, successor.news()) == (True, [])
    send(broker, sampled(validation, 600, 3), 501)
    successor.read()
    assert not successor.news()[0].drifting
    assert not broker.client.exists(broker.names.drift)


def test_rows_before_warmth_are_not_compared(broker: BrokerUnderTest, watch: DriftWatch, validation: Rows) -> None:
    send(broker, validation[:600] + np.float32(9), reasons=int(Reason.WARMING))
    watch.read()
    assert watch.news() == []


def test_a_rise_of_the_log_loss_is_drift_and_its_noise_is_none(broker: BrokerUnderTest, watch: DriftWatch) -> None:
    random = np.random.default_rng(0)
    for loss in random.normal(0.6, 0.2, 4_000).clip(0):
        watch.add_loss(SERIES, float(loss))
    assert not broker.client.exists(broker.names.drift)
    for loss in random.normal(0.9, 0.2, 500).clip(0):
        watch.add_loss(SERIES, float(loss))
    assert b"log-loss" in broker.client.hget(broker.names.drift, SERIES.key)
    for loss in random.normal(0.9, 0.2, 4_000).clip(0):
        watch.add_loss(SERIES, float(loss))
    assert not broker.client.exists(broker.names.drift)


def test_a_window_counts_as_if_it_were_counted_anew(bundle: Bundle, validation: Rows) -> None:
    assert bundle.manifest.histograms
    distances = Distances(bundle.manifest.histograms)
    window, fresh = RowWindow(distances), RowWindow(distances)
    for n, row in enumerate(validation[:1_700], 1):
        window.add(row, n)
    for n, row in enumerate(validation[1_200:1_700], 1):
        fresh.add(row, n)
    assert np.array_equal(window.ks(), fresh.ks())
    assert np.array_equal(window.psi(), fresh.psi())


def test_a_series_without_volume_is_not_compared_by_its_volume_but_one_that_lies_elsewhere_is(
    bundle: Bundle, train: Rows
) -> None:
    candles = walk_candles(1_200, seed=4)
    candles["v"] = 0
    assert bundle.manifest.histograms
    distances = Distances(bundle.manifest.histograms)
    silent, moved = RowWindow(distances), RowWindow(distances)
    rows = compute_history(candles)[-ROWS:]
    for n, (row, other) in enumerate(zip(rows, shift(rows, train, "volume", distances), strict=True), 1):
        silent.add(row, n)
        moved.add(other, n)
    assert silent.strengths()["volume"] == 0
    assert moved.strengths()["volume"] > 1
