"""What a person asks of an exchange feed."""

from dataclasses import dataclass

from shared.contracts import Series
from shared.errors import InputError


@dataclass(frozen=True)
class FeedRequest:
    """Which candles to bring in.

    Attributes
    ----------
    exchange
        ccxt's id of the exchange.
    markets
        ccxt's name of each market, and the series that it is filed as; all of one timeframe.
    history
        Candles that a new series begins with at least: what features and a first window need.
    """

    exchange: str
    markets: dict[str, Series]
    history: int

    def __post_init__(self) -> None:
        if not self.markets:
            raise InputError("symbol", "", "names no market", "say --symbol BTC/USDT")
        if len(set(self.markets.values())) < len(self.markets):
            raise InputError("--as", "", "files two markets as one series", "give each a name of its own")
        timeframes = {series.timeframe for series in self.markets.values()}
        if len(timeframes) > 1:
            raise InputError("timeframe", sorted(timeframes), "must be one", "run a feed for each timeframe")

    @property
    def timeframe(self) -> str:
        """Timeframe of all."""
        return next(iter(self.markets.values())).timeframe

    @property
    def source(self) -> str:
        """Name of the producer, as admission knows it."""
        return f"exchange:{self.exchange}"
