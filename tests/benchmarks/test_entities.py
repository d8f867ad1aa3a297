"""The rule that labels entities, and what the benchmark compares: lookup, new names, no document twice."""

from pathlib import Path

import pytest

from crosstune.core.tags import Entity
from tests.support.benchmark_scripts import benchmark_script

rule = benchmark_script("entity_rule")
sentiment = benchmark_script("sentiment")
script = benchmark_script("entities")


def found(*document: str) -> list[list[tuple[str, str]]]:
    """Label a document, and give the words of each entity with its type."""
    rows = rule.labelled(document)
    return [
        [(text[start:end], kind) for start, end, kind in spans]
        for text, spans in zip(document, rows, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It cost $1.3 million, not $ 1,500 or 30 dollars.", ["$1.3 million", "$ 1,500", "30 dollars"]),
        ("A few hundred dollars and two cents.", ["few hundred dollars", "two cents"]),
        ("Of 300 people 30 had $ signs.", []),
    ],
)
def test_amounts(text: str, expected: list[str]) -> None:
    assert found(text) == [[(one, "MONEY") for one in expected]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("On April 19, 1991, and in May.", ["April 19, 1991", "May"]),
        ("The 1980's and the late 60s; 1984 pages in 1984.", ["1980's", "60s", "1984"]),
        ("Three years ago it ended on Sunday, last week.", ["Three years ago", "Sunday", "last week"]),
        ("Since then, two years ago, nothing.", ["two years ago"]),
        ("It may march on Saturday Night Live.", []),
        ("One of 1990 people, 2001 was seen.", ["1990"]),  # a mistake of the rule, and known as one
    ],
)
def test_dates(text: str, expected: list[str]) -> None:
    assert found(text) == [[(one, "DATE") for one in expected]]


def test_products_need_a_maker_somewhere_in_the_document() -> None:
    assert found("i bought the canon powershot s100.", "the s100 and a 40gb mp3 player by canon") == [
        [("canon powershot s100", "PRODUCT")],
        [("s100", "PRODUCT")],
    ]
    assert found("the s100 has 4mp, and apple is dear") == [[]]


def test_persons_need_a_title_or_a_first_name_somewhere_in_the_document() -> None:
    with_title = "Mr. Bush met Senator Carl Levin and M. Anna O'Brien-Smith."
    assert found(with_title, "Bush smiled; the Bush Administration and Lake Bush did not.", "Mr Levin's") == [
        [("Bush", "PERSON"), ("Carl Levin", "PERSON"), ("M. Anna O'Brien-Smith", "PERSON")],
        [("Bush", "PERSON")],
        [("Levin", "PERSON")],
    ]
    assert found("Bush smiled.", "George Washington University, and bush") == [[], []]


def test_what_is_money_or_a_date_is_nothing_else() -> None:
    assert found("Dr. April 19, 1991") == [[("April 19, 1991", "DATE")]]


def row(text: str, *spans: tuple[str, str]) -> object:
    return script.Sentence(text, [(text.index(one), text.index(one) + len(one), kind) for one, kind in spans])


def test_lookup_keeps_what_is_labelled_more_often_than_not() -> None:
    train = [
        row("mr. bush met ada king", ("bush", "PERSON"), ("ada king", "PERSON")),
        row("a bush"), row("the bush"), row("ada king"),
        row("ada king, may 3", ("ada king", "PERSON"), ("may 3", "DATE")),
    ]  # fmt: skip
    forms = script.lookup(train)
    assert forms == {("ada", "king"): "PERSON", ("may", "3"): "DATE"}
    words = ("ada", "king", "king", "may", "3")
    assert script.looked_up(words, forms) == [Entity(0, 2, "PERSON"), Entity(3, 5, "DATE")]
    assert script.looked_up(words, {}) == []


def test_figures_over_entities_and_over_those_that_training_lacks() -> None:
    test = [
        row("ada king met mr. hill", ("ada king", "PERSON"), ("hill", "PERSON")),
        row("in may", ("may", "DATE")),
    ]
    there = [one.read[1] for one in test]  # type: ignore[attr-defined]
    ours = [[Entity(0, 2, "PERSON"), Entity(2, 3, "DATE")], there[1]]
    assert script.f1(ours, there) == pytest.approx(2 * 2 / (3 + 3))
    known = script.labelled_forms([row("ada king", ("ada king", "PERSON"))])
    assert script.new_ones(test, ours, known) == {
        "DATE": {"entities": 1, "found": 1.0},
        "PERSON": {"entities": 1, "found": 0.0},
    }


def test_documents_are_labelled_whole_and_read_in_small_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for domain in sentiment.DOMAINS:
        (tmp_path / domain).mkdir()
        for half in ("train", "test"):
            rows = [
                f"{group}_{place},{text} {domain} {half} {group}.,0,{half}{group}"
                for group in range(10)
                for place, text in enumerate(("Mr. Bush came to", "And Bush \u0130 left"))
            ]
            (tmp_path / domain / f"{half}.csv").write_text(
                "id,text,rating,group\n" + "\n".join(rows), "utf-8"
            )
    monkeypatch.setattr(sentiment, "data_folder", lambda _: tmp_path)
    whole, few = script.corpus(None), script.corpus(3)
    assert [len(whole[part]) for part in ("train", "validation", "test")] == [64, 16, 80]
    assert [len(few[part]) for part in ("train", "validation", "test")] == [12, 12, 12]
    for one in (*whole["train"], *few["test"]):
        assert [one.text[start:end] for start, end, _ in one.spans] == ["bush"]
        words, own = one.read
        assert [words[each.start : each.end] for each in own] == [("bush",)]
