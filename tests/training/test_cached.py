"""Training a suffix on stored activations gives the weights of the run that computes the prefix."""

from pathlib import Path

import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.errors import BadValue
from crosstune.core.progress import Silent
from crosstune.tasks.registry import make_task
from crosstune.training.augment import Augmenter
from crosstune.training.run import train
from crosstune.training.stored import Prefix, store_prefix
from tests.support.tiny import Kind, MemoryItems, modality_of, random_raw, tiny_backbone
from tests.training.small import plain


def items_for(kind: Kind, n: int, seed: int) -> MemoryItems:
    return MemoryItems(random_raw(kind, n, seed), [f"class-{index % 3}" for index in range(n)])


@pytest.mark.parametrize(
    ("kind", "strategy", "augment"),
    [
        ("bert", "last", "none"),
        ("bert", "head", "none"),
        ("vit", "last", "flip"),
        ("resnet", "last", "flip+crop"),
        ("efficientnet", "last", "none"),
        ("wav2vec2", "last", "speed+noise"),
        ("whisper", "head", "none"),
    ],
)
def test_cached_equals_uncached(kind: Kind, strategy: str, augment: str, tmp_path: Path) -> None:
    items, validation = items_for(kind, 24, 0), items_for(kind, 8, 1)
    task = make_task(f"{modality_of(kind)}-classification", items.targets())
    weights, histories = [], []
    for cache in ("off", "on"):
        backbone = tiny_backbone(kind, 3, tmp_path)
        settings = plain(
            strategy=strategy, augment=augment, cache=cache, engine="torch", epochs=3, batch_size=8, lr=1e-3
        )
        result = train(
            backbone, task, items, validation, settings,
            budget=Budget(), work=tmp_path / cache, reporter=Silent(),
        )  # fmt: skip
        assert result.cached == (cache == "on")
        weights.append(backbone.model.state_dict())
        histories.append([row["train_loss"] for row in result.history])
    assert histories[0] == pytest.approx(histories[1], abs=1e-5)
    for tensor_name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][tensor_name], tensor, rtol=1e-4, atol=1e-5, msg=tensor_name)


def test_splits_with_the_same_rows_are_stored_once_and_removed_once(tmp_path: Path) -> None:
    same = items_for("resnet", 8, 0)
    task = make_task("image-classification", same.targets())
    settings = plain(strategy="last", cache="on", engine="torch", epochs=1, batch_size=8)
    backbone = tiny_backbone("resnet", 3, tmp_path)
    result = train(
        backbone, task, same, same, settings, budget=Budget(), work=tmp_path / "work", reporter=Silent()
    )
    assert result.cached


def prefix_for(
    tmp_path: Path, *, augment: bool = False, mixing: tuple[str, ...] = (), **values: object
) -> Prefix:
    return Prefix(
        backbone=tiny_backbone("resnet", 3, tmp_path), train=items_for("resnet", 6, 0),
        validation=items_for("resnet", 4, 1), settings=plain(**values),
        augmenter=Augmenter(("flip",), 0) if augment else None, mixing=mixing,
    )  # fmt: skip


def test_what_cannot_be_stored_is_said_or_left(tmp_path: Path) -> None:
    for values in ({"strategy": "full"}, {"strategy": "gradual"}, {"strategy": "last", "last_blocks": 1}):
        mixing = ("mixup",) if values["strategy"] == "last" else ()
        prefix = prefix_for(tmp_path, mixing=mixing, cache="auto", **values)
        assert store_prefix(prefix, left=1e9, reporter=Silent()) is None
        with pytest.raises(BadValue, match="cannot be stored"):
            store_prefix(
                prefix_for(tmp_path, mixing=mixing, cache="on", **values), left=1e9, reporter=Silent()
            )


def test_no_more_versions_are_stored_than_there_are_epochs(tmp_path: Path) -> None:
    def versions(*, augment: bool, epochs: float) -> int:
        return prefix_for(tmp_path, augment=augment, epochs=epochs, stored_augmentations=4).variants

    assert versions(augment=False, epochs=9) == 1
    assert versions(augment=True, epochs=9) == 4
    assert versions(augment=True, epochs=1.5) == 2


def test_one_epoch_is_not_worth_storing(tmp_path: Path) -> None:
    prefix = prefix_for(tmp_path, strategy="head", cache="auto", epochs=1)
    assert store_prefix(prefix, left=1e9, reporter=Silent()) is None
