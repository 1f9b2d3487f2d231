"""Signals of a history as the file that the Expert Advisor reads in MetaTrader's strategy tester.

The lines are those of the wire protocol, signed alike; their times are the broker's server time, which is all that
the tester knows. The first line (``T1``) says for which chart they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from bridge.lines import encode_signal, signal_body
from bridge.signature import sign
from inference_worker.bundle import Bundle, Manifest
from producer.zones import Zone
from shared.contracts import WINDOW, Prediction, Series, encode_symbol
from shared.errors import InputError
from shared.settings.groups import InferenceSettings
from trainer.backtest.request import BacktestRequest
from trainer.backtest.signals import Signals, read_signals
from trainer.backtest.source import Source, chosen_span, read_source


@dataclass(frozen=True)
class SignalFile:
    """Signals of one series, ready to be written.

    Attributes
    ----------
    server_ms
        (N,) open of each signal's candle on the broker's clock, strictly ascending.
    rows
        (N,) its place among the candles, from 0.
    unseen
        No candle was used to train the bundle.
    repeated
        Signals left out because the broker's clock shows their stamp a second time, in the night it is set back.
    """

    series: Series
    server_ms: np.ndarray
    rows: np.ndarray
    signals: Signals
    manifest: Manifest
    unseen: bool
    repeated: int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def lines(self, key: bytes) -> Iterator[bytes]:
        """Signed lines, ``T1`` first; the same file gives the same lines.

        Parameters
        ----------
        key
            The one that the EA knows as BridgeKey.
        """
        symbol, width_s = encode_symbol(self.series.symbol), self.series.width_ms // 1_000
        made_of = f"{self.manifest.id} {self.series.key} {self.server_ms[:1]} {len(self)} {self.unseen}"
        session = sha256(made_of.encode()).hexdigest()[:16]
        yield sign(f"T1|{session}|0|0|{symbol}|{width_s}|{len(self)}|{int(not self.unseen)}", key)
        for seq, (row, t) in enumerate(zip(self.rows.tolist(), self.server_ms.tolist(), strict=True), 1):
            one = _prediction(self.series, self.signals, self.manifest, row, t)
            yield encode_signal(session, seq, t + self.series.width_ms, signal_body(one), key)


def read_signal_file(request: BacktestRequest, zone: Zone) -> SignalFile:
    """Predict a history.

    Parameters
    ----------
    request
        Bundle and file; ``everything`` takes also candles that the bundle was trained on.
    zone
        Of the broker's server.

    Raises
    ------
    InputError
        The file, or no candle of it is unseen and ``everything`` is not asked for.
    BundleError
        The bundle is broken or for other features.
    """
    source = read_source(request)
    try:
        span, unseen = chosen_span(request, request.bundle.manifest, source)
    except InputError as error:
        mend = "give a newer file, or --force, which marks the signals in-sample"
        raise InputError(error.field, error.value, error.rule, mend) from None
    return signal_file(source, request.bundle, request.settings.inference, zone, (span.start, span.stop), unseen=unseen)


def signal_file(
    source: Source, bundle: Bundle, settings: InferenceSettings, zone: Zone, span: tuple[int, int], *, unseen: bool
) -> SignalFile:
    """Of the candles ``span`` (first, end) of a source that has been read."""
    signals = read_signals(bundle, source.candles, source.series.width_ms, settings)
    return of_signals(source, signals, bundle.manifest, zone, span, unseen=unseen)


def of_signals(
    source: Source, signals: Signals, manifest: Manifest, zone: Zone, span: tuple[int, int], *, unseen: bool
) -> SignalFile:
    """Of signals at every candle of a source; those without a prediction are left out."""
    rows = np.arange(max(span[0], WINDOW - 1), span[1])
    utc_ms = source.market.times[rows]
    server_ms = utc_ms + zone.offsets(utc_ms)
    later = server_ms > np.maximum.accumulate(np.append(0, server_ms[:-1]))
    return SignalFile(
        source.series,
        server_ms[later],
        rows[later],
        signals,
        manifest,
        unseen,
        int((~later).sum()),
        source.notes,
    )


def write_signal_file(made: SignalFile, path: Path, key: bytes) -> None:
    """Write the lines; InputError where the file cannot be written."""
    try:
        with path.open("wb") as file:
            for line in made.lines(key):
                file.write(line + b"\r\n")
    except OSError as error:
        raise InputError("out", str(path), f"cannot be written: {error.strerror}", "name another file") from None


def _prediction(series: Series, signals: Signals, manifest: Manifest, row: int, t: int) -> Prediction:
    heads = {head: values[row].tolist() for head, values in signals.heads.items()}
    outlook = tuple(heads[head] for head in ("long_win", "short_win", "high_volatility") if head in heads)
    action = None if signals.actions is None else int(signals.actions[row])
    return Prediction(
        series, t, row + 1, heads["buy"], heads["sell"], tuple(heads["direction"]), tuple(heads["regime"]), outlook,
        () if action is None else (float(action), float(abs(action))), int(signals.reasons[row]), manifest.id,
        manifest.feature_set.hash, 0, 0, 0, 0,
    )  # fmt: skip
