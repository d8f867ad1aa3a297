"""Files of classes: both forms, and what is neither."""

from pathlib import Path

import pytest

from crosstune.data.errors import UnreadableFile
from crosstune.data.masks.classes import MaskClasses, find_classes, read_classes


def written(folder: Path, text: str) -> Path:
    (folder / "classes.txt").write_text(text)
    return folder / "classes.txt"


def test_numbers_and_names(tmp_path: Path) -> None:
    found = read_classes(written(tmp_path, "# mine\n0: back ground\n2 cat\n3 ignore\n\n"))
    assert found.names == {0: "back ground", 2: "cat"}
    assert found.ignored == {3, 255}
    assert (found.name(2), found.name(1)) == ("cat", None)


def test_colours_and_names_are_numbered_in_their_order(tmp_path: Path) -> None:
    found = read_classes(written(tmp_path, "64 128 64\tAnimal\n0 0 0 ignore\n192 0 128, Big arch\n"))
    assert found.names == {0: "Animal", 1: "Big arch"}
    assert {found.colours[64, 128, 64], found.colours[192, 0, 128]} == {0, 1}
    assert found.ignored == {found.colours[0, 0, 0]}


def test_255_is_a_class_where_a_line_says_so(tmp_path: Path) -> None:
    assert read_classes(written(tmp_path, "0 a\n255 b")).ignored == frozenset()


@pytest.mark.parametrize("text", ["", "cat", "0", "0 a\n0 b", "0 a\n1 a", "1 2 3 a\n1 2 3 b", "0 a\n1 2 3 b"])
def test_anything_else_is_named(text: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        read_classes(written(tmp_path, text))


def test_the_file_is_found_above_the_masks_but_not_above_the_data(tmp_path: Path) -> None:
    masks = tmp_path / "data" / "train" / "masks"
    masks.mkdir(parents=True)
    written(tmp_path, "0 a")
    assert find_classes([masks], tmp_path / "data") == MaskClasses()
    written(tmp_path / "data", "0 b")
    assert find_classes([masks], tmp_path / "data").names == {0: "b"}
