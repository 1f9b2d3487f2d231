"""What pretraining was worth: the same short supervised run from a pretrained start and from a fresh one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Ablation:
    """Losses in nats, on the validation split; None where the starts were not compared.

    ``kept`` is the start that the bundle was trained from: ``pretrained`` or ``fresh``.
    """

    pretrained: float | None
    fresh: float | None
    epochs: int | None
    kept: str

    def document(self) -> dict[str, Any]:
        """Its part of ``metrics.json``."""
        return asdict(self)


def ablation_of(training: Mapping[str, float | int | str]) -> Ablation | None:
    """What a manifest's ``training`` says of it; None where the bundle was not pretrained."""
    if "pretrain.kept" not in training:
        return None
    pretrained, fresh = (training.get(f"pretrain.{start}") for start in ("pretrained", "fresh"))
    epochs = training.get("training.pretrain.ablation_epochs")
    return Ablation(
        pretrained=None if pretrained is None else float(pretrained),
        fresh=None if fresh is None else float(fresh),
        epochs=None if fresh is None or epochs is None else int(epochs),
        kept="pretrained" if training["pretrain.kept"] else "fresh",
    )
