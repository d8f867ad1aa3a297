"""The direct way gives what the frozen pass gives, in the order of the examples."""

from pathlib import Path

import numpy as np
import pytest

from crosstune.frozen.direct import head_inputs
from crosstune.frozen.passes import frozen_pass
from tests.support.tiny import Kind, MemoryItems, random_images, random_texts, tiny_backbone


@pytest.mark.parametrize("kind", ["bert", "efficientnet"])
def test_it_equals_the_frozen_pass(kind: Kind, tmp_path: Path) -> None:
    backbone = tiny_backbone(kind, 3, tmp_path)
    items = MemoryItems(random_texts(9) if kind == "bert" else random_images(9))
    backbone.model.train()
    found = head_inputs(backbone, items, batch_size=4)
    assert backbone.model.training
    known = frozen_pass(backbone, items, engine="torch", exact=True, batch_size=4, cache=tmp_path / "cache")
    np.testing.assert_allclose(found, known.head_input, rtol=1e-5, atol=1e-6)
