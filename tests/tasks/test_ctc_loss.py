"""The CTC loss against a sum over all alignments."""

import itertools
import math

import torch
from torch.nn.utils.rnn import pad_sequence

from crosstune.core.spelling import Spelling
from crosstune.core.targets import IGNORED
from crosstune.sources.recogniser import CERTAIN
from crosstune.tasks.ctc_loss import ctc_loss

SPELLING = Spelling.of(["ab"])
BLANK, SYMBOLS = SPELLING.blank_index, len(SPELLING.symbols)


def _symbols(path: tuple[int, ...]) -> list[int]:
    """Collapse a path to its symbols; as a text, spaces at its ends would be lost."""
    return [symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK]


def _brute(logits: torch.Tensor, text: str) -> float:
    scores, wanted = logits.double().log_softmax(-1), SPELLING.encode(text).tolist()
    total = sum(
        math.exp(sum(float(scores[frame, symbol]) for frame, symbol in enumerate(path)))
        for path in itertools.product(range(SYMBOLS), repeat=len(scores))
        if _symbols(path) == wanted
    )
    return -math.log(total)


def _targets(*texts: str) -> torch.Tensor:
    rows = [torch.from_numpy(SPELLING.encode(text)) for text in texts]
    return pad_sequence(rows, batch_first=True, padding_value=IGNORED)


def test_it_is_the_sum_over_all_alignments_over_the_number_of_symbols() -> None:
    logits = torch.randn(3, 5, SYMBOLS, generator=torch.Generator().manual_seed(0))
    texts = ("ab", "bb", "a")
    total, weight = ctc_loss(BLANK)(logits, _targets(*texts))
    assert float(weight) == 5
    expected = sum(_brute(one, text) for one, text in zip(logits, texts, strict=True))
    assert math.isclose(float(total), expected, rel_tol=1e-5)


def test_frames_of_the_certain_blank_change_neither_loss_nor_gradient() -> None:
    short = torch.randn(1, 4, SYMBOLS, generator=torch.Generator().manual_seed(1), requires_grad=True)
    padding = torch.full((1, 3, SYMBOLS), -CERTAIN)
    padding[..., BLANK] = 0.0
    results = []
    for logits in (short, torch.cat([short, padding], dim=1)):
        total, _ = ctc_loss(BLANK)(logits, _targets("ab"))
        (gradient,) = torch.autograd.grad(total, short)
        results.append((float(total.detach()), gradient))
    assert math.isclose(results[0][0], results[1][0], rel_tol=1e-6)
    torch.testing.assert_close(results[0][1], results[1][1])


def test_a_text_that_does_not_fit_is_infinite_and_not_silently_skipped() -> None:
    total, _ = ctc_loss(BLANK)(torch.zeros(1, 2, SYMBOLS), _targets("aa"))
    assert SPELLING.frames("aa") == 3
    assert math.isinf(float(total))
