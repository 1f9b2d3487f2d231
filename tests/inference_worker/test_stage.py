"""The worker over a real broker: one prediction for every row from the 96th on, wherever it is killed."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partialmethod

import numpy as np
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from feature_service.service import run as run_features
from inference_worker.comparison import compare
from inference_worker.service import run
from inference_worker.session import TOLERANCE, Job, Session
from inference_worker.shadow import ShadowStage
from inference_worker.stage import PredictionStage
from shared.admission import Admission, AdmissionLimits
from shared.clock import SimulatedClock
from shared.codec import decode_kept_prediction, decode_prediction, decode_row, encode_prediction, encode_row
from shared.consumer import Consumer, ConsumerLimits
from shared.contracts import WINDOW, Candles, Prediction, Reason, Series
from shared.dead_letters import dead_letters
from shared.errors import StorageError, SupersededError
from shared.feature_sets import FeatureSetAnnouncement
from shared.gate import Crossing, Gate
from shared.membership import Membership
from shared.metrics import Metrics
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.settings.loading import load_settings
from shared.testing import BrokerUnderTest, walk_candles

SERIES = Series("EURUSD.r", "M15")
SET8 = FEATURE_SET.hash[:8]


def admit(broker: BrokerUnderTest, candles: Candles, series: Series = SERIES) -> None:
    limits = AdmissionLimits(100_000, 100, 100)
    door = Admission(broker.client, broker.names, SimulatedClock(2_000_000_000_000), limits)
    for start in range(0, len(candles), 256):
        door.admit(series, candles[start : start + 256], 0, "csv")
    run_features(Settings(), context(broker), until_idle=True)


def context(broker: BrokerUnderTest) -> ServiceContext:
    return ServiceContext(broker.client, broker.names, SimulatedClock(0), threading.Event(), "one")


def serve(broker: BrokerUnderTest, values: Settings | None = None) -> None:
    """One life of a worker."""
    run(values or Settings(), context(broker), until_idle=True)


def predictions(broker: BrokerUnderTest, series: Series = SERIES) -> list[Prediction]:
    entries = broker.client.execute_command("XRANGE", broker.names.predictions(series.partition), "-", "+")
    decoded = [decode_prediction(entry[1][1]) for entry in entries]
    return [prediction for prediction in decoded if prediction.series == series]


def same_answers(found: list[Prediction], candles: Candles, session: Session) -> None:
    rows = compute_history(candles)
    assert [prediction.n for prediction in found] == list(range(WINDOW, len(candles) + 1))
    assert [prediction.t for prediction in found] == candles["t"][WINDOW - 1 :].tolist()
    slot = session.acquire()
    for prediction in found:
        heads = session.run([Job(slot, rows[prediction.n - WINDOW : prediction.n], True)])[0]
        expected = np.concatenate([np.atleast_1d(heads[head][-1]) for head in session.bundle.manifest.heads])
        values = [
            prediction.buy_prob,
            prediction.sell_prob,
            *prediction.direction_probs,
            *prediction.regime_probs,
            *prediction.outlook,
        ]
        assert np.abs(np.array(values) - expected).max() <= TOLERANCE, prediction.id


def test_every_candle_from_the_96th_on_has_its_prediction(broker: BrokerUnderTest, session: Session) -> None:
    candles = walk_candles(300)
    admit(broker, candles)
    serve(broker)
    same_answers(predictions(broker), candles, session)


class Killed(BaseException):
    """The end of a process, at the place that raises it."""


DEADLY = {"worker.read_count": 16, "system.max_attempts": 1_000}
"""Deaths here are chance: an entry that many workers died on is not to blame."""


class Worker:
    """One life of a worker that believes itself alone, and so is late wherever another one was."""

    def __init__(
        self, broker: BrokerUnderTest, session: Session, kind: type[PredictionStage] = PredictionStage
    ) -> None:
        values, clock = load_settings(None, {}, DEADLY), SimulatedClock(0)
        client, names, metrics = broker.client, broker.names, Metrics("worker")
        self.stage, self.metrics = kind(client, names, clock, values, metrics, session), metrics
        self.consumer = Consumer(
            client, names, self.stage, Membership(client, names, f"worker-{id(self)}", "one", clock), clock,
            ConsumerLimits.of(values.worker, values.system), metrics, threading.Event(),
        )  # fmt: skip

    def end(self) -> None:
        """Give back what the operating system would take."""
        self.stage.forget()
        self.consumer._post.close()


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_workers_killed_late_and_handed_over_anywhere_answer_as_the_windows_do(
    broker: BrokerUnderTest, session: Session, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    """Law 7: a candle may meet caches that are as old as they like, of a series that went on elsewhere, or none."""
    broker.client.flushall()
    candles, done = walk_candles(250), 0
    workers = [Worker(broker, session), Worker(broker, session)]
    while done < len(candles):
        admitted = min(len(candles), done + data.draw(st.integers(1, 60)))
        admit(broker, candles[done:admitted])
        done = admitted
        for _ in range(data.draw(st.integers(0, 6))):
            who, fate = data.draw(st.integers(0, 1)), data.draw(st.sampled_from(["lives", "before", "behind"]))
            with monkeypatch.context() as patch:
                if fate != "lives":
                    patch.setattr(Gate, "pass_through", partialmethod(_die, Gate.pass_through, fate))
                try:
                    workers[who].consumer.turn(0)
                except Killed:
                    workers[who].end()
                    workers[who] = Worker(broker, session)
    while workers[0].consumer.turn(0):
        pass
    for worker in workers:
        worker.end()
    same_answers(predictions(broker), candles, session)


def test_a_series_that_jumped_in_memory_is_read_back(broker: BrokerUnderTest, session: Session) -> None:
    """The caches of another worker's years, kept by mistake, must not be gone on with."""
    candles = walk_candles(200)
    stale, other = Worker(broker, session), Worker(broker, session)
    admit(broker, candles[:120])
    while stale.consumer.turn(0):
        pass
    admit(broker, candles[120:150])
    while other.consumer.turn(0):
        pass
    stale.stage.forget = lambda _=None: None  # type: ignore[method-assign]
    admit(broker, candles[150:])
    stale.consumer._positions[SERIES.partition] = other.consumer._positions[SERIES.partition]
    while stale.consumer.turn(0):
        pass
    same_answers(predictions(broker), candles, session)


