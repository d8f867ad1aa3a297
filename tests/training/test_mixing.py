"""Mixup and CutMix keep the books: what goes into the picture goes into the target."""

import pytest
import torch

from crosstune.training.mixing import mix


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
@pytest.mark.parametrize("step", range(5))
def test_the_target_is_the_share_of_each_picture(name: str, step: int) -> None:
    colours = torch.arange(6.0)
    pictures = colours.view(6, 1, 1, 1).expand(6, 3, 16, 16).contiguous()
    batch, targets = mix({"x": pictures}, torch.eye(6), operations=(name,), seed=0, step=step)
    torch.testing.assert_close(targets.sum(1), torch.ones(6))
    torch.testing.assert_close(batch["x"].mean((1, 2, 3)), targets @ colours)
    values = {len(torch.unique(picture)) for picture in batch["x"]}
    assert values <= ({1} if name == "mixup" else {1, 2})


def test_the_draw_depends_on_seed_and_step_only() -> None:
    pictures = torch.randn(8, 3, 8, 8)

    def mixed(seed: int, step: int) -> torch.Tensor:
        both = ("mixup", "cutmix")
        return mix({"x": pictures}, torch.eye(8), operations=both, seed=seed, step=step)[0]["x"]

    assert torch.equal(mixed(0, 1), mixed(0, 1))
    assert not torch.equal(mixed(0, 1), mixed(0, 2))
    assert not torch.equal(mixed(0, 1), mixed(1, 1))


def test_classmix_pastes_whole_classes_with_their_mask() -> None:
    masks = torch.randint(0, 5, (40, 12, 12), generator=torch.Generator().manual_seed(0))
    masks[:, :2] = -100  # ignored
    masks[7] = 3  # one class: nothing to paste
    numbers = torch.arange(40.0).view(40, 1, 1)
    pictures = (10.0 * numbers + masks)[:, None].expand(40, 3, 12, 12).contiguous()
    batch, mixed = mix({"x": pictures}, masks, operations=("classmix",), seed=0, step=1)
    assert torch.equal(batch["x"][:, 0] % 10, (mixed % 10).float())  # a pixel and its class came together
    source = torch.div(batch["x"][:, 0], 10, rounding_mode="floor").long()
    source = torch.where(mixed < 0, torch.arange(40)[:, None, None], source)
    pasted = source != torch.arange(40)[:, None, None]
    touched = pasted.flatten(1).any(1)
    assert 10 <= int(touched.sum()) <= 30
    for place in touched.nonzero().flatten().tolist():
        (partner,) = source[place][pasted[place]].unique().tolist()
        classes = mixed[place][pasted[place]].unique()
        assert (len(classes), partner != 7) == (2, True)  # half of five, the smaller
        assert torch.equal(pasted[place], torch.isin(masks[partner], classes))
    assert torch.equal(mixed[~touched], masks[~touched])
    again = mix({"x": pictures}, masks, operations=("classmix",), seed=0, step=1)
    assert torch.equal(again[1], mixed)
