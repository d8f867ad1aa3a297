"""The speed of a frozen body: measured by the engine that the pass will use."""

from crosstune.core.progress import Silent
from crosstune.frozen.speed import pass_speed
from tests.frozen.helpers import MakeItems, OpenTiny


def test_a_short_pass_is_measured_with_torch(backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone("resnet")
    opened.model.train()
    speed = pass_speed(opened, items("resnet", 4), engine="auto", examples=4, reporter=Silent())
    assert speed.engine == "torch"
    assert speed.rate > 0
    assert opened.model.training
