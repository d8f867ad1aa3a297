"""The cut gives the uncut model's loss, gradients and weights, bit for bit, for every family and cut."""

import pytest
import torch
from torch import Tensor, nn

from crosstune.frozen.cut import Cut, check_cut, suffix_outputs
from crosstune.frozen.errors import CannotCut
from crosstune.frozen.freeze import evaluating, freeze, train_mode
from crosstune.frozen.taps import PrefixModel
from crosstune.sources.base import Backbone, Batch, Block
from tests.frozen.helpers import MakeItems, OpenTiny
from tests.support.tiny import KINDS, Kind

TARGETS = torch.tensor([0, 1, 2, 0, 1, 2])


def _activation(opened: Backbone, cut: int, batch: Batch) -> Tensor | None:
    if cut == 0:
        return None
    with evaluating(opened.model), torch.no_grad():
        return PrefixModel(opened, cut)(**batch)[0].clone()


def _loss_and_gradients(opened: Backbone, logits: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    loss = nn.functional.cross_entropy(logits, TARGETS[: len(logits)])
    moving = {name: p for name, p in opened.model.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(loss, list(moving.values()), allow_unused=True)
    return loss, {n: g for n, g in zip(moving, gradients, strict=True) if g is not None}


@pytest.mark.parametrize("kind", KINDS)
def test_loss_and_gradients_are_bit_equal_for_every_cut(
    kind: Kind, backbone: OpenTiny, items: MakeItems
) -> None:
    opened = backbone(kind)
    batch = opened.preprocessing(items(kind, 6).batch(range(6)))
    for cut in range(len(opened.blocks) + 1):
        freeze(opened, cut)
        train_mode(opened, cut)
        activation = _activation(opened, cut, batch)
        torch.manual_seed(cut)
        whole, gradients = _loss_and_gradients(opened, opened.logits(opened.model(**batch)))
        torch.manual_seed(cut)
        pieced, others = _loss_and_gradients(opened, suffix_outputs(opened, cut, batch, activation))
        assert torch.equal(whole, pieced), cut
        assert gradients.keys() == others.keys()
        for name, gradient in gradients.items():
            assert torch.equal(gradient, others[name]), (cut, name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
def test_weights_after_some_steps_equal_the_uncached_run(
    kind: Kind, optimizer: type[torch.optim.Optimizer], backbone: OpenTiny, items: MakeItems
) -> None:
    cut = 2
    examples = items(kind, 12)
    runs = []
    for cached in (False, True):
        opened = backbone(kind)
        freeze(opened, cut)
        train_mode(opened, cut)
        steps = [opened.preprocessing(examples.batch(range(i, i + 6))) for i in (0, 6, 0)]
        stored = [_activation(opened, cut, batch) for batch in steps]
        moves = optimizer([p for p in opened.model.parameters() if p.requires_grad], lr=0.01)
        torch.manual_seed(7)
        with Cut(opened, cut if cached else 0, steps[0]) as suffix:
            for batch, activation in zip(steps, stored, strict=True):
                loss = nn.functional.cross_entropy(suffix(batch, activation), TARGETS)
                moves.zero_grad()
                loss.backward()
                moves.step()
        runs.append(opened.model.state_dict())
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


def test_one_cut_serves_batches_of_other_sizes_and_lengths(backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone("bert")
    opened.model.eval()
    examples = items("bert", 12)
    with Cut(opened, 3, opened.preprocessing(examples.batch([0, 1]))) as suffix:
        pairs = []
        for chosen in ([2], [3, 4, 5], list(range(12))):
            batch = opened.preprocessing(examples.batch(chosen))
            pairs.append((batch, chosen))
        learned = []
        for batch, _ in pairs:
            tokens = batch["input_ids"].shape[1]
            stand_in = suffix._stand_ins["bert.embeddings"].make(
                len(batch["input_ids"]), tokens, torch.device("cpu")
            )
            learned.append(tuple(stand_in.shape) == (len(batch["input_ids"]), tokens, 32))
            assert stand_in.isnan().all()
    assert all(learned)
    with torch.no_grad():
        for batch, _ in pairs:
            whole = opened.logits(opened.model(**batch))
            assert torch.equal(whole, suffix_outputs(opened, 3, batch, _activation(opened, 3, batch)))


@pytest.mark.parametrize("kind", ["bert", "resnet"])
def test_the_model_is_restored_whatever_happens(kind: Kind, backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone(kind)
    batch = opened.preprocessing(items(kind, 2).batch([0, 1]))
    own = opened.model.get_submodule(opened.blocks[0].modules[0])
    patched = lambda *a, **k: type(own).forward(own, *a, **k)  # noqa: E731
    own.forward = patched
    suffix = Cut(opened, 2, batch)
    with pytest.raises(RuntimeError, match="call it through the cut"), suffix:
        opened.model(**batch)
    assert own.forward is patched
    others = [m for m in opened.model.modules() if m is not own]
    assert not any("forward" in vars(m) for m in others)
    with pytest.raises(RuntimeError, match="enter the cut"):
        suffix(batch, torch.zeros(1))
    with pytest.raises(ValueError, match="activation is needed"):
        suffix_outputs(opened, 1, batch, None)


def test_pictures_may_be_dummies_behind_the_cut(backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone("efficientnet")
    opened.model.eval()
    batch = opened.preprocessing(items("efficientnet", 3).batch(range(3)))
    activation = _activation(opened, 2, batch)
    dummy = {name: torch.full((), float("nan")).expand(t.shape) for name, t in batch.items()}
    with torch.no_grad():
        assert torch.equal(suffix_outputs(opened, 2, dummy, activation), opened.model(**batch))


class _Skipping(nn.Module):
    """Reads the output of the first block again behind the second, and runs a block twice if told to."""

    def __init__(self, times: int = 1) -> None:
        super().__init__()
        self.one, self.two, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        early = self.one(x)
        late = early
        for _ in range(self.times):
            late = self.two(late)
        return self.head(late + early)


class _Writing(nn.Module):
    """Changes the output of the first block in place before the second reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.one(x)
        hidden[:, 0] = 0.0
        return self.head(self.two(hidden).relu_())


def test_code_between_frozen_blocks_may_write_into_what_they_gave(backbone: OpenTiny) -> None:
    opened = _skipping(backbone("resnet"), 1)
    opened.model = _Writing().eval()
    batch = {"x": torch.randn(3, 4)}
    with torch.no_grad():
        for cut in (1, 2):
            found = suffix_outputs(opened, cut, batch, _activation(opened, cut, batch))
            assert torch.equal(found, opened.model(**batch))
    with Cut(opened, 2, batch) as suffix:
        made = {path: one.make(3, 1, torch.device("cpu")) for path, one in suffix._stand_ins.items()}
        assert [made[path].is_contiguous() for path in ("one", "two")] == [True, False]


def _skipping(opened: Backbone, times: int) -> Backbone:
    blocks = [
        Block(name=n, modules=(n,), parameters=20, share=0.3, width=4, layout="BC") for n in ("one", "two")
    ]
    opened.model, opened.blocks, opened.head = _Skipping(times), tuple(blocks), "head"
    return opened


def test_a_skip_over_the_cut_is_an_error_not_a_wrong_number(backbone: OpenTiny) -> None:
    opened = _skipping(backbone("resnet"), 1)
    batch = {"x": torch.randn(2, 4)}
    check_cut(opened, 1, batch)
    with pytest.raises(CannotCut, match="cannot be cut after block 2"):
        check_cut(opened, 2, batch)
    with torch.no_grad():
        assert suffix_outputs(opened, 2, batch, torch.zeros(2, 4)).isnan().all()


def test_a_block_that_runs_twice_is_an_error(backbone: OpenTiny) -> None:
    opened = _skipping(backbone("resnet"), 2)
    opened.blocks = (opened.blocks[0], opened.blocks[1])
    check_cut(opened, 1, {"x": torch.randn(2, 4)})
    three = Block(name="three", modules=("head",), parameters=15, share=0.1, width=3, layout="BC")
    opened.blocks = (*opened.blocks, three)
    with pytest.raises(CannotCut, match="`two` runs more than once"):
        Cut(opened, 3, {"x": torch.randn(2, 4)})
