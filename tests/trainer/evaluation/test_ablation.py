"""What the report says of pretraining, from what the manifest holds."""

from trainer.evaluation.ablation import Ablation, ablation_of
from trainer.evaluation.report import pretraining_table

MANIFEST = {"pretrain.kept": 0, "pretrain.pretrained": 0.6512, "pretrain.fresh": 0.6498,
            "training.pretrain.ablation_epochs": 2}  # fmt: skip


def cells(found: Ablation | None) -> list[list[str]]:
    return [[cell.text for cell in line] for line in pretraining_table(found)[2]]


def test_both_losses_and_the_start_that_was_kept_are_shown() -> None:
    assert cells(ablation_of(MANIFEST)) == [["pretrained", "0.6512", "no"], ["fresh", "0.6498", "yes"]]
    assert cells(ablation_of({**MANIFEST, "pretrain.kept": 1}))[0][2] == "yes"
    assert "after 2 supervised epochs" in pretraining_table(ablation_of(MANIFEST))[1][1]


def test_a_bundle_that_was_pretrained_without_a_comparison_says_so() -> None:
    assert cells(ablation_of({"pretrain.kept": 1})) == [
        ["pretrained", "not measured", "yes"],
        ["fresh", "not measured", "no"],
    ]


def test_a_bundle_that_was_not_pretrained_says_so() -> None:
    assert ablation_of({"best_epoch": 6}) is None
    assert cells(None) == [["not pretrained"]]
