"""Questions about the run's own texts: asked only where both answers occur."""

from crosstune.data.unrelated.own import own_text_sets


def test_lengths_fall_into_thirds_and_question_marks_are_found() -> None:
    texts = ["word " * row + ("word?" if row % 3 == 0 else "word") for row in range(30)]
    length, question = own_text_sets(texts)
    assert [int((length.classes == third).sum()) for third in range(3)] == [10, 10, 10]
    assert question.classes.tolist() == [int(row % 3 == 0) for row in range(30)]
    assert length.raw == tuple(texts)


def test_pairs_are_counted_together() -> None:
    pairs = [("a " * row, "b?" if row % 2 else "b") for row in range(1, 37)]
    length, question = own_text_sets(pairs)
    assert length.raw[0] == pairs[0]
    assert question.classes.sum() == 18


def test_nothing_is_asked_where_nothing_differs() -> None:
    assert own_text_sets(["same length here"] * 40) == []
    assert own_text_sets(["word " * row for row in range(29)]) == []
    assert own_text_sets([]) == []
