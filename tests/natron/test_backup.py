"""A backup brings the same system back: positions, counters and bundles; nothing is predicted twice or missed."""

import inspect
import json
import zipfile
from pathlib import Path

import pytest

from feature_service.service import run as run_features
from inference_worker.service import run as run_worker
from natron.backup import backup, restore
from shared.ack_log import AckLog
from shared.admission import Admission, AdmissionLimits, Verdict
from shared.clock import SystemClock
from shared.contracts import Ack, Series
from shared.delivery import halt
from shared.errors import InputError
from shared.names import Names
from shared.prediction_log import PredictionLog
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.testing import BrokerUnderTest, walk_candles

SERIES = [Series("A|B", "M15"), Series("X", "H1")]
BEFORE, AFTER = 120, 10


def admit(broker: BrokerUnderTest, start: int, end: int) -> list[Verdict]:
    door = Admission(broker.client, broker.names, SystemClock(), AdmissionLimits(16_384, 1_000, 1_000))
    verdicts = []
    for series in SERIES:
        candles = walk_candles(BEFORE + AFTER, width_ms=series.width_ms)
        verdicts += door.admit(series, candles[start:end], 0, "csv")
    return verdicts


def work(broker: BrokerUnderTest) -> None:
    for run in (run_features, run_worker):
        run(Settings(), ServiceContext(broker.client, broker.names), until_idle=True)


def predicted(broker: BrokerUnderTest) -> dict[tuple[str, int], float]:
    log, found = PredictionLog(broker.client, broker.names, from_start=True), {}
    for one in log.read(0, 10_000):
        assert one.prediction is not None
        key = (one.prediction.series.key, one.prediction.n)
        assert key not in found
        found[key] = one.prediction.buy_prob
    return found


def test_what_was_restored_goes_on_as_if_nothing_had_happened(broker: BrokerUnderTest, tmp_path: Path) -> None:
    admit(broker, 0, BEFORE)
    work(broker)
    admit(broker, BEFORE, BEFORE + 2)  # these wait while the backup is written
    halt(broker.client, broker.names, "X", 1)
    report = backup(broker.client, broker.names, tmp_path / "b.zip", 5)
    admit(broker, BEFORE + 2, BEFORE + AFTER)
    work(broker)
    undisturbed = predicted(broker)

    broker.client.flushall()
    assert restore(broker.client, broker.names, tmp_path / "b.zip") == report
    assert set(admit(broker, 0, BEFORE + AFTER)) == {Verdict.DUPLICATE, Verdict.ADMITTED}
    work(broker)
    assert predicted(broker) == pytest.approx(undisturbed, abs=1e-5)
    assert len(undisturbed) == 2 * (BEFORE + AFTER - 95)
    assert broker.client.hkeys(broker.names.halts) == [b"X"]


def everything(names: Names) -> dict[str, str]:
    """Kind of key -> one key of each that there is, of a series and bundles that are known."""
    values = {"p": "3", "series": "A.M15", "set8": "0a1b2c3d", "bundle": "b1", "sha256": "f" * 64}
    found = {}
    for kind, member in vars(Names).items():
        if isinstance(member, property):
            found[kind] = getattr(names, kind)
        elif inspect.isfunction(member) and not kind.startswith("_"):
            wanted = list(inspect.signature(member).parameters)[1:]
            found[kind] = member(names, *(values.get(name, "one") for name in wanted))
    return found


LEFT_OUT = {"members", "departures", "serving", "bridge_clients", "attempts"}  # who is alive, and what is under way


def test_whatever_is_kept_in_the_broker_is_in_a_backup(broker: BrokerUnderTest, tmp_path: Path) -> None:
    client, names = broker.client, broker.names
    keys = everything(names)
    hashes = {
        "series": {"A.M15": "1 csv"},
        "position": {"features:0a1b2c3d": "1-0", "shadow:b1": "1-0", "scorer:b1": "1-0"},
        "bundles": {"b1": json.dumps({"model.onnx": "f" * 64})},
    }
    for kind, key in keys.items():
        if kind in hashes:
            client.hset(key, mapping=hashes[kind])  # type: ignore[arg-type]
        else:
            client.set(key, kind, ex=1_000 if kind == "acks_taken" else None)
    report = backup(client, names, tmp_path / "b.zip", 5)
    client.flushall()
    assert restore(client, names, tmp_path / "b.zip") == report
    back = {key.decode() for key in client.scan_iter()}
    assert back == {key for kind, key in keys.items() if kind not in LEFT_OUT}
    assert 0 < client.pttl(keys["acks_taken"]) <= 1_000_000
    assert client.pttl(keys["candles"]) == -1


def test_an_ack_that_was_taken_before_is_not_taken_after(broker: BrokerUnderTest, tmp_path: Path) -> None:
    log = AckLog(broker.client, broker.names, keep=100)
    ack = Ack("ea-1", "EURUSD", "run", 7, 1, 2, "", "state", 0, 0.0, 0, "idle")
    assert log.append([ack]) == [7]
    backup(broker.client, broker.names, tmp_path / "b.zip", 5)
    broker.client.flushall()
    restore(broker.client, broker.names, tmp_path / "b.zip")
    assert log.append([ack]) == [7]
    assert [one.number for _, one in log.read()] == [7]


def test_a_backup_is_never_half_written_nor_over_another(broker: BrokerUnderTest, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        backup(broker.client, broker.names, tmp_path / "b.zip", 5)
    with pytest.raises(InputError, match="cannot be written"):
        backup(broker.client, broker.names, tmp_path / "no" / "b.zip", 5)
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]


def test_what_is_altered_foreign_or_in_the_way_is_refused(broker: BrokerUnderTest, tmp_path: Path) -> None:
    admit(broker, 0, 5)
    backup(broker.client, broker.names, tmp_path / "good.zip", 5)
    with pytest.raises(InputError, match="holds series already"):
        restore(broker.client, broker.names, tmp_path / "good.zip")
    broker.client.flushall()

    def copy(name: str, part: str, change: object) -> Path:
        with zipfile.ZipFile(tmp_path / "good.zip") as good, zipfile.ZipFile(tmp_path / name, "w") as bad:
            for info in good.infolist():
                content = good.read(info)
                bad.writestr(info.filename, change(content) if info.filename == part else content)  # type: ignore[operator]
        return tmp_path / name

    altered = copy("altered.zip", "partition-07", lambda content: content + b"x")
    schema = copy(
        "schema.zip", "backup.json", lambda content: json.dumps({**json.loads(content), "schema": 99}).encode()
    )
    (tmp_path / "text.zip").write_text("no zip")
    for path, rule in ((altered, "is altered"), (schema, "schema is 99"), (tmp_path / "text.zip", "is no backup")):
        with pytest.raises(InputError, match=rule):
            restore(broker.client, broker.names, path)
