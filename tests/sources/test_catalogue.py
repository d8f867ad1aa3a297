"""The catalogue: rows that are complete, figures that their makers publish, and ties broken fairly."""

from collections import Counter

import pytest

from crosstune.sources.catalogue import entries, figures, known
from crosstune.sources.packages import PACKAGES
from crosstune.sources.registry import SOURCES

TIMM = [info.name for info in entries() if info.name.startswith("timm:")]
VISION = [info.name for info in entries() if info.name.startswith("torchvision:")]


def test_there_are_at_least_25_hub_models_over_three_modalities() -> None:
    # timm's weights lie on the Hub too, as timm/name
    hub = [info for info in entries() if ":" not in info.name or info.name.startswith("timm:")]
    assert len(hub) >= 25
    counted = Counter(info.modality for info in hub)
    assert all(counted[modality] >= 4 for modality in ("image", "text", "audio"))
    assert len({info.name for info in entries()}) == len(entries())


def test_every_row_is_complete_and_every_figure_says_what_and_where() -> None:
    for info in entries():
        assert info.parameters > 1e6, info.name
        assert info.licence
        assert info.reads
        assert not info.here
        if info.accuracy is not None:
            assert 0 < info.accuracy.value < 100
            assert info.accuracy.measure
            assert len(info.accuracy.source) > 10
    assert set(PACKAGES) == {info.name for info in entries() if info.name.startswith("package:")}


def test_every_name_is_claimed_by_one_source() -> None:
    for info in entries():
        claimed = next(source.name for source in SOURCES if source.claims(info.name))
        assert claimed == {"package": "package", "timm": "timm", "torchvision": "torchvision"}.get(
            info.name.partition(":")[0], "hub"
        )


@pytest.mark.parametrize("name", TIMM)
def test_timm_has_these_weights_under_this_licence(name: str) -> None:
    import timm

    config = timm.models.get_pretrained_cfg(name.removeprefix("timm:")).to_dict()
    info = known(name)
    assert info is not None
    assert config["hf_hub_id"] == f"timm/{name.removeprefix('timm:')}"
    assert (info.licence, info.reads) == (config["license"], f"{config['input_size'][-1]} px")


@pytest.mark.slow
@pytest.mark.parametrize("name", TIMM)
def test_parameters_of_timm_models_are_counted_right(name: str) -> None:
    import timm
    import torch

    with torch.device("meta"):
        model = timm.create_model(name.removeprefix("timm:").partition(".")[0])
    assert known(name).parameters == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("name", VISION)
def test_torchvision_publishes_these_figures(name: str) -> None:
    import torchvision

    weights = torchvision.models.get_model_weights(name.removeprefix("torchvision:")).DEFAULT
    info = known(name)
    assert info is not None
    assert info.accuracy is not None
    assert info.accuracy.value == pytest.approx(weights.meta["_metrics"]["ImageNet-1K"]["acc@1"])
    assert info.parameters == weights.meta["num_params"]
    assert info.reads == f"{weights.transforms().crop_size[0]} px"


def test_models_of_all_three_modalities_are_listed() -> None:
    assert {info.modality for info in entries()} == {"image", "text", "audio"}
    assert {info.note for info in entries()} == {""}


def test_only_figures_of_one_measure_are_compared() -> None:
    assert figures(["package:minilm", "google-bert/bert-base-uncased"]) == {}
    assert figures(["timm:resnet18.a1_in1k", "nobody/knows-it", "timm:resnet50.a1_in1k"]) == {
        "timm:resnet18.a1_in1k": 73.158,
        "timm:resnet50.a1_in1k": 81.214,
    }
