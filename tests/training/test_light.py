"""What moves under fpt and orca: exactly the parameters that are named, and when."""

from pathlib import Path

import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.registry import make_task
from crosstune.training.light import light_parameters
from crosstune.training.parameters import parameter_groups
from crosstune.training.run import train
from crosstune.training.schedules import Schedule
from tests.support.tiny import Kind, tiny_backbone
from tests.training.small import coloured, plain

TRAIN, VALIDATION = coloured(24), coloured(12, seed=1)
TASK = make_task("image-classification", TRAIN.targets())

EMBEDDER = {"embedder.patches.weight", "embedder.patches.bias", "embedder.norm.weight", "embedder.norm.bias"}
HEAD = {"head.weight", "head.bias"}
LAYERS = range(3)
ENDS = ("attention.output", "output")
PLACES = ("embeddings", *(f"encoder.layer.{i}.{end}" for i in LAYERS for end in ENDS))
BERT_NORMS = {f"body.{place}.LayerNorm.{part}" for place in PLACES for part in ("weight", "bias")}
LLAMA_NORMS = {
    f"body.layers.{i}.{name}_layernorm.weight" for i in LAYERS for name in ("input", "post_attention")
}
LIGHT: dict[Kind, set[str]] = {
    "bert-patches": EMBEDDER | HEAD | BERT_NORMS | {"body.embeddings.position_embeddings.weight"},
    "llama-patches": EMBEDDER | HEAD | LLAMA_NORMS | {"embedder.positions", "body.norm.weight"},
}


def opened(kind: Kind, tmp_path: Path) -> Backbone:
    return tiny_backbone(kind, 3, tmp_path)


def moved(backbone: Backbone, work: Path, **values: object) -> set[str]:
    """Train, and name the parameters that are not what they were."""
    before = {name: one.clone() for name, one in backbone.model.named_parameters()}
    settings = plain(
        **{"lr": 1e-2, "head_lr": 1e-2, "batch_size": 8, "epochs": 4, "engine": "torch", **values}
    )
    train(backbone, TASK, TRAIN, VALIDATION, settings, budget=Budget(), work=work, reporter=Silent())
    after = dict(backbone.model.named_parameters())
    return {name for name, one in before.items() if not torch.equal(one, after[name])}


@pytest.mark.parametrize("kind", LIGHT)
def test_fpt_moves_the_named_parameters_and_no_other(kind: Kind, tmp_path: Path) -> None:
    backbone = opened(kind, tmp_path)
    assert light_parameters(backbone) == LIGHT[kind]
    assert moved(backbone, tmp_path / "work", strategy="fpt") == LIGHT[kind]
    assert all(one.requires_grad for one in backbone.model.parameters())  # at rest, thawed again


def test_fpt_in_a_model_that_reads_such_data_anyway_moves_norms_positions_and_head(tmp_path: Path) -> None:
    backbone = opened("timm-vit", tmp_path)
    names = light_parameters(backbone)
    assert "pos_embed" in names
    assert "blocks.0.norm1.weight" in names
    assert not any(".attn." in name or ".mlp." in name or "patch_embed.proj" in name for name in names)


def test_orca_moves_new_parts_first_and_everything_afterwards(tmp_path: Path) -> None:
    """Three steps and one evaluation, so that the weights are those of the end."""
    backbone = opened("bert-patches", tmp_path)
    every = {name for name, _ in backbone.model.named_parameters()}
    assert moved(backbone, tmp_path / "both", strategy="orca", new_parts_first=0.5, epochs=1) == every


def test_while_the_body_waits_it_neither_moves_nor_counts_in_the_norm(tmp_path: Path) -> None:
    from crosstune.training.optimizers import make_optimizer, set_rates

    backbone = opened("bert-patches", tmp_path)
    settings = plain(strategy="orca", lr=1e-3, head_lr=1e-2)
    optimizer = make_optimizer(settings, parameter_groups(backbone, settings))
    set_rates(optimizer, 0.5, 0.0)
    still = {name for name, one in backbone.model.named_parameters() if not one.requires_grad}
    assert still == {name for name, _ in backbone.model.named_parameters()} - EMBEDDER - HEAD
    set_rates(optimizer, 0.5, 0.25)
    assert all(one.requires_grad for one in backbone.model.parameters())
    rates = {group["waits"]: group["lr"] for group in optimizer.param_groups}
    assert rates == {True: 0.25e-3, False: 0.5e-2}


def test_what_waits_has_a_warm_up_and_a_decay_of_its_own() -> None:
    schedule = Schedule(plain(strategy="orca", new_parts_first=0.25, warmup=0.1), 40)
    shares = []
    for step in range(40):
        shares.append(schedule.later)
        schedule.advance(40 - step)
    assert shares[:10] == [0.0] * 10
    assert shares[10] == pytest.approx(1 / 4)
    assert max(shares) == shares[13] == pytest.approx(1.0)
    assert 0 < shares[-1] < 0.02
    other = Schedule(plain(strategy="full", warmup=0.1), 40)
    assert other.later == other.share
