"""Examples in memory behave like those of a split."""

from crosstune.data.unrelated.base import Held


def test_examples_are_given_by_place() -> None:
    held = Held(["a", "b", "c"], values=(1, 2, 3))
    assert (len(held), held.batch([2, 0]), held.targets()) == (3, ["c", "a"], [1, 2, 3])
    assert held.origins()[1] == "example 1"
    assert held.digest == Held(["a", "b", "c"]).digest
    assert held.digest != Held(["a", "c", "b"]).digest
