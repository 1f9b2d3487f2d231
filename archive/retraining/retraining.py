"""One retraining: from the archive's candles to a bundle, a verdict, and a record of both."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archive.retraining.verdict import Verdict, compare
from archive.storage.export import export_candles
from archive.storage.kinds import CANDLES
from archive.storage.vault import Vault
from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import Bundle
from shared.clock import Clock
from shared.errors import TrainingError
from shared.settings.groups import Settings
from trainer.files import read_specs
from trainer.request import CsvSpec, TrainingRequest
from trainer.splits import fewest_candles
from trainer.training import train

JOURNAL = "retrainings.jsonl"
Note = Callable[[str], None]


@dataclass(frozen=True)
class Retraining:
    """What one came to. ``promote`` is the number it was promoted under; None: it was not."""

    bundle: Path
    verdict: Verdict
    promote: int | None


@dataclass(frozen=True)
class Bench:
    """Where bundles are made and recorded, and what may be done with them.

    Attributes
    ----------
    champion
        Gives the bundle to compare with.
    promote
        Pushes and promotes a bundle's folder, and says under which number; None: nothing is promoted.
    """

    archive: Path
    folder: Path
    champion: Callable[[], Bundle]
    promote: Callable[[Path], int] | None
    clock: Clock

    @property
    def last_ms(self) -> int | None:
        """When the newest retraining was finished, UTC epoch ms; None before the first."""
        try:
            lines = (self.folder / JOURNAL).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        return int(json.loads(lines[-1])["at_ms"]) if lines else None


def retrain(bench: Bench, settings: Settings, note: Note = lambda _: None) -> Retraining:
    """Train on every archived series that is long enough, compare with the champion, and promote by the rule.

    The record (``decision.json`` beside the bundle, a line in ``retrainings.jsonl``) is written before anything is
    promoted, and names the candles by their hashes.

    Raises
    ------
    InputError
        There is no archive.
    TrainingError
        No series is long enough, or what there is cannot be learned from.
    """
    started = bench.clock.now_ms()
    name = datetime.fromtimestamp(started / 1_000, UTC).strftime("re-%Y%m%d-%H%M%S")
    folder = bench.folder / name
    folder.mkdir(parents=True)
    try:
        specs = _export(bench.archive, folder / "candles", settings, note)
        champion = bench.champion()  # before the work: without one there is nothing to beat
        result = train(TrainingRequest(specs, folder / name, settings), lambda done: note(f"epoch {done.epoch}"))
        challenger = Bundle.load(folder / name)
        histories, _ = read_specs(specs)
        verdict = compare(champion, challenger, histories, settings.retrain, settings.training.threads)
    except BaseException:  # nothing came of it: no trail of folders, each with a copy of all candles
        shutil.rmtree(folder)
        raise
    note(f"{name} beside {champion.manifest.id}: {verdict.why}")
    record = {
        "id": name,
        "started_ms": started,
        "at_ms": bench.clock.now_ms(),
        "code_version": challenger.manifest.code_version,
        "data": [one.record.model_dump() for one in histories],
        "notes": list(result.notes),
        "may_promote": bench.promote is not None,
        **verdict.document(),
    }
    (folder / "decision.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    number = None
    try:
        if verdict.promote and bench.promote:
            number = bench.promote(folder / name)
    finally:  # it was trained and judged, whether the broker took it or not
        _journal(bench.folder / JOURNAL, {**record, "promoted": number})
    return Retraining(folder / name, verdict, number)


def _export(archive: Path, folder: Path, settings: Settings, note: Note) -> tuple[CsvSpec, ...]:
    """The candles of every series that is long enough, as files."""
    folder.mkdir()
    least = fewest_candles(FEATURE_SET.lookback, max(settings.labels.horizons.values()), settings.data) + 1
    specs = []
    with closing(Vault(archive)) as vault:
        for at, series in enumerate(vault.series(CANDLES)):
            rows = sum(one.rows for one in vault.catalog.files(CANDLES, series.key))
            if rows < least:
                note(f"{series.key}: {rows} candles are fewer than {least}, left out")
                continue
            path = folder / f"{at}.parquet"
            export_candles(vault, series, path)
            specs.append(CsvSpec(path, series.symbol, series.timeframe, "UTC"))
    if not specs:
        raise TrainingError("archive.folder", str(archive), f"holds no series of {least} candles", "let it grow")
    return tuple(specs)


def _journal(path: Path, record: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
