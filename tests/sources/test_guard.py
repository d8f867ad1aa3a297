"""What is looked at before a model folder is opened; sound folders pass."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from crosstune.sources.errors import BadWeights, UnsupportedModel
from crosstune.sources.guard import check_folder, check_link, read_header, read_torch
from crosstune.sources.weights import count_parameters


def folder(path: Path, **config: object) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"model_type": "bert", **config}))
    save_file({"a": torch.ones(2, 3)}, path / "model.safetensors")
    return path


def test_a_sound_folder_passes(tmp_path: Path) -> None:
    made = folder(tmp_path / "m", _attn_implementation="sdpa", text_config={"attn_implementation": None})
    (made / "alias.safetensors").symlink_to("model.safetensors")
    index = {"weight_map": {"a": "model.safetensors"}}
    (made / "model.safetensors.index.json").write_text(json.dumps(index))
    check_folder(made)
    assert count_parameters(made / "model.safetensors") == 6


def test_a_snapshot_of_the_hub_s_cache_may_link_to_its_own_blobs_only(tmp_path: Path) -> None:
    repository = tmp_path / "models--org--name"
    snapshot = folder(repository / "snapshots" / "abc")
    (repository / "blobs").mkdir()
    (snapshot / "model.safetensors").rename(repository / "blobs" / "1")
    (snapshot / "model.safetensors").symlink_to("../../blobs/1")
    check_folder(snapshot)
    (tmp_path / "secret").write_text("x")
    (snapshot / "vocab.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(UnsupportedModel, match=r"lead out of it: vocab\.txt"):
        check_folder(snapshot)


def test_a_link_of_a_folder_is_held_to_its_root(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    folder(tmp_path / "elsewhere")
    (tmp_path / "run" / "inside").symlink_to(folder(tmp_path / "run" / "real"))
    (tmp_path / "run" / "model").symlink_to(tmp_path / "elsewhere")
    check_link(tmp_path / "run", "inside")
    with pytest.raises(UnsupportedModel, match="`model` is a link"):
        check_link(tmp_path / "run", "model")


NO_HEADERS = [b"", b"\x05", b"\xff" * 8, (1 << 40).to_bytes(8, "little"), (2).to_bytes(8, "little") + b"[]"]


@pytest.mark.parametrize("content", [*NO_HEADERS, (1).to_bytes(8, "little") + b"{"])
def test_a_header_that_is_none_is_refused_and_counts_nothing(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(BadWeights):
        read_header(path)
    assert count_parameters(path) == 0


@pytest.mark.parametrize("value", [[1], {"a": 1}, {1: torch.ones(1)}, {"a": [torch.ones(1)]}])
def test_a_pytorch_file_holds_tensors_by_name_and_nothing_else(value: object, tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "good.bin")
    assert read_torch(tmp_path / "good.bin")["a"].tolist() == [1.0, 1.0]
    torch.save(value, tmp_path / "bad.bin")
    with pytest.raises(BadWeights, match="no table of tensors"):
        read_torch(tmp_path / "bad.bin")
