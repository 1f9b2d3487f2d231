"""Which symbols clients subscribe to: they get heartbeats, predictions or not."""

from shared.contracts import decode_symbol
from shared.errors import InputError

TOPICS_MAX = 8_192
"""Topics remembered; what is subscribed beyond them is served, but has no heartbeat before its first line."""


class Subscriptions:
    """Topics that at least one client subscribes to, as the XPUB socket reports them."""

    def __init__(self) -> None:
        self._symbol_of: dict[bytes, str] = {}

    def take(self, message: bytes) -> None:
        """Note a report: ``01 topic`` for its first subscriber, ``00 topic`` when its last one left."""
        topic = message[1:]
        if message[:1] == b"\0":
            self._symbol_of.pop(topic, None)
        elif message[:1] == b"\1" and len(self._symbol_of) < TOPICS_MAX:
            prefix, *rest = topic.split(b".")
            if prefix == b"sig" and len(rest) == 2:
                try:
                    self._symbol_of[topic] = decode_symbol(rest[0].decode("ascii"))
                except (InputError, UnicodeDecodeError):
                    return  # no symbol's topic: nothing to send there

    @property
    def symbols(self) -> set[str]:
        """Symbols subscribed to by name."""
        return set(self._symbol_of.values())
