"""Packed rows: every token once, few slots, and the logits and gradients of the padded batch."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from crosstune.sources.packing import LONGER, CanPack, lay_out, pack, sample
from crosstune.sources.writer import Writer
from tests.support.chats import open_writer, tiny_writer_dir

LENGTHS = (7, 3, 12, 1, 5, 5)
FAMILIES = ("llama", "gpt2", "qwen2", "mistral")
COMMON: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 40, "bos_token_id": None, "eos_token_id": None,
}  # fmt: skip
WIDE = {"num_key_value_heads": 2, "intermediate_size": 64, "initializer_range": 0.2}


def inner(family: str, attention: str = "sdpa") -> Any:
    """Make a tiny model with random weights."""
    import transformers

    kinds: dict[str, Any] = {
        "llama": lambda: transformers.LlamaConfig(**COMMON, **WIDE),
        "qwen2": lambda: transformers.Qwen2Config(**COMMON, **WIDE),
        "mistral": lambda: transformers.MistralConfig(**COMMON, **WIDE, sliding_window=4),
        "gemma2": lambda: transformers.Gemma2Config(
            **COMMON, **WIDE, sliding_window=4, head_dim=8, pad_token_id=0,
        ),
        "gpt2": lambda: transformers.GPT2Config(
            vocab_size=50, n_embd=32, n_layer=2, n_head=4, n_positions=40, initializer_range=0.2,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=None, eos_token_id=None,
        ),
        "bloom": lambda: transformers.BloomConfig(
            vocab_size=50, hidden_size=32, n_layer=2, n_head=4, bos_token_id=None, eos_token_id=None
        ),
        "mamba": lambda: transformers.MambaConfig(
            vocab_size=50, hidden_size=32, num_hidden_layers=2, state_size=4, bos_token_id=None,
            eos_token_id=None,
        ),
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = transformers.AutoModelForCausalLM.from_config(kinds[family](), attn_implementation=attention)
    return made.eval()


def writer(family: str, attention: str = "sdpa") -> Writer:
    return Writer(inner(family, attention), "lm_head", 40)


def batch(side: str = "right", lengths: tuple[int, ...] = LENGTHS) -> tuple[Tensor, Tensor, Tensor]:
    """Make ids, mask and places ``(B, A)``: of each text up to four, others fill the rest."""
    draw = torch.Generator().manual_seed(1)
    longest = max(lengths)
    ids = torch.randint(1, 50, (len(lengths), longest), generator=draw)
    before = torch.tensor([longest - length if side == "left" else 0 for length in lengths])[:, None]
    numbers = torch.arange(longest)
    mask = ((numbers >= before) & (numbers < before + torch.tensor(lengths)[:, None])).long()
    places = mask.argsort(dim=1, descending=True, stable=True)[:, :4]
    return ids * mask, mask, places


@pytest.mark.parametrize("lengths", [(7, 3, 12, 1, 5), (4, 4, 4, 4), (9,), (1, 1, 8), (6, 5, 4, 3, 2, 1)])
def test_a_layout_has_every_token_once_and_few_slots(lengths: tuple[int, ...]) -> None:
    found = lay_out(lengths)
    taken = [(row, start + place) for row, start, length in zip(found.row, found.start, lengths, strict=True)
             for place in range(length)]  # fmt: skip
    assert len(set(taken)) == sum(lengths)
    assert max(place for _, place in taken) == found.width - 1
    assert found.width <= LONGER * max(lengths)
    assert set(found.row) == set(range(found.rows))
    assert found.rows * found.width <= 1.1 * fewest_slots(lengths)
    assert lay_out(lengths) == found


def fewest_slots(lengths: tuple[int, ...]) -> int:
    """Try every way of putting texts into rows that are not too long."""
    fewest = len(lengths) * max(lengths)
    for ways in product(range(len(lengths)), repeat=len(lengths)):
        fills = [sum(n for n, way in zip(lengths, ways, strict=True) if way == row) for row in set(ways)]
        if max(fills) <= LONGER * max(lengths):
            fewest = min(fewest, len(fills) * max(fills))
    return fewest


def test_little_is_left_over_of_lengths_that_differ_much() -> None:
    draw = torch.Generator().manual_seed(0)
    for _ in range(20):
        lengths = (8 * 32 ** torch.rand(16, generator=draw)).long().tolist()
        found = lay_out(lengths)
        assert found.rows * found.width <= 1.1 * sum(lengths)


def test_equal_lengths_are_left_as_they_are() -> None:
    ids, mask, _ = batch(lengths=(6, 6, 6))
    assert pack(ids, mask) is None
    assert pack(*batch(lengths=(6,))[:2]) is None
    assert pack(torch.zeros(2, 3).long(), torch.zeros(2, 3).long()) is None


@pytest.mark.parametrize("side", ["left", "right"])
def test_texts_lie_end_to_end_and_positions_restart(side: str) -> None:
    ids, mask, _ = batch(side)
    rows = pack(ids, mask)
    assert rows is not None
    flat = rows.input_ids.flatten()
    for row, length in enumerate(LENGTHS):
        slots = rows.slots[row][mask[row].bool()]
        assert slots.tolist() == list(range(int(slots[0]), int(slots[0]) + length))
        assert flat[slots].tolist() == ids[row][mask[row].bool()].tolist()
        assert rows.position_ids.flatten()[slots].tolist() == list(range(length))
    assert rows.slots[mask == 0].unique().tolist() == [-1]
    assert int((rows.input_ids > 0).sum()) == sum(LENGTHS)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("family", "attention", "precise", "close"), [
    *((family, "sdpa", True, 1e-10) for family in FAMILIES),
    *((family, "sdpa", False, 1e-5) for family in FAMILIES),
    *((family, "eager", False, 1e-5) for family in (*FAMILIES, "gemma2")),
])  # fmt: skip
def test_packed_logits_and_gradients_are_those_of_the_padded_batch(
    family: str, attention: str, precise: bool, close: float, side: str
) -> None:
    """Mistral and Gemma look four tokens back, in texts of up to twelve. Eager softmax is in float32."""
    model = writer(family, attention)
    model = model.double() if precise else model
    assert model.inner.config._attn_implementation == attention
    ids, mask, places = batch(side)
    known = mask.gather(1, places).bool()
    found = []
    for packed in (False, True):
        model.packed = packed
        model.train()
        model.zero_grad()
        logits = model(ids, mask, places)
        assert logits.shape == (*places.shape, 50)
        functional.cross_entropy(logits[known], ids.gather(1, places)[known], reduction="sum").backward()
        gradients = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        found.append((logits[known].detach(), gradients))
    (plain, one), (tight, other) = found
    assert float((tight - plain).norm() / plain.norm()) < close
    assert float((one - other).norm() / one.norm()) < close


def test_only_training_packs_and_padding_has_no_logits() -> None:
    model = writer("llama")
    seen: list[tuple[int, ...]] = []
    model.inner.model.embed_tokens.register_forward_hook(
        lambda _module, _given, out: seen.append(tuple(out.shape[:2]))
    )
    ids, mask, places = batch()
    model.packed = True
    with torch.no_grad():
        model.eval()(ids, mask, places)
        logits = model.train()(ids, mask, places)
        model(ids, mask)  # what is watched and timed stays as it is
    assert seen[0] == seen[2] == (6, 12)
    assert seen[1][0] * seen[1][1] <= 36
    padding = ~mask.gather(1, places).bool()
    assert padding.any()
    assert logits[padding].abs().max() == 0


@pytest.mark.parametrize("packed", [False, True])
def test_the_head_reads_only_what_is_asked_for(packed: bool) -> None:
    model, read = writer("llama").train(), []
    model.inner.lm_head.register_forward_hook(lambda _module, given, _out: read.append(given[0].shape[1]))
    ids, mask, places = batch()
    model.packed = packed
    asked = torch.where(mask.gather(1, places).bool() & (torch.arange(4) < 2), places, -1)
    with torch.no_grad():
        some, every, none = (model(ids, mask, one) for one in (asked, places, torch.full_like(places, -1)))
    assert read == [11, 20 if packed else 24, 0]
    torch.testing.assert_close(some[asked >= 0], every[asked >= 0])
    assert float(some[asked < 0].abs().max()) == float(none.abs().max()) == 0.0


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_that_can_pack_is_known_by_its_logits(family: str, attention: str) -> None:
    model = writer(family, attention)
    assert isinstance(model, CanPack)
    assert model.try_packing().largest < 1e-5


@pytest.mark.parametrize("family", ["bloom", "mamba"])
def test_a_model_that_is_not_told_positions_cannot_pack(family: str) -> None:
    found = writer(family, "eager").try_packing()
    assert found.largest == float("inf")
    assert "positions" in found.why


class Deaf(nn.Module):
    """A model that takes positions and does not look at them: nothing tells it where texts begin."""

    def __init__(self, inside: Any) -> None:
        super().__init__()
        self.inside, self.lm_head = inside, inside.lm_head

    def forward(self, input_ids: Tensor, position_ids: Any = None, **others: Any) -> Any:  # noqa: ARG002
        """Give what the model gives without positions."""
        return self.inside(input_ids=input_ids, **others)

    def get_input_embeddings(self) -> Any:
        """Give those of the model."""
        return self.inside.get_input_embeddings()


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_model_that_ignores_positions_is_known_by_its_logits(family: str) -> None:
    assert Writer(Deaf(inner(family)), "lm_head", 40).try_packing().largest > 0.01


def test_a_model_that_fails_when_it_is_packed_says_why() -> None:
    class Refusing(Deaf):
        def forward(self, input_ids: Tensor, position_ids: Any = None, **others: Any) -> Any:
            if "attention_mask" not in others:
                raise ValueError("a mask is needed")
            return super().forward(input_ids, position_ids, **others)

    found = Writer(Refusing(inner("llama")), "lm_head", 40).try_packing()
    assert found.largest == float("inf")
    assert "a mask is needed" in found.why


def test_the_sample_is_padded_and_the_same_each_time() -> None:
    ids, mask = sample(50, torch.device("cpu"))
    assert mask.sum(dim=1).tolist() == [5, 12, 9]
    assert int(ids.max()) < 50
    assert torch.equal(ids, sample(50, torch.device("cpu"))[0])
    assert pack(ids, mask) is not None


def test_an_opened_model_packs_only_when_told(tmp_path: Path) -> None:
    model = open_writer(tiny_writer_dir(tmp_path / "llama")).model
    assert isinstance(model, Writer)
    assert not model.packed
