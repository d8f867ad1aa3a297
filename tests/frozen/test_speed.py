"""The speed of a frozen body: measured by the engine that the pass will use."""

from crosstune.core.progress import Silent
from crosstune.frozen.loader import processing_order
from crosstune.frozen.speed import pass_speed, typical_batches
from tests.frozen.helpers import MakeItems, OpenTiny


def test_the_texts_of_a_batch_are_of_like_lengths_and_pictures_need_one_batch(
    backbone: OpenTiny, items: MakeItems
) -> None:
    opened, texts = backbone("bert"), items("bert", 60)
    order = processing_order(opened, texts)
    lengths = opened.preprocessing.lengths(texts.batch(order.tolist()))
    found = [len(batch["input_ids"][0]) for batch in typical_batches(opened, texts, order, 10)]
    assert found == [max(lengths[at : at + 10]) for at in (5, 25, 45)]
    assert found[0] > found[2]
    assert all(len(batch["input_ids"]) == 10 for batch in typical_batches(opened, texts, order, 10))
    four = items("bert", 4)
    few = typical_batches(opened, four, processing_order(opened, four), 4)
    assert [len(batch["input_ids"]) for batch in few] == [4, 4, 4]
    opened, pictures = backbone("resnet"), items("resnet", 12)
    assert len(typical_batches(opened, pictures, processing_order(opened, pictures), 8)) == 1


def test_a_short_pass_is_measured_with_torch(backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone("resnet")
    opened.model.train()
    speed = pass_speed(opened, items("resnet", 4), engine="auto", examples=4, reporter=Silent())
    assert speed.engine == "torch"
    assert speed.rate > 0
    assert opened.model.training
