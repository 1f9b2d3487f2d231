"""What one thread hands to another that waits on sockets: a queue with a file descriptor."""

import queue
import socket
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A queue whose ``fileno`` is readable while something waits in it.

    Parameters
    ----------
    room
        Items that may wait; ``put`` blocks while it is full.
    """

    def __init__(self, room: int) -> None:
        self._items: queue.Queue[T] = queue.Queue(room)
        self._bell, self._ring = socket.socketpair()  # a byte for each item that waits
        self._bell.setblocking(False)

    def fileno(self) -> int:
        """File descriptor that is readable while items wait."""
        return self._bell.fileno()

    def put(self, item: T) -> None:
        """Hand an item over."""
        self._items.put(item)
        self._ring.send(b"\0")

    def take(self) -> T | None:
        """Take the next item; None if none waits."""
        try:
            self._bell.recv(1)
        except BlockingIOError:
            return None
        return self._items.get_nowait()

    def close(self) -> None:
        """Close the file descriptors."""
        self._bell.close()
        self._ring.close()