def _die(gate: Gate, cross: Callable[..., object], fate: str, crossings: Sequence[Crossing]) -> object:
    if fate == "behind":
        cross(gate, crossings)
    raise Killed


def test_many_series_in_few_slots_each_get_their_own_answers(broker: BrokerUnderTest, session: Session) -> None:
    values = load_settings(None, {}, {"inference.max_series": 16, "inference.max_tokens": 256})
    many = [Series(f"S{at}", "M15") for at in range(20)]
    for start, end in ((0, 97), (97, 99)):
        for at, series in enumerate(many):
            admit(broker, walk_candles(99, seed=at)[start:end], series)
        serve(broker, values)
    for at, series in enumerate(many):
        same_answers(predictions(broker, series), walk_candles(99, seed=at), session)


def test_a_worker_of_another_feature_set_than_the_service_s_says_so(broker: BrokerUnderTest) -> None:
    """It waited in silence for rows that nobody computed."""
    theirs = "cd" * 32
    FeatureSetAnnouncement(broker.client, broker.names, theirs, SimulatedClock(0)).renew()
    broker.client.zrem(broker.names.members("feature_sets"), FEATURE_SET.hash)
    context = ServiceContext(broker.client, broker.names, SimulatedClock(0), threading.Event(), "foreign")
    with structlog.testing.capture_logs() as logged:
        run(Settings(), context, until_idle=True)
    (event,) = [event for event in logged if event["event"] == "feature_set_mismatch"]
    assert theirs in event["error"]
    assert FEATURE_SET.hash in event["error"]


