"""What a backtest is asked for."""

from dataclasses import dataclass, field

from inference_worker.bundle import Bundle
from shared.errors import InputError
from shared.settings.groups import Settings
from trainer.backtest.engine import Exits
from trainer.backtest.market import Charge
from trainer.backtest.rules import RULES
from trainer.request import CsvSpec


@dataclass(frozen=True)
class BacktestRequest:
    """One bundle, one file, one rule.

    Attributes
    ----------
    spread
        Between bid and ask; None: the file's spread column, else ``labels.cost_bps``.
    slippage
        What each market fill is worse by; None: ``backtest.slippage_bps``.
    commission
        A share of what is traded, each side; None: ``backtest.commission_bps``.
    exits
        None: the horizon of the bundle's win heads, at the close.
    policy_exits
        The rule ``policy`` also ends its positions, as it was trained to; else ``exits`` do, as with an EA, which
        sees the action for a flat account only.
    everything
        Also candles that the bundle was trained on; the report says so.
    trials
        Rules and settings tried so far, this one included: what the deflated Sharpe ratio takes into account.
    """

    bundle: Bundle
    csv: CsvSpec
    rule: str = "expected_value"
    spread: Charge | None = None
    slippage: Charge | None = None
    commission: Charge | None = None
    exits: Exits | None = None
    policy_exits: bool = True
    everything: bool = False
    last_closed: bool = False
    trials: int = 1
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise InputError("rule", self.rule, "is no rule", f"use one of {', '.join(RULES)}")
        if self.trials < 1:
            raise InputError("trials", self.trials, "must be 1 or more", "count this backtest too")
        if self.commission is not None and self.commission.price:
            raise InputError("commission", self.commission.price, "must be a share", "write it as 0.35bps or 0.1%")
