"""Validation outputs come in the order of the split, whatever the batches."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import torch
from accelerate import Accelerator

from crosstune.sources.base import Backbone
from crosstune.tasks.registry import make_task
from crosstune.training.bound import Bound
from crosstune.training.encoding import input_lengths
from crosstune.training.evaluate import Evaluator
from crosstune.training.forward import Forward
from tests.support.tiny import MemoryItems, random_texts, tiny_backbone


def evaluator(backbone: Backbone, items: MemoryItems, *, batch_size: int, by_length: bool) -> Evaluator:
    task = make_task("text-classification", items.targets())
    return Evaluator(
        task=task, items=items, encoded=task.encode(items.targets()), preprocessing=backbone.preprocessing,
        accelerator=Accelerator(cpu=True), batch_size=batch_size,
        lengths=input_lengths(items, backbone.preprocessing) if by_length else None,
    )  # fmt: skip


def test_batch_size_and_sorting_do_not_matter(tmp_path: Path) -> None:
    items = MemoryItems(random_texts(21), ["a", "b", "c"] * 7)
    backbone = tiny_backbone("bert", 3, tmp_path)
    backbone.model.eval()
    with torch.no_grad():
        alone = [backbone.logits(backbone.model(**backbone.preprocessing([text]))) for text in items.raw]
    bound = Bound(input_lengths(items, backbone.preprocessing), 40)
    for batch_size, by_length, most in (
        (21, False, None),
        (4, True, None),
        (64, True, bound),
        (5, False, None),
    ):
        found = evaluator(backbone, items, batch_size=batch_size, by_length=by_length)
        found = replace(found, bound=most)
        outputs = found.outputs(Forward(backbone))
        np.testing.assert_allclose(outputs, torch.cat(alone), atol=1e-5)
    figures = found.figures(outputs)
    assert list(figures) == list(found.task.metrics)
    assert figures["accuracy"] == (outputs.argmax(1) == found.encoded).mean()
    assert found.outputs(Forward(backbone), most=2).shape == (10, 3)
    assert replace(found, bound=bound).batches == len(bound.cut(np.arange(21), 5))


def test_processes_share_the_batches_and_one_without_any_still_times_one(tmp_path: Path) -> None:
    items = MemoryItems(random_texts(6), ["a", "b", "c"] * 2)
    backbone = tiny_backbone("bert", 3, tmp_path)
    backbone.model.eval()
    alone = evaluator(backbone, items, batch_size=4, by_length=False)
    whole = alone.outputs(Forward(backbone))
    for rank, rows in enumerate((whole[:4], whole[4:], whole[:4])):
        place = cast(
            Accelerator, SimpleNamespace(device=torch.device("cpu"), process_index=rank, num_processes=3)
        )
        np.testing.assert_array_equal(
            replace(alone, accelerator=place).outputs(Forward(backbone), most=1), rows
        )
