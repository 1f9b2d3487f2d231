"""A running system under measurement: series filled with history, candles published, signals received."""

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bundles import write_untrained_bundle
from bridge.client import SignalClient
from bridge.events import Origin, Resynchronised, Signal
from bridge.keys import Keys, load_or_create_keys
from inference_worker.registry import Registry
from natron.addresses import free_addresses
from natron.system import Shape, System
from shared.admission import Admission, AdmissionLimits
from shared.broker import connect
from shared.clock import SystemClock
from shared.contracts import Candles, Series
from shared.errors import BusyError
from shared.settings.groups import Settings
from shared.settings.loading import load_settings

SOURCE = "bench"
TWO_WORKERS = Shape(workers=2)


@dataclass(frozen=True)
class LiveSystem:
    """What a bench drives."""

    system: System
    settings: Settings
    bundle: Path
    admission: Admission
    client: SignalClient
    stop: threading.Event  # ends the client's events
    keys: Keys

    def publish(self, batches: Sequence[tuple[Series, Candles]]) -> None:
        """Admit candles of several series in one pipeline; waits where the system is behind."""
        waiting = list(batches)
        while waiting:
            try:
                self.admission.admit_all(waiting, 0, SOURCE)
            except BusyError:  # what was admitted before is a duplicate next time
                time.sleep(0.02)
            else:
                return

    def await_signals(self, count: int, timeout_s: float = 120.0) -> list[int]:
        """Arrival times (epoch us) of the next ``count`` live signals."""
        arrivals: list[int] = []
        for event in self.client.events(idle_s=timeout_s):
            if isinstance(event, Signal) and event.origin is not Origin.SNAPSHOT:
                arrivals.append(event.received_us)
                if len(arrivals) == count:
                    return arrivals
        raise AssertionError(f"{len(arrivals)} of {count} signals came within {timeout_s} s")


@contextmanager
def live_system(
    preset: str, shape: Shape = TWO_WORKERS, *, champion: bool = False, flags: Mapping[str, str] | None = None
) -> Iterator[LiveSystem]:
    """Start a broker, feature services, workers of an untrained bundle, a bridge and a client of it.

    Parameters
    ----------
    champion
        The bundle is pushed and promoted, so that others can follow it; otherwise workers serve its folder.
    flags
        More settings, ``group.key`` -> value.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = write_untrained_bundle(folder / preset, preset)
        addresses = free_addresses()
        values = {
            "system.log_level": "ERROR",
            "inference.bundle": "" if champion else str(bundle),
            "inference.max_series": "16384",
            "bridge.signals_bind": addresses.signals,
            "bridge.requests_bind": addresses.requests,
            **(flags or {}),
        }
        settings, keys = load_settings(None, {}, values), folder / "keys.json"
        with System(settings, shape, keys, folder / "data") as system:
            if champion:
                registry = Registry(connect(system.broker.url), system.names)
                registry.push(bundle)
                registry.promote(bundle.name)
            system.await_ready()
            limits = AdmissionLimits(settings.system.max_backlog, 100, 100)
            admission = Admission(connect(system.broker.url), system.names, SystemClock(), limits)
            stop, made = threading.Event(), load_or_create_keys(keys)
            with SignalClient(addresses, made, stop=stop) as client:
                next(event for event in client.events() if isinstance(event, Resynchronised))
                yield LiveSystem(system, settings, bundle, admission, client, stop, made)
