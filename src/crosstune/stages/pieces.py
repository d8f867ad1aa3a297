"""Transcripts in the pieces of a model that writes with its own tokenizer, and rows that it cannot learn."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from crosstune.core.pieces import Pieces
from crosstune.core.plan import Basis, Decision
from crosstune.core.sound import Sound
from crosstune.data.gate.report import BadItem
from crosstune.data.items import SplitItems
from crosstune.sources.transcriber import Transcriber
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.set_aside import set_aside_by_reason
from crosstune.tasks.speech_recognition import SpeechRecognition
from crosstune.tasks.transcription import Transcription

TOO_MANY, NONE_LEFT, UNHEARD = "too-many-tokens", "no-supervised-tokens", "longer-than-the-window"
"""Codes of findings, and of their pages."""
AT_ONCE = 64

LONG = "are longer than what the model hears, so that it would learn to write what it has not heard, and are"
WORDS = {
    TOO_MANY: (
        "have more tokens than the decoder can write, and are",
        "cut these recordings into shorter parts, each with its own transcript (columns `start` and `end`)",
    ),
    NONE_LEFT: (
        "have a transcript of which the tokenizer makes nothing, and are",
        "choose a model that knows this script, or look whether the transcripts are those of the recordings",
    ),
    UNHEARD: (
        LONG,
        "cut these recordings into shorter parts, each with its own transcript (columns `start` and `end`)",
    ),
}
"""For each code: what the utterances are, and what to do."""


def with_pieces(run: Run, prepared: Prepared, opened: Opened) -> Prepared:
    """Write the transcripts as the opened model does; every other task stays as it is.

    Rows of training and validation are set aside that cannot be learnt; those of the test split stay: an
    answer is due for them. Pieces that the model's config suppresses and the training transcripts need are
    allowed. Cost: every sound of training and validation is decoded once.
    """
    task, model, pieces = prepared.task, opened.backbone.model, opened.backbone.pieces
    if not isinstance(task, SpeechRecognition | Transcription) or pieces is None:
        return prepared
    assert isinstance(model, Transcriber)  # noqa: S101 - what has pieces is one
    asked = run.settings.transcripts
    if asked == "auto":
        why = "figures do not count capitals and punctuation then; the model would write both"
        run.decided(Decision("transcripts", "plain", Basis.ASSUMED, why))
    task = Transcription.of(pieces, "plain" if asked == "auto" else asked)
    run.reporter.say(f"before every text the model is told {pieces.told}")
    encoded = {split: task.encode(items.targets()) for split, items in prepared.items.items()}
    prepared = replace(prepared, task=task, encoded=encoded)
    bad = [one for split in ("train", "validation") for one in unwritable(prepared, split, pieces, model)]
    prepared = set_aside_by_reason(run, prepared, bad, WORDS)
    needed = {number for text in prepared.encoded["train"].tolist() for number in pieces.encode(text)}
    if allowed := model.allow(needed):
        run.reporter.say(f"{len(allowed)} tokens that the model's config forbids are in transcripts: allowed")
    return prepared


def unwritable(prepared: Prepared, split: str, pieces: Pieces, model: Transcriber) -> Iterator[BadItem]:
    """Give the rows of a split that the model cannot learn to write, each with its first reason.

    Checked by: ``tests/stages/test_transcription.py``.
    """
    items, origins = prepared.items[split], prepared.items[split].origins()
    seconds = _seconds(items)
    for row, text in enumerate(prepared.encoded[split].tolist()):
        if found := _reason(text, seconds[row], pieces, model.hears_s):
            code, reason = found
            yield BadItem(split=split, index=row, origin=origins[row], code=code, reason=reason)


def _reason(text: str, seconds: float, pieces: Pieces, hears_s: float) -> tuple[str, str] | None:
    numbers = pieces.encode(text)
    if not pieces.decode(numbers):
        return NONE_LEFT, f"no token for {text[:40]!r}"
    if len(numbers) + 1 > pieces.most:
        return TOO_MANY, f"{len(numbers) + 1} tokens with the end, {pieces.most} can be written"
    if seconds > hears_s:
        return UNHEARD, f"{seconds:.1f} s long, {hears_s:g} s are heard"
    return None


def _seconds(items: SplitItems) -> list[float]:
    found: list[float] = []
    for start in range(0, len(items), AT_ONCE):
        sounds: Sequence[Sound] = items.batch(range(start, min(start + AT_ONCE, len(items))))
        found += [sound.seconds for sound in sounds]
    return found
