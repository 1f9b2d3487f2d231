"""Law 7: a step, a backlog and a window give the same answer, in whatever company they are computed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from inference_worker.bundle import CORE_HEADS, Bundle
from inference_worker.records import Tensor
from inference_worker.session import TOLERANCE, Heads, Job, Session
from shared.contracts import WINDOW, Rows
from shared.errors import BundleError
from shared.testing import walk_candles

ROWS = compute_history(walk_candles(260))  # (260, F)


def windows(session: Session, rows: Rows) -> Heads:
    """Probabilities at every candle from the 96th on, each from its own 96 rows alone."""
    slot = session.acquire()
    answers = [
        session.run([Job(slot, rows[end - WINDOW : end], fresh=True)])[0] for end in range(WINDOW, len(rows) + 1)
    ]
    session.release(slot)
    return {head: np.stack([answer[head][-1] for answer in answers]) for head in answers[0]}


def same(found: Heads, expected: Heads) -> None:
    assert set(found) == set(expected)
    for head in expected:
        assert np.abs(found[head] - expected[head]).max() <= TOLERANCE, head


def joined(pieces: list[Heads]) -> Heads:
    return {head: np.concatenate([piece[head] for piece in pieces]) for head in pieces[0]}


def test_the_reference_bundle_is_of_the_installed_feature_set(bundle: Bundle) -> None:
    assert bundle.manifest.feature_set.hash == FEATURE_SET.hash
    assert bundle.manifest.feature_set.lookback == FEATURE_SET.lookback


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cutting_of_the_stream_into_calls_gives_the_answers_of_the_windows(
    session: Session, data: st.DataObject
) -> None:
    expected = windows(session, ROWS)
    slot, at = session.acquire(), WINDOW
    pieces = [{head: values[WINDOW - 1 :] for head, values in session.run([Job(slot, ROWS[:WINDOW], True)])[0].items()}]
    while at < len(ROWS):
        step = data.draw(st.integers(1, min(40, len(ROWS) - at)))
        pieces.append(session.run([Job(slot, ROWS[at : at + step], False)])[0])
        at += step
    same(joined(pieces), expected)
    session.release(slot)


def test_series_in_one_call_do_not_touch_each_other(session: Session) -> None:
    lengths = [1, 1, 3, 7, 20, 64, 65]
    slots = [session.acquire() for _ in lengths]
    starts = [10 * at for at in range(len(lengths))]
    for slot, start in zip(slots, starts, strict=True):
        session.run([Job(slot, ROWS[start : start + WINDOW], True)])
    jobs = [
        Job(slot, ROWS[start + WINDOW : start + WINDOW + length], False)
        for slot, start, length in zip(slots, starts, lengths, strict=True)
    ]
    expected = windows(session, ROWS)
    for start, length, heads in zip(starts, lengths, session.run(jobs), strict=True):
        same(heads, {head: values[start + 1 : start + 1 + length] for head, values in expected.items()})


def test_a_slot_given_back_carries_nothing_over(session: Session) -> None:
    slot = session.acquire()
    session.run([Job(slot, ROWS[100 : 100 + WINDOW], True)])
    session.release(slot)
    again = session.acquire()
    heads = session.run([Job(again, ROWS[:WINDOW], True)])[0]
    same(
        {head: values[-1:] for head, values in heads.items()},
        {h: v[:1] for h, v in windows(session, ROWS).items()},
    )


def test_a_graph_whose_golden_outputs_differ_is_refused(bundle: Bundle) -> None:
    golden = bundle.manifest.golden
    drifted = golden.outputs["regime"].array + np.float32(1e-3)
    outputs = golden.outputs | {"regime": Tensor.of(drifted)}
    manifest = bundle.manifest.model_copy(update={"golden": golden.model_copy(update={"outputs": outputs})})
    with pytest.raises(BundleError, match="golden output regime"):
        Session(replace(bundle, manifest=manifest), threads=1, max_tokens=1_024)


def test_a_graph_that_is_none_is_refused(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="does not load"):
        Session(replace(bundle, graph=b"not a graph"), threads=1, max_tokens=1_024)


def test_a_backlog_of_thousands_is_as_exact_as_its_windows(session: Session) -> None:
    rows = compute_history(walk_candles(2_500))
    slot = session.acquire()
    long = session.run([Job(slot, rows, True)])[0]
    for end in (1_000, 2_000, 2_500):
        window = session.run([Job(slot, rows[end - WINDOW : end], True)])[0]
        same({head: long[head][end - 1 : end] for head in CORE_HEADS}, {head: window[head][-1:] for head in CORE_HEADS})
