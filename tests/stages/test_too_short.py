"""Transcripts that do not fit into the frames of their utterance."""

from pathlib import Path

import numpy as np
import pytest

from crosstune.core.sound import Sound
from crosstune.stages.too_short import frames_of, unlearnable
from tests.support.speech import open_recogniser, sung, tiny_recogniser_dir
from tests.support.tiny import MemoryItems


@pytest.mark.parametrize("family", ["wav2vec2", "wav2vec2-bert"])
def test_exactly_the_texts_that_do_not_fit_are_found(tmp_path: Path, family: str) -> None:
    backbone = open_recogniser(tiny_recogniser_dir(tmp_path / "tiny", family=family))
    assert backbone.spelling is not None
    sound = sung("abcabc")
    frames = frames_of(backbone, sound)
    assert frames == backbone.logits(backbone.model(**backbone.preprocessing([sound]))).shape[1]
    texts = [
        "ABC" * 200,
        "AB" * (frames // 2),
        "A" * frames,
        "AB" * (frames // 2) + "C" * (1 + frames % 2),
        "A",
    ]
    items = MemoryItems([sound] * len(texts), texts)
    found = unlearnable(backbone, backbone.spelling, items, np.array(texts))  # type: ignore[arg-type]
    needed = {0: 600, 2: 2 * frames - 1, 3: backbone.spelling.frames(texts[3])}
    assert found == {
        row: ("transcript-too-long", f"{count} frames are needed, {frames} are there")
        for row, count in needed.items()
    }


def test_of_a_sound_that_is_cut_the_text_says_more_than_is_heard(tmp_path: Path) -> None:
    backbone = open_recogniser(tiny_recogniser_dir(tmp_path / "tiny"))
    assert backbone.spelling is not None
    long = Sound(np.tile(sung("abcabc").samples, 40)[: 16 * 16_000], 16_000)
    items = MemoryItems([sung("abc"), long], ["ABC", "ABC" * 30])
    found = unlearnable(backbone, backbone.spelling, items, np.array(items.targets()))  # type: ignore[arg-type]
    assert list(found) == [1]
    assert found[1][0] == "longer-than-the-window"
    assert found[1][1].endswith(" s long, 15 s are heard")
