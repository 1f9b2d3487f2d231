"""What a training run leaves on disk beside its bundle."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.supervised import EpochReport

HISTORY_NAME = "history.jsonl"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    def append(self, done: "EpochReport") -> None:
        """Add one epoch to the history of losses, a line of JSON."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / HISTORY_NAME).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(done)) + "\n")
