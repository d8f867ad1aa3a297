"""Every text, or pair of texts, looked at once."""

import unicodedata
from collections.abc import Iterable, Sequence

from datasets import Dataset

from crosstune.core.progress import Reporter
from crosstune.data.content import digest_texts
from crosstune.data.gate.inputs import Inputs, Problem, known_problems
from crosstune.data.gate.minhash import band_keys
from crosstune.data.gate.scripts import scripts_of

_TEXTS = 2_000


def look_at_texts(
    dataset: Dataset, names: Iterable[str], reporter: Reporter, *, done: int = 0, prints: bool = False
) -> Inputs:
    """Read every text (or pair); empty ones and those that the reader could not read are problems."""
    columns = [dataset.select_columns([name]).with_format("arrow") for name in names]
    result = Inputs()
    for start in range(0, len(dataset), _TEXTS):
        parts = [column[start : start + _TEXTS].column(0).to_pylist() for column in columns]
        rows = list(zip(*parts, strict=True))
        scripts = scripts_of([" ".join(text or "" for text in row) for row in rows]).tolist()
        for row, script in zip(rows, scripts, strict=True):
            result.add(*_look_at_text(row, script))
        if prints:
            result.prints += band_keys([normalised(row) for row in rows]).tobytes()
        reporter.advance(done + len(result))
    known_problems(dataset, result)
    return result


def _look_at_text(
    row: tuple[str | None, ...], script: int
) -> tuple[str, tuple[int, int, int] | None, Problem | None]:
    digest = digest_texts(row)
    for text in row:
        if not text:
            return digest, None, ("empty-text", "there is no text")
        if not text.strip():
            return digest, None, ("empty-text", "the text is only white space")
    chars, words = sum(len(text or "") for text in row), sum((text or "").count(" ") + 1 for text in row)
    return digest, (chars, words, script), None


def normalised(row: Sequence[str | None]) -> str:
    """Write a text, or a pair, so that width of letters, case and white space make no difference."""
    return "\n".join(_folded(text or "") for text in row)


def _folded(text: str) -> str:
    plain = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return " ".join(plain.split())
