"""Reading the two sets of a gap: labels are not needed, bad rows are set aside, kinds must agree."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from crosstune.core.errors import BadValue
from crosstune.data.errors import MissingColumn, TooFewRows
from crosstune.stages.gap_sets import ReadSet, labels_of_sets, read_sets
from tests.support.sets import write_pictures
from tests.support.tiny import random_images, random_texts


def both(first: Any, second: Any, **asked: Any) -> list[ReadSet]:
    default: dict[str, Any] = {"target": None, "inputs": (), "group": None, "rows": 2_000, "seed": 0}
    return read_sets((first, second), **{**default, **asked})


def frame(rows: int, seed: int = 0, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"text": random_texts(rows, seed), **columns})


def test_a_labelled_and_an_unlabelled_set_of_pictures(tmp_path: Path) -> None:
    labelled = write_pictures(tmp_path / "classes", 8)
    loose = tmp_path / "loose"
    loose.mkdir()
    for place, picture in enumerate(random_images(22)):
        picture.save(loose / f"{place}.png")
    (loose / "broken.png").write_bytes(b"no picture")
    one, other = both(labelled, loose)
    assert (one.about.rows, one.about.sampled, one.about.set_aside) == (24, 24, 0)
    assert (other.about.rows, other.about.sampled, other.about.set_aside) == (23, 22, 1)
    assert set(one.targets or ()) == {"red", "green", "blue"}
    assert other.targets is None
    assert isinstance(other.items.batch([0])[0], Image.Image)
    labels, why = labels_of_sets([one, other])
    assert labels is None
    assert "loose has no labels" in why


def test_the_sample_is_drawn_from_all_splits_by_the_seed(tmp_path: Path) -> None:
    for split, rows in (("train", 60), ("test", 40)):
        frame(rows, len(split), label=["a", "b"] * (rows // 2)).to_csv(tmp_path / f"{split}.csv", index=False)
    found = both(tmp_path, frame(30), rows=50)[0]
    again, other = both(tmp_path, frame(30), rows=50)[0], both(tmp_path, frame(30), rows=50, seed=1)[0]
    files = {origin.partition(":")[0] for origin in found.items.origins()}
    assert (found.about.rows, len(found.items)) == (100, 50)
    assert files == {"train.csv", "test.csv"}
    assert found.items.origins() == again.items.origins() != other.items.origins()


def test_target_and_group_may_be_in_one_set_only_but_not_in_none() -> None:
    named = frame(30, mood=["x", "y"] * 15, film=list(range(30)))
    one, other = both(named, frame(25), target="mood", group="film", inputs=("text",))
    assert one.targets == ["x", "y"] * 15
    assert one.groups == list(range(30))
    assert (other.targets, other.groups) == (None, None)
    with pytest.raises(MissingColumn, match="no column `moot`"):
        both(named, frame(25), target="moot", inputs=("text",))
    with pytest.raises(MissingColumn, match="no column `filn`"):
        both(named, frame(25), group="filn", inputs=("text",))
    with pytest.raises(MissingColumn, match="no column `txet`"):
        both(named, frame(25), inputs=("txet",), group="film")


def test_pictures_and_texts_have_no_gap(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="different kinds of inputs"):
        both(write_pictures(tmp_path, 8), frame(30))
    pairs = pd.DataFrame({"question": random_texts(30), "sentence": random_texts(30, 1)})
    with pytest.raises(BadValue, match="pairs of texts"):
        both(pairs, frame(30))


def test_too_few_usable_rows_are_an_error_with_their_number() -> None:
    with pytest.raises(TooFewRows, match="19 usable rows of 21"):
        both(frame(30), pd.DataFrame({"text": [*random_texts(19), "", "  "]}))


def test_labels_are_numbered_over_both_sets() -> None:
    one, other = both(frame(20, label=["b", "a"] * 10), frame(20, label=["c", None] * 10))
    labels, why = labels_of_sets([one, other])
    assert labels is not None
    assert labels.tolist() == [1, 0] * 10 + [2, -1] * 10
    assert why == ""


def test_many_numbers_become_five_labels_at_the_quantiles() -> None:
    low, high = frame(50, rating=np.arange(50) / 7), frame(50, rating=np.arange(50, 100) / 7)
    labels, why = labels_of_sets(both(low, high))
    assert labels is not None
    assert np.bincount(labels).tolist() == [20] * 5
    assert labels[:20].tolist() == [0] * 20
    assert "5 labels" in why


def test_lists_of_labels_have_no_dataset_distance() -> None:
    several = frame(20, label=[["a"], ["a", "b"]] * 10)
    labels, why = labels_of_sets(both(several, several))
    assert labels is None
    assert "lists" in why
