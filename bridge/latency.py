"""Where the time between a candle's admission and a signal's arrival went."""

from bridge.lines import SignalLine


def latency_us(line: SignalLine, received_us: int) -> dict[str, int]:
    """Microseconds by stage, and their sum as ``total``; all >= 0 where the machines' clocks agree.

    ``row`` is from admission to the feature row, ``queued`` to the worker, ``inferred`` to the prediction,
    ``sent`` to the bridge's sending (known to the millisecond, never taken as before the prediction),
    ``received`` to here.
    """
    prediction = line.prediction
    inferred_us = prediction.inferred_us
    sent_us = max(inferred_us, min(received_us, 1_000 * line.sent_ms + 999))
    return {
        "row": prediction.row_us - prediction.admitted_us,
        "queued": prediction.queued_us - prediction.row_us,
        "inferred": inferred_us - prediction.queued_us,
        "sent": sent_us - inferred_us,
        "received": received_us - sent_us,
        "total": received_us - prediction.admitted_us,
    }
