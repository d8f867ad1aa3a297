"""What the tests of this room share."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from crosstune.sources.base import Backbone, Raw
from tests.support import tiny

HUB = {
    "id2label": {0: "cat", 1: "dog", 2: "owl"},
    "label2id": {"cat": 0, "dog": 1, "owl": 2},
    "problem_type": "single_label_classification",
}


Opener = Callable[[tiny.Kind], Backbone]
Runner = Callable[[Backbone, Sequence[Raw]], torch.Tensor]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Opener:
    """Open each kind of tiny model once; tests must not change it."""
    folder, opened = tmp_path_factory.mktemp("models"), dict[tiny.Kind, Backbone]()

    def get(kind: tiny.Kind) -> Backbone:
        if kind not in opened:
            opened[kind] = tiny.tiny_backbone(kind, 3, folder)
        return opened[kind]

    return get


@pytest.fixture
def outputs() -> Runner:
    """Run raw examples through a backbone in eval mode."""

    def run(backbone: Backbone, raw: Sequence[Raw]) -> torch.Tensor:
        with torch.no_grad():
            return backbone.logits(backbone.model.eval()(**backbone.preprocessing(raw)))

    return run


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.tiny_bert_dir(tmp_path_factory.mktemp("folders") / "bert")


@pytest.fixture(scope="session")
def vit_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.tiny_vit_dir(tmp_path_factory.mktemp("folders") / "vit")
