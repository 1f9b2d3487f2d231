"""Training sees every target once an epoch, each with its whole window, and nothing of other splits."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_worker.bundle import HEADS
from shared.contracts import CANDLE_DTYPE
from trainer.chunks import CONTEXT, LabelledSeries, span_batches, training_batches
from trainer.labels.heads import UNLABELLED
from trainer.splits import Span, Splits

LENGTH = 160


def _series(count: int, train: Span) -> LabelledSeries:
    """Rows that hold their own index, and labels that are that index modulo 100."""
    rows = np.arange(count, dtype=np.float32)[:, None]
    labels = {head: (np.arange(count) % 100).astype(np.int8) for head in HEADS}
    return LabelledSeries(
        "X.M15", rows, labels, Splits(train, Span(0, 0), Span(0, 0)), np.zeros(count, CANDLE_DTYPE), np.zeros(count)
    )


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), start=st.integers(CONTEXT, 300), length=st.integers(1, 400), tail=st.integers(0, 50))
def test_every_training_target_comes_once_with_the_95_rows_before_it(
    seed: int, start: int, length: int, tail: int
) -> None:
    train = Span(start, start + length)
    series = _series(train.stop + tail, train)
    seen: Counter[int] = Counter()
    for batch in training_batches([series, series], LENGTH, 3, np.random.default_rng(seed)):
        at = batch.rows[..., 0].numpy()
        labels = batch.labels["buy"].numpy()
        for chunk, known in zip(at, labels != UNLABELLED, strict=True):
            for index in known.nonzero()[0]:
                assert index >= CONTEXT
                window = chunk[index - CONTEXT : index + 1]
                np.testing.assert_array_equal(window, np.arange(chunk[index] - CONTEXT, chunk[index] + 1))
        np.testing.assert_array_equal(labels[labels != UNLABELLED], at[labels != UNLABELLED] % 100)
        seen.update(at[labels != UNLABELLED].astype(int).tolist())
    assert seen == dict.fromkeys(range(train.start, train.stop), 2)


def test_chunk_borders_move_from_epoch_to_epoch() -> None:
    series, generator = _series(600, Span(200, 500)), np.random.default_rng(0)
    first, second = (
        sorted(float(row) for batch in training_batches([series], LENGTH, 2, generator) for row in batch.rows[:, 0, 0])
        for _ in range(2)
    )
    assert first != second


def test_a_span_is_read_in_order_without_a_hole() -> None:
    series = _series(1000, Span(0, 0))
    read = []
    for start, batch in span_batches(series, Span(300, 777), LENGTH):
        known = batch.labels["regime"][0] != UNLABELLED
        read += batch.rows[0, known, 0].tolist()
        assert batch.rows[0, CONTEXT, 0] == start
    assert read == list(range(300, 777))
