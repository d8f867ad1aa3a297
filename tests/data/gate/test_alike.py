"""Which rows are alike: exact, near, and crowds that are only a pattern."""

from datasets import Dataset, DatasetDict

from crosstune.data.check import check
from crosstune.data.read import read
from crosstune.data.splits import make_splits
from tests.data.planted import sentence


def codes(data: Dataset | DatasetDict) -> dict[str, str]:
    return {finding.code: finding.sentence for finding in check(read(data)).findings}


def test_filled_in_forms_are_a_pattern_and_no_copies() -> None:
    form = "The sensor on the north wall of the big hall reported the temperature {} at noon, all is well."
    texts = [form.format(row) for row in range(120)]
    found = codes(Dataset.from_dict({"text": texts, "label": ["a", "b"] * 60}))
    assert "120 rows are alike in crowds" in found["near-duplicates"]
    assert "conflicting-targets" not in found


def test_splits_that_are_made_keep_near_copies_on_one_side() -> None:
    texts = [sentence(row) for row in range(100)]
    twins = [f"{text} indeed" for text in texts]
    data = read(Dataset.from_dict({"text": texts + twins, "label": ["a", "b"] * 100}))
    made = make_splits(check(data).clean(), task="text-classification", seed=0)
    sides = [set(made.alike[split].tolist()) for split in ("train", "validation", "test")]
    assert sum(map(len, sides)) == len(set().union(*sides)) == 100
    assert all(len(made.splits[split]) > 10 for split in made.splits)


def test_numbers_contradict_each_other_only_when_far_apart() -> None:
    texts = [sentence(row) for row in range(40)]
    numbers = [row / 7 for row in range(40)]
    data = Dataset.from_dict({"text": [*texts, texts[0], texts[1]], "y": [*numbers, 0.1, 5.0]})
    report = check(read(data, target="y"), task="text-regression")
    (finding,) = [one for one in report.findings if one.code == "conflicting-targets"]
    assert finding.items == ("row 1 (0.14285714285714285) = row 41 (5.0)",)


def test_pairs_of_texts_are_compared_as_pairs() -> None:
    first = [sentence(row) for row in range(30)]
    second = [sentence(row + 500) for row in range(30)]
    data = {"text1": [*first, first[0]], "text2": [*second, second[1]], "label": [*(["a", "b"] * 15), "a"]}
    assert set(codes(Dataset.from_dict(data))) == {"class-counts"}
    data["text2"][-1] = second[0].upper()
    assert "1 in all" in codes(Dataset.from_dict(data))["duplicates"]
