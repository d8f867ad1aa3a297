"""The target decides between one label and several."""

import pytest

from crosstune.tasks.errors import BadTarget
from crosstune.tasks.image_classification import ImageClassification


def test_lists_make_the_task_multi_label() -> None:
    several = ImageClassification.from_targets([["a"], ["b"]])
    single = ImageClassification.from_targets(["a", "b"])
    assert (several.multi_label, several.linear_kind(), several.losses) == (True, "multi-label", ("bce",))
    assert (single.multi_label, single.linear_kind(), single.losses[0]) == (False, "classes", "cross-entropy")
    assert several.classes == single.classes == ("a", "b")
    assert several != single


def test_a_mixture_is_an_error() -> None:
    with pytest.raises(BadTarget, match="'b' at position 1"):
        ImageClassification.from_targets([["a"], "b"])
