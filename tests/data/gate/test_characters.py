"""Rare and unseen characters of transcripts."""

import numpy as np

from crosstune.data.gate.characters import FEWEST, RARE, UNSEEN, character_findings, characters


def named(rows: np.ndarray) -> list[str]:
    return [f"row {row}" for row in rows.tolist()]


def found(**transcripts: list[str]) -> dict[str, tuple[str, ...]]:
    usable = np.ones(sum(map(len, transcripts.values())), np.bool_)
    findings = character_findings(transcripts, usable, named, training="train")
    return {finding.code: finding.items for finding in findings}


def test_letters_marks_and_digits_count_in_one_case_and_form() -> None:
    assert characters("Don't, 7 ÉCO-\ufb01n!") == set("dont7écofi")
    assert characters("नि") == {"न", "\u093f"}


def test_what_is_in_fewer_utterances_than_a_handful_is_rare() -> None:
    often = ["ab"] * FEWEST
    assert found(train=often) == {}
    assert found(train=[*often, "aq", "qqqq Q", "az"]) == {RARE: ("row 5 (q)", "row 6 (q)", "row 7 (z)")}
    assert found(train=[*often, *["q" * 9] * (FEWEST - 1)])[RARE] == tuple(
        f"row {row} (q)" for row in range(5, 9)
    )
    assert found(train=[*often, *["aq"] * FEWEST]) == {}


def test_what_only_other_splits_have_is_unseen_with_every_row() -> None:
    often = ["ab"] * FEWEST
    assert found(train=often, validation=["A b!"], test=["abé", "ab", "éü"]) == {
        UNSEEN: ("row 6 (é)", "row 8 (é ü)")
    }
    # Rare in training is not unseen, and is named where it is learnt.
    assert found(train=[*often, "q"], test=["q"]) == {RARE: ("row 5 (q)",)}


def test_the_sentences_count_rows_and_characters_and_severities_differ() -> None:
    texts = {"train": [*["ab"] * FEWEST, "q"], "validation": ["é"], "test": ["éü"]}
    rare, unseen = character_findings(texts, np.ones(8, np.bool_), named, training="train")
    assert (rare.severity, unseen.severity) == ("note", "warning")
    assert rare.sentence.startswith("1 of the 3 characters of the training transcripts are in fewer than 5")
    assert unseen.sentence.startswith("1 transcripts of validation and 1 transcripts of test have characters")
    assert "`é`, `ü`" in unseen.sentence


def test_rows_that_are_set_aside_neither_count_nor_are_named() -> None:
    texts = {"train": ["ab"] * FEWEST, "test": ["é", "ü"]}
    usable = np.array([True] * 4 + [False, True, False])
    rare, unseen = character_findings(texts, usable, named, training="train")
    assert rare.items == tuple(f"row {row} (a b)" for row in range(4))
    assert unseen.items == ("row 5 (é)",)
