"""Series and stretches of time, as paths and queries name them."""

from gateway.series_board import FURTHEST_MS, Span
from gateway.shapes import epoch_ms
from shared.contracts import Series, encode_symbol


def parse_series(symbol: str, timeframe: str) -> Series:
    """Series of a path.

    Raises
    ------
    InputError
        A symbol or timeframe that cannot be.
    """
    return Series.from_key(f"{encode_symbol(symbol)}.{timeframe}")


def parse_span(begin: str | None, end: str | None, limit: int) -> Span:
    """Span of a query: times as /predict reads them, UTC.

    Raises
    ------
    InputError
        A time that cannot be read.
    """
    return Span(
        _bound("from", begin) if begin is not None else 0,
        _bound("to", end) if end is not None else FURTHEST_MS,
        limit,
    )


def _bound(field: str, text: str) -> int:
    try:
        stamp: str | float = float(text) if "e" not in text.lower() else text
    except ValueError:
        stamp = text
    return max(0, epoch_ms(field, stamp)[0])
