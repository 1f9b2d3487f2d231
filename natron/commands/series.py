"""The series that the broker knows."""

import json
from datetime import UTC, datetime

import typer

from natron.commands.options import Assignments, Broker, Config, Json
from natron.environment import open_system, read_settings
from shared.contracts import Series
from shared.errors import InputError

app = typer.Typer(help="Series: list them, release one from its source, drop one.", no_args_is_help=True)
_Symbol = typer.Argument(metavar="SYMBOL", help="as the broker spells it")
_Timeframe = typer.Argument(metavar="TIMEFRAME", help="M1, M5, M15, M30, H1, H4, D1 ...")


@app.command("list")
def list_series(
    memory: bool = typer.Option(False, "--memory", help="also what each takes in the broker, in KB; slow with many"),
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
    as_json: Json = False,
) -> None:
    """Print every series: candles admitted, its newest one, its source and calendar."""
    from shared.series_register import known_series, memory_of

    client, names = open_system(read_settings(config, assignments, system__broker_url=broker))
    for one in known_series(client, names):
        taken = {"memory_kb": round(memory_of(client, names, one.series) / 1_000)} if memory else {}
        if as_json:
            print(json.dumps(one.document | taken))
            continue
        newest = f"{datetime.fromtimestamp(one.newest_t / 1_000, UTC):%Y-%m-%d %H:%M}" if one.newest_t else "none kept"
        print(
            f"{one.series.key:<24}{one.candles:>10,}  {newest:<18}{one.source or 'released':<20}{one.calendar:<12}",
            *taken.values(),
        )


@app.command()
def release(
    symbol: str = _Symbol,
    timeframe: str = _Timeframe,
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Let whichever source sends next have a series; until then every other one is refused as foreign_source."""
    from shared.series_register import release as let_go

    client, names = open_system(read_settings(config, assignments, system__broker_url=broker))
    print(f"released: {symbol} {timeframe}, which {let_go(client, names, Series(symbol, timeframe))} had")


@app.command()
def drop(
    symbol: str = _Symbol,
    timeframe: str = _Timeframe,
    yes: bool = typer.Option(False, "--yes", help="needed: nothing brings its candles back but its source"),
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Forget a series: candles, rows, newest predictions, calendar and source. Its next candle is its first."""
    from shared.series_register import drop as forget

    if not yes:
        raise InputError("--yes", "", "is needed: a dropped series is gone", "say --yes, or `natron backup` first")
    client, names = open_system(read_settings(config, assignments, system__broker_url=broker))
    print(f"dropped: {symbol} {timeframe}, {forget(client, names, Series(symbol, timeframe))} keys")
