"""A broker's symbol to Natron's: exactly the same first, else without its suffix, where that leaves one name."""

import re
from collections.abc import Iterable

from shared.errors import InputError

_SUFFIX = re.compile(r"[a-z]{1,5}|[.#_+!-][A-Za-z0-9]{0,6}")
"""``EURUSDm``, ``EURUSDpro``; ``EURUSD.r``, ``EURUSD-ECN``, ``EURUSD#``. Capitals and digits are no suffix alone:
``BTCUSDT`` and ``US300`` are other markets than ``BTCUSD`` and ``US30``."""


def resolve_symbol(symbol: str, listed: Iterable[str]) -> str:
    """Natron's name of a broker's symbol.

    Raises
    ------
    InputError
        None of ``listed`` is it, or several are.
    """
    names = sorted(listed)
    if symbol in names:
        return symbol
    found = [name for name in names if symbol.startswith(name) and _SUFFIX.fullmatch(symbol[len(name) :])]
    if not found:
        raise InputError("symbol", symbol, "is not on the client's list", "enroll the client again with --symbols")
    if len(found) > 1:
        mend = "put this very spelling on the client's list"
        raise InputError("symbol", symbol, f"is ambiguous: {' or '.join(found)}", mend)
    return found[0]
