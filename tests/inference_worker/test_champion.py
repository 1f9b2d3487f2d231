"""A worker follows the champion: between two batches, never back, and never to a bundle that is broken."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
import redis

from inference_worker.bundle import Bundle
from inference_worker.champion import ChampionWatch, Opener
from inference_worker.registry import Promotion, Registry, Serving
from inference_worker.service import bundle_folder
from inference_worker.session import Session
from inference_worker.warming import Warm
from shared.broker import connect
from shared.clock import SimulatedClock
from shared.errors import BundleError
from shared.membership import Membership
from shared.settings.groups import Settings
from shared.testing import BrokerUnderTest

Variant = Callable[..., Path]


class Recorder:
    """A stage that only notes what it is given."""

    def __init__(self) -> None:
        self.adopted: list[tuple[str, int]] = []

    def warm(self, session: Session, client: redis.Redis) -> list[Warm]:  # noqa: ARG002 - it has no series
        return []

    def adopt(self, session: Session, promote: int, warm: Sequence[Warm]) -> None:  # noqa: ARG002
        self.adopted.append((session.bundle.manifest.id, promote))


@pytest.fixture
def opener() -> Opener:
    return Opener(lambda: Bundle.load(bundle_folder(Settings())), partial(Session, threads=1, max_tokens=256))


@pytest.fixture
def stage() -> Recorder:
    return Recorder()


@pytest.fixture
def watch(broker: BrokerUnderTest, opener: Opener, stage: Recorder) -> ChampionWatch:
    Membership(broker.client, broker.names, "worker", "one", SimulatedClock(0)).renew()
    session, promotion, refused = opener.open_newest(Registry(broker.client, broker.names))
    aside = partial(connect, broker.url)
    return ChampionWatch(broker.client, aside, broker.names, "one", opener, stage, promotion, session, refused)


def look(watch: ChampionWatch) -> None:
    """See what is new, wait until it is loaded, and take it over."""
    watch.look()
    if watch._loader is not None:
        watch._loader.join()
    watch.look()


def test_a_promoted_bundle_is_taken_over_at_the_next_look_but_one(
    broker: BrokerUnderTest, variant: Variant, watch: ChampionWatch, stage: Recorder
) -> None:
    registry = Registry(broker.client, broker.names)
    look(watch)
    assert registry.workers() == {"one": Serving("reference", 0)}
    for name in ("a", "b"):
        registry.push(variant(name))
        registry.promote(name)
        look(watch)
    registry.rollback()
    look(watch)
    registry.rollback()
    look(watch)
    assert stage.adopted == [("a", 1), ("b", 2), ("a", 3), ("reference", 4)]
    assert registry.workers() == {"one": Serving("reference", 4)}


def test_a_broken_bundle_is_refused_in_words_and_the_old_one_serves_on(
    broker: BrokerUnderTest, variant: Variant, watch: ChampionWatch, stage: Recorder
) -> None:
    registry = Registry(broker.client, broker.names)
    for name, changes, word in (
        ("drifts", {"golden_shift": 1e-3}, "golden output"),
        ("foreign", {"feature_set": "ab" * 32}, "feature set expected"),
        ("torn", {}, "sha256 expected"),
    ):
        bundle = registry.push(variant(name, **changes))
        registry.promote(name)
        if name == "torn":
            broker.client.rpop(broker.names.bundle_chunks(bundle.manifest.files["model.onnx"]))
        look(watch)
        serving = registry.workers()["one"]
        assert serving.bundle == "reference"
        assert word in serving.refused
        assert name in serving.refused
    assert stage.adopted == []
    registry.push(variant("sound"))
    registry.promote("sound")
    look(watch)
    assert registry.workers() == {"one": Serving("sound", 4)}


def test_a_worker_that_starts_beside_a_broken_champion_serves_the_one_before(
    broker: BrokerUnderTest, variant: Variant, opener: Opener
) -> None:
    registry = Registry(broker.client, broker.names)
    for name, changes in (("sound", {}), ("drifts", {"golden_shift": 1e-3})):
        registry.push(variant(name, **changes))
        registry.promote(name)
    session, promotion, refused = opener.open_newest(registry)
    assert (session.bundle.manifest.id, promotion) == ("sound", Promotion(1, "sound"))
    assert "drifts (promote 2)" in refused


def test_where_no_champion_can_be_served_the_worker_says_so(broker: BrokerUnderTest, opener: Opener) -> None:
    fields = {"id": "gone", "promote": 3, "past": json.dumps([[2, "lost"]])}
    broker.client.hset(broker.names.champion, mapping=fields)
    with pytest.raises(BundleError, match=r"gone \(promote 3\).*is not in the broker"):
        opener.open_newest(Registry(broker.client, broker.names))
