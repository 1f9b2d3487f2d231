"""What a person asks of a replay."""

from dataclasses import dataclass, field
from pathlib import Path

from producer.exports.options import ReadOptions
from shared.admission import CSV_SOURCE
from shared.contracts import Series
from shared.errors import InputError


@dataclass(frozen=True)
class ReplayRequest:
    """What to replay.

    Attributes
    ----------
    path, options
        The file, and how to read it; ``options.timeframe`` must be the series' own.
    series
        Where the candles are filed (``--as`` files them under another symbol).
    speed
        Times real time; None is as fast as admission takes them.
    from_ms, to_ms
        Only candles with from_ms <= t < to_ms.
    last_closed
        The file's last row is a closed candle too.
    limit
        Only the first so many candles.
    source
        Name of the producer.
    batch
        Candles an admission call.
    """

    path: Path
    series: Series
    options: ReadOptions = field(default_factory=ReadOptions)
    speed: float | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    last_closed: bool = False
    limit: int | None = None
    source: str = CSV_SOURCE
    batch: int = 256

    def __post_init__(self) -> None:
        if self.options.timeframe not in (None, self.series.timeframe):
            raise InputError(
                "timeframe",
                self.options.timeframe,
                f"is not that of {self.series.key}",
                "leave one of them out",
            )
        if self.speed is not None and not 0 < self.speed < float("inf"):
            raise InputError("speed", self.speed, "must be greater than 0 and finite", "give N or max")
        if self.limit is not None and self.limit < 1:
            raise InputError("limit", self.limit, "must be 1 or more", "give a larger number")
