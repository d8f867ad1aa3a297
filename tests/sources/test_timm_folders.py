"""timm weights load strictly, into other sizes too, whoever saved them."""

import json
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from crosstune.sources.base import OpenOptions
from crosstune.sources.errors import BadWeights
from crosstune.sources.registry import open_model

OPTIONS = OpenOptions(task="image-classification", outputs=3, image_size=64)


def timm_folder(path: Path, architecture: str, classes: int) -> tuple[Path, dict[str, Tensor]]:
    """Save a model the way timm's own Hub repositories hold it."""
    model = timm.create_model(architecture, pretrained=False, num_classes=classes)
    config = {key: value for key, value in model.pretrained_cfg.items() if key != "num_classes"}
    path.mkdir()
    raw = {"architecture": architecture, "num_classes": classes, "pretrained_cfg": config}
    (path / "config.json").write_text(json.dumps(raw))
    save_file(model.state_dict(), path / "model.safetensors")
    return path, model.state_dict()


@pytest.mark.parametrize("classes", [1000, 7, 3, 0])
def test_weights_of_any_head_load_into_another_size(classes: int, tmp_path: Path) -> None:
    folder, state = timm_folder(tmp_path / "vit", "test_vit", classes)
    backbone = open_model(str(folder), OPTIONS)
    ours = backbone.model.state_dict()
    for name in state.keys() - {"pos_embed", "head.weight", "head.bias"}:
        assert torch.equal(ours[name], state[name]), name
    assert state["pos_embed"].shape == (1, 101, 64)
    assert ours["pos_embed"].shape == (1, 17, 64)
    assert not torch.allclose(ours["pos_embed"], torch.zeros(()))
    assert backbone.head_module().out_features == 3
    assert "state_dict" not in backbone.model.pretrained_cfg


def test_a_missing_tensor_is_refused_also_with_another_head(tmp_path: Path) -> None:
    folder, state = timm_folder(tmp_path / "net", "test_efficientnet", 7)
    del state["blocks.0.0.conv.weight"]
    save_file(state, folder / "model.safetensors")
    with pytest.raises(BadWeights, match=r"blocks\.0\.0\.conv\.weight"):
        open_model(str(folder), OPTIONS)


def test_weights_that_transformers_saved_load_too(tmp_path: Path) -> None:
    from transformers import TimmWrapperConfig, TimmWrapperForImageClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    cfg = dict(timm.models.get_pretrained_cfg("test_resnet").to_dict())
    config = TimmWrapperConfig(architecture="test_resnet", num_labels=5, pretrained_cfg=cfg)
    wrapped = TimmWrapperForImageClassification(config)
    wrapped.save_pretrained(tmp_path / "net")
    backbone = open_model(str(tmp_path / "net"), OPTIONS)
    assert torch.equal(backbone.model.conv1[0].weight, wrapped.timm_model.conv1[0].weight)
    assert backbone.licence == "apache-2.0"
