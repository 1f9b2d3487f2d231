"""What to call a format."""

from producer.exports import header
from producer.exports.dialect import Table
from producer.exports.prices import PriceColumns
from producer.exports.stamp_columns import StampColumn


def format_name(table: Table, stamps: tuple[StampColumn, ...], prices: PriceColumns, wrapped: tuple[str, ...]) -> str:
    """The program that writes such files, where that is plain; for people, nothing depends on it."""
    if wrapped and wrapped[-1] not in ("zip", "gzip", "bzip2", "xz"):
        return wrapped[-1]
    names = [header.normal(name) for name in table.header or ()]
    if {"tickvol", "tickvolume"} & set(names):
        return "MetaTrader 5"
    return "CSV with header" if table.header is not None else _headerless(table, stamps, prices)


def _headerless(table: Table, stamps: tuple[StampColumn, ...], prices: PriceColumns) -> str:
    template = " ".join(stamp.form.templates[0] for stamp in stamps)
    if stamps[0].form.kind == "epoch":
        return "Binance klines" if table.width == 12 else "CSV without header, epoch stamps"
    if template.startswith("%Y.%m.%d") and prices.columns == tuple(range(len(stamps), len(stamps) + 4)):
        return "MetaTrader 4" if len(stamps) == 2 else "MetaTrader 5 without header"
    if template == "%Y%m%d %H%M%S" and table.dialect.delimiter == ";":
        return "HistData"
    return "CSV without header"
