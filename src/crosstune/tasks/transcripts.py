"""How transcripts are written before they are learnt and compared: explicit, by name, kept with the model."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence

from crosstune.core.errors import UnknownName
from crosstune.tasks.errors import BadTarget
from crosstune.tasks.raw import plain as plain_value

APOSTROPHES = "'\u2019\u02bc\uff07"
"""Ways of writing one; inside a word they are kept, as a plain one."""


def as_is(text: str) -> str:
    """Only white space is changed: one space between words, none at the ends."""
    return " ".join(text.split())


def plain(text: str) -> str:
    """Small letters, digits, combining marks and apostrophes inside words; everything else is a space.

    NFKC first, so that one letter is not written in two ways; of a full-width digit the plain one is left.
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    kept = [_kept(text, place) for place in range(len(text))]
    return " ".join("".join(kept).split())


def _kept(text: str, place: int) -> str:
    one = text[place]
    if one in APOSTROPHES:
        inside = 0 < place < len(text) - 1 and text[place - 1].isalpha() and text[place + 1].isalpha()
        return "'" if inside else " "
    return one if unicodedata.category(one)[0] in "LMN" else " "


def upper(text: str) -> str:
    """As ``plain``, in capitals: what many published English recognisers were trained on."""
    return plain(text).upper()


NORMALISATIONS: Mapping[str, Callable[[str], str]] = {"plain": plain, "upper": upper, "as-is": as_is}
"""By the name that the setting ``transcripts`` takes."""


def normalised(text: str, name: str) -> str:
    """Write a transcript in the way that is called ``name``; raises ``UnknownName``.

    What is lost (capitals, punctuation) cannot be put back from the result alone: ``predictions.parquet``
    keeps the transcript as the data has it beside what the model answered.
    Checked by: ``tests/tasks/test_transcripts.py``.
    """
    if name not in NORMALISATIONS:
        raise UnknownName("way of writing transcripts", name, tuple(NORMALISATIONS))
    return NORMALISATIONS[name](text)


def written(targets: Sequence[object], writing: str) -> list[str]:
    """Write raw targets in the way that is called ``writing``.

    Raises:
        BadTarget: a target is no text, or nothing is left of one.
    """
    values = [plain_value(value) for value in targets]
    texts = [normalised(value, writing) if isinstance(value, str) else "" for value in values]
    if bad := {row: values[row] for row, text in enumerate(texts) if not text}:
        raise BadTarget(
            bad,
            task="speech recognition",
            expected="a transcript in words for each utterance",
            fix="write what is said, or remove these rows; --set transcripts=as-is keeps every character",
        )
    return texts
