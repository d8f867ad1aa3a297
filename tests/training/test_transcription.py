"""Training a recogniser that writes piece by piece: teacher forcing, batches, resume, cuts, learning."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.errors import DoesNotApply
from crosstune.core.interruption import Interrupted
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.token_loss import token_loss
from crosstune.tasks.transcription import Transcription
from crosstune.training.encoding import encode
from crosstune.training.loader import Loader, as_targets
from crosstune.training.order import Order
from crosstune.training.result import TrainResult
from crosstune.training.run import train
from crosstune.training.shards import spread
from crosstune.training.surgical import relative_gradients
from tests.support.speech import open_transcriber, song_items, sung, tiny_transcriber_dir
from tests.support.tiny import MemoryItems
from tests.training.small import plain
from tests.training.test_speech import Ends, distance, weights

TRAIN, VALIDATION = song_items(24), song_items(6, seed=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_transcriber_dir(tmp_path_factory.mktemp("tiny") / "whisper")


def trained(folder: Path, work: Path, *, resume: bool = False, reporter: Any = None, items: Any = TRAIN,
            validation: Any = VALIDATION, dropout: bool = True,
            **values: Any) -> tuple[Backbone, TrainResult]:  # fmt: skip
    """Train for a few steps. What the model writes at the start does not count, or it might be kept."""
    backbone = open_transcriber(folder)
    backbone.head_trained = False
    for module in backbone.model.modules() if not dropout else ():
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0  # type: ignore[assignment]
    assert backbone.pieces is not None
    settings = plain(**{"strategy": "full", "lr": 1e-3, "epochs": 2, "batch_size": 8, "engine": "torch",
                        "checkpoint_every": 0.0, **values})  # fmt: skip
    result = train(
        backbone, Transcription.of(backbone.pieces, "plain"), items, validation, settings, budget=Budget(),
        work=work, reporter=reporter or Silent(), resume=resume,
    )  # fmt: skip
    return backbone, result


def test_a_loaded_batch_holds_what_the_decoder_reads(folder: Path) -> None:
    backbone = open_transcriber(folder)
    assert backbone.pieces is not None
    task = Transcription.of(backbone.pieces, "plain")
    encoded = task.encode(TRAIN.targets())
    loader = Loader(
        items=TRAIN, encoded=encoded, task=task, preprocessing=backbone.preprocessing,
        order=Order(24, 8, 0, None), micro_batch=4,
    )  # fmt: skip
    for micro in loader(0):
        assert set(micro.batch) == {"input_features", "decoder_input_ids"}
        assert torch.equal(micro.targets, as_targets(task, encoded[micro.indices]))
        assert micro.batch["decoder_input_ids"].shape == micro.targets.shape
        with torch.no_grad():
            found = token_loss(backbone.model(**micro.batch), micro.targets)
            whole = encode(backbone.preprocessing, TRAIN.batch(micro.indices.tolist()))
            alone = [_brute(backbone, whole["input_features"][row], str(encoded[index]))
                     for row, index in enumerate(micro.indices)]  # fmt: skip
        assert float(found.total) == pytest.approx(sum(alone), rel=1e-4)


def _brute(backbone: Backbone, features: torch.Tensor, text: str) -> float:
    """Sum minus the log probability of each piece, the decoder reading one more piece each time."""
    assert backbone.pieces is not None
    read, total = list(backbone.pieces.prompt), 0.0
    for piece in [*backbone.pieces.encode(text), backbone.pieces.end]:
        logits = backbone.model(input_features=features[None], decoder_input_ids=torch.tensor([read]))
        total -= float(logits[0, -1].double().log_softmax(-1)[piece])
        read.append(piece)
    return total


def test_micro_batches_change_nothing(folder: Path, tmp_path: Path) -> None:
    still = {"epochs": 1, "optimizer": "sgd", "lr": 0.01, "momentum": 0.0, "dropout": False}
    runs = [trained(folder, tmp_path / str(size), micro_batch=size, **still)[0] for size in (8, 4, 1)]
    found = [weights(one) for one in runs]
    moved = distance(found[0], weights(open_transcriber(folder)))
    assert moved > 0
    assert max(distance(found[0], other) for other in found[1:]) < 1e-4 * moved


def test_a_training_that_is_broken_off_goes_on_bit_for_bit(folder: Path, tmp_path: Path) -> None:
    whole, one = trained(folder, tmp_path / "whole")
    with pytest.raises(Interrupted):
        trained(folder, tmp_path / "broken", reporter=Ends(3))
    again, two = trained(folder, tmp_path / "broken", resume=True)
    assert one.steps == two.steps == 6
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(again)[name]), name
    assert [row["wer"] for row in one.history] == [row["wer"] for row in two.history]


@pytest.mark.parametrize("last", [4, 2])
def test_stored_activations_of_the_encoder_give_the_same_weights(
    folder: Path, tmp_path: Path, last: int
) -> None:
    """With four blocks one of the encoder moves; with two the cut would fall into the decoder."""
    settings = {"strategy": "last", "last_blocks": last, "epochs": 1, "optimizer": "sgd", "lr": 0.01}
    cached, one = trained(folder, tmp_path / "cached", cache="on", **settings)
    plainly, two = trained(folder, tmp_path / "plain", cache="off", **settings)
    assert one.cached
    assert not two.cached
    start, found = weights(open_transcriber(folder)), weights(plainly)
    moved = {name for name, tensor in found.items() if not torch.equal(tensor, start[name])}
    assert any("encoder.layers.1" in name for name in moved) == (last == 4)
    assert not any("encoder.layers.0" in name for name in moved)
    assert distance(found, weights(cached)) < 1e-4 * distance(found, start)
    assert [row["wer"] for row in one.history] == [row["wer"] for row in two.history]


def test_adapters_are_merged_and_write_the_same(folder: Path, tmp_path: Path) -> None:
    _, result = trained(folder, tmp_path / "lora", strategy="lora", epochs=1)
    assert result.steps == 3


def test_it_learns_to_listen(tmp_path: Path) -> None:
    folder = tiny_transcriber_dir(tmp_path / "whisper", init_std=0.1, dropout=0.0)
    long, held = held_tones(48), held_tones(9, seed=1)
    _, result = trained(
        folder, tmp_path / "work", items=long, validation=held, epochs=5, lr=3e-3, checkpoint_every=1e9
    )
    assert result.history[-1]["cer"] == 0.0  # one answer to all would have 0.67


def held_tones(n: int, seed: int = 0) -> MemoryItems:
    """Give ``n`` sounds of one tone each."""
    texts = ["abc"[index % 3] for index in range(n)]
    return MemoryItems([sung(text, each_s=1.6, seed=99 * seed + i) for i, text in enumerate(texts)], texts)


def test_gradients_of_every_part_are_measured_with_teacher_forcing(folder: Path) -> None:
    backbone = open_transcriber(folder)
    assert backbone.pieces is not None
    task = Transcription.of(backbone.pieces, "plain")
    found = relative_gradients(backbone, task, TRAIN, plain(batch_size=8), head=None)
    assert min(found.parts.values()) > 0.0


def test_it_is_not_spread_over_processes(folder: Path) -> None:
    with pytest.raises(DoesNotApply, match="parallel=ddp"):
        spread(SimpleNamespace(backbone=open_transcriber(folder)))  # type: ignore[arg-type]
