"""Tiny random detection models of transformers that ask queries."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from crosstune.sources.base import Backbone
from tests.support.detection import options

Family = Literal[
    "detr", "detr-timm", "conditional_detr", "deformable_detr", "rt_detr", "rt_detr_v2", "d_fine", "yolos"
]  # fmt: skip
FAMILIES: tuple[Family, ...] = get_args(Family)
SOFTMAX = ("detr", "detr-timm", "yolos")
SIDE, QUERIES, LAYERS = 64, 7, 2
WIDTHS = [8, 16, 24, 32]


def query_detector(family: Family, folder: Path) -> Backbone:
    """Open a tiny model for the classes of ``tests/support/detection.py``."""
    from crosstune.sources.registry import open_model

    path = folder / family
    if not path.exists():
        tiny_detector_dir(path, family)
    return open_model(str(path), options())


def tiny_detector_dir(path: Path, family: Family, *, classes: Sequence[str] = (), seed: int = 0) -> Path:
    """Save a model that reads pictures of 64 px, and its image processor."""
    import transformers

    labels: dict[str, Any] = (
        {"id2label": dict(enumerate(classes)), "label2id": {n: i for i, n in enumerate(classes)}}
        if classes
        else {"num_labels": 5}
    )
    make = {"yolos": _yolos, "rt_detr": _rt, "rt_detr_v2": _rt, "d_fine": _rt}.get(family, _detr)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.AutoModelForObjectDetection.from_config(make(family, labels))
        if family == "yolos":  # where all queries begin alike
            torch.nn.init.normal_(model.vit.embeddings.detection_tokens)
        model.save_pretrained(path)
    _processor(family).save_pretrained(path)
    return path


def _resnet(kind: str, stages: Sequence[int]) -> Any:
    import transformers

    return getattr(transformers, kind)(
        embedding_size=8, hidden_sizes=WIDTHS, depths=[1, 1, 1, 1], layer_type="basic",
        out_features=[f"stage{stage}" for stage in stages],
    )  # fmt: skip


def _detr(family: str, labels: dict[str, Any]) -> Any:
    import transformers

    kind = {
        "detr": "DetrConfig",
        "detr-timm": "DetrConfig",
        "conditional_detr": "ConditionalDetrConfig",
        "deformable_detr": "DeformableDetrConfig",
    }[family]
    several = family == "deformable_detr"
    more: dict[str, Any] = {"with_box_refine": True, "num_feature_levels": 3} if several else {}
    body = _resnet("ResNetConfig", (2, 3, 4) if several else (4,))
    if family == "detr-timm":
        body = transformers.TimmBackboneConfig(backbone="test_resnet", out_indices=(4,))
    return getattr(transformers, kind)(
        use_timm_backbone=False, backbone_config=body,
        d_model=32, encoder_layers=LAYERS, decoder_layers=LAYERS, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, num_queries=QUERIES, dropout=0.0,
        auxiliary_loss=False, **more, **labels,
    )  # fmt: skip


def _rt(family: str, labels: dict[str, Any]) -> Any:
    import transformers

    kind = {"rt_detr": "RTDetrConfig", "rt_detr_v2": "RTDetrV2Config", "d_fine": "DFineConfig"}[family]
    body = _resnet("RTDetrResNetConfig", (2, 3, 4))
    more: dict[str, Any] = {}
    if family == "d_fine":
        more = {"max_num_bins": 4}
        body = transformers.HGNetV2Config(
            embedding_size=8, hidden_sizes=WIDTHS, depths=[1, 1, 1, 1], stem_channels=[3, 8, 8],
            stage_in_channels=[8, 8, 16, 24], stage_mid_channels=[8, 8, 8, 8], stage_out_channels=WIDTHS,
            stage_num_blocks=[1, 1, 1, 1], stage_numb_of_layers=[1, 1, 1, 1],
            out_features=["stage2", "stage3", "stage4"],
        )  # fmt: skip
    return getattr(transformers, kind)(
        backbone_config=body, encoder_hidden_dim=16, encoder_in_channels=WIDTHS[1:], encoder_ffn_dim=16,
        encoder_attention_heads=2, d_model=16, decoder_in_channels=[16, 16, 16], decoder_ffn_dim=16,
        decoder_attention_heads=2, decoder_layers=LAYERS, num_queries=QUERIES, hidden_expansion=0.5,
        **more, **labels,
    )  # fmt: skip


def _yolos(family: str, labels: dict[str, Any]) -> Any:
    import transformers

    del family
    return transformers.YolosConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=16,
        image_size=[SIDE, SIDE], patch_size=16, num_detection_tokens=QUERIES, **labels,
    )  # fmt: skip


def _processor(family: str) -> Any:
    import transformers

    if family in ("rt_detr", "rt_detr_v2", "d_fine"):
        return transformers.RTDetrImageProcessor(size={"height": SIDE, "width": SIDE})
    name = {
        "conditional_detr": "ConditionalDetrImageProcessor",
        "deformable_detr": "DeformableDetrImageProcessor",
        "yolos": "YolosImageProcessor",
    }.get(family, "DetrImageProcessor")
    return getattr(transformers, name)(size={"shortest_edge": SIDE, "longest_edge": 2 * SIDE})
