"""Options that many commands share."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.errors import InputError

if TYPE_CHECKING:
    from producer.exports.options import ReadOptions

Config = Annotated[Path | None, typer.Option("--config", help="settings file; default: natron.yaml here, if any")]
Assignments = Annotated[list[str] | None, typer.Option("--set", help="group.key=value; any setting of natron.yaml")]
Broker = Annotated[str | None, typer.Option("--broker", help="broker URL; default: the running `natron up`")]
Exchange = Annotated[str, typer.Option("--exchange", help="ccxt's id of the exchange: binance, kraken, bybit ...")]
Csv = Annotated[list[str] | None, typer.Option("--csv", help="FILE[,symbol=S][,timeframe=TF][,tz=Z]; again for more")]
Parquet = Annotated[
    list[str] | None, typer.Option("--parquet", help="a table of candles (t, o, h, l, c, v); options as of --csv")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="compute anew, whatever cache.folder says")]
Json = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]
Symbol = Annotated[str, typer.Option("--symbol", help="as the broker spells it")]
Timeframe = Annotated[str, typer.Option("--timeframe", help="M1, M5, M15, M30, H1, H4, D1 ...")]
Zone = Annotated[
    str | None,
    typer.Option(
        "--tz", help="zone of the file's stamps: IANA name, +02:00, broker-eu, broker-us or auto; default UTC"
    ),
]
CalendarName = Annotated[
    str | None,
    typer.Option(
        "--calendar", help="24x7, fx, learned or an exchange's code such as XNYS; default of a new series: learned"
    ),
]
DateOrder = Annotated[str | None, typer.Option("--date-order", help="dmy, mdy or ymd, where the stamps leave it open")]
Decimal = Annotated[str | None, typer.Option("--decimal", help="decimal sign, . or ,")]
Columns = Annotated[
    str | None,
    typer.Option("--columns", help="what each column is: time, date, clock, open, high, low, close, volume, spread, -"),
]
Day = Annotated[str | None, typer.Option("--date", help="day of stamps that are a time of day only, 2013-10-07")]
Points = Annotated[float | None, typer.Option("--points", help="prices are in points: how many make a price of 1")]
Stamps = Annotated[str | None, typer.Option("--stamps", help="open or close: what of a candle its stamp tells")]
Member = Annotated[str | None, typer.Option("--member", help="which file of an archive, or table of a JSON document")]


def read_moment(option: str, text: str | None) -> int | None:
    """Epoch ms of a time given on the command line; no zone means UTC."""
    if text is None or text.isdecimal():
        return int(text) if text else None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        mend = "write 2024-01-31 or 2024-01-31T09:00+02:00"
        raise InputError(option, text, "is not an ISO 8601 time or epoch ms", mend) from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


def read_options(
    tz: str | None,
    timeframe: str | None,
    date_order: str | None,
    decimal: str | None,
    columns: str | None,
    date: str | None = None,
    points: float | None = None,
    stamps: str | None = None,
    member: str | None = None,
) -> "ReadOptions":
    """What the command line says about a file."""
    from producer.exports.options import ReadOptions

    roles = tuple(columns.split(",")) if columns else None
    return ReadOptions(timeframe, tz, date_order, decimal, roles, date, points, stamps, member)
