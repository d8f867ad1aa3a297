"""What a step reads: the same with a thread, with workers, and from any start."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from crosstune.core.domains import Domains
from crosstune.tasks.registry import make_task
from crosstune.training import loader as module
from crosstune.training.augment import Augmenter
from crosstune.training.errors import DataWorkerFailed
from crosstune.training.loader import AHEAD, Loaded, Loader, ahead, stream, worker_failures
from crosstune.training.order import Order
from tests.training.small import Pixels, coloured


def make_loader(*, micro_batch: int | None = None, mixing: tuple[str, ...] = ()) -> Loader:
    items = coloured(22)
    task = make_task("image-classification", items.targets())
    return Loader(
        items=items, encoded=task.encode(items.targets()), task=task, preprocessing=Pixels(),
        order=Order(len(items), 8, seed=4), micro_batch=micro_batch, mixing=mixing,
        augmenter=Augmenter(("flip", "crop", "randaugment"), 4),
    )  # fmt: skip


def same(one: Sequence[Loaded], other: Sequence[Loaded]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a.indices, b.indices)
        and torch.equal(a.targets, b.targets)
        and torch.equal(a.batch["x"], b.batch["x"])
        for a, b in zip(one, other, strict=True)
    )


def test_workers_and_the_thread_give_what_the_loader_gives() -> None:
    loader = make_loader(micro_batch=3, mixing=("mixup", "cutmix"))
    expected = [loader(step) for step in range(7)]
    for workers in (0, 2):
        found = list(stream(loader, range(7), workers=workers))
        assert all(same(a, b) for a, b in zip(found, expected, strict=True)), workers
    (resumed, *_) = stream(loader, range(5, 7), workers=0)
    assert same(resumed, expected[5])


def test_micro_batches_hold_the_effective_batch_mixed_as_a_whole() -> None:
    (whole,) = make_loader(mixing=("cutmix",))(1)
    parts = make_loader(micro_batch=3, mixing=("cutmix",))(1)
    assert [len(part.indices) for part in parts] == [3, 3, 2]
    assert torch.equal(torch.cat([part.batch["x"] for part in parts]), whole.batch["x"])
    assert torch.equal(torch.cat([part.targets for part in parts]), whole.targets)
    assert whole.targets.shape == (8, 3)


def test_every_example_of_a_batch_brings_its_domain() -> None:
    plain = make_loader(micro_batch=3, mixing=("mixup",))
    assert all(part.domains is None for part in plain(0))
    ids = np.arange(22) % 5
    loader = replace(plain, domains=Domains(tuple("abcde"), ids))
    for part in loader(1):
        assert part.domains is not None
        assert part.domains.dtype == torch.int64
        assert part.domains.tolist() == ids[part.indices].tolist()
        moved = part.to(torch.device("cpu")).domains
        assert moved is not None
        assert torch.equal(moved, part.domains)


def test_processes_share_an_effective_batch() -> None:
    loader = make_loader()
    halves = [
        Loader(**{**loader.__dict__, "rank": rank, "world": 2})(0)[0].indices.tolist() for rank in (0, 1)
    ]
    assert halves[0] + halves[1] == loader(0)[0].indices.tolist()


def test_an_error_ahead_is_raised_in_its_turn() -> None:
    made: list[int] = []

    def load(number: int) -> int:
        made.append(number)
        if number == 3:
            raise OSError("broken")
        return number

    numbers = ahead(load, range(100))
    assert [next(numbers) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="broken"):
        next(numbers)
    assert len(made) <= 4 + AHEAD


def test_float64_targets_become_float32() -> None:
    items = coloured(6)
    task = make_task("image-regression", [1.0, 2.0, 4.0])
    loader = Loader(
        items=items, encoded=task.encode([float(i) for i in range(6)]), task=task, preprocessing=Pixels(),
        order=Order(6, 6, seed=0), micro_batch=None,
    )  # fmt: skip
    assert loader(0)[0].targets.dtype == torch.float32


@pytest.mark.parametrize("raised", [ConnectionResetError("reset by peer"), EOFError()])
def test_a_worker_that_dies_while_it_hands_over_a_batch_is_named(
    raised: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEATH_SECONDS", 0.0)
    monkeypatch.setattr(module, "DataLoader", broken_iterable(raised))
    with pytest.raises(DataWorkerFailed, match="closed its connection"), worker_failures(lambda: 3, 1):
        next(stream(None, [0], workers=1))  # type: ignore[arg-type] - never asked


def test_an_error_that_a_worker_hands_over_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    own = EOFError("Caught EOFError in DataLoader worker process 0.")
    monkeypatch.setattr(module, "DataLoader", broken_iterable(own))
    with pytest.raises(EOFError, match="Caught"), worker_failures(lambda: 3, 1):
        next(stream(None, [0], workers=1))  # type: ignore[arg-type]


def broken_iterable(raised: Exception) -> object:
    """Stand for a ``DataLoader`` whose worker does not give the first batch."""

    class Broken:
        def __init__(self, *_: object, **__: object) -> None:
            """Take what a loader takes."""

        def __iter__(self) -> "Broken":
            return self

        def __next__(self) -> object:
            raise raised

    return Broken
