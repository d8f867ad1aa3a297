"""What counts as a whole model in the cache of the Hub."""

import json
from pathlib import Path

from crosstune.sources.hub import _has_weights
from tests.data.making import write


def test_all_parts_that_an_index_names_must_be_there(tmp_path: Path) -> None:
    assert not _has_weights(tmp_path)
    parts = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    write(tmp_path / parts[0], b"x")
    assert not _has_weights(tmp_path)
    index = {"weight_map": dict(zip(("a", "b"), parts, strict=True))}
    write(tmp_path / "model.safetensors.index.json", json.dumps(index))
    assert not _has_weights(tmp_path)
    write(tmp_path / parts[1], b"x")
    assert _has_weights(tmp_path)


def test_one_file_is_whole(tmp_path: Path) -> None:
    write(tmp_path / "pytorch_model.bin", b"x")
    assert _has_weights(tmp_path)
