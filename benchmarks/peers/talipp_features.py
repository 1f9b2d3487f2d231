"""24 incremental indicators of talipp, the library that people reach for when they stream."""

from talipp import indicators as ta
from talipp.ohlcv import OHLCV

from shared.contracts import Candles


class TalippFeatures:
    """Twelve indicators of the close, twelve of the whole candle."""

    def __init__(self) -> None:
        self.of_close = [
            ta.SMA(20), ta.EMA(50), ta.DEMA(30), ta.TEMA(20), ta.WMA(20), ta.HMA(21), ta.KAMA(10, 2, 30),
            ta.RSI(14), ta.ROC(10), ta.MACD(12, 26, 9), ta.TRIX(15), ta.TSI(25, 13),
        ]  # fmt: skip
        self.of_candle = [
            ta.ATR(14), ta.ADX(14, 14), ta.CCI(20), ta.Aroon(25), ta.Stoch(14, 3), ta.Williams(14),
            ta.UO(7, 14, 28), ta.CHOP(14), ta.OBV(), ta.VWMA(20), ta.ForceIndex(13), ta.MassIndex(9, 9, 25),
        ]  # fmt: skip

    def push(self, candles: Candles) -> None:
        """Take candles one at a time."""
        for _, o, h, low, c, v in candles.tolist():
            candle = OHLCV(o, h, low, c, v)
            for indicator in self.of_close:
                indicator.add(c)
            for indicator in self.of_candle:
                indicator.add(candle)
