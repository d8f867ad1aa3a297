"""Pieces of a tokenizer: spaces, marks, and texts that come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.sources.pieces import ModelPieces
from tests.support.speech import open_transcriber, tiny_transcriber_dir


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> ModelPieces:
    found = open_transcriber(tiny_transcriber_dir(tmp_path_factory.mktemp("tiny") / "whisper")).pieces
    assert isinstance(found, ModelPieces)
    return found


@given(words=st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=4))
def test_a_text_comes_back(pieces: ModelPieces, words: list[str]) -> None:
    text = " ".join(words)
    assert pieces.decode(pieces.encode(text)) == text


def test_marks_are_no_text(pieces: ModelPieces) -> None:
    numbers = [*pieces.prompt, *pieces.encode("ab c"), pieces.end, pieces.end]
    assert pieces.decode(numbers) == "ab c"


def test_the_space_before_a_text_goes_where_a_text_must_not_begin_with_it(pieces: ModelPieces) -> None:
    space = pieces.tokenizer.convert_tokens_to_ids("\u0120")
    bound = ModelPieces(pieces.tokenizer, pieces.prompt, pieces.end, pieces.size, 9, frozenset({space}))
    assert pieces.encode("x") == [space]  # of `x` there is no piece
    assert bound.encode("x") == []
    assert bound.encode("a") == pieces.encode("a")
