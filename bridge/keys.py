"""The two keys that lines are signed with: one file of the bridge's owner, readable by nobody else."""

import json
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import InputError

KEY_BYTES = 32
_MEND = "remove it to have new ones made"


@dataclass(frozen=True)
class Keys:
    """Key the bridge signs with, and key its clients sign with; neither shows in a repr."""

    bridge: bytes = field(repr=False)
    client: bytes = field(repr=False)


def load_keys(path: Path) -> Keys:
    """Read a key file.

    Raises
    ------
    InputError
        Absent, readable by others, or not a JSON object of two keys of 64 hex digits.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise InputError("keys", str(path), "must be readable by its owner alone", "run chmod 600 on it")
        document = json.loads(path.read_text("ascii"))
        keys = Keys(bytes.fromhex(document["bridge"]), bytes.fromhex(document["client"]))
    except FileNotFoundError:
        raise InputError("keys", str(path), "does not exist", "start the bridge once, it makes one") from None
    except (ValueError, KeyError, TypeError):
        raise InputError("keys", str(path), "must be JSON with bridge and client in hex", _MEND) from None
    if {len(keys.bridge), len(keys.client)} != {KEY_BYTES}:
        raise InputError("keys", str(path), f"keys must have {KEY_BYTES} bytes", _MEND)
    return keys


def load_or_create_keys(path: Path) -> Keys:
    """Read a key file; where there is none, make one with mode 0600. Several processes may do it at once.

    Raises
    ------
    InputError
        As ``load_keys``.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        document = {name: secrets.token_hex(KEY_BYTES) for name in ("bridge", "client")}
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(document, file)
        try:
            os.link(made, path)  # unlike a rename it never replaces another's file
        except FileExistsError:
            pass  # another process was first; its keys count
        finally:
            made.unlink()
    return load_keys(path)