def test_the_newest_prediction_stands_in_latest_and_in_recent(broker: BrokerUnderTest) -> None:
    admit(broker, walk_candles(100))
    serve(broker)
    newest = predictions(broker)[-1]
    latest = broker.client.hget(broker.names.latest(SERIES.partition), SERIES.key)
    recent = broker.client.execute_command(
        "XREVRANGE", broker.names.recent(SERIES.partition, SERIES.key), "+", "-", "COUNT", 1
    )
    assert decode_prediction(latest) == newest
    assert recent[0][0].decode() == f"{newest.t}-0"
    assert decode_kept_prediction(recent[0][1][1], SERIES) == newest
    assert recent[0][1][1] + SERIES.key.encode() == latest


def test_an_entry_of_recent_takes_at_most_200_bytes_whatever_the_symbol_and_the_bundle_are_called() -> None:
    """It repeated the series' key, which is in the stream's own key, and which may take 196 bytes by itself."""
    longest = Series("\U0001f41f" * 16, "M15")
    prediction = Prediction(
        longest, 2**62, 2**62, 0.5, 0.5, (0.2, 0.3, 0.5), (0.1,) * 6, (0.1,) * 3, (1.0, 0.5), 511, "b" * 24, "ab" * 32,
        2**62, 2**62, 2**62, 2**62,
    )  # fmt: skip
    message = encode_prediction(prediction)
    kept = message.removesuffix(longest.key.encode())
    assert len(longest.key) == 64 * 3 + 4
    assert len(b"m" + kept + b"n" + str(2**62).encode()) <= 200
    assert decode_kept_prediction(kept, longest) == decode_prediction(message)


def test_predictions_carry_the_reasons_of_their_rows_and_sign_their_bundle(broker: BrokerUnderTest) -> None:
    admit(broker, walk_candles(100))
    serve(broker)
    for prediction in predictions(broker):
        assert Reason(prediction.reasons) is Reason.WARMING
        assert (prediction.bundle, prediction.feature_set) == ("reference", FEATURE_SET.hash)


def test_copies_foreign_rows_and_junk_are_buried_and_change_no_answer(
    broker: BrokerUnderTest, session: Session
) -> None:
    candles = walk_candles(200)
    admit(broker, candles[:150])
    serve(broker)
    log = broker.names.features(SERIES.partition, SET8)
    copy = broker.client.execute_command("XREVRANGE", log, "+", "-", "COUNT", 5)[-1][1]
    row = decode_row(copy[1])
    foreign = encode_row(type(row)(row.series, row.t, row.previous_t, row.n, row.values, "ab" * 32, 0, 0, 0))
    never = encode_row(
        type(row)(row.series, row.t + 900_000 * 50, row.t, row.n + 50, row.values, row.feature_set, 0, 0, 0)
    )
    for fields in ({b"m": copy[1]}, {b"m": foreign}, {b"m": never}, {b"m": b"rubbish"}, {b"x": b"y"}):
        broker.client.xadd(log, fields)
    admit(broker, candles[150:])
    serve(broker)
    same_answers(predictions(broker), candles, session)
    letters = list(dead_letters(broker.client, broker.names))
    assert sorted(letter.reason for letter in letters) == ["junk"] * 4 + ["repeat"]
    assert any("ab" * 32 in letter.detail and FEATURE_SET.hash in letter.detail for letter in letters)


def test_a_window_with_a_hole_stops_the_worker_instead_of_answering_from_less(
    broker: BrokerUnderTest,
) -> None:
    candles = walk_candles(130)
    admit(broker, candles[:110])
    serve(broker)
    broker.client.xdel(broker.names.window(SERIES.partition, SET8, SERIES.key), f"{candles['t'][60]}-0")
    admit(broker, candles[110:])
    with pytest.raises(StorageError, match=r"window of EURUSD%2Er\.M15"):
        serve(broker)
    assert len(predictions(broker)) == 110 - WINDOW + 1


def rest(worker: Worker) -> None:
    """Turn until nothing waits."""
    while worker.consumer.turn(0):
        pass


def variant_session(session: Session, name: str) -> Session:
    manifest = session.bundle.manifest.model_copy(update={"id": name})
    return Session(replace(session.bundle, manifest=manifest), threads=1, max_tokens=1_024)


