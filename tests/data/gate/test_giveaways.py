"""Properties that give the target away."""

import numpy as np

from crosstune.data.gate.giveaways import MOST, giveaway_findings, probe_score, sampled


def test_a_file_size_that_tells_the_class_is_named() -> None:
    draw = np.random.default_rng(0)
    targets = ["cat" if row % 2 else "dog" for row in range(400)]
    told = np.array([3_000.0 if name == "cat" else 5_000.0 for name in targets]) + draw.normal(0, 300, 400)
    (finding,) = giveaway_findings(
        {"the size of the file": told, "the length of the text": draw.normal(size=400)},
        targets,
        regression=False,
    )
    assert (finding.code, finding.severity) == ("giveaway", "warning")
    assert finding.sentence.startswith(
        "the size of the file alone predicts the target: balanced accuracy 1.00"
    )


def test_a_length_that_tells_the_number_is_named_and_one_enormous_value_does_not_hide_it() -> None:
    draw = np.random.default_rng(0)
    length = draw.uniform(10, 500, 300)
    numbers = np.log(length) + draw.normal(0, 0.1, 300)
    numbers[0] = 1e9
    (finding,) = giveaway_findings({"the length of the text": length}, numbers.tolist(), regression=True)
    assert "R squared 0.9" in finding.sentence
    assert giveaway_findings({"x": draw.normal(size=300)}, numbers.tolist(), regression=True) == []


def test_a_weak_hint_few_rows_and_equal_values_say_nothing() -> None:
    draw = np.random.default_rng(1)
    targets = ["cat" if row % 2 else "dog" for row in range(400)]
    weak = np.array([0.3 if name == "cat" else 0.0 for name in targets]) + draw.normal(size=400)
    assert giveaway_findings({"x": weak}, targets, regression=False) == []
    clear = np.array([float(name == "cat") for name in targets])
    assert giveaway_findings({"x": clear[:60]}, targets[:60], regression=False) == []
    assert giveaway_findings({"x": np.ones(400)}, targets, regression=False) == []
    assert giveaway_findings({"x": clear}, [["a"], ["b"]] * 200, regression=False) == []


def test_balanced_accuracy_is_not_fooled_by_a_rare_class() -> None:
    draw = np.random.default_rng(2)
    truth = np.eye(2)[(np.arange(1_000) % 20 == 0).astype(int)]
    matrix = np.stack([np.ones(1_000), draw.normal(size=1_000)], axis=1)
    assert abs(probe_score(matrix, truth, draw) - 0.5) < 0.1


def test_of_many_rows_some_are_looked_at_always_the_same() -> None:
    rows = np.arange(10, 3 * MOST)
    chosen = sampled(rows)
    assert len(set(chosen.tolist())) == MOST
    assert np.isin(chosen, rows).all()
    assert np.array_equal(chosen, sampled(rows))
    assert np.array_equal(sampled(rows[:7]), rows[:7])
