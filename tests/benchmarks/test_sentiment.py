"""The three classes of the paper, the F1s, the cut points and the parts of a domain."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tests.support.benchmark_scripts import benchmark_script

sentiment = benchmark_script("sentiment")
script = benchmark_script("sentiment_domains")
DRAW = np.random.default_rng(0)


def test_classes_are_cut_at_a_twentieth_of_the_scale() -> None:
    ratings = np.array([-1.0, -0.05, -0.049, 0.0, 0.049, 0.05, 1.0])
    assert sentiment.classes(ratings).tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert sentiment.Text("a", 0.2, "g").feeling == "positive"


@pytest.mark.parametrize("classes", [3, 2])
def test_f1_is_that_of_scikit_learn(classes: int) -> None:
    truth, answers = DRAW.integers(0, classes, 200), DRAW.integers(0, classes, 200)
    weighted, macro = sentiment.f1(truth, answers)
    assert weighted == pytest.approx(f1_score(truth, answers, average="weighted"))
    assert macro == pytest.approx(f1_score(truth, answers, average="macro"))
    found = sentiment.figures(np.array([-0.5, 0.0, 0.5])[truth], answers, answers.astype(float))
    assert found["weighted-f1"][0] == pytest.approx(weighted)
    assert found["weighted-f1"][1] < weighted < found["weighted-f1"][2]
    assert set(found) == {"weighted-f1", "macro-f1", "pearson"}


def test_cut_points_move_only_where_that_surely_helps() -> None:
    ratings = DRAW.uniform(-1, 1, 400)
    assert sentiment.cut_points(ratings, ratings) == (-0.05, 0.05)
    low, high = sentiment.cut_points(ratings, ratings + 0.1)  # answers that are all a little too friendly
    assert 0.0 <= low <= 0.1
    assert 0.1 <= high <= 0.2


@pytest.fixture
def halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write four tiny domains; the first training text of each is a test text of another one."""
    for place, domain in enumerate(sentiment.DOMAINS):
        folder = tmp_path / domain
        folder.mkdir()
        for half in ("train", "test"):
            rows = [f"{i},{domain} {half} {i},{(i % 9) - 4},{i // 3}" for i in range(30)]
            if half == "train":
                rows[0] = f"0,{sentiment.DOMAINS[(place + 1) % 4].upper()} test 7,1,0"
            (folder / f"{half}.csv").write_text("id,text,rating,group\n" + "\n".join(rows), encoding="utf-8")
    monkeypatch.setattr(sentiment, "data_folder", lambda _: tmp_path)
    return tmp_path


def test_parts_share_no_group_and_no_text_with_a_test_half(halves: Path) -> None:
    found = sentiment.parts("movies")
    assert [len(found[name]) for name in ("train", "validation", "test")] == [23, 6, 30]
    groups = [{one.group for one in found[name]} for name in ("train", "validation")]
    assert groups[0].isdisjoint(groups[1])
    assert all("PRODUCTS" not in one.text for name in ("train", "validation") for one in found[name])
    assert max(one.rating for one in found["test"]) == 1.0
    few = sentiment.parts("movies", 10)
    assert [one.text for one in few["test"]] == [f"movies test {3 * i}" for i in range(10)]
    assert len(few["train"]) + len(few["validation"]) == 10


def test_the_table_stands_beside_the_paper(halves: Path, tmp_path: Path) -> None:
    cell = {"weighted-f1": (0.7, 0.6, 0.8), "macro-f1": (0.5, 0.4, 0.6), "pearson": (0.9, 0.8, 0.95)}
    cells = {"tweets": dict.fromkeys(sentiment.DOMAINS, cell)}
    lines = script.table(cells, "weighted-f1").splitlines()
    assert lines[2].startswith("| VADER | paper 0.96 |")
    assert lines[3].startswith("| trained on tweets | 0.700 (0.600 to 0.800), paper 0.84 | **0.700** (")
    assert "0.888" in script.pearsons(cells)
    held = script.targets(cells, "weighted-f1")
    assert [bool(value) for value in held.values()] == [False, *[True] * 6]
    script.write_out({"ratings": cells, "classes": cells}, {}, tmp_path)
    written = (tmp_path / "sentiment_domains.csv").read_text().splitlines()
    assert written[0] == "trained_on,tested_on,metric,value"
    assert "tweets,movies,pearson,0.9000" in written
    assert "tweets,movies,macro-f1 (classes),0.5000" in written
