"""`natron retrain` for real: it trains, judges, writes down, and, asked to, comes again."""

import json
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from archive.retraining.retraining import JOURNAL
from archive.storage.kinds import CANDLES, Record
from archive.storage.vault import Vault
from inference_worker.bundle import Bundle
from inference_worker.registry import Registry
from natron.cli import app
from natron.commands.retrain import RETRY_S
from producer.sample import sample_candles
from shared.contracts import Series
from shared.testing import BrokerUnderTest

SERIES = Series("SAMPLE.r", "M15")
LATER_MS = 98 * 7 * 86_400_000  # after all that the reference bundle has learned from
QUICK = {
    "model.preset": "tiny", "training.threads": 1, "training.supervised.epochs": 1, "training.pretrain.epochs": 1,
    "training.pretrain.ablation_epochs": 1, "retrain.candles_min": 200,
}  # fmt: skip


class Asked(threading.Event):
    """An event that notes how long it is waited for, and comes at the second time."""

    def __init__(self) -> None:
        super().__init__()
        self.waits_s: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits_s.append(timeout)
        return len(self.waits_s) > 1


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What ends the command instead of a signal."""
    event = Asked()
    monkeypatch.setattr("natron.commands.retrain._stopped", lambda: event)
    monkeypatch.setattr("natron.commands.retrain.share_cores", lambda: None)
    monkeypatch.setattr("shared.log.configure_log", lambda *_: None)
    return event


def fill(folder: Path, count: int) -> None:
    vault = Vault(folder, write=True)
    candles = sample_candles(count, "M15", 5)
    candles["t"] += LATER_MS
    records = [
        Record(CANDLES, SERIES.key, "", dict(zip("tohlcv", one, strict=True)) | {"n": n, "flags": 0, "admitted_us": 0})
        for n, one in enumerate(candles.tolist(), 1)
    ]
    vault.append(records, {}, [])
    vault.close()


def retrain(broker: BrokerUnderTest, folder: Path, *more: str) -> str:
    flags = [word for name, value in QUICK.items() for word in ("--set", f"{name}={value}")]
    done = CliRunner().invoke(app, ["retrain", "--folder", str(folder), "--broker", broker.url, *flags, *more])
    assert done.exit_code == 0, done.output
    return done.output


def test_what_it_trains_is_judged_written_down_and_promoted_by_the_rule_alone(
    broker: BrokerUnderTest, tmp_path: Path, asked: Asked
) -> None:
    fill(tmp_path, 5_700)
    said = retrain(broker, tmp_path, "--every", "1d")
    made = tmp_path / "retrainings"
    record = json.loads((made / JOURNAL).read_text())
    assert record["champion"] == "reference"
    assert sum(record["candles"].values()) >= 200
    assert record["difference"]["value"] > 0  # one epoch of the smallest model beside the reference bundle
    assert (record["promote"], record["promoted"]) == (False, None)
    assert "not promoted; log-loss +" in said
    assert "next in 24.0 h" in said
    assert asked.waits_s[0] == 0
    bundle = Bundle.load(made / record["id"] / record["id"])
    assert bundle.manifest.id == record["challenger"]
    decision = json.loads((made / record["id"] / "decision.json").read_text())
    assert {**decision, "promoted": None} == record
    assert not Registry(broker.client, broker.names).line().champion.bundle


def test_asked_to_come_again_it_waits_for_an_archive_that_is_too_short(
    broker: BrokerUnderTest, tmp_path: Path, asked: Asked
) -> None:
    fill(tmp_path, 500)
    assert "holds no series" in retrain(broker, tmp_path, "--every", "7d")
    assert asked.waits_s == [0, RETRY_S]
    assert not list((tmp_path / "retrainings").iterdir())  # no trail of what came to nothing
