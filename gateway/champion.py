"""Which bundle the gateway predicts with: it follows the champion as workers do, and swaps between two batches."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress

import structlog

from gateway.predictor import Predictor
from inference_worker.champion import ASIDE_NICENESS, Opener
from inference_worker.registry import Promotion, Registry
from inference_worker.session import Session
from shared.errors import BundleError

_log = structlog.get_logger()


class ChampionFollower:
    """Looks who is champion, and opens a new one aside; a bundle that cannot be served is refused, the old one stays.

    Parameters
    ----------
    serving
        The promotion whose bundle is served now, and the session that serves it.
    adopt
        Takes the predictor of a new champion; called from a thread of its own.
    """

    def __init__(
        self,
        registry: Registry,
        opener: Opener,
        make: Callable[[Session], Predictor],
        serving: Promotion,
        adopt: Callable[[Predictor], None],
    ) -> None:
        self._registry, self._opener, self._make, self._adopt = registry, opener, make, adopt
        self._asked = serving
        self._loader: threading.Thread | None = None

    def look(self) -> None:
        """Begin to load a champion that is new; call it now and then.

        Raises
        ------
        redis.RedisError
            The broker is away.
        """
        if self._loader is not None and self._loader.is_alive():
            return
        champion = self._registry.line().champion
        if champion.number > self._asked.number:
            self._asked = champion
            self._loader = threading.Thread(target=self._load, args=(champion,), name="bundle", daemon=True)
            self._loader.start()

    def _load(self, promotion: Promotion) -> None:
        with suppress(OSError, AttributeError):  # Linux gives each thread a niceness of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), ASIDE_NICENESS)
        try:
            predictor = self._make(self._opener.open(self._registry, promotion))
        except BundleError as error:
            _log.error("bundle_refused", bundle=promotion.bundle, promote=promotion.number, error=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the one at work serves on
            _log.error("bundle_refused", bundle=promotion.bundle, promote=promotion.number, error=repr(error))
        else:
            self._adopt(predictor)
            _log.info("bundle_adopted", bundle=predictor.manifest.id, promote=promotion.number)
