"""A run's state on disk after an epoch: tensors in safetensors, the rest in JSON, replaced in one step."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from shared.errors import TrainingError

CHECKPOINT_NAME = "checkpoint.json"


@dataclass(frozen=True)
class Checkpoint:
    """Everything that the next epoch depends on."""

    state: dict[str, Any]  # what JSON can hold
    tensors: dict[str, Tensor]

    def write(self, folder: Path) -> None:
        """Put the checkpoint into ``folder``; whoever dies under way leaves the one before, whole."""
        content = save({name: tensor.detach().cpu().contiguous() for name, tensor in self.tensors.items()})
        digest = hashlib.sha256(content).hexdigest()
        name = f"checkpoint-{digest[:16]}.safetensors"
        write_whole(folder / name, content)
        document = {"tensors": {"file": name, "sha256": digest}, "state": self.state}
        write_whole(folder / CHECKPOINT_NAME, json.dumps(document, indent=1).encode())
        for old in folder.glob("checkpoint-*.safetensors"):
            if old.name != name:
                old.unlink()

    @classmethod
    def read(cls, folder: Path) -> "Checkpoint | None":
        """Read the folder's checkpoint; None where there is none, TrainingError where its tensors are altered."""
        path = folder / CHECKPOINT_NAME
        if not path.exists():
            return None
        document = json.loads(path.read_bytes())
        named = document["tensors"]
        try:
            content = (folder / named["file"]).read_bytes()
        except OSError:
            content = b""
        found = hashlib.sha256(content).hexdigest()
        if found != named["sha256"]:
            rule = f"holds {named['file']} with sha256 {found} instead of {named['sha256']}"
            raise TrainingError("resume", str(folder), rule, "start the run anew, without --resume")
        return cls(document["state"], load(content))

    @staticmethod
    def drop(folder: Path) -> None:
        """Remove what ``write`` left."""
        (folder / CHECKPOINT_NAME).unlink(missing_ok=True)
        for old in folder.glob("checkpoint-*.safetensors"):
            old.unlink()


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file in one step: a reader, or a successor after a crash, sees the old one or the new one."""
    aside = path.with_name(path.name + ".partial")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
