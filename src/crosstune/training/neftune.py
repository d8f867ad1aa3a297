"""NEFTune: uniform noise on the embeddings of tokens, in training only.

Shapes: B batch, T tokens with padding, L tokens of an example without, D width of an embedding.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from crosstune.core.errors import DoesNotApply
from crosstune.core.seeding import derived_seed
from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone, Batch
from crosstune.training.loader import Loaded

IDS = "input_ids"
"""What tokens are called in a batch of texts."""


@dataclass(frozen=True)
class EmbeddingNoise:
    """Adds to each token of an example uniform draws from ``+-alpha / sqrt(L D)`` (Jain 2023)."""

    embedding: nn.Embedding
    mask: str
    """Name in the batch of the ``(B, T)`` attention mask."""
    alpha: float
    seed: int
    name: str
    """Of the model, for messages."""

    @contextmanager
    def on(self, micro: Loaded, epoch: int) -> Iterator[None]:
        """Let the next forward pass of the model, and no other, read ``micro`` with noise.

        Raises:
            DoesNotApply: the model does not read the tokens of the batch through its embeddings, once.
        """
        calls: list[bool] = []

        def add(_: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
            calls.append(bool(given) and _same(given[0], micro.batch))
            return output + self.draw(micro, epoch).to(output) if calls[-1] else output

        handle = self.embedding.register_forward_hook(add)
        try:
            yield
        finally:
            handle.remove()
        if calls != [True]:
            raise DoesNotApply(
                "NEFTune adds noise to the embeddings of tokens, and this model does not read them once",
                found=f"{self.name}: {len(calls)} calls of its embeddings, {sum(calls)} of them with the "
                "tokens of the batch",
                expected="one call, with these tokens",
                fix="leave `neftune_alpha` out",
            )

    def draw(self, micro: Loaded, epoch: int) -> Tensor:
        """Give the noise of a micro-batch, ``(B, T, D)`` float32 on the CPU; zero on padding.

        It depends on (seed, epoch, example) and on nothing else: not on the batch, its padding, the device.
        Cost: B L D draws on the CPU.

        Raises:
            ValueError: the rows of the batch are not the examples.
        """
        mask = micro.batch[self.mask].bool().cpu()
        if len(mask) != len(micro.indices):
            raise ValueError(f"{len(mask)} rows for {len(micro.indices)} examples")
        noise = torch.zeros(*mask.shape, self.embedding.embedding_dim)
        lengths: Sequence[int] = mask.sum(dim=1).tolist()
        rows = zip(micro.indices.tolist(), lengths, strict=True)
        noise[mask] = torch.cat([self._example(index, length, epoch) for index, length in rows])
        return noise

    def _example(self, index: int, length: int, epoch: int) -> Tensor:
        width = self.embedding.embedding_dim
        generator = torch.Generator().manual_seed(derived_seed(self.seed, "neftune", epoch, index))
        uniform = 2.0 * torch.rand(length, width, generator=generator) - 1.0
        return uniform * (self.alpha / math.sqrt(max(1, length) * width))


def make_noise(backbone: Backbone, settings: Settings) -> EmbeddingNoise | None:
    """Give the noise of ``neftune_alpha``; ``None`` where it is off.

    Raises:
        DoesNotApply: the model reads no tokens.

    Source: Jain 2023, arXiv:2310.05914, algorithm 1; alpha 5, 10 and 15 were tried there.
    Checked by: ``tests/training/test_neftune.py``.
    """
    if settings.neftune_alpha == 0.0:
        return None
    embedding = token_embedding(backbone)
    if embedding is None or backbone.mask is None:
        raise DoesNotApply(
            "NEFTune adds noise to the embeddings of tokens, and this model has none",
            found=f"neftune_alpha={settings.neftune_alpha:g} with {backbone.name}, which reads "
            + {"image": "pictures", "audio": "sounds"}.get(backbone.modality, "no tokens"),
            expected="a model that reads texts through an embedding of its tokens",
            fix="leave `neftune_alpha` out",
        )
    return EmbeddingNoise(
        embedding, backbone.mask, settings.neftune_alpha, settings.seed, backbone.name
    )  # fmt: skip


def token_embedding(backbone: Backbone) -> nn.Embedding | None:
    """Give the layer that makes vectors of tokens, as transformers' models name it, if there is one."""
    if backbone.modality != "text":
        return None
    for module in backbone.model.modules():
        get = getattr(module, "get_input_embeddings", None)
        try:
            found = get() if callable(get) else None
        except NotImplementedError:  # models that read characters by hashes, for one
            continue
        if isinstance(found, nn.Embedding):
            return found
    return None


def _same(read: Tensor, batch: Batch) -> bool:
    return IDS in batch and read.shape == batch[IDS].shape and torch.equal(read, batch[IDS])
