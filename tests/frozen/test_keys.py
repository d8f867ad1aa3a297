"""The cache key: changes with everything that changes a feature, and with nothing else."""

import pytest
import torch

from crosstune.frozen.keys import body_digest, pass_key
from tests.frozen.helpers import MakeItems, OpenTiny
from tests.support.tiny import Kind


def test_the_key_changes_with_what_changes_features(backbone: OpenTiny, items: MakeItems) -> None:
    opened, examples = backbone("resnet"), items("resnet", 4)
    key = pass_key(opened, examples, family="fast")
    seen = {
        key,
        pass_key(opened, examples, family="exact"),
        pass_key(opened, items("resnet", 4, 1), family="fast"),
    }
    opened.model.bn1.running_mean[0] += 1
    seen.add(pass_key(opened, examples, family="fast"))
    opened.model.bn1.eps = 0.1
    seen.add(pass_key(opened, examples, family="fast"))
    opened.blocks = opened.blocks[:-1]
    seen.add(pass_key(opened, examples, family="fast"))
    assert len(seen) == 6


@pytest.mark.parametrize("kind", ["bert", "efficientnet"])
def test_the_head_does_not_count(kind: Kind, backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone(kind)
    key, whole = pass_key(opened, items(kind), family="fast"), body_digest(opened, head=True)
    with torch.no_grad():
        opened.head_module().weight.add_(1)
    assert pass_key(opened, items(kind), family="fast") == key
    assert body_digest(opened, head=True) != whole


def test_settings_without_weights_count(backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone("bert")
    key = body_digest(opened)
    opened.model.config.num_attention_heads = 2
    assert body_digest(opened) != key
