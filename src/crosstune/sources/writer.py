"""A language model that is told whole conversations in training, and writes answers by itself.

Shapes: B batch, T tokens that are read, A places of each row that matter, V tokens in all, L that it writes.
"""

import inspect
import math
from typing import Any

import torch
from torch import Tensor, nn

from crosstune.sources.packing import Difference, Packed, pack, sample
from crosstune.sources.transcriber import Finite
from crosstune.sources.transformers_folders import quiet


class Writer(nn.Module):
    """A causal language model of transformers.

    In training it is told a whole conversation, and which places of it matter. Asked without, it reads a
    prompt and gives the logits behind it: that is what is watched and timed. What it writes is :meth:`write`.
    """

    def __init__(self, inner: Any, head: str, positions: int) -> None:  # noqa: ANN401 - untyped
        """Hold the model.

        Args:
            inner: of transformers, with the generation config that it is saved with.
            head: path within it of the layer that gives the logits.
            positions: how many tokens it can read, those that it has written among them.
        """
        super().__init__()
        self.inner, self._head, self._positions = inner, head, positions
        self.packed = False
        self._counts = "position_ids" in inspect.signature(inner.forward).parameters

    def forward(self, input_ids: Tensor, attention_mask: Tensor, places: Tensor | None = None) -> Tensor:
        """Return ``(B, A, V)`` logits of the token after each of some places.

        The head reads these places alone: the logits of all would fill memory, mostly for prompts. In
        training, where ``packed`` is set, texts are laid end to end (``packing.py``); logits are the same.

        Args:
            input_ids: ``(B, T)``, padded on either side.
            attention_mask: ``(B, T)``, 1 where a token is.
            places: ``(B, A)`` numbers of places; by default the last one of each row. Of those that are -1
                the logits are 0, and not computed.
        """
        if places is None:
            places = torch.full_like(input_ids[:, :1], input_ids.shape[1] - 1)
        elif self.packed and self.training and (rows := pack(input_ids, attention_mask)):
            return self._packed(rows, places)
        return self._padded(input_ids, attention_mask, places)

    @torch.no_grad()
    def try_packing(self) -> Difference:
        """Compare the logits of a few short texts, packed and not. The model must be in eval mode.

        Cost: two passes over some 40 tokens.
        """
        if not self._counts:
            return Difference(torch.inf, "it is not told the positions of its tokens")
        inputs = self.inner.get_input_embeddings().weight
        ids, mask = sample(len(inputs), inputs.device)
        rows, places = pack(ids, mask), torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        assert rows is not None  # noqa: S101 - the sample is made so that it saves something
        expected = self._padded(ids, mask, places)[mask.bool()].float()
        try:
            found = self._packed(rows, places)[mask.bool()].float()
        except (TypeError, ValueError, RuntimeError, IndexError) as error:
            return Difference(torch.inf, f"{type(error).__name__}: {error}"[:200])
        largest = float((found - expected).abs().max() / expected.std())
        return (
            Difference(torch.inf, "not all logits are numbers")
            if math.isnan(largest)
            else Difference(largest)
        )

    def _padded(self, input_ids: Tensor, attention_mask: Tensor, places: Tensor) -> Tensor:
        """Run the batch as it is, ``(B, A, V)``."""
        more: dict[str, Any] = {"attention_mask": attention_mask}
        if self._counts:  # as `generate` counts them: padding before a text has no place
            more["position_ids"] = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)
        texts, tokens = input_ids.shape
        before = tokens * torch.arange(texts, device=places.device).unsqueeze(1)
        return self._logits(torch.where(places >= 0, before + places, -1), input_ids, more)

    def _packed(self, rows: Packed, places: Tensor) -> Tensor:
        """Run packed rows, ``(B, A, V)``; logits of places that hold padding are 0."""
        slots = rows.slots.gather(1, places.clamp(min=0)).where(places >= 0, -1)
        return self._logits(slots, rows.input_ids, {"position_ids": rows.position_ids})

    def _logits(self, slots: Tensor, input_ids: Tensor, more: dict[str, Any]) -> Tensor:
        """Run the model, and its head for some slots of the flattened rows, ``(B, A)``; -1 gives zeros."""
        flat = slots.flatten()
        known = (flat >= 0).nonzero().squeeze(1)

        def pick(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor]:
            return (given[0].flatten(0, 1).index_select(0, flat[known]).unsqueeze(0),)

        handle = self.inner.get_submodule(self._head).register_forward_pre_hook(pick)
        try:
            logits: Tensor = self.inner(input_ids=input_ids, use_cache=False, **more).logits[0]
        finally:
            handle.remove()
        if len(known) < len(flat):
            logits = logits.new_zeros((len(flat), logits.shape[1])).index_copy(0, known, logits)
        return logits.view(*slots.shape, -1)

    @torch.no_grad()
    def write(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Write greedily behind prompts that are padded on the left: ``(B, L)`` numbers of tokens.

        By transformers' own ``generate``, with the config that is saved; fewer tokens where the model could
        not read more. They are float32, so that a row can be NaN: its logits were. Cost: one pass over the
        prompt, and one of each token.
        """
        finite, config = Finite(), self.inner.generation_config
        most = max(1, min(config.max_new_tokens, self._positions - input_ids.shape[1]))
        with quiet():
            whole: Tensor = self.inner.generate(
                input_ids=input_ids, attention_mask=attention_mask, logits_processor=[finite],
                max_new_tokens=most,
            )  # fmt: skip
        rows = whole[:, input_ids.shape[1] :].float()
        if finite.bad is not None:
            rows[finite.bad] = torch.nan
        return rows

    def write_at_most(self, tokens: int) -> None:
        """Let answers have at most so many tokens, here and in what is saved."""
        self.inner.generation_config.max_new_tokens = tokens
