"""Every error Natron raises, in one tree; the class says what to do.

::

    NatronError
    ├── InputError            a person's input is wrong: show it, exit 2 or answer 4xx
    │   ├── SettingError      a key of natron.yaml, a NATRON_* variable or a flag
    │   ├── CandleError       a row that cannot be a candle: refuse the row, go on
    │   ├── FormatError       a file that cannot be read for certain: refuse the file
    │   └── TrainingError     data or options that a training run cannot start from
    ├── EntryError            one stream entry cannot be processed: dead-letter it, go on
    │   ├── JunkError         it does not decode, or contradicts what the broker knows
    │   └── RepeatError       its candle was finished before
    ├── BusyError             back-pressure: wait, then do the same again
    ├── TailLostError         the broker lost candles that it had admitted: send them again
    ├── ExchangeError         an exchange is away or answers nonsense: wait, then ask again
    └── SystemicError         nothing can go on: not ready, the position stays
        ├── BrokerError       no broker, or one that is unfit (version, eviction policy, full, read-only)
        ├── SchemaError       another partition count or schema version in the broker
        ├── StorageError      the broker lost something that it must hold
        ├── BundleError       a bundle that is broken, incomplete or signed for other features
        │   └── SupersededError   a newer bundle has predicted here: this one never does again
        └── StageHaltedError  too many dead letters: a fault of the stage, not of its input
"""


class NatronError(Exception):
    """Root of the tree."""


class InputError(NatronError):
    """Bad input from outside: names the field, the value, the rule and the mend."""

    def __init__(self, field: str, value: object, rule: str, mend: str) -> None:
        self.field, self.value, self.rule, self.mend = field, value, rule, mend
        shown = repr(value)
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        super().__init__(f"{field} = {shown}: {rule}; {mend}")


class SettingError(InputError):
    """A settings key is unknown or has a wrong value."""


class CandleError(InputError):
    """A row that cannot be a candle."""


class FormatError(InputError):
    """A file whose format is not certain; the mend names the candidates and the option that settles it."""


class TrainingError(InputError):
    """Data or options that training cannot start from."""


class EntryError(NatronError):
    """One stream entry that cannot be processed. ``reason`` is the word kept with its dead letter."""

    reason = "failed"


class JunkError(EntryError):
    """An entry that does not decode, or that contradicts what the broker knows of its series."""

    reason = "junk"


class RepeatError(EntryError):
    """An entry whose candle was finished before."""

    reason = "repeat"


class BusyError(NatronError):
    """What comes next is full: wait, then do the same again."""


class TailLostError(NatronError):
    """The broker holds less of a series than its producer knows: nothing was admitted; go back and send the rest."""


class ExchangeError(NatronError):
    """An exchange is away, too busy, or its answer is none: ask again, not before ``retry_after_s``."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class SystemicError(NatronError):
    """A fault that no single entry is to blame for."""


class BrokerError(SystemicError):
    """The broker is absent or unfit."""


class SchemaError(SystemicError):
    """The broker holds data of another partition count or schema version."""


class StorageError(SystemicError):
    """The broker does not hold what it must."""


class BundleError(SystemicError):
    """A model bundle that cannot be served."""


class SupersededError(BundleError):
    """A newer bundle has predicted where this one wanted to."""


class StageHaltedError(SystemicError):
    """More dead letters than bad input explains."""
