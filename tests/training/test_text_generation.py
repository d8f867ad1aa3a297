"""Training a language model to answer: masks inside the loss, batches, resume, adapters, learning."""

from pathlib import Path
from typing import Any

import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.conversation_text import from_text
from crosstune.core.interruption import Interrupted
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.sources.writer import Writer
from crosstune.tasks.text_generation import TextGeneration, answer_loss
from crosstune.training.loader import Loader
from crosstune.training.order import Order
from crosstune.training.result import TrainResult
from crosstune.training.run import train
from tests.support.chats import (
    dialogue_items,
    dialogue_of,
    letter_items,
    open_writer,
    question,
    talk,
    tiny_writer_dir,
)
from tests.training.small import plain
from tests.training.test_speech import Ends, distance, weights

TRAIN, VALIDATION = letter_items(24), letter_items(6, seed=1)
MIXED = dialogue_items(
    [
        talk("hi", "hello you"),
        talk("a", "b", "c", "dddd"),
        talk("so", "it is", system="be short"),
        question("b"),
    ]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer_dir(tmp_path_factory.mktemp("tiny") / "llama")


def trained(folder: Path, work: Path, *, resume: bool = False, reporter: Any = None, items: Any = TRAIN,
            **values: Any) -> tuple[Backbone, TrainResult]:  # fmt: skip
    """Train for a few steps. What the model writes at the start does not count, or it might be kept."""
    backbone = open_writer(folder)
    backbone.head_trained = False
    assert isinstance(backbone.model, Writer)
    backbone.model.write_at_most(4)
    settings = plain(**{"strategy": "full", "lr": 1e-3, "epochs": 2, "batch_size": 8, "engine": "torch",
                        "checkpoint_every": 0.0, **values})  # fmt: skip
    task = TextGeneration.of(dialogue_of(backbone))
    result = train(
        backbone, task, items, VALIDATION, settings, budget=Budget(), work=work,
        reporter=reporter or Silent(), resume=resume,
    )  # fmt: skip
    return backbone, result


def test_the_loss_of_a_batch_is_that_of_the_answers_token_by_token(folder: Path) -> None:
    backbone = open_writer(folder)
    task = TextGeneration.of(dialogue_of(backbone))
    loader = Loader(
        items=MIXED, encoded=task.encode(MIXED.targets()), task=task, preprocessing=backbone.preprocessing,
        order=Order(4, 4, 0, None), micro_batch=4,
    )  # fmt: skip
    (micro,) = loader(0)
    with torch.no_grad():
        found = answer_loss(backbone.model(**micro.batch), micro.targets)
        alone = [_brute(backbone, str(MIXED.values[row])) for row in micro.indices.tolist()]
    assert float(found.total) == pytest.approx(sum(total for total, _ in alone), rel=1e-5)
    assert float(found.weight) == sum(count for _, count in alone)
    assert float(found.weight) == len("hello you") + 1 + 2 + 5 + len("it is") + 1 + 2


def _brute(backbone: Backbone, text: str) -> tuple[float, int]:
    """Sum minus the log probability of each token of each answer, behind its prompt as it would be asked."""
    chat, total, count = dialogue_of(backbone).chat, 0.0, 0
    messages = from_text(text).messages
    inner: Any = backbone.model.get_submodule("inner")
    for place, message in enumerate(messages):
        if message.role != "assistant":
            continue
        read = chat.prompt(messages[:place])
        answer = chat.tokenizer(message.content + "<|im_end|>", add_special_tokens=False)["input_ids"]
        for token in answer:
            logits = inner(input_ids=torch.tensor([read])).logits
            total -= float(logits[0, -1].double().log_softmax(-1)[token])
            read, count = [*read, token], count + 1
    return total, count


def test_micro_batches_change_nothing(folder: Path, tmp_path: Path) -> None:
    still = {"epochs": 1, "optimizer": "sgd", "lr": 0.01, "momentum": 0.0, "items": dialogue_items(
        [from_text(text) for text in [*MIXED.values, *TRAIN.values[:4]]])}  # fmt: skip
    runs = [trained(folder, tmp_path / str(size), micro_batch=size, **still)[0] for size in (8, 2, 1)]
    found = [weights(one) for one in runs]
    moved = distance(found[0], weights(open_writer(folder)))
    assert moved > 0
    assert max(distance(found[0], other) for other in found[1:]) < 1e-4 * moved


@pytest.mark.parametrize("values", [{}, {"strategy": "lora", "lora_variant": "dora"}, {"neftune_alpha": 5.0}])
def test_a_training_that_is_broken_off_goes_on_bit_for_bit(
    values: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    whole, one = trained(folder, tmp_path / "whole", **values)
    with pytest.raises(Interrupted):
        trained(folder, tmp_path / "broken", reporter=Ends(3), **values)
    again, two = trained(folder, tmp_path / "broken", resume=True, **values)
    assert one.steps == two.steps == 6
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(again)[name]), name
    assert [row["token-loss"] for row in one.history] == [row["token-loss"] for row in two.history]


def test_adapters_sit_on_every_linear_layer_but_the_head_and_are_merged(folder: Path, tmp_path: Path) -> None:
    backbone, result = trained(folder, tmp_path / "lora", strategy="lora", epochs=1, lr=1e-2)
    assert result.steps == 3
    start, found = weights(open_writer(folder)), weights(backbone)
    moved = {name for name, tensor in found.items() if not torch.equal(tensor, start[name])}
    linear = {f"{name}.weight" for name, one in backbone.model.named_modules()
              if isinstance(one, torch.nn.Linear) and name != backbone.head}  # fmt: skip
    assert moved == linear
    assert len(linear) == 14


def test_it_learns_to_answer(folder: Path, tmp_path: Path) -> None:
    _, result = trained(folder, tmp_path / "work", epochs=20, lr=3e-3, checkpoint_every=1e9)
    assert result.history[-1]["exact-match"] == 1.0  # one answer to all would have a third at most
    assert result.history[-1]["perplexity"] < 1.2
