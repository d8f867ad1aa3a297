"""A model that listens, and writes a text piece by piece.

Shapes: B batch, P pieces of the prompt, T pieces that the decoder reads, V pieces in all, L that it writes.
"""

from typing import Any

import torch
from torch import Tensor, nn

from crosstune.sources.transformers_folders import quiet


class Transcriber(nn.Module):
    """An encoder-decoder of transformers for speech.

    In training it is told what has been written so far (``decoder_input_ids``, which the task makes of the
    transcripts). Asked without, it reads its prompt alone: that is what is watched, cut and timed. What it
    writes by itself is :meth:`write`.
    """

    start: Tensor

    def __init__(self, inner: Any, prompt: tuple[int, ...], hears_s: float) -> None:  # noqa: ANN401
        """Hold the model.

        Args:
            inner: of transformers, with the generation config that it is saved with.
            prompt: the pieces before every text.
            hears_s: seconds of a sound that it hears; of a longer one the rest is lost.
        """
        super().__init__()
        self.inner, self.hears_s = inner, hears_s
        self.register_buffer("start", torch.tensor([prompt]))

    def forward(self, decoder_input_ids: Tensor | None = None, **batch: Tensor) -> Tensor:
        """Return ``(B, T, V)`` logits of the piece after each of the T; by default T is the prompt."""
        if decoder_input_ids is None:
            rows = len(next(iter(batch.values())))
            decoder_input_ids = self.start.expand(rows, -1)
        logits: Tensor = self.inner(**batch, decoder_input_ids=decoder_input_ids, use_cache=False).logits
        return logits

    @torch.no_grad()
    def write(self, **batch: Tensor) -> Tensor:
        """Write greedily what is heard, by transformers' own ``generate``: ``(B, L)`` numbers of pieces.

        They are float32, so that a row can be NaN: its logits were. Shorter texts are filled up with the
        piece of padding. Cost: one pass of the encoder, and one of the decoder for each piece.
        """
        finite = Finite()
        with quiet():  # it would warn of a mask that Whisper has no use for
            written: Tensor = self.inner.generate(**batch, logits_processor=[finite])
        rows = written.float()
        if finite.bad is not None:
            if not rows.shape[1]:
                rows = rows.new_zeros(len(rows), 1)
            rows[finite.bad] = torch.nan
        return rows

    def allow(self, numbers: set[int]) -> list[int]:
        """Let pieces be written that the generation config suppresses; returns those, in order."""
        config = self.inner.generation_config
        before = list(config.suppress_tokens or [])
        config.suppress_tokens = [one for one in before if one not in numbers] or None
        return sorted(numbers.intersection(before))


class Finite:
    """Notes the rows whose logits are NaN; suppressed pieces are minus infinity, which is no fault."""

    def __init__(self) -> None:
        """Begin with no row noted."""
        self.bad: Tensor | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002 - as transformers calls it
        """Look at the logits of the next piece, and leave them as they are."""
        now = scores.isnan().any(dim=-1)
        if bool(now.any()):
            self.bad = now if self.bad is None else self.bad | now
        return scores


def prompt_of(inner: Any, batch: dict[str, Tensor]) -> tuple[int, ...]:  # noqa: ANN401 - untyped
    """Ask transformers what the decoder reads before the first piece of a text, on an example.

    The rules (start, language, task, no times, forced pieces of old configs) thus stand in one place only,
    that which also carries them out in ``generate`` and in ``transformers.pipeline``.
    Cost: one forward pass.
    """
    seen: list[tuple[int, ...]] = []

    def note(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        read = named["input_ids"] if "input_ids" in named else given[0]
        seen.append(tuple(read[0].tolist()))

    handle = inner.get_decoder().register_forward_pre_hook(note, with_kwargs=True)
    try:
        with torch.no_grad(), quiet():
            inner.generate(**batch, max_new_tokens=1)
    finally:
        handle.remove()
    return seen[0]
