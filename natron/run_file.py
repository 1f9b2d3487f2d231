"""The run file: how a command in a second terminal finds the system that ``natron up`` started."""

import json
import os
import stat
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from shared.errors import InputError


@dataclass(frozen=True)
class RunFile:
    """Where a running system listens, and the process ID of each part."""

    broker_url: str
    signals: str  # address of the bridge's XPUB socket
    requests: str  # address of the bridge's ROUTER socket
    keys: str  # file of the bridge's and the client's key
    data: str
    pids: dict[str, int] = field(default_factory=dict)
    security: str = "none"  # what the bridge's clients log on with
    gateway: str = ""  # URL of the dashboard and the HTTP API; empty: none runs


def runtime_folder() -> Path:
    """The user's private runtime folder: ``$XDG_RUNTIME_DIR/natron``, else one under the temporary folder.

    Raises
    ------
    InputError
        It belongs to somebody else, or others may write to it.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = (
        Path(base) / "natron" if base and Path(base).is_dir() else Path(tempfile.gettempdir(), f"natron-{os.getuid()}")
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o022:
        raise InputError("runtime folder", str(folder), "must be the user's own and closed to others", "remove it")
    return folder


def run_file_path() -> Path:
    """Where the run file stands."""
    return runtime_folder() / "run.json"


def write_run_file(run: RunFile) -> RunFile:
    """Write it whole or not at all, and return it."""
    path = run_file_path()
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(asdict(run), indent=1) + "\n")
    fresh.replace(path)
    return run


def remove_run_file() -> None:
    """Remove it, if it is this process's own."""
    run = read_run_file()
    if run is not None and run.pids.get("up") == os.getpid():
        run_file_path().unlink(missing_ok=True)


def read_run_file() -> RunFile | None:
    """The running system, or None where none runs (or one was killed before it could say goodbye)."""
    try:
        run = RunFile(**json.loads(run_file_path().read_text()))
    except (OSError, ValueError, TypeError):
        return None
    supervisor = run.pids.get("up", 0)
    return run if supervisor and Path("/proc", str(supervisor)).exists() else None
