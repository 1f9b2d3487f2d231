"""A bundle's rules on a history: trades, figures, and what they must beat."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Assignments, Config, Json
from natron.environment import read_settings
from shared.errors import InputError

if TYPE_CHECKING:
    from inference_worker.bundle import Bundle
    from trainer.backtest.backtest import BacktestReport
    from trainer.backtest.engine import Exits
    from trainer.backtest.figures import Figures

_COST = "0.00012 (price), 1.2bps or 0.01%"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backtest")(backtest)


def backtest(
    bundle: Path = typer.Option(..., "--bundle", help="folder of the bundle"),
    csv: str = typer.Option(..., "--csv", help="FILE[,symbol=S][,timeframe=TF][,tz=Z]"),
    rule: str = typer.Option("expected_value", "--rule", help="expected_value, direction, setup or policy"),
    spread: str | None = typer.Option(
        None, "--spread", help=f"ask - bid: {_COST}; default: the file's, else labels.cost_bps"
    ),
    commission: str | None = typer.Option(
        None, "--commission", help="each side: 0.35bps or 0.1%; default: backtest.commission_bps"
    ),
    slippage: str | None = typer.Option(
        None, "--slippage", help=f"each market fill: {_COST}; default: backtest.slippage_bps"
    ),
    horizon: int | None = typer.Option(
        None, "--horizon", min=0, help="candles a position is held, 0: no limit; default: that of the win heads"
    ),
    exit_at: str = typer.Option("close", "--exit-at", help="close of the horizon's candle, or open of the next"),
    stop: float = typer.Option(0.0, "--stop", help="in mean true ranges (ATR 14); 0: none"),
    take: float = typer.Option(0.0, "--take", help="in mean true ranges; 0: none"),
    trail: float = typer.Option(0.0, "--trail", help="distance of a stop that follows the closes, in mean true ranges"),
    break_even: float = typer.Option(
        0.0, "--break-even", help="profit, in mean true ranges, that brings the stop to the entry"
    ),
    policy_exits: bool = typer.Option(
        True, "--policy-exits/--no-policy-exits", help="the policy closes its positions, or the exits above do"
    ),
    everything: bool = typer.Option(
        False, "--all", help="also candles that the bundle was trained on; marked IN-SAMPLE"
    ),
    last_closed: bool = typer.Option(False, "--last-closed", help="the file's last candle is closed too"),
    trials: int = typer.Option(1, "--trials", help="rules and settings tried so far, for the deflated Sharpe ratio"),
    out: Path | None = typer.Option(None, "--out", help="folder for report.json, trades and equity"),
    table_format: str = typer.Option("csv", "--format", help="csv or parquet, of trades and equity"),
    as_json: Json = False,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Trade a rule on candles that the bundle has not seen, with costs, beside what needs no model."""
    from inference_worker.bundle import Bundle
    from shared.log import configure_log
    from trainer.backtest.backtest import run_backtest
    from trainer.backtest.files import check_folder, write_files
    from trainer.backtest.market import Charge
    from trainer.backtest.request import BacktestRequest
    from trainer.request import CsvSpec

    settings = read_settings(config, assignments)
    configure_log("backtest", settings.system.log_level)

    def charge(field: str, text: str | None) -> Charge | None:
        return None if text is None else Charge.parse(field, text)

    loaded = Bundle.load(bundle)
    if out is not None:
        check_folder(out, table_format)
    report = run_backtest(
        BacktestRequest(
            bundle=loaded,
            csv=CsvSpec.parse(csv),
            rule=rule,
            spread=charge("spread", spread),
            slippage=charge("slippage", slippage),
            commission=charge("commission", commission),
            exits=_exits(loaded, horizon, exit_at, stop, take, trail, break_even),
            policy_exits=policy_exits,
            everything=everything,
            last_closed=last_closed,
            trials=trials,
            settings=settings,
        )
    )
    if out is not None:
        write_files(report, out, table_format)
    if as_json:
        print(json.dumps(report.document()))
    else:
        _print(report)


def _exits(
    bundle: "Bundle", horizon: int | None, exit_at: str, stop: float, take: float, trail: float, break_even: float
) -> "Exits":
    from trainer.backtest.backtest import win_horizon
    from trainer.backtest.engine import Exits

    if exit_at not in {"close", "open"}:
        raise InputError("exit-at", exit_at, "is no end of a candle", "use close or open")
    held = win_horizon(bundle.manifest) if horizon is None else horizon
    return Exits(held, exit_at == "open", stop=stop, take=take, trail=trail, break_even=break_even)


def _print(report: "BacktestReport") -> None:
    from rich.console import Console
    from rich.table import Table

    document = report.document()
    first, last = (datetime.fromtimestamp(document[name] / 1_000, UTC) for name in ("first", "last"))
    print(f"{report.bundle} on {report.series}, {document['sample']}: {first:%Y-%m-%d} to {last:%Y-%m-%d}")
    print(f"rule {report.rule}, a round trip costs {report.cost_bps:.2f} bps (median)")
    table = Table("account", *_COLUMNS, box=None)
    for times, found in report.by_costs.items():
        table.add_row(f"{report.rule}, costs x {times:g}", *_cells(found))
    for name, found in report.baselines.items():
        table.add_row(name, *_cells(found))
    Console(width=130).print(table)
    placebo = report.placebo
    print(
        f"beats {placebo.percentile:.1%} of {placebo.draws} draws of the same trades at random times "
        f"(90 % of them within {placebo.low:+.4f} and {placebo.high:+.4f} log-equity)"
    )
    for note in report.notes:
        print(f"note: {note}")


_COLUMNS = (
    "trades",
    "return",
    "Sharpe",
    "deflated",
    "drawdown",
    "a year",
    "hits",
    "profit\nfactor",
    "exposed",
    "bps/trade",
)


def _cells(found: "Figures") -> list[str]:
    return [
        f"{found.trades:,}",
        f"{found.total_return:+.2%}",
        f"{found.sharpe:+.2f}",
        f"{found.deflated_sharpe:.3f}",
        f"{found.max_drawdown:.2%}",
        f"{found.turnover:,.0f} fills",
        "-" if found.hit_rate is None else f"{found.hit_rate:.1%}",
        "-" if found.profit_factor is None else f"{found.profit_factor:.2f}",
        f"{found.exposure:.1%}",
        "-" if found.mean_trade_bps is None else f"{found.mean_trade_bps:+.2f}",
    ]
