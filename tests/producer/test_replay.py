"""Replays: every row is counted once, nothing is admitted that may still change, and lost connections lose nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import redis

from producer.exports.options import ReadOptions
from producer.inspection import inspect
from producer.replay import Replay
from producer.replay_request import ReplayRequest
from producer.sample import sample_candles, write_candles
from shared.admission import Admission, AdmissionLimits, Verdict
from shared.clock import SimulatedClock
from shared.contracts import Candles, Flag, Series
from shared.errors import BrokerError, BusyError, FormatError, InputError, TailLostError
from shared.testing import BrokerUnderTest

SERIES = Series("EURUSD", "M15")
START_MS = 1_800_000_000_000


class FakeAdmission:
    """Admits in memory; fails when told to."""

    def __init__(self) -> None:
        self.held: dict[int, tuple[float, ...]] = {}
        self.calls: list[tuple[int, int, str]] = []  # candles, flags, source
        self.failures: list[Exception | None] = []
        self.reply_lost = False
        self.sent_ms: list[int] = []
        self.losses: dict[int, list[int]] = {}  # calls before -> what is lost then
        self.clock: SimulatedClock | None = None

    def newest(self, series: Series) -> int | None:  # noqa: ARG002 - one series
        self._fail()
        return max(self.held, default=None)

    def admit(
        self,
        series: Series,  # noqa: ARG002 - one series
        candles: Candles,
        flags: int,
        source: str,
        after: int = 0,
    ) -> list[Verdict]:
        assert 0 < len(candles) <= 256
        for t in self.losses.pop(len(self.calls), []):  # the broker restarts while nobody talks to it
            self.held.pop(t, None)
        if max(self.held, default=0) < after:
            raise TailLostError("shorter than it was")
        if not self.reply_lost:
            self._fail()
        verdicts = [self._judge(candle) for candle in candles.tolist()]
        if self.reply_lost:
            self._fail()
        self.calls.append((len(candles), flags, source))
        if self.clock is not None:
            self.sent_ms += [self.clock.now_ms()] * len(candles)
        return verdicts

    def _fail(self) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure

    def _judge(self, candle: tuple[float, ...]) -> Verdict:
        t = int(candle[0])
        if t in self.held:
            return Verdict.DUPLICATE if self.held[t] == candle else Verdict.REVISION
        if self.held and t < max(self.held):
            return Verdict.LATE
        self.held[t] = candle
        return Verdict.ADMITTED


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    write_candles(sample_candles(1_000, "M15", 4), tmp_path / "sample.csv")
    return tmp_path / "sample.csv"


def replayed(admission: FakeAdmission, request: ReplayRequest) -> dict[str, object]:
    report = Replay(admission, SimulatedClock(START_MS), request).run()
    counts = [value for name, value in vars(report).items() if isinstance(value, int) and name != "read"]
    assert report.read == sum(counts)  # the law of every replay
    return {name: value for name, value in vars(report).items() if isinstance(value, int) and value}


def test_all_but_the_last_row_are_admitted_in_order_flagged_as_replay(sample: Path) -> None:
    admission = FakeAdmission()
    assert replayed(admission, ReplayRequest(sample, SERIES)) == {"read": 1_000, "admitted": 999, "open": 1}
    assert list(admission.held) == sample_candles(1_000, "M15", 4)["t"][:-1].tolist()
    assert {(flags, source) for _, flags, source in admission.calls} == {(Flag.REPLAY, "csv")}


def test_the_last_row_goes_too_where_it_is_said_to_be_closed(sample: Path) -> None:
    request = ReplayRequest(sample, SERIES, last_closed=True)
    assert replayed(FakeAdmission(), request) == {"read": 1_000, "admitted": 1_000}


def test_a_second_replay_admits_nothing(sample: Path) -> None:
    admission = FakeAdmission()
    replayed(admission, ReplayRequest(sample, SERIES))
    calls = len(admission.calls)
    assert replayed(admission, ReplayRequest(sample, SERIES)) == {"read": 1_000, "known": 999, "open": 1}
    assert len(admission.calls) == calls


def test_a_broker_that_answers_and_refuses_writes_is_not_asked_in_a_tight_loop(sample: Path) -> None:
    """A full or read-only broker still answers who is newest: the replay sent again at once, thousands of times."""
    admission, clock = FakeAdmission(), SimulatedClock(START_MS)
    refused = redis.exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'")
    for _ in range(12):
        admission.failures += [None, refused]  # newest, admit
    assert Replay(admission, clock, ReplayRequest(sample, SERIES)).run().admitted == 999
    assert clock.now_ms() - START_MS > 10_000


@pytest.mark.parametrize("limit", [1, 256, 257, 999])
def test_a_limit_admits_the_first_candles_and_withholds_none_of_them(sample: Path, limit: int) -> None:
    admission = FakeAdmission()
    assert replayed(admission, ReplayRequest(sample, SERIES, limit=limit)) == {
        "read": limit,
        "admitted": limit,
    }


def test_a_limit_beyond_the_file_still_withholds_its_last_row(sample: Path) -> None:
    assert replayed(FakeAdmission(), ReplayRequest(sample, SERIES, limit=1_000)) == {
        "read": 1_000, "admitted": 999, "open": 1,
    }  # fmt: skip


def test_from_and_to_bound_what_is_sent_and_a_later_row_closes_the_last(sample: Path) -> None:
    t = sample_candles(1_000, "M15", 4)["t"]
    admission = FakeAdmission()
    request = ReplayRequest(sample, SERIES, from_ms=int(t[100]), to_ms=int(t[200]))
    assert replayed(admission, request) == {"read": 1_000, "admitted": 100, "outside": 900}
    assert list(admission.held) == t[100:200].tolist()


def test_bad_rows_repeated_rows_and_late_rows_are_each_counted_once(sample: Path) -> None:
    lines = sample.read_text().splitlines()
    lines[600:600] = [lines[599], lines[300], "junk", lines[300].replace("\t0\t8", "\t0\t8", 1)]
    sample.write_text("\n".join(lines))
    report = Replay(FakeAdmission(), SimulatedClock(START_MS), ReplayRequest(sample, SERIES)).run()
    assert (report.read, report.admitted, report.duplicate, report.refused, report.open) == (
        1_004,
        999,
        3,
        1,
        1,
    )
    assert report.document()["refused"]["reasons"]["fields"]["lines"] == [601 + 2]


def test_a_repeated_last_row_is_no_successor(sample: Path) -> None:
    lines = sample.read_text().splitlines()
    sample.write_text("\n".join([*lines, lines[-1]]))
    assert replayed(FakeAdmission(), ReplayRequest(sample, SERIES)) == {
        "read": 1_001,
        "admitted": 999,
        "open": 2,
    }


def test_while_admission_is_busy_the_same_batch_waits(sample: Path) -> None:
    admission = FakeAdmission()
    admission.failures = [None, BusyError("full"), BusyError("full"), None, BusyError("full")]
    clock = SimulatedClock(START_MS)
    report = Replay(admission, clock, ReplayRequest(sample, SERIES)).run()
    assert (report.admitted, report.known) == (999, 0)
    assert clock.now_ms() == START_MS + 10 + 20 + 10


@pytest.mark.parametrize("reply_lost", [False, True])
@pytest.mark.parametrize("error", [BrokerError("gone"), ConnectionResetError()])
def test_a_lost_connection_loses_and_repeats_nothing(sample: Path, reply_lost: bool, error: Exception) -> None:
    admission = FakeAdmission()
    admission.reply_lost = reply_lost
    admission.failures = [error, error, None, None, error, error, error, None, None, error]
    report = Replay(admission, SimulatedClock(START_MS), ReplayRequest(sample, SERIES)).run()
    assert list(admission.held) == sample_candles(1_000, "M15", 4)["t"][:-1].tolist()
    assert report.admitted + report.known == 999
    assert (report.known > 0) == reply_lost
    assert report.duplicate == 0


def test_a_broker_that_lost_its_newest_candles_is_refilled(sample: Path) -> None:
    admission = FakeAdmission()
    replayed(admission, ReplayRequest(sample, SERIES))
    lost = list(admission.held)[-50:]
    for t in lost:
        del admission.held[t]
    assert replayed(admission, ReplayRequest(sample, SERIES))["admitted"] == 50
    assert list(admission.held)[-50:] == lost


@pytest.mark.parametrize("from_row", [0, 200, 255, 256, 511])
@pytest.mark.parametrize("known", [0, 100])
def test_a_tail_that_the_broker_loses_unseen_during_a_replay_is_sent_again(
    sample: Path, from_row: int, known: int
) -> None:
    t = sample_candles(1_000, "M15", 4)["t"].tolist()
    admission = FakeAdmission()
    if known:
        replayed(admission, ReplayRequest(sample, SERIES, limit=known))
    calls = len(admission.calls)
    admission.losses = {calls + 2: t[from_row:], calls + 3: t[300:]}
    request = ReplayRequest(sample, SERIES, from_ms=t[0], to_ms=t[900])
    told = replayed(admission, request)
    assert list(admission.held) == t[:900]
    assert told == {"read": 1_000, "admitted": 900 - known, "outside": 100} | ({"known": known} if known else {})


def test_a_tail_lost_with_the_connection_is_sent_again(sample: Path) -> None:
    t = sample_candles(1_000, "M15", 4)["t"].tolist()
    admission = FakeAdmission()
    admission.failures = [None, None, None, BrokerError("gone")]
    admission.losses = {2: t[400:]}
    assert replayed(admission, ReplayRequest(sample, SERIES))["admitted"] == 999
    assert list(admission.held) == t[:-1]


def test_late_and_repeated_rows_are_counted_once_though_the_file_is_read_twice(sample: Path) -> None:
    t = sample_candles(1_000, "M15", 4)["t"].tolist()
    lines = sample.read_text().splitlines()
    lines[600:600] = [lines[599], lines[300], "junk"]
    sample.write_text("\n".join(lines))
    admission = FakeAdmission()
    admission.losses = {3: t[500:]}
    assert replayed(admission, ReplayRequest(sample, SERIES)) == {
        "read": 1_003, "admitted": 999, "duplicate": 2, "refused": 1, "open": 1,
    }  # fmt: skip
    assert list(admission.held) == t[:-1]


def test_candles_are_due_at_their_close_in_time_that_runs_faster(sample: Path) -> None:
    admission = FakeAdmission()
    admission.clock = clock = SimulatedClock(START_MS)
    Replay(admission, clock, ReplayRequest(sample, SERIES, speed=60.0, limit=100)).run()
    t = np.array(list(admission.held))
    due = START_MS + (t - t[0]) / 60
    assert np.abs(np.array(admission.sent_ms) - due).max() <= 1


def test_progress_tells_rows_and_ends_at_the_whole_file(sample: Path) -> None:
    told: list[tuple[int, float]] = []
    request = ReplayRequest(sample, SERIES)
    Replay(FakeAdmission(), SimulatedClock(START_MS), request, lambda rows, part: told.append((rows, part))).run()
    assert told[-1] == (999, 1.0)


def test_a_timeframe_that_the_file_contradicts_stops_before_anything_is_sent(sample: Path) -> None:
    admission = FakeAdmission()
    with pytest.raises(FormatError, match="M15"):
        Replay(admission, SimulatedClock(START_MS), ReplayRequest(sample, Series("EURUSD", "H1"))).run()
    assert not admission.calls


@pytest.mark.parametrize("wrong", [{"speed": 0.0}, {"speed": -1.0}, {"speed": float("nan")}, {"limit": 0}])
def test_a_wrong_request_is_refused(sample: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        replace(ReplayRequest(sample, SERIES), **wrong)  # type: ignore[arg-type]


def test_the_report_tells_what_inspect_notes(sample: Path) -> None:
    sample.write_text("close_time,open,high,low,close\n" + "\n".join(
        f"{1_600_000_200 + 900 * at},1.1,1.2,1.0,1.1{at}" for at in range(1, 60)
    ))  # fmt: skip
    report = Replay(FakeAdmission(), SimulatedClock(START_MS), ReplayRequest(sample, SERIES)).run()
    assert report.notes == inspect(sample).notes
    assert any("--stamps" in note or "close" in note for note in report.notes)
    assert "no column of volume: 0 throughout" in report.document()["notes"]


def test_a_real_broker_takes_a_file_once(sample: Path, broker: BrokerUnderTest) -> None:
    clock = SimulatedClock(START_MS)
    admission = Admission(broker.client, broker.names, clock, AdmissionLimits(10_000, 100, 100))
    request = ReplayRequest(sample, SERIES, ReadOptions(tz="UTC"))
    first = Replay(admission, clock, request).run()
    second = Replay(admission, clock, request).run()
    assert (first.admitted, first.open, second.admitted, second.known) == (999, 1, 0, 999)
    assert admission.newest(SERIES) == int(sample_candles(1_000, "M15", 4)["t"][-2])


def test_a_real_broker_that_is_shorter_than_it_was_takes_nothing(sample: Path, broker: BrokerUnderTest) -> None:
    admission = Admission(broker.client, broker.names, SimulatedClock(START_MS), AdmissionLimits(10_000, 100, 100))
    candles = sample_candles(30, "M15", 4)
    admission.admit(SERIES, candles[:20], 0, "csv")
    with pytest.raises(TailLostError):
        admission.admit(SERIES, candles[25:], 0, "csv", int(candles["t"][24]))
    assert admission.newest(SERIES) == int(candles["t"][19])
    assert set(admission.admit(SERIES, candles[20:], 0, "csv", int(candles["t"][19]))) == {Verdict.ADMITTED}


def test_a_real_broker_emptied_during_a_replay_is_filled_from_the_beginning(
    sample: Path, broker: BrokerUnderTest
) -> None:
    class Emptied(Admission):
        calls = 0

        def admit(self, series: Series, candles: Candles, flags: int, source: str, after: int = 0) -> list[Verdict]:
            self.calls += 1
            if self.calls == 3:
                broker.client.delete(*broker.client.keys(f"{broker.names.namespace}*"))
            return super().admit(series, candles, flags, source, after)

    admission = Emptied(broker.client, broker.names, SimulatedClock(START_MS), AdmissionLimits(10_000, 100, 100))
    report = Replay(admission, SimulatedClock(START_MS), ReplayRequest(sample, SERIES)).run()
    assert report.admitted == 999
    history = broker.client.execute_command("XLEN", broker.names.history(SERIES.partition, SERIES.key))
    assert history == 999
