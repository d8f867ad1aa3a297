"""Every parameter lies in exactly one block, in call order, and a cut falls only where it may."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from crosstune.sources.assemble import same
from crosstune.sources.base import Backbone, Block, OpenOptions
from crosstune.sources.blocks import find_blocks
from crosstune.sources.registry import open_model
from crosstune.sources.trace import first_tensor, watch
from tests.sources.conftest import Opener
from tests.support.tiny import KINDS, Kind, random_raw, tiny_resnet_dir

FAMILIES = (
    "torchvision:mobilenet_v3_small", "torchvision:vgg11_bn", "torchvision:densenet121",
    "torchvision:convnext_tiny", "torchvision:swin_t", "timm:regnetx_002", "timm:mixer_s32_224",
    "timm:mobilenetv4_conv_small", "timm:convnext_atto",
)  # fmt: skip


def owners(model: nn.Module, blocks: tuple[Block, ...]) -> list[str]:
    """List the parameters of all blocks, block by block."""
    named = dict(model.named_parameters())
    found: list[str] = []
    for block in blocks:
        inside = [n for n in named if any(n.startswith(f"{path}.") for path in block.modules)]
        inside += block.loose
        assert block.parameters == sum(named[name].numel() for name in inside)
        found += inside
    return found


def check_partition(backbone: Backbone) -> None:
    names = [name for name, _ in backbone.model.named_parameters()]
    body = [name for name in names if not name.startswith(f"{backbone.head}.")]
    assert sorted(owners(backbone.model, backbone.blocks)) == sorted(body)
    intercept = backbone.head_module().bias is not None
    assert len(body) + 1 + intercept == len(names)
    assert backbone.blocks[0].name == "stem"
    assert all(block.share >= 0 for block in backbone.blocks)
    assert 0.9 < sum(block.share for block in backbone.blocks) <= 1
    assert all(block.cut for block in backbone.blocks)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_is_in_one_block_and_widths_are_measured(kind: Kind, tiny_models: Opener) -> None:
    backbone = tiny_models(kind)
    check_partition(backbone)
    seen: list[tuple[str, tuple[int, ...]]] = []
    last = {block.modules[-1]: block for block in backbone.blocks}
    hooks = [
        backbone.model.get_submodule(path).register_forward_hook(
            lambda _, __, output, path=path: seen.append((path, tuple(first_tensor(output).shape)))
        )
        for path in last
    ]
    raw = random_raw(kind, 2)
    with torch.no_grad():
        backbone.model(**backbone.preprocessing(raw))
    for hook in hooks:
        hook.remove()
    assert [path for path, _ in seen] == list(last)
    for path, shape in seen:
        block = last[path]
        assert shape[block.layout.index("C")] == block.width
        assert len(shape) == len(block.layout)


def test_elements_of_the_tiny_families_are_listed_one_by_one(tiny_models: Opener, tmp_path: Path) -> None:
    names = {kind: [b.modules[-1] for b in tiny_models(kind).blocks] for kind in KINDS}
    assert names["bert"] == ["bert.embeddings", *(f"bert.encoder.layer.{i}" for i in range(3)), "bert.pooler"]
    assert names["llama"] == ["model.embed_tokens", *(f"model.layers.{i}" for i in range(3)), "model.norm"]
    assert names["timm-vit"] == ["norm_pre", *(f"blocks.{i}" for i in range(6)), "norm"]
    assert names["efficientnet"] == ["bn1", *(f"blocks.{i}.0" for i in range(5)), "global_pool"]
    assert names["resnet"] == ["maxpool", *(f"layer{i}.0" for i in range(1, 4)), "global_pool"]
    tail = ["encoder.dropout", *(f"encoder.layers.{i}" for i in range(3))]
    assert names["wav2vec2"] == [*(f"wav2vec2.{path}" for path in tail), "projector"]
    assert names["hubert"] == [*(f"hubert.{path}" for path in tail), "projector"]
    assert names["whisper"] == ["encoder.conv2", *(f"encoder.layers.{i}" for i in range(3)), "projector"]
    body = "audio_spectrogram_transformer"
    layers = [f"{body}.layers.{i}" for i in range(3)]
    assert names["ast"] == [f"{body}.embeddings", *layers, "classifier.layernorm"]
    assert [b.layout for b in tiny_models("whisper").blocks] == ["BCT", *["BTC"] * 4]
    assert tiny_models("whisper").blocks[0].loose == ("encoder.embed_positions.weight",)
    assert tiny_models("timm-vit").blocks[0].loose == ("cls_token", "pos_embed")
    folder = tiny_resnet_dir(tmp_path / "resnet")
    resnet = open_model(str(folder), OpenOptions(task="image-classification", outputs=3))
    check_partition(resnet)
    assert len(resnet.blocks) == 8
    assert resnet.blocks[-1].modules == ("resnet.encoder.stages.3.layers.0", "resnet.pooler")


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.slow
def test_other_families_are_partitioned_too(name: str) -> None:
    options = OpenOptions(task="image-classification", outputs=3, pretrained=False)
    backbone = open_model(name, options)
    check_partition(backbone)
    assert len(backbone.blocks) >= 5
    assert {len(block.layout) for block in backbone.blocks} <= {2, 3, 4}
    assert (backbone.blocks[1].layout == "BHWC") == ("swin" in name)


class Skipping(nn.Module):
    """Three layers, and a connection from the first to behind the second."""

    def __init__(self, *, skip: bool, shared: bool = False) -> None:
        super().__init__()
        layers = [nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)) for _ in range(3)]
        self.layers = nn.ModuleList(Layer(layer) for layer in layers)
        self.head = nn.Linear(4, 2)
        self.skip, self.shared = skip, shared

    def forward(self, x: Tensor) -> Tensor:
        """Run the layers."""
        first = self.layers[0](x)
        second = self.layers[1](first)
        third = self.layers[0 if self.shared else 2](second + first if self.skip else second)
        return self.head(third)


class Layer(nn.Module):
    """A residual layer of two matrices."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """Add what the inner layers give."""
        return x + self.inner(x)


def test_no_cut_falls_where_something_else_flows_past() -> None:
    for skip in (False, True):
        model = Skipping(skip=skip)
        blocks = find_blocks(model, "head", watch(model, {"x": torch.ones(1, 4)}, same))
        assert [block.modules for block in blocks] == [("layers.0",), ("layers.1",), ("layers.2",)]
        assert [block.cut for block in blocks] == [True, not skip, True]


def test_a_layer_that_runs_twice_has_no_cut_before_its_second_run() -> None:
    model = Skipping(skip=False, shared=True)
    model.requires_grad_(True)
    blocks = find_blocks(model, "head", watch(model, {"x": torch.ones(1, 4)}, same))
    owned = owners(model, blocks)
    assert sorted(owned) == sorted(n for n, _ in model.named_parameters() if not n.startswith("head"))
    assert [(block.modules, block.cut) for block in blocks] == [
        (("layers.0",), False),
        (("layers.1",), False),
    ]
    assert len(blocks[0].loose) == 4  # the third layer, which never runs


def test_watching_leaves_the_model_as_it_was() -> None:
    model = Skipping(skip=False).train()
    model.layers[0].inner[0].weight.requires_grad_(False)
    watch(model, {"x": torch.ones(1, 4)}, same)
    assert model.training
    assert [p.requires_grad for p in model.parameters()].count(False) == 1
    assert not any(module._forward_hooks for module in model.modules())
    assert all(p.grad is None for p in model.parameters())


def test_shares_are_those_of_the_arithmetic() -> None:
    model = Skipping(skip=False)
    blocks = find_blocks(model, "head", watch(model, {"x": torch.ones(1, 4)}, same))
    # two 4x4 matrices a layer, and the 4x2 head: 32, 32, 32 and 8 multiplications
    assert [block.share for block in blocks] == pytest.approx([32 / 104] * 3)
