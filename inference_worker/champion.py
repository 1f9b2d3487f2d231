"""Which bundle a worker serves: it follows the champion, and takes a new one over between two batches."""

import json
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import redis
import structlog

from inference_worker.bundle import Bundle
from inference_worker.registry import Promotion, Registry, Serving
from inference_worker.session import Session
from inference_worker.warming import Warm
from shared.broker import LOST
from shared.errors import BundleError
from shared.names import Names

ASIDE_NICENESS = 10
"""A bundle that is loaded aside must not take the core from the one at work."""

_log = structlog.get_logger()


class Adopting(Protocol):
    """A stage that can take another session over."""

    def warm(self, session: Session, client: redis.Redis) -> Sequence[Warm]:
        """Fill its caches, in the thread that loads it."""
        ...

    def adopt(self, session: Session, promote: int, warm: Sequence[Warm]) -> None:
        """Serve with it from the next batch on."""
        ...


class Opener:
    """Makes sessions of bundles, or refuses them; warm afterwards, as their golden inputs went through.

    Parameters
    ----------
    own
        What workers serve of themselves, number 0.
    open_session
        BundleError where the graph does not compute what was exported.
    """

    def __init__(self, own: Callable[[], Bundle], open_session: Callable[[Bundle], Session]) -> None:
        self._own, self._open_session = own, open_session

    def open(self, registry: Registry, promotion: Promotion, feature_set: str | None = None) -> Session:
        """Open a champion.

        Parameters
        ----------
        feature_set
            Hash that it must be of; None: any.

        Raises
        ------
        BundleError
            It is broken, drifts, or is of another feature set.
        """
        bundle = registry.load(promotion.bundle) if promotion.bundle else self._own()
        found = bundle.manifest.feature_set.hash
        if feature_set not in {None, found}:
            raise BundleError(f"bundle {bundle.manifest.id}: feature set expected {feature_set}, found {found}")
        return self._open_session(bundle)

    def open_own(self) -> Session:
        """Open what workers serve of themselves, as ``open``."""
        return self._open_session(self._own())

    def open_pushed(self, registry: Registry, bundle_id: str) -> Session:
        """Open a bundle that was pushed, champion or not, as ``open``."""
        return self._open_session(registry.load(bundle_id))

    def open_newest(self, registry: Registry) -> tuple[Session, Promotion, str]:
        """Open the champion, or the newest one before it that can be served; last, why a newer one cannot.

        Raises
        ------
        BundleError
            None of them can be.
        """
        line, refused = registry.line(), ""
        for promotion in (line.champion, *reversed(line.past)):
            try:
                return self.open(registry, promotion), promotion, refused
            except BundleError as error:
                _log.error("bundle_refused", bundle=promotion.bundle, promote=promotion.number, error=str(error))
                refused = refused or _refusal(promotion, error)
        raise BundleError(refused)


class ChampionWatch:
    """Looks who is champion, loads a new one aside, and hands it to the stage.

    ``look`` is called between two batches, by the thread that runs them.
    """

    def __init__(
        self,
        client: redis.Redis,
        aside: Callable[[], redis.Redis],
        names: Names,
        instance: str,
        opener: Opener,
        stage: Adopting,
        serving: Promotion,
        session: Session,
        refused: str = "",
    ) -> None:
        self._client, self._aside, self._names, self._instance = client, aside, names, instance
        self._registry, self._opener, self._stage = Registry(client, names), opener, stage
        self._serving, self._session, self._refused = serving, session, refused
        self._asked = self._registry.line().champion if refused else serving
        self._ready: Session | BundleError | None = None
        self._warm: Sequence[Warm] = ()
        self._loader: threading.Thread | None = None
        self._said: Serving | None = None

    def look(self) -> None:
        """Take over what is ready; begin to load what is new; say what is served."""
        if self._loader is None:
            champion = self._registry.line().champion
            if champion.number > self._asked.number:
                self._asked = champion
                self._loader = threading.Thread(target=self._load, args=(champion,), name="bundle", daemon=True)
                self._loader.start()
        elif not self._loader.is_alive():
            self._loader = None
            self._settle()
        self._say()

    def _load(self, promotion: Promotion) -> None:
        with suppress(OSError, AttributeError):  # Linux gives each thread a niceness of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), ASIDE_NICENESS)
        ours = self._session.bundle.manifest
        try:
            if promotion.bundle == ours.id:
                # Promoted again: the same bundle, whose caches go on; only its number is new.
                self._ready = self._session
                return
            with self._aside() as client:
                session = self._opener.open(Registry(client, self._names), promotion, ours.feature_set.hash)
                with suppress(*LOST):  # then its series are read back as they come
                    self._warm = self._stage.warm(session, client)
                self._ready = session
        except BundleError as error:
            self._ready = error
        except Exception as error:  # noqa: BLE001 - whatever it is, the one at work serves on
            self._ready = BundleError(f"bundle {promotion.bundle}: {type(error).__name__}: {error}")

    def _settle(self) -> None:
        found, self._ready = self._ready, None
        if isinstance(found, Session):
            self._serving, self._session, self._refused = self._asked, found, ""
            self._stage.adopt(found, self._asked.number, self._warm)
            self._warm = ()
            _log.info("bundle_adopted", bundle=found.bundle.manifest.id, promote=self._asked.number)
        else:
            self._refused = _refusal(self._asked, found)
            _log.error("bundle_refused", bundle=self._asked.bundle, promote=self._asked.number, error=str(found))

    def _say(self) -> None:
        saying = Serving(self._session.bundle.manifest.id, self._serving.number, self._refused)
        if saying != self._said:
            self._client.hset(self._names.serving, self._instance, json.dumps(saying.document))
            self._said = saying

    def leave(self) -> None:
        """Say nothing any more."""
        with suppress(*LOST):
            self._client.hdel(self._names.serving, self._instance)


def _refusal(promotion: Promotion, error: BundleError | None) -> str:
    return f"{promotion.bundle or 'the own bundle'} (promote {promotion.number}): {error}"
