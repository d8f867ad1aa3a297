"""Pictures for a body that has only read texts: an embedder of patches before it, one mean behind it.

The embedder is new, the body keeps its weights, and the word table of the body is dropped: nothing looks a
word up any more. What comes in is a picture, also where it shows a spectrogram.

Shapes: B batch, C channels, S side of the picture, P side of a patch, T = (S / P) ** 2 tokens, W width of the
body, K head outputs.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

POSITIONS = ("position", "wpe")
"""What transformers calls tables of learned positions, somewhere in their path."""


class Embedder(nn.Module):
    """Cut a picture into patches, and give each a vector of the size that the body knows from words."""

    def __init__(
        self, *, channels: int, patch: int, tokens: int, width: int, norm: float, table: bool
    ) -> None:
        """Start from random values, drawn from torch's present state.

        Args:
            channels: C.
            patch: P.
            tokens: T.
            width: W.
            norm: of the vectors that come out, as long as the gain is what it starts as.
            table: whether learned positions are added here; they start at zero.

        The kernel is orthogonal, as in FPT (Lu 2021). The gain of the norm is ``norm / sqrt(W)``: without it
        patches would be many times as long as words (1 against 0.054 for each entry in MiniLM), and whatever
        the body adds to them (positions, token types) would be lost beside them.
        """
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, patch)
        self.norm = nn.LayerNorm(width)
        self.positions = nn.Parameter(torch.zeros(tokens, width)) if table else None
        nn.init.orthogonal_(self.patches.weight.view(width, -1))
        nn.init.zeros_(self.patches.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.norm.weight, norm / math.sqrt(width))

    def forward(self, pixels: Tensor) -> Tensor:
        """Map ``(B, C, S, S)`` to ``(B, T, W)``, row by row."""
        vectors: Tensor = self.norm(self.patches(pixels).flatten(2).transpose(1, 2))
        return vectors if self.positions is None else vectors + self.positions


class PatchModel(nn.Module):
    """Embedder, body, mean over all tokens, linear head."""

    def __init__(
        self,
        embedder: Embedder,
        body: Any,  # noqa: ANN401 - untyped
        config: Any,  # noqa: ANN401 - untyped
        *,
        width: int,
        outputs: int,
        dropout: float,
        ordered: bool = False,
    ) -> None:
        """Put the parts together; without a body (``None``) the head reads the mean of the patches.

        ``ordered``: the body is a decoder.
        """
        super().__init__()
        self.embedder = embedder
        self.body = body
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, outputs)
        self.ordered = ordered
        self.config = config
        """What keys of stored features read: settings of the body that no weight shows."""

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Map ``(B, C, S, S)`` to ``(B, K)`` logits."""
        vectors: Tensor = self.embedder(pixel_values)
        if self.body is not None:
            vectors = self.body(inputs_embeds=vectors, **self._mask(vectors))[0]
        logits: Tensor = self.head(self.dropout(vectors.mean(dim=1)))
        return logits

    def _mask(self, vectors: Tensor) -> dict[str, Tensor]:
        """Say for a decoder that every token counts: without a mask transformers looks for packed texts.

        It compares positions for that, which OpenVINO cannot convert; the outputs are the same.
        """
        if not self.ordered:
            return {}
        return {"attention_mask": torch.ones(vectors.shape[:2], dtype=torch.long, device=vectors.device)}


def word_norm(body: Any) -> float:  # noqa: ANN401 - untyped
    """Return the mean length of the vectors that the body has for words."""
    table: Tensor = body.get_input_embeddings().weight
    return float(table.detach().float().norm(dim=1).mean())


def without_words(body: Any) -> Any:  # noqa: ANN401 - untyped
    """Take out of ``body``, in place, what a picture never reaches: the word table and the pooler."""
    body.set_input_embeddings(nn.Identity())
    if getattr(body, "pooler", None) is not None:
        body.pooler = None
    body.config.use_cache = False
    return body


def position_tables(body: nn.Module | None) -> list[str]:
    """Name the body's own learned positions: one for each place in the order of the tokens."""
    return [
        path
        for path, module in (body.named_modules() if body is not None else ())
        if isinstance(module, nn.Embedding) and any(word in path.rpartition(".")[2] for word in POSITIONS)
    ]
