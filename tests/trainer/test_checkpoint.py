"""A checkpoint is the old one or the new one, never a part, and never altered."""

from pathlib import Path

import pytest
import torch

from shared.errors import TrainingError
from trainer import checkpoint
from trainer.checkpoint import CHECKPOINT_NAME, Checkpoint


def _write(folder: Path, number: int) -> Checkpoint:
    made = Checkpoint({"step": number}, {"weight": torch.full((2, 3), float(number)), "count": torch.tensor(number)})
    made.write(folder)
    return made


def test_what_was_written_is_read_back_and_the_older_one_is_gone(tmp_path: Path) -> None:
    _write(tmp_path, 1)
    _write(tmp_path, 2)
    found = Checkpoint.read(tmp_path)
    assert found is not None
    assert found.state == {"step": 2}
    assert torch.equal(found.tensors["weight"], torch.full((2, 3), 2.0))
    assert found.tensors["count"].item() == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_without_one_gives_none(tmp_path: Path) -> None:
    assert Checkpoint.read(tmp_path) is None


@pytest.mark.parametrize("files_written", [0, 1])
def test_who_dies_while_writing_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files_written: int
) -> None:
    _write(tmp_path, 1)
    whole, left = checkpoint.write_whole, iter(range(files_written))

    def dying(path: Path, content: bytes) -> None:
        if next(left, None) is None:
            path.with_name(path.name + ".partial").write_bytes(content[: len(content) // 2])
            raise KeyboardInterrupt
        whole(path, content)

    monkeypatch.setattr(checkpoint, "write_whole", dying)
    with pytest.raises(KeyboardInterrupt):
        _write(tmp_path, 2)
    found = Checkpoint.read(tmp_path)
    assert found is not None
    assert found.state == {"step": 1}
    monkeypatch.undo()
    _write(tmp_path, 3)
    assert Checkpoint.read(tmp_path).state == {"step": 3}  # type: ignore[union-attr]


def test_altered_tensors_are_refused(tmp_path: Path) -> None:
    _write(tmp_path, 1)
    (file,) = tmp_path.glob("*.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(TrainingError, match="sha256"):
        Checkpoint.read(tmp_path)
    file.unlink()
    with pytest.raises(TrainingError, match="sha256"):
        Checkpoint.read(tmp_path)
    assert (tmp_path / CHECKPOINT_NAME).exists()
