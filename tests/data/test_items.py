"""Items: decoded on demand, in any order; a digest that follows the content and nothing else."""

from pathlib import Path

from datasets import Dataset

from crosstune.core.items import Items
from crosstune.data.check import check
from crosstune.data.read import read
from tests.data.making import class_folders, picture, png, write


def test_items_satisfy_the_contract(tmp_path: Path) -> None:
    items: Items = read(class_folders(tmp_path, {"a": 3, "b": 2})).items("all")
    assert len(items) == 5
    assert items.batch([]) == []
    assert [image.tobytes() for image in items.batch([4, 0, 4])] == [picture(n).tobytes() for n in (4, 0, 4)]
    assert items.targets() == ["a", "a", "a", "b", "b"]
    assert items.origins()[-1] == "b/1.png"


def test_subsets_nest(tmp_path: Path) -> None:
    items = read(class_folders(tmp_path, {"a": 3, "b": 2})).items("all")
    part = items.subset([4, 2, 0]).subset([2, 0])
    assert part.origins() == ["a/0.png", "b/1.png"]
    assert [image.tobytes() for image in part.batch([1, 0])] == [picture(n).tobytes() for n in (4, 0)]
    assert part.digest == items.subset([0, 4]).digest


def test_digests_follow_content_and_order_only(tmp_path: Path) -> None:
    one = read(class_folders(tmp_path / "one", {"a": 2, "b": 1}))
    two = read(class_folders(tmp_path / "two", {"c": 1, "d": 2}))
    assert one.items("all").digest == two.items("all").digest
    assert one.items("all").digest == check(one).clean().items("all").digest
    assert one.items("all").digest != one.items("all").subset([1, 0, 2]).digest
    write(tmp_path / "two" / "c" / "0.png", png(9))
    assert one.items("all").digest != read(tmp_path / "two").items("all").digest


def test_pairs_do_not_run_together() -> None:
    def digest(first: str, second: str) -> str:
        data = read(Dataset.from_dict({"text1": [first], "text2": [second], "label": ["x"]}))
        return data.items("all").digest

    assert digest("ab", "c") != digest("a", "bc")
    assert digest("1:a", "") != digest("", "1:a")


def test_data_without_a_target_has_no_targets() -> None:
    assert read(Dataset.from_dict({"text": ["a"]}), need_target=False).items("all").targets() == []
