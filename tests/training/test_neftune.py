"""NEFTune: the scale of its noise, what it depends on, and where there is none."""

import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.errors import BadValue, DoesNotApply
from crosstune.core.interruption import Interrupted
from crosstune.core.progress import Silent
from crosstune.core.settings import Settings, with_values
from crosstune.sources.base import Backbone, Batch
from crosstune.tasks.registry import make_task
from crosstune.training.loader import Loaded
from crosstune.training.neftune import EmbeddingNoise, make_noise, token_embedding
from crosstune.training.result import TrainResult
from crosstune.training.run import train
from tests.support.chats import open_writer, tiny_writer_dir
from tests.support.tiny import Kind, MemoryItems, random_raw, random_texts, tiny_backbone
from tests.training.small import coloured, convolutional, plain
from tests.training.test_speech import Ends, distance, weights

WIDTH = 32
"""Of the tiny BERT."""
TEXTS = MemoryItems(random_texts(18), [f"class-{row % 2}" for row in range(18)])
TASK = make_task("text-classification", TEXTS.targets())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def noise_of(backbone: Backbone, alpha: float = 5.0, seed: int = 0) -> EmbeddingNoise:
    found = make_noise(backbone, plain(neftune_alpha=alpha, seed=seed))
    assert found is not None
    return found


def batch_of(lengths: dict[int, int], *, left: bool = False, more: int = 0) -> Loaded:
    """Make a micro-batch of examples by their numbers and their lengths in tokens, padded by ``more``."""
    longest = max(lengths.values()) + more
    mask = torch.zeros(len(lengths), longest, dtype=torch.long)
    for row, length in enumerate(lengths.values()):
        mask[row, slice(longest - length, None) if left else slice(length)] = 1
    batch: Batch = {"input_ids": mask + 1, "attention_mask": mask}
    return Loaded(np.array(list(lengths)), batch, torch.zeros(len(lengths)))


def test_the_scale_is_alpha_over_the_root_of_tokens_times_width(folder: Path) -> None:
    noise = noise_of(tiny_backbone("bert", 2, folder), alpha=5.0)
    found = noise.draw(batch_of({0: 400, 1: 100}), epoch=0)
    assert found.shape == (2, 400, WIDTH)
    for row, length in ((0, 400), (1, 100)):
        drawn, bound = found[row, :length], 5.0 / math.sqrt(length * WIDTH)
        assert float(drawn.abs().max()) == pytest.approx(bound, rel=1e-2)
        assert float(drawn.abs().max()) <= bound
        assert float(drawn.std()) == pytest.approx(bound / math.sqrt(3), rel=0.05)
        assert abs(float(drawn.mean())) < 0.05 * bound
        # The closed form of the expected length of all the noise of an example, whatever its size.
        assert float(drawn.square().sum()) == pytest.approx(5.0**2 / 3, rel=0.05)
    assert not found[1, 100:].any()


def test_it_depends_on_seed_epoch_and_example_and_not_on_the_batch(folder: Path) -> None:
    backbone = tiny_backbone("bert", 2, folder)
    noise = noise_of(backbone)
    both = noise.draw(batch_of({7: 5, 3: 9}), epoch=2)
    alone = noise.draw(batch_of({7: 5}, more=4), epoch=2)
    other_side = noise.draw(batch_of({3: 9, 7: 5}, left=True), epoch=2)
    assert torch.equal(both[0, :5], alone[0, :5])
    assert torch.equal(both[0, :5], other_side[1, -5:])
    assert torch.equal(both[1], other_side[0])
    state = torch.random.get_rng_state()
    for changed in (
        noise.draw(batch_of({7: 5}), epoch=3),
        noise.draw(batch_of({8: 5}), epoch=2),
        noise_of(backbone, seed=1).draw(batch_of({7: 5}), epoch=2),
    ):
        assert not torch.isclose(changed, both[:1, :5]).any(dim=-1).all()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_rows_that_are_no_examples_are_a_fault(folder: Path) -> None:
    noise, micro = noise_of(tiny_backbone("bert", 2, folder)), batch_of({0: 3, 1: 3})
    with pytest.raises(ValueError, match="2 rows for 1 examples"):
        noise.draw(Loaded(micro.indices[:1], micro.batch, micro.targets), epoch=0)


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_one_pass_has_it_and_the_next_has_none(kind: Kind, folder: Path) -> None:
    backbone = tiny_backbone(kind, 2, folder)
    model, batch = backbone.model.eval(), backbone.preprocessing(random_raw(kind, 3))
    micro, noise = Loaded(np.arange(3), batch, torch.zeros(3)), noise_of(backbone)
    table = token_embedding(backbone)
    assert table is not None
    read: list[torch.Tensor] = []
    handle = table.register_forward_hook(lambda *given: read.append(given[2]), prepend=True)
    with torch.no_grad():
        before = backbone.logits(model(**batch))
        with noise.on(micro, epoch=1):
            noisy = backbone.logits(model(**batch))
        after = backbone.logits(model(**batch))
        handle.remove()
        drawn = noise.draw(micro, epoch=1)
        by_hand = table.register_forward_hook(lambda *given: given[2] + drawn)
        expected = backbone.logits(model(**batch))
        by_hand.remove()
    assert torch.equal(before, after)
    assert torch.equal(noisy, expected)
    assert not torch.allclose(noisy, before, atol=1e-4)
    assert len(read) == 3


