"""An exchange as ccxt knows it: which there are, what they can, and how they are opened."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared.errors import InputError


@dataclass(frozen=True)
class Venue:
    """One exchange.

    Attributes
    ----------
    id
        ccxt's name of it.
    options
        For ccxt's constructor, merged into its own: keys, proxies, other addresses.
    timeout_s
        Of one request, and of connecting.
    """

    id: str
    options: dict[str, Any]
    timeout_s: float

    def __post_init__(self) -> None:
        if find_spec("ccxt") is None:
            raise InputError(
                "exchange", self.id, "needs ccxt, which is not installed", "pip install 'natron[exchange]'"
            )
        import ccxt.pro  # noqa: PLC0415 - takes a second, and only exchange commands need it

        if self.id not in ccxt.pro.exchanges:
            raise InputError(
                "exchange", self.id, "is none that ccxt streams", f"one of {', '.join(ccxt.pro.exchanges)}"
            )

    def open(self, **options: Any) -> Any:
        """Make a ccxt.pro exchange: REST and stream; close it when done."""
        return self._open(lambda base: base, options)

    def open_stream(
        self,
        markets: Any,
        on_open: Callable[[], None],
        on_message: Callable[[Any, Any], None],
        ping_s: float,
    ) -> Any:
        """Make one for a single connection.

        Parameters
        ----------
        markets
            An open exchange of the same venue whose markets are loaded.
        on_open
            Called when it is connected.
        on_message
            Called with the exchange and each candle message after ccxt has read it.
        """

        def listening(base: Any) -> Any:
            class Listening(base):  # type: ignore[misc]
                def on_connected(self, client: Any, message: Any = None) -> None:
                    super().on_connected(client, message)
                    on_open()

                def handle_ohlcv(self, client: Any, message: Any) -> None:
                    super().handle_ohlcv(client, message)
                    on_message(self, message)

            return Listening

        ws = {
            "keepAlive": max(1, round(ping_s * 1_000)),
            "connectionTimeout": max(1_000, round(self.timeout_s * 1_000)),
        }
        exchange = self._open(listening, {"options": {"ws": ws}})
        exchange.set_markets_from_exchange(markets)
        return exchange

    def _open(self, subclass: Callable[[Any], Any], options: dict[str, Any]) -> Any:
        import ccxt.pro  # noqa: PLC0415

        exchange = subclass(getattr(ccxt.pro, self.id))(ccxt.pro.Exchange.deep_extend(self.options, options))
        exchange.timeout = round(self.timeout_s * 1_000)
        exchange.enableRateLimit = True
        exchange.timeout_on_exit = 0
        return exchange


def read_options(path: str) -> dict[str, Any]:
    """Read a JSON file of options for ccxt's constructor; none for an empty path.

    Raises
    ------
    InputError
        It cannot be read, or is no JSON object.
    """
    if not path:
        return {}
    try:
        options = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("exchange.options", path, f"cannot be read: {error}", "name a JSON file") from None
    if not isinstance(options, dict):
        raise InputError("exchange.options", path, "must hold a JSON object", 'write {"apiKey": ...}')
    return options


def interval_of(exchange: Any, timeframe: str) -> str:
    """The name that ccxt has for a timeframe: ``15m`` for M15.

    Raises
    ------
    InputError
        The exchange has no such candles.
    """
    name = f"{timeframe[1:]}{timeframe[0].lower()}"
    known = exchange.timeframes or {}
    if name not in known:
        raise InputError("timeframe", timeframe, f"is none of {exchange.id}'s", f"it has {', '.join(known)}")
    return name


def check_streams(exchange: Any, symbols: list[str]) -> None:
    """Check that one connection can stream all of ``symbols``, the markets being loaded.

    Raises
    ------
    InputError
        The exchange streams no candles, or the markets are of several kinds: ids of one kind may recur in another.
    """
    for ability in ("watchOHLCV", "fetchOHLCV"):
        if not exchange.has.get(ability):
            raise InputError("exchange", exchange.id, f"has no {ability} in ccxt", "take another exchange")
    kinds = {symbol: tuple(map(exchange.market(symbol).get, ("type", "linear", "inverse"))) for symbol in symbols}
    if len(set(kinds.values())) > 1:
        raise InputError(
            "symbol", symbols, "are markets of several kinds (spot, linear ...)", "run a feed for each kind"
        )