def test_a_worker_of_an_older_bundle_never_writes_after_a_newer_one(broker: BrokerUnderTest, session: Session) -> None:
    candles = walk_candles(160)
    older, newer = Worker(broker, session), Worker(broker, session)
    admit(broker, candles[:120])
    rest(older)
    newer.stage.adopt(variant_session(session, "newer"), 1)
    admit(broker, candles[120:140])
    rest(newer)
    admit(broker, candles[140:])
    older.consumer.turn(0)  # late: it finds the position moved
    with pytest.raises(SupersededError, match="a newer bundle has predicted"):
        older.consumer.turn(0)
    rest(newer)
    found = predictions(broker)
    same_answers(found, candles, session)
    assert [p.bundle for p in found] == ["reference"] * (120 - WINDOW + 1) + ["newer"] * 40


def test_a_shadow_says_the_same_of_the_same_graph_and_trims_nothing(broker: BrokerUnderTest, session: Session) -> None:
    candles, p = walk_candles(300), SERIES.partition
    champion, shadow = Worker(broker, session), Worker(broker, variant_session(session, "dark"), ShadowStage)
    for start in range(0, 300, 50):
        admit(broker, candles[start : start + 50])
        rest(shadow)
        if start % 100:
            rest(champion)
        unread = broker.client.xlen(broker.names.features(p, SET8))
        assert unread == start + 50  # what the champion has not read is there, whoever else has
    rest(champion)
    same_answers(predictions(broker), candles, session)
    found = compare(broker.client, broker.names, "reference", "dark")
    assert (found.both, found.only_champion, found.only_shadow) == (300 - WINDOW + 1, 0, 0)
    for one in found.heads.values():
        assert one.same == found.both
        assert one.farthest <= 1e-5
    assert {p.bundle for p in predictions(broker)} == {"reference"}
    assert decode_prediction(broker.client.hget(broker.names.latest(p), SERIES.key)).bundle == "reference"


def test_a_shadow_that_missed_rows_passes_over_until_it_has_read_96_in_a_row(
    broker: BrokerUnderTest, session: Session
) -> None:
    candles, p = walk_candles(400), SERIES.partition
    admit(broker, candles)
    champion, shadow = Worker(broker, session), Worker(broker, variant_session(session, "dark"), ShadowStage)
    rest(champion)
    # What a shadow that comes late finds: rows 141 on, and a window from row 305 on.
    broker.client.xtrim(broker.names.features(p, SET8), maxlen=260, approximate=False)
    rest(shadow)
    entries = broker.client.execute_command("XRANGE", broker.names.shadow(p, "dark"), "-", "+")
    found = [decode_prediction(entry[1][1]) for entry in entries]
    assert [prediction.n for prediction in found] == list(range(141 + WINDOW - 1, 401))
    assert shadow.metrics.passed_over._value.get() == WINDOW - 1
    theirs = {prediction.n: prediction for prediction in predictions(broker)}
    for prediction in found:
        assert prediction.buy_prob == pytest.approx(theirs[prediction.n].buy_prob, abs=1e-5)


def test_a_bundle_warmed_aside_goes_on_without_reading_its_series_back_whole(
    broker: BrokerUnderTest, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    candles, worker, tokens = walk_candles(160), Worker(broker, session), list[int]()
    admit(broker, candles[:120])
    rest(worker)
    newer = variant_session(session, "newer")
    warm = worker.stage.warm(newer, broker.client)
    assert [(one.series, one.n) for one in warm] == [(SERIES, 120)]
    admit(broker, candles[120:123])
    rest(worker)  # the series goes on while the bundle is warmed
    worker.stage.adopt(newer, 1, warm)
    compute = newer.run
    monkeypatch.setattr(newer, "run", lambda jobs: tokens.extend(len(job.rows) for job in jobs) or compute(jobs))
    admit(broker, candles[123:124])
    rest(worker)
    assert tokens == [4]  # three candles it missed, and this one
    admit(broker, candles[124:])
    rest(worker)
    worker.stage.forget()
    same_answers(predictions(broker), candles, session)
    assert [p.bundle for p in predictions(broker)] == ["reference"] * (123 - WINDOW + 1) + ["newer"] * 37
