"""The benchmark leaves no trace, keeps what was asked for, and decides where it may."""

import copy

import pytest
import torch

from crosstune.tasks.registry import make_task
from crosstune.training import precision
from crosstune.training.forward import Forward
from crosstune.training.loader import Loaded
from crosstune.training.precision import choose_numerics
from tests.training.small import coloured, convolutional, plain
from tests.training.test_update import micro_batches

CPU = torch.device("cpu")


def one_batch() -> tuple[Forward, Loaded]:
    backbone, items = convolutional(3), coloured(20)
    task = make_task("image-classification", items.targets())
    (loaded,) = micro_batches(backbone, task, items, [20])
    backbone.model.train()
    return Forward(backbone), loaded


def loss_for() -> object:
    items = coloured(20)
    task = make_task("image-classification", items.targets())
    return task.make_loss(plain(), task.encode(items.targets()))


@pytest.mark.parametrize("fastest", ["fp32 contiguous", "bf16 channels-last"])
def test_the_fastest_wins_and_nothing_has_moved(fastest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forward, loaded = one_batch()
    before = copy.deepcopy(forward.model.state_dict())
    original = precision._seconds
    seen: list[str] = []

    def timed(forward: Forward, *arguments: object, bf16: bool) -> float:
        original(forward, *arguments, bf16=bf16)
        weight = forward.model.first[0].weight
        layout = "contiguous" if weight.is_contiguous() else "channels-last"
        seen.append(f"{'bf16' if bf16 else 'fp32'} {layout}")
        return 1.0 if seen[-1] == fastest else 2.0

    monkeypatch.setattr(precision, "_seconds", timed)
    settings = plain(precision="auto", memory_format="auto")
    found = choose_numerics(forward, loss_for(), loaded, settings, device=CPU, allowed=60.0)
    assert f"{found.precision} {found.memory_format}" == fastest
    assert seen[0] == "fp32 contiguous"  # on a few examples: how many of them there is time for
    assert sorted(seen[1:]) == sorted(found.seconds)
    assert len(seen) == 5
    for name, tensor in forward.model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(parameter.grad is None for parameter in forward.parameters())


@pytest.mark.parametrize(
    ("device", "order"),
    [
        ("cpu", [(False, False), (False, True), (True, True), (True, False)]),
        ("cuda", [(False, False), (True, True), (False, True), (True, False)]),
    ],
)
def test_the_likeliest_winner_comes_after_the_plain_way(device: str, order: list[tuple[bool, bool]]) -> None:
    forward, loaded = one_batch()
    settings = plain(precision="auto", memory_format="auto")
    assert precision._candidates(forward, loaded, settings, torch.device(device)) == order
    half = plain(precision="bf16", memory_format="auto")
    assert precision._candidates(forward, loaded, half, torch.device(device)) == [(True, False), (True, True)]


def test_fewer_examples_are_tried_where_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    forward, loaded = one_batch()
    before = copy.deepcopy(forward.model.state_dict())
    original, sizes = precision._seconds, list[int]()

    def tight(forward: Forward, loss: object, micro: Loaded, *arguments: object, bf16: bool) -> float:
        seconds = original(forward, loss, micro, *arguments, bf16=bf16)
        sizes.append(len(micro.indices))
        if len(micro.indices) > room:
            raise RuntimeError("CUDA out of memory")
        return seconds

    monkeypatch.setattr(precision, "_seconds", tight)
    settings = plain(precision="auto", memory_format="auto")
    room = 2
    found = choose_numerics(forward, loss_for(), loaded, settings, device=CPU, allowed=60.0)
    assert sizes == [8, 4, 2, 2, 2, 2]
    assert len(found.seconds) == 4
    room = 0
    found = choose_numerics(forward, loss_for(), loaded, settings, device=CPU, allowed=60.0)
    assert (found.precision, found.memory_format, found.seconds) == ("fp32", "contiguous", {})
    for name, tensor in forward.model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize(("each", "allowed", "rows"), [(0.001, 60.0, 20), (0.1, 12.1, 10), (1.0, 1.0, 8)])
def test_as_much_of_the_batch_is_timed_as_there_is_time_for(
    each: float, allowed: float, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, loaded = one_batch()
    sizes: list[int] = []

    def timed(_forward: Forward, _loss: object, micro: Loaded, *_: object, **__: object) -> float:
        sizes.append(len(micro.indices))
        return each * len(micro.indices)

    monkeypatch.setattr(precision, "_seconds", timed)
    settings = plain(precision="auto", memory_format="auto")
    found = choose_numerics(forward, loss_for(), loaded, settings, device=CPU, allowed=allowed)
    assert sizes == ([8] * 4 if rows == 8 else [8, *[rows] * 4])
    assert all(seconds == pytest.approx(each) for seconds in found.seconds.values())


def test_a_small_gain_does_not_leave_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    forward, loaded = one_batch()
    times = iter([1.0, 1.0, 0.99, 0.99, 0.99])
    monkeypatch.setattr(precision, "_seconds", lambda *_, **__: next(times))
    settings = plain(precision="auto", memory_format="auto")
    found = choose_numerics(forward, loss_for(), loaded, settings, device=CPU, allowed=60.0)
    assert (found.precision, found.memory_format) == ("fp32", "contiguous")


def test_what_was_asked_for_is_not_measured() -> None:
    forward, loaded = one_batch()
    settings = plain(precision="bf16", memory_format="channels-last")
    found = choose_numerics(forward, loss_for(), loaded, settings, device=CPU, allowed=0.0)
    assert (found.bf16, found.channels_last, found.seconds) == (True, True, {})
    assert not forward.model.first[0].weight.is_contiguous()


def test_without_time_only_the_plain_way_is_tried() -> None:
    forward, loaded = one_batch()
    settings = plain(precision="auto", memory_format="auto")
    found = choose_numerics(forward, loss_for(), loaded, settings, device=CPU, allowed=0.0)
    assert list(found.seconds) == ["fp32 contiguous"]
