"""What a bridge and a client count."""

from dataclasses import dataclass


@dataclass(slots=True)
class BridgeStats:
    """Counts of one bridge since it started."""

    sessions: int = 0
    lines_sent: int = 0  # live signal lines
    signals_live: int = 0  # of them those of candles that were no replay
    signals_prompt: int = 0  # of these those that left within a second of their candle's admission
    heartbeats_sent: int = 0
    hellos: int = 0
    hellos_refused: int = 0  # badly signed, malformed, or above a limit
    ring_answers: int = 0  # symbols whose gap was answered line by line
    snapshots: int = 0  # symbols answered by their newest predictions
    holes: int = 0  # times that a log was trimmed, or cut back, past what was read
    junk: int = 0  # entries that are no prediction
    repeats: int = 0  # entries whose candle was not after the newest known one
    requests_refused: int = 0  # other lines badly signed, malformed, not allowed, or above a limit
    pushes: int = 0  # frames of candles taken
    pushes_busy: int = 0  # frames given back because the system is busy
    candles_admitted: int = 0
    candles_known: int = 0  # pushed, and held before
    candles_refused: int = 0
    acks: int = 0
    handshakes_refused: int = 0  # clients without credentials, or above the limit


@dataclass(slots=True)
class ClientStats:
    """Counts of one client since it started."""

    lines: int = 0  # signals given to the caller
    duplicates: int = 0  # lines that it had before, or of a session it left
    gaps: int = 0
    hellos: int = 0
    junk: int = 0  # lines refused: signature or content
