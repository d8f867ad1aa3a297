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
