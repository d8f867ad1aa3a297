"""Transcripts that do not fit into the frames of their utterance."""

from pathlib import Path

import numpy as np
import pytest

from crosstune.stages.too_short import frames_of, too_short
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
    found = too_short(backbone, backbone.spelling, items, np.array(texts))  # type: ignore[arg-type]
    assert found == {
        0: (600, frames),
        2: (2 * frames - 1, frames),
        3: (backbone.spelling.frames(texts[3]), frames),
    }
