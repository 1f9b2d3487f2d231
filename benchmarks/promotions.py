"""Twenty promotions under load: what they add to the time of a signal, and the four zeros."""

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.live_system import TWO_WORKERS, live_system
from benchmarks.measurement import Measurement
from benchmarks.steady_load import SteadyLoad, Step
from inference_worker.bundle import Bundle
from inference_worker.registry import Registry
from inference_worker.testing import write_variant
from shared.broker import connect
from shared.contracts import Prediction

PROMOTIONS = 20
CANDLES = 3_000  # of a series: enough on a slow machine
CALM_S = 20.0


def run() -> list[Measurement]:
    """Measure."""
    with (
        tempfile.TemporaryDirectory() as folder,
        live_system("base", champion=True) as live,
        SteadyLoad(live, CANDLES) as load,
    ):
        registry = Registry(connect(live.system.broker.url), live.system.names)
        names = _push_variants(registry, live.bundle, Path(folder))
        until_s = time.monotonic() + CALM_S
        calm = load.run(iter([lambda: time.monotonic() >= until_s]))
        promoted = load.run(_promotions(registry, names))
        faults = load.faults(promoted)
        older = _older_after_newer(load.found(promoted), [live.bundle.name, *names])
    return [
        Measurement(
            f"{PROMOTIONS} promotions: candle to signal, p99", "ms", "lower", promoted.quantile_ms(0.99),
            "without promotions", calm.quantile_ms(0.99), "<= 20 ms, or twice that without",
        ),
        Measurement(
            f"{PROMOTIONS} promotions: lost, twice, different, out of order", "predictions", "lower", faults, goal="0"
        ),
        Measurement(
            f"{PROMOTIONS} promotions: of an older bundle after a newer one", "predictions", "lower", older, goal="0"
        ),
    ]  # fmt: skip


def _push_variants(registry: Registry, folder: Path, holder: Path) -> list[str]:
    """One graph under twenty IDs."""
    bundle, names = Bundle.load(folder), [f"b{number:02}" for number in range(1, PROMOTIONS + 1)]
    for name in names:
        write_variant(bundle, name, holder / name)
        registry.push(holder / name)
    return names


def _promotions(registry: Registry, names: list[str]) -> Iterator[Step]:
    """Each as soon as every worker serves the one before it."""
    for name in names:
        number = registry.promote(name).number
        yield partial(_is_served, registry, number)


def _is_served(registry: Registry, number: int) -> bool:
    workers = registry.workers().values()
    return len(workers) == TWO_WORKERS.workers and all(one.promote >= number for one in workers)


def _older_after_newer(found: list[Prediction], bundles: list[str]) -> int:
    newest: dict[str, int] = {}
    count = 0
    for one in found:
        place = bundles.index(one.bundle)
        count += place < newest.get(one.series.key, 0)
        newest[one.series.key] = max(place, newest.get(one.series.key, 0))
    return count
