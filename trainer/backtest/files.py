"""A backtest in files: the report, each trade, and the equity after every candle."""

import json
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from shared.errors import InputError
from trainer.backtest.backtest import BacktestReport
from trainer.backtest.engine import REASONS
from trainer.backtest.market import CLOSE

TableFormat = Literal["csv", "parquet"]


def check_folder(out: Path, table_format: str) -> None:
    """Refuse a folder that files cannot be written to, before any work.

    Raises
    ------
    InputError
        It cannot be made, a file is in the way, or Parquet is asked for without pyarrow.
    """
    if table_format not in ("csv", "parquet"):
        raise InputError("format", table_format, "is no format of tables", "use csv or parquet")
    if table_format == "parquet":
        try:
            import pyarrow  # noqa: F401, ICN001, PLC0415
        except ImportError:
            mend = "pip install 'natron[parquet]', or use csv"
            raise InputError("format", table_format, "needs pyarrow, which is not installed", mend) from None
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".natron"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError("out", str(out), f"cannot be written: {error.strerror}", "name another folder") from None


def write_files(report: BacktestReport, out: Path, table_format: str) -> None:
    """Write ``report.json``, ``trades`` and ``equity`` (CSV or Parquet) into a folder."""
    check_folder(out, table_format)
    (out / "report.json").write_text(json.dumps(report.document(), indent=1) + "\n", encoding="utf-8")
    for name, frame in (("trades", trade_table(report)), ("equity", equity_table(report))):
        path = out / f"{name}.{table_format}"
        if table_format == "csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path, index=False)


def trade_table(report: BacktestReport) -> pd.DataFrame:
    """A row a trade: open times (UTC epoch ms) of the candles it was entered and left in, fill prices, why it ended.

    ``result`` is the log-equity change with all costs; an exit in a candle happens at its open, inside or at its close,
    as the reason says.
    """
    trades, times = report.outcome.trades, report.market.times
    return pd.DataFrame(
        {
            "side": np.where(trades.side > 0, "long", "short"),
            "entry_time": times[trades.entered],
            "entry_price": trades.entry,
            "exit_time": times[trades.left],
            "exit_price": trades.exit,
            "candles": trades.held,
            "reason": np.array(REASONS)[trades.reason],
            "result": trades.result,
        }
    )


def equity_table(report: BacktestReport) -> pd.DataFrame:
    """A row a candle: its open time (UTC epoch ms), close (bid), position held and log-equity at its close."""
    return pd.DataFrame(
        {
            "t": report.market.times,
            "close": report.market.table[:, CLOSE],
            "position": report.outcome.position,
            "log_equity": report.outcome.equity,
        }
    )
