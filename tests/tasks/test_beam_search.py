"""Prefix beam search against a sum over all alignments, and against the textbook's dictionaries."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
import torch

from crosstune.core.spelling import Spelling
from crosstune.sources.recogniser import CERTAIN
from crosstune.tasks.beam_search import prefix_beam_search
from crosstune.tasks.speech_recognition import SpeechRecognition

SPELLING = Spelling.of(["ab"])
V, BLANK = len(SPELLING.symbols), SPELLING.blank_index
ALL = 10_000
"""More beams than there are sequences."""


def random_logits(frames: int, seed: int, symbols: int = V) -> torch.Tensor:
    return 2.0 * torch.randn(frames, symbols, generator=torch.Generator().manual_seed(seed))


def scores_of(logits: torch.Tensor) -> np.ndarray:
    return logits.double().log_softmax(-1).numpy()


def every_path(scores: np.ndarray) -> list[tuple[tuple[int, ...], float]]:
    paths = itertools.product(range(scores.shape[1]), repeat=len(scores))
    return [(path, math.exp(sum(scores[range(len(path)), path]))) for path in paths]


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK)


@pytest.mark.parametrize("seed", range(6))
def test_with_room_for_all_it_is_the_sum_over_all_alignments(seed: int) -> None:
    scores = scores_of(random_logits(5, seed))
    exact: dict[tuple[int, ...], float] = defaultdict(float)
    for path, probability in every_path(scores):
        exact[collapsed(path)] += probability
    found = prefix_beam_search(scores, blank=BLANK, beams=ALL)
    assert [symbols for symbols, _ in found] == sorted(exact, key=exact.__getitem__, reverse=True)
    for symbols, score in found:
        assert math.exp(score) == pytest.approx(exact[symbols], rel=1e-9)
    assert sum(math.exp(score) for _, score in found) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(6))
def test_the_answer_is_the_likeliest_text(seed: int) -> None:
    logits = random_logits(5, seed + 50)
    exact: dict[str, float] = defaultdict(float)
    for path, probability in every_path(scores_of(logits)):
        exact[SPELLING.collapse(path)] += probability
    task = SpeechRecognition(SPELLING).searching(ALL)
    padding = torch.full((3, V), -CERTAIN)
    padding[:, BLANK] = 0.0
    batch = torch.stack([torch.cat([logits, padding]), torch.cat([logits, padding])])
    assert task.answers(batch).tolist() == [max(exact, key=exact.__getitem__)] * 2


def textbook(scores: np.ndarray, beams: int) -> dict[tuple[int, ...], float]:
    """Hannun 2014 with dictionaries and without a language model."""
    beam = {(): (1.0, 0.0)}
    for frame in np.exp(scores):
        grown: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for prefix, (blank, symbol) in beam.items():
            grown[prefix][0] += frame[BLANK] * (blank + symbol)
            if prefix:
                grown[prefix][1] += frame[prefix[-1]] * symbol
            for one in set(range(scores.shape[1])) - {BLANK}:
                before = blank if prefix and one == prefix[-1] else blank + symbol
                grown[(*prefix, one)][1] += frame[one] * before
        kept = sorted(grown.items(), key=lambda item: -sum(item[1]))[:beams]
        beam = {prefix: (ends[0], ends[1]) for prefix, ends in kept}
    return {prefix: sum(ends) for prefix, ends in beam.items()}


@pytest.mark.parametrize(("seed", "beams"), [*itertools.product(range(5), (1, 2, 3, 7))])
def test_a_narrow_beam_keeps_what_the_textbook_keeps(seed: int, beams: int) -> None:
    """Also where a prefix falls off the beam and comes back while its continuation stayed."""
    scores = scores_of(0.5 * random_logits(30, seed, symbols=5))
    found = {symbols: math.exp(score) for symbols, score in prefix_beam_search(scores, blank=0, beams=beams)}
    assert found == pytest.approx(textbook(scores, beams), rel=1e-9)


def test_many_weak_alignments_beat_the_single_likeliest() -> None:
    task = SpeechRecognition(SPELLING)
    frame = torch.tensor([0.6, 1e-9, 0.4, 1e-9]).log()  # blank, space, a, b
    logits = torch.stack([frame, frame])[None]
    assert task.answers(logits).tolist() == [""]
    assert task.searching(2).answers(logits).tolist() == ["a"]  # 0.16 + 0.24 + 0.24 against 0.36


def test_no_frames_and_only_blanks_are_nothing() -> None:
    assert prefix_beam_search(np.zeros((0, V)), blank=BLANK, beams=4) == [((), 0.0)]
    certain = np.full((3, V), -CERTAIN)
    certain[:, BLANK] = 0.0
    assert prefix_beam_search(certain, blank=BLANK, beams=4) == [((), 0.0)]
