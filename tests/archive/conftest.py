"""A series on its way through the services, and a bundle that was taught its labels."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from feature_service.service import run as run_features
from inference_worker.bundle import GRAPH_NAME, Bundle, write_manifest
from inference_worker.registry import Registry
from inference_worker.service import bundle_folder
from inference_worker.service import run as run_worker
from inference_worker.testing import write_variant
from producer.sample import sample_candles
from shared.admission import Admission, AdmissionLimits
from shared.clock import SimulatedClock
from shared.contracts import Candles, Series
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.settings.loading import load_settings
from shared.testing import BrokerUnderTest, broker_under_test
from trainer.histories import History, LabelledHistories, label_histories

NOW_MS = 2_000_000_000_000
CHALLENGER = "challenger"


@dataclass(frozen=True)
class Stream:
    """A broker, and the services that fill it."""

    broker: BrokerUnderTest
    folder: Path  # of the bundle

    def context(self) -> ServiceContext:
        """One instance of a service."""
        return ServiceContext(self.broker.client, self.broker.names, SimulatedClock(NOW_MS), threading.Event(), "one")

    def settings(self, **flags: object) -> Settings:
        """Settings that name the bundle."""
        given = {name.replace("__", "."): value for name, value in flags.items()}
        return load_settings(None, {}, {"inference.bundle": str(self.folder), **given})

    def push(self, series: Series, candles: Candles, *, shadow: bool = False) -> None:
        """Admit candles, and let rows and predictions be computed of them."""
        limits = AdmissionLimits(100_000, 100, 100)
        door = Admission(self.broker.client, self.broker.names, SimulatedClock(NOW_MS), limits)
        for start in range(0, len(candles), 256):
            door.admit(series, candles[start : start + 256], 0, "csv")
        run_features(self.settings(), self.context(), until_idle=True)
        run_worker(self.settings(), self.context(), until_idle=True)
        if shadow:
            run_worker(self.settings(worker__shadow=CHALLENGER), self.context(), until_idle=True)

    def push_bundle(self, folder: Path) -> None:
        """Store a bundle in the broker."""
        Registry(self.broker.client, self.broker.names).push(folder)

    def log(self, key: str) -> list[bytes]:
        """Messages of a log."""
        return [entry[1][1] for entry in self.broker.client.execute_command("XRANGE", key, "-", "+")]


@pytest.fixture(scope="session")
def series() -> Series:
    """The series that is scored."""
    return Series("SAMPLE.r", "M15")


@pytest.fixture(scope="session")
def history(series: Series) -> History:
    """Its candles, as a file of them would be read."""
    return History(series, sample_candles(5_700, "M15", 5), "UTC", "0" * 64)


@pytest.fixture(scope="session")
def labelled(history: History) -> LabelledHistories:
    """Labels as an evaluation fits them."""
    return label_histories([history], Settings().data, Settings().labels)


@pytest.fixture(scope="session")
def folder(labelled: LabelledHistories, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference bundle's graph, taught the labels of this history."""
    reference = Bundle.load(bundle_folder(Settings()))
    folder = tmp_path_factory.mktemp("bundles") / "taught"
    folder.mkdir()
    (folder / GRAPH_NAME).write_bytes(reference.graph)
    changes = {
        "id": "taught",
        "files": {GRAPH_NAME: reference.manifest.files[GRAPH_NAME]},
        "policy": None,
        "labels": labelled.fitted.records(),
        "costs": dict(labelled.fitted.costs_bps),
    }
    write_manifest(folder, reference.manifest.model_copy(update=changes))
    return folder


@pytest.fixture(scope="session")
def challenger(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same bundle under another ID."""
    path = tmp_path_factory.mktemp("bundles") / CHALLENGER
    write_variant(Bundle.load(folder), CHALLENGER, path)
    return path


@pytest.fixture(scope="module")
def stream(folder: Path) -> Iterator[Stream]:
    """A broker of one's own, for a module's tests together."""
    with broker_under_test() as broker:
        yield Stream(broker, folder)


@pytest.fixture
def new_stream(folder: Path, broker: BrokerUnderTest) -> Callable[[], Stream]:
    """An empty one for a single test."""
    return lambda: Stream(broker, folder)
