"""One system at a time on a data folder: two brokers appending to one file would destroy it."""

import fcntl
import os
from pathlib import Path
from typing import TextIO

from shared.errors import InputError


def lock_folder(folder: Path) -> TextIO:
    """Lock a folder for as long as the returned file is open; the kernel lets go when the process ends, however.

    Raises
    ------
    InputError
        Another process holds it.
    """
    file = (folder / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        mend = "stop it, or name another --data"
        raise InputError("--data", str(folder), f"is in use by process {holder}", mend) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
