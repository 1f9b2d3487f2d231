"""A trader's desk: the EA on its chart, and its bridge."""

from dataclasses import dataclass

from harness.bridge_double import KEYS, BridgeDouble, prediction
from harness.terminal import Terminal

from shared.contracts import Prediction


@dataclass(frozen=True)
class Chart:
    """What a chart shows before a test begins: candles that reach so far above and below one price."""

    price: float = 1.1
    reach: float = 0.0005
    spread: float = 0.0001


_EURUSD = Chart()


def prepare(terminal: Terminal, ports: tuple[int, int], *, simulated: bool = True, symbol: str = "EURUSD",
            chart: Chart = _EURUSD, **inputs: object) -> None:  # fmt: skip
    """Candles, a price, and the inputs of a trader who has enrolled."""
    terminal.do(f"set symbol {symbol}")
    if simulated:
        terminal.do("set simulated 1")
    now_s = terminal.utc_ms // 1_000 + 7_200
    for at in range(40, 0, -1):  # the first tick opens the one after them
        prices = (chart.price, chart.price + chart.reach, chart.price - chart.reach, chart.price)
        terminal.do(f"candle {now_s // 900 * 900 - at * 900} {' '.join(f'{one:.5f}' for one in prices)} 100 10")
    terminal.quote(chart.price, chart.spread)
    given = {
        "SignalsPort": ports[0], "RequestsPort": ports[1], "BridgeKey": KEYS.bridge.hex(),
        "ClientKey": KEYS.client.hex(), "DryRun": "false", "PushCandles": "false",
    } | inputs  # fmt: skip
    for name, value in given.items():
        terminal.do(f"input {name} {value}")


@dataclass
class Desk:
    """A terminal with the EA on its chart, and its bridge."""

    terminal: Terminal
    bridge: BridgeDouble

    def start(self, **inputs: object) -> None:
        prepare(self.terminal, self.bridge.ports, **inputs)
        assert self.terminal.do("init")[-1] == "= init 0"

    def in_step(self) -> None:
        self.terminal.until(lambda: self.terminal.heard("link: in step"))
        self.terminal.spend(60)  # a heartbeat has come

    def trade(self, one: Prediction | None = None) -> str:
        """Publish a signal and wait for the decision on it."""
        one = one or prediction()
        self.bridge.publish(one)
        return self.decision(one.id)

    def decision(self, id_: str) -> str:
        events = ("refused", "ordered", "rejected", "dry_run", "waiting")

        def found() -> list[str]:
            lines = [line.split(";") for line in self.terminal.said if f";{id_};" in line]
            return [f"{line[1]}: {line[-1]}" for line in lines if line[1] in events]

        self.terminal.until(lambda: bool(found()))
        return found()[-1]

    def positions(self) -> list[list[str]]:
        return self.terminal.state("position")
