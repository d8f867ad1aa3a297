"""Samples and frames: the arithmetic of convolutions, and which frames belong to a sound."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from crosstune.sources.frames import Frames, frame_mask

LAYERS = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 5)), min_size=1, max_size=4)


@given(LAYERS, st.integers(1, 40))
def test_the_least_samples_for_some_frames_are_the_least(layers: list[tuple[int, int]], frames: int) -> None:
    convolutions = Frames(*zip(*layers, strict=True))
    needed = convolutions.samples(frames)
    assert convolutions.count(needed) == frames
    assert convolutions.count(needed - 1) < frames


@given(LAYERS, st.integers(0, 100))
def test_the_count_is_that_of_torch(layers: list[tuple[int, int]], more: int) -> None:
    convolutions = Frames(*zip(*layers, strict=True))
    samples = convolutions.samples(1) + more
    chain = nn.Sequential(*(nn.Conv1d(1, 1, kernel, stride) for kernel, stride in layers))
    frames = chain(torch.zeros(1, 1, samples)).shape[-1]
    assert convolutions.count(samples) == frames
    assert convolutions.count(torch.tensor([samples])).tolist() == [frames]
    own = convolutions.own(torch.tensor([samples, samples - 1, 0]), frames + 1)
    assert own.sum(dim=1).tolist() == [frames, convolutions.count(samples - 1), 0]


def test_the_frames_of_a_sound_are_those_that_its_own_samples_make() -> None:
    frames = Frames((4, 2), (2, 2))
    mask = torch.tensor([[1] * 14, [1] * 9 + [0] * 5])
    assert frames.count(14) == 3
    assert frame_mask(mask, frames, 3).tolist() == [[True, True, True], [True, False, False]]
    assert torch.equal(frame_mask(mask, frames, 14), mask)
    assert frame_mask(mask, None, 3) is None
    assert frame_mask(mask, frames, 5) is None
    assert frames.first(1) == Frames((4,), (2,))
