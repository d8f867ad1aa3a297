"""What is worth measuring: known models in a fixed order, second sizes, and the control last."""

from dataclasses import replace

from crosstune.planning.candidates import MOST, Candidate, Known, propose_candidates, readers
from tests.planning.test_strategy import DATA

SMALL = replace(DATA, median_side=28)
KNOWN = [
    Known(name="package:efficientnet-lite2", parameters=6_000_000, accuracy=77.5, image_size=260),
    Known(name="package:efficientnet-lite0", parameters=4_600_000, accuracy=75.1, image_size=224),
    Known(name="timm:other", parameters=9_000_000, accuracy=70.0, image_size=224),
]


def sides(found: list[Candidate]) -> list[tuple[str, int | None]]:
    return [(one.model.rpartition(":")[2], one.image_size) for one in found if one.pretrained]


def test_the_default_comes_first_then_public_accuracy_then_second_sizes() -> None:
    assert sides(propose_candidates(KNOWN, SMALL)) == [
        ("efficientnet-lite0", 96), ("efficientnet-lite2", 96), ("other", 96),
        ("efficientnet-lite0", 224), ("efficientnet-lite2", 260), ("other", 224),
    ]  # fmt: skip


def test_large_pictures_get_the_models_own_size_and_a_smaller_one() -> None:
    found = sides(propose_candidates(KNOWN[1:2], replace(DATA, median_side=500)))
    assert found == [("efficientnet-lite0", 224), ("efficientnet-lite0", 160)]


def test_the_control_is_the_first_candidate_with_random_weights_and_comes_last() -> None:
    found = propose_candidates(KNOWN, SMALL)
    assert [one.pretrained for one in found].count(False) == 1
    assert found[-1] == replace(found[0], pretrained=False, accuracy=None)
    assert found[-1].label == "package:efficientnet-lite0 @96 (random weights)"


def test_named_models_keep_their_order_and_may_be_unknown() -> None:
    found = propose_candidates(KNOWN, SMALL, ["org/mine", "package:efficientnet-lite2"])
    assert sides(found) == [("org/mine", None), ("efficientnet-lite2", 96), ("efficientnet-lite2", 260)]


def test_there_are_never_more_than_a_few() -> None:
    many = [Known(name=f"timm:{number}", parameters=number, image_size=224) for number in range(20)]
    assert len(propose_candidates(many, SMALL)) == MOST + 1


def test_texts_have_one_size() -> None:
    known = [Known(name="package:minilm", parameters=1), Known(name="package:smollm2", parameters=2)]
    found = propose_candidates(known, replace(DATA, modality="text"))
    assert sides(found) == [("minilm", None), ("smollm2", None)]


def test_sounds_are_read_by_their_own_models_and_by_those_of_pictures() -> None:
    assert readers("text") == ("text",)
    assert readers("audio") == ("audio", "image")
    known = [
        Known(name="package:small", parameters=1, accuracy=70.0, image_size=224),
        Known(name="package:efficientnet-lite0", parameters=2, accuracy=60.0, image_size=224),
        Known(name="package:heard", parameters=3),
    ]
    sounds = replace(DATA, modality="audio", task="audio-classification", median_side=None)
    names = [(one.model, one.image_size) for one in propose_candidates(known, sounds) if one.pretrained]
    assert names == [("package:efficientnet-lite0", None), ("package:small", None), ("package:heard", None)]
