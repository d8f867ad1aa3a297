"""What a person sees: properties of both sets, and the examples that give them away, each content once."""

import numpy as np
import pandas as pd
import pytest

from crosstune.data.items import SplitItems
from crosstune.data.read import read
from crosstune.probing.sides import Sides
from crosstune.stages.gap_looks import compare_properties, find_witnesses
from tests.support.tiny import random_texts, tiny_backbone


def items(texts: list[str]) -> SplitItems:
    return read(pd.DataFrame({"text": texts}), need_target=False).items("all")


def test_the_surest_come_first_wrong_ones_never_and_copies_once() -> None:
    sets = [items(["a", "b", "c"]), items(["d", "e", "e", "f"])]
    margins = np.array([-1.0, 0.5, -3.0, 0.2, 4.0, 4.0, -1.0])
    found = find_witnesses(sets, margins, 5)
    assert [(one.second, one.text, one.margin) for one in found] == [
        (False, "c", 3.0), (False, "a", 1.0), (True, "e", 4.0), (True, "d", 0.2),
    ]  # fmt: skip
    assert found[0].origin.endswith("2")
    assert [one.text for one in find_witnesses(sets, margins, 1)] == ["c", "e"]
    assert find_witnesses(sets, margins, 0) == ()


@pytest.mark.parametrize(
    ("change", "name"), [(str.upper, "upper case"), (lambda text: f"{text} ☃ ☃ ☃", "unknown tokens")]
)
def test_a_planted_property_is_found_among_texts(
    change: object, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert callable(change)
    reads = tiny_backbone("bert", 2, tmp_path_factory.mktemp("bert")).preprocessing
    sets = [items(random_texts(40)), items([change(text) for text in random_texts(40, 1)])]
    rows = [np.arange(40), np.arange(30)]
    found = compare_properties(sets, rows, Sides.of(40, 30), reads, 0)
    planted = next(one for one in found if one.name == name)
    assert planted.differs
    assert planted.more.value > 0.95
    assert planted.medians[1] > planted.medians[0]