def test_a_model_that_answers_has_it_too(tmp_path: Path) -> None:
    backbone = open_writer(tiny_writer_dir(tmp_path / "llama"))
    found = token_embedding(backbone)
    assert found is backbone.model.get_submodule("inner.model.embed_tokens")


class Twice(torch.nn.Module):
    """Reads its tokens twice, or others than it was given."""

    def __init__(self, table: torch.nn.Embedding, ids: list[int]) -> None:
        super().__init__()
        self.table, self.ids = table, ids

    def forward(self, input_ids: torch.Tensor) -> None:
        """Read."""
        for change in self.ids:
            self.table(input_ids + change)


@pytest.mark.parametrize(
    ("ids", "found"), [([0, 0], "2 calls"), ([], "0 calls"), ([1], "1 calls of its embeddings, 0 of them")]
)
def test_a_model_that_does_not_read_its_tokens_once_is_an_error(
    ids: list[int], found: str, folder: Path
) -> None:
    noise, micro = noise_of(tiny_backbone("bert", 2, folder)), batch_of({0: 3})
    with pytest.raises(DoesNotApply, match=found), noise.on(micro, epoch=0):
        Twice(noise.embedding, ids)(micro.batch["input_ids"])
    assert not noise.embedding._forward_hooks


@pytest.mark.parametrize("kind", ["vit", "efficientnet", "bert-patches", "wav2vec2"])
def test_a_model_that_reads_no_tokens_is_refused(kind: Kind, folder: Path) -> None:
    backbone = tiny_backbone(kind, 2, folder)
    assert make_noise(backbone, plain()) is None
    with pytest.raises(DoesNotApply, match=r"which reads (pictures|sounds)"):
        make_noise(backbone, plain(neftune_alpha=5.0))


def test_training_refuses_it_before_the_first_step(tmp_path: Path) -> None:
    items = coloured(12)
    with pytest.raises(DoesNotApply, match="neftune_alpha=5 with small"):
        train(
            convolutional(3), make_task("image-classification", items.targets()), items, items,
            plain(strategy="full", neftune_alpha=5.0), budget=Budget(), work=tmp_path, reporter=Silent(),
        )  # fmt: skip


def test_a_negative_size_is_out_of_range() -> None:
    with pytest.raises(BadValue, match="neftune_alpha"):
        with_values(Settings(), {"neftune_alpha": -1.0})


def trained(
    folder: Path, work: Path, *, reporter: Any = None, resume: bool = False, **values: Any
) -> tuple[Backbone, TrainResult]:
    backbone = tiny_backbone("bert", 2, folder)
    settings = plain(**{"strategy": "full", "lr": 1e-3, "epochs": 2, "batch_size": 6, "engine": "torch",
                        "checkpoint_every": 0.0, "neftune_alpha": 5.0, **values})  # fmt: skip
    result = train(
        backbone, TASK, TEXTS, TEXTS, settings, budget=Budget(), work=work, reporter=reporter or Silent(),
        resume=resume,
    )  # fmt: skip
    return backbone, result


def test_a_run_that_is_broken_off_goes_on_bit_for_bit(folder: Path, tmp_path: Path) -> None:
    whole, one = trained(folder, tmp_path / "whole")
    with pytest.raises(Interrupted):
        trained(folder, tmp_path / "broken", reporter=Ends(4))
    again, two = trained(folder, tmp_path / "broken", resume=True)
    without, _ = trained(folder, tmp_path / "without", neftune_alpha=0.0)
    expected = weights(whole)
    assert one.steps == two.steps == 6
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(again).items())
    assert distance(expected, weights(without)) > 0


def test_micro_batches_change_nothing(folder: Path, tmp_path: Path) -> None:
    still = {"optimizer": "sgd", "lr": 0.01, "momentum": 0.0, "epochs": 1, "neftune_alpha": 50.0}
    runs = []
    for size in (6, 2, 1):
        backbone = tiny_backbone("bert", 2, folder)
        for module in backbone.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
            if hasattr(module, "dropout_prob"):
                cast(Any, module).dropout_prob = 0.0
        settings = plain(strategy="full", batch_size=6, micro_batch=size, **still)
        train(
            backbone, TASK, TEXTS, TEXTS, settings, budget=Budget(), work=tmp_path / str(size),
            reporter=Silent(),
        )  # fmt: skip
        runs.append(weights(backbone))
    moved = distance(runs[0], weights(tiny_backbone("bert", 2, folder)))
    assert moved > 0
    assert max(distance(runs[0], other) for other in runs[1:]) < 1e-4 * moved


def test_evaluations_have_none(folder: Path, tmp_path: Path) -> None:
    figures = []
    for alpha in (0.0, 500.0):
        _, result = trained(folder, tmp_path / str(alpha), lr=1e-12, neftune_alpha=alpha, epochs=1)
        (row,) = result.history
        figures.append((row["train_loss"], {name: row[name] for name in TASK.metrics}))
    assert figures[0][1] == pytest.approx(figures[1][1], rel=1e-6)
    assert abs(figures[0][0] - figures[1][0]) > 1e-3


def test_what_frozen_blocks_give_is_not_stored(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="neftune_alpha adds noise"):
        trained(folder, tmp_path / "on", strategy="last", cache="on")
    _, result = trained(folder, tmp_path / "auto", strategy="last", cache="auto", epochs=4)
    assert not result.cached
