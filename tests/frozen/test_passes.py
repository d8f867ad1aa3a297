"""The frozen pass: right features in the right rows, found again, continued after an interruption."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from crosstune.core.errors import OutOfMemory
from crosstune.core.progress import Silent
from crosstune.frozen import passes
from crosstune.frozen.engines import registry
from crosstune.frozen.errors import NonFiniteFeatures
from crosstune.frozen.features import Features
from crosstune.frozen.passes import frozen_pass, model_outputs
from crosstune.frozen.taps import OutputModel, TapModel
from crosstune.sources.base import Backbone
from tests.frozen.helpers import MakeItems, OpenTiny
from tests.support.tiny import KINDS, Kind, MemoryItems


class Listening(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Keep one line."""
        self.said.append(text)


class Warned(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        """Keep one."""
        self.warned.append(text)


def _pass(opened: Backbone, examples: MemoryItems, tmp_path: Path, **options: Any) -> Features:
    return frozen_pass(opened, examples, engine="torch", exact=True, batch_size=4, cache=tmp_path, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_features_are_those_of_each_example_alone(
    kind: Kind, backbone: OpenTiny, items: MakeItems, tmp_path: Path
) -> None:
    opened, examples = backbone(kind), items(kind, 10)
    opened.model.train()
    features = _pass(opened, examples, tmp_path)
    assert opened.model.training
    assert features.names == tuple(block.name for block in opened.blocks)
    assert features.engine == "torch"
    opened.model.eval()
    with torch.no_grad():
        for i in range(len(examples)):
            pooled, head = TapModel(opened).eval()(**opened.preprocessing(examples.batch([i])))
            assert np.allclose(features.all_blocks()[i], pooled[0].numpy(), atol=1e-5)
            assert np.allclose(features.head_input[i], head[0].numpy(), atol=1e-5)


def test_a_finished_pass_is_found_again_without_computing(
    backbone: OpenTiny, items: MakeItems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, examples, listening = backbone("resnet"), items("resnet", 6), Listening()
    first = _pass(opened, examples, tmp_path)
    monkeypatch.setattr(passes, "choose_engine", None)
    again = _pass(opened, examples, tmp_path, reporter=listening)
    assert np.array_equal(first.all_blocks(), again.all_blocks())
    assert again.seconds == first.seconds
    assert listening.said == ["features of 6 examples found in the cache"]


STOPS = 25


class Failing(MemoryItems):
    """Raises at one example until repaired; counts what it decodes."""

    broken = True
    decoded: ClassVar[list[int]] = []

    def batch(self, indices: Sequence[int]) -> list[Any]:
        """Decode, or stop."""
        if self.broken and STOPS in list(indices):
            raise KeyboardInterrupt
        self.decoded.extend(indices)
        return super().batch(indices)


def test_an_interrupted_pass_goes_on_where_it_stopped(
    backbone: OpenTiny, items: MakeItems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, listening = backbone("resnet"), Listening()
    examples = Failing(items("resnet", 40).raw)
    with pytest.raises(KeyboardInterrupt):
        _pass(opened, examples, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".partial"]
    monkeypatch.setattr(Failing, "broken", False)
    monkeypatch.setattr(Failing, "decoded", [])
    features = _pass(opened, examples, tmp_path, reporter=listening)
    assert listening.said[0] == "continuing an interrupted pass at example 24"
    again = set(range(24)) & set(Failing.decoded)
    assert len(again) < registry.BENCHMARK_ROWS  # those are in the engine's example batch
    whole = _pass(opened, items("resnet", 40), tmp_path / "other")
    assert np.array_equal(features.all_blocks(), whole.all_blocks())
    assert np.array_equal(features.head_input, whole.head_input)
    assert len(list(tmp_path.glob("*.partial"))) == 0


def test_a_pass_that_meets_nan_names_the_example(
    backbone: OpenTiny, items: MakeItems, tmp_path: Path
) -> None:
    opened = backbone("resnet")
    with torch.no_grad():
        opened.model.get_submodule(opened.blocks[2].modules[-1]).bn2.weight.fill_(float("nan"))
    with pytest.raises(NonFiniteFeatures, match=r"blocks, column \d+, computed by torch, for memory:0"):
        _pass(opened, items("resnet", 5), tmp_path)


MEMORY = "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: 12345 bytes"


def small_memory(monkeypatch: pytest.MonkeyPatch, room: list[int]) -> None:
    """Let memory run out where a batch has more examples than the first of ``room`` that is left."""
    compile_plainly = passes._Runner._compile

    def compile_limited(self: Any, *arguments: Any) -> Any:
        compiled = compile_plainly(self, *arguments)

        def limited(batch: Any) -> Any:
            found = compiled(batch)
            if len(found[0]) > (room[0] if len(room) == 1 else room.pop(0)):
                raise RuntimeError(MEMORY)
            return found

        return limited

    monkeypatch.setattr(passes._Runner, "_compile", compile_limited)


@pytest.mark.parametrize("kind", ["resnet", "bert"])
def test_where_memory_runs_out_batches_are_halved_and_no_row_is_lost(
    kind: Kind, backbone: OpenTiny, items: MakeItems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, examples, heard = backbone(kind), items(kind, 11), Warned()
    wanted = _pass(opened, examples, tmp_path / "enough")
    logits = model_outputs(opened, examples, engine="torch")
    small_memory(monkeypatch, [4, 3, 1])  # one batch fits, then ever less
    found = _pass(opened, examples, tmp_path / "little", reporter=heard)
    assert np.allclose(found.all_blocks(), wanted.all_blocks(), atol=1e-6)
    assert np.allclose(found.head_input, wanted.head_input, atol=1e-6)
    assert [line.rsplit("memory ran out in the ")[1] for line in heard.warned] == [
        "frozen pass: batches of 2 from here on",
        "frozen pass: batches of 1 from here on",
    ]
    outputs = model_outputs(opened, examples, engine="torch", batch_size=8)
    assert np.allclose(outputs, logits, atol=1e-6)


def test_where_one_example_does_not_fit_or_something_else_fails_it_is_an_error(
    backbone: OpenTiny, items: MakeItems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, examples = backbone("resnet"), items("resnet", 5)
    with monkeypatch.context() as patch:
        small_memory(patch, [0])
        with pytest.raises(OutOfMemory, match="1 example at once"):
            _pass(opened, examples, tmp_path / "none")
    heard = Warned()
    with monkeypatch.context() as patch:
        patch.setattr(f"{__name__}.MEMORY", "shapes do not match")
        small_memory(patch, [0])
        with pytest.raises(RuntimeError, match="shapes"):
            _pass(opened, examples, tmp_path / "other", reporter=heard)
    assert heard.warned == []


@pytest.mark.parametrize("kind", ["bert", "efficientnet"])
def test_model_outputs_are_the_models_logits_in_order(
    kind: Kind, backbone: OpenTiny, items: MakeItems
) -> None:
    opened, examples = backbone(kind), items(kind, 9)
    outputs = model_outputs(opened, examples, engine="torch", batch_size=4)
    opened.model.eval()
    with torch.no_grad():
        for i in range(len(examples)):
            (alone,) = OutputModel(opened)(**opened.preprocessing(examples.batch([i])))
            assert np.allclose(outputs[i], alone[0].numpy(), atol=1e-5)
    assert model_outputs(opened, MemoryItems([])).shape == (0, 3)


def test_one_example_or_none_is_enough(backbone: OpenTiny, items: MakeItems, tmp_path: Path) -> None:
    assert len(_pass(backbone("bert"), items("bert", 1), tmp_path)) == 1
    nothing = _pass(backbone("bert"), MemoryItems([]), tmp_path)
    assert [block.shape for block in nothing.blocks] == [(0, 32)] * 5
    assert nothing.head_input.shape == (0, 32)


@pytest.mark.real
def test_real_weights_agree_between_torch_and_openvino(tmp_path: Path) -> None:
    from crosstune.sources.base import OpenOptions
    from crosstune.sources.registry import open_model
    from tests.support.tiny import random_images

    options = OpenOptions(task="image-classification", outputs=10, image_size=96)
    opened = open_model("package:efficientnet-lite0", options)
    examples = MemoryItems(random_images(6, size=96))
    results = {}
    for engine in ("torch", "openvino"):
        results[engine] = frozen_pass(opened, examples, engine=engine, exact=True, cache=tmp_path)
    assert results["openvino"].engine == "openvino"
    ours, theirs = (results[name].all_blocks() for name in ("torch", "openvino"))
    assert np.abs(ours - theirs).max() < 1e-4 * max(1.0, np.abs(ours).max())
    registry._KEPT.clear()


@pytest.mark.parametrize("damage", ["blocks.npy", "about.json"])
def test_a_damaged_pass_is_computed_again(
    damage: str, backbone: OpenTiny, items: MakeItems, tmp_path: Path
) -> None:
    opened, examples = backbone("resnet"), items("resnet", 5)
    whole = np.array(_pass(opened, examples, tmp_path).all_blocks())
    (final,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    content = (final / damage).read_bytes()
    (final / damage).write_bytes(content[: len(content) // 2])
    again = _pass(opened, examples, tmp_path)
    assert np.array_equal(again.all_blocks(), whole)
    if damage == "blocks.npy":
        assert (final / damage).read_bytes() == content
    else:  # the seconds that the pass took differ
        assert json.loads((final / damage).read_bytes())["names"] == json.loads(content)["names"]
