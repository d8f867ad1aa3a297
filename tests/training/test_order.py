"""The order of examples: all of them once in each epoch, whatever the batch, and the same on every call."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crosstune.training.order import Order, shares


@given(st.integers(1, 90), st.integers(1, 20), st.integers(0, 3), st.booleans())
def test_an_epoch_holds_every_example_once(count: int, size: int, epoch: int, by_length: bool) -> None:
    lengths = np.random.default_rng(0).integers(1, 50, count) if by_length else None
    order = Order(count, size, seed=5, lengths=lengths)
    first = epoch * order.steps_per_epoch
    batches = [order.batch(step) for step in range(first, first + order.steps_per_epoch)]
    assert sorted(np.concatenate(batches)) == list(range(count))
    assert all(len(batch) <= size + 1 for batch in batches)
    assert size == 1 or count == 1 or min(map(len, batches)) >= 2
    again = Order(count, size, seed=5, lengths=lengths)
    assert np.array_equal(again.batch(first + order.steps_per_epoch - 1), batches[-1])


def test_epochs_and_seeds_differ() -> None:
    order = Order(100, 10, seed=1)
    assert not np.array_equal(order.batch(0), order.batch(10))
    assert not np.array_equal(order.batch(0), Order(100, 10, seed=2).batch(0))


def test_batches_hold_texts_of_like_length() -> None:
    lengths = np.random.default_rng(0).lognormal(3, 1, 4000).astype(np.int64)
    waste = []
    for known in (None, lengths):
        order = Order(4000, 16, seed=0, lengths=known)
        batches = [order.batch(step) for step in range(order.steps_per_epoch)]
        padded = sum(lengths[batch].max() * len(batch) for batch in batches)
        waste.append(1 - lengths.sum() / padded)
    assert waste[0] > 0.5
    assert waste[1] < 0.15


def test_the_first_epoch_may_go_from_short_to_long_and_the_others_are_as_ever() -> None:
    lengths = np.random.default_rng(0).integers(1, 9, 50)
    order, plain = Order(50, 8, seed=3, lengths=lengths, rising=True), Order(50, 8, seed=3, lengths=lengths)
    steps = range(order.steps_per_epoch)
    first = np.concatenate([order.batch(step) for step in steps])
    assert sorted(first) == list(range(50))
    assert (np.diff(lengths[first]) >= 0).all()
    ties = [index for index in first if lengths[index] == 4]
    assert ties != sorted(ties), "equal ones are drawn"
    for step in range(len(steps), 3 * len(steps)):
        assert np.array_equal(order.batch(step), plain.batch(step))
    assert np.array_equal(Order(50, 8, seed=3, lengths=lengths, rising=True).batch(2), order.batch(2))


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 4))
def test_shares_hold_the_batch_once_and_keep_the_processes_in_step(n: int, micro: int, world: int) -> None:
    batch = np.arange(n) + 100
    cut = [shares(batch, micro_batch=micro, rank=rank, world=world) for rank in range(world)]
    assert len({len(pieces) for pieces in cut}) == 1
    counted = [index for pieces in cut for piece, counts in pieces if counts for index in piece]
    assert sorted(counted) == batch.tolist()
    assert all(0 < len(piece) <= micro for pieces in cut for piece, _ in pieces)


@given(st.integers(2, 60), st.integers(1, 8), st.booleans())
def test_a_few_steps_stand_for_an_epoch_that_rises_in_length(steps: int, asked: int, rising: bool) -> None:
    lengths = np.arange(steps * 4)
    order = Order(len(lengths), 4, seed=0, lengths=lengths, rising=rising)
    found = order.typical(asked)
    assert len(set(found)) == len(found) == min(asked, steps)
    if rising:
        means = [lengths[order.batch(step)].mean() for step in found]
        assert abs(np.mean(means) - lengths.mean()) <= 4.0
    else:
        assert found == list(range(len(found)))


def test_the_first_trial_step_of_a_rising_epoch_is_of_middling_length() -> None:
    order = Order(600, 6, seed=0, lengths=np.arange(600), rising=True)
    assert order.typical(6) == [41, 58, 25, 75, 8, 91]
