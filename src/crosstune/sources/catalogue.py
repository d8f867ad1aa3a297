"""What is known beforehand about pretrained models: size, licence, and one public figure each.

``catalogue.csv`` holds the rows. A figure is there only where a public page gave it; what could not be
confirmed is empty. Figures of different measures are never compared, and none of them says how well a
model does on *your* data: they break ties that measurements leave.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from crosstune.sources.base import ModelInfo, PublicFigure

FILE = "catalogue.csv"

_HUB = "https://huggingface.co/"
_CODE = "https://github.com/"
_SMOLLM2 = f"{_HUB}HuggingFaceTB/SmolLM2-135M-Instruct, model card, without examples"
SOURCES = {
    "ast": f"{_CODE}YuanGongND/ast, README: full AudioSet, with weight averaging",
    "bert": f"{_HUB}google-bert/bert-base-uncased, model card, on the test set of GLUE",
    "bge": f"{_CODE}FlagOpen/FlagEmbedding, README",
    "deberta": f"{_CODE}microsoft/DeBERTa, README, on the development set",
    "dinov2": f"{_CODE}facebookresearch/dinov2, README: ViT-S/14 distilled",
    "distilbert": "DistilBERT, arXiv 1910.01108, table 1, on the development set",
    "gte": f"{_HUB}thenlper/gte-base, model card",
    "mteb": "the MTEB leaderboard (English, first version)",
    "roberta": "RoBERTa, as DeBERTa (arXiv 2006.03654) reports it, on the development set",
    "smollm2": _SMOLLM2,
    "smollm2-packed": f"{_SMOLLM2}; measured before the weights were packed into 4 bits",
    "timm": f"{_CODE}huggingface/pytorch-image-models, results/results-imagenet.csv",
    "timm-card": f"{_CODE}huggingface/pytorch-image-models, README, at 256 px",
    "timm-lite": f"{_CODE}huggingface/pytorch-image-models, results/results-imagenet.csv: "
    "tf_efficientnet_lite, from the same TensorFlow release as the package",
    "torchvision": "torchvision, the meta data of its default weights",
}
"""Where figures come from, by the short name in the file."""


@cache
def entries() -> tuple[ModelInfo, ...]:
    """Read the catalogue; ``here`` is false and ``note`` empty in all of it: the sources fill them in."""
    text = files("crosstune.sources").joinpath(FILE).read_text(encoding="utf-8")
    return tuple(_entry(row) for row in csv.DictReader(text.splitlines()))


def _entry(row: dict[str, str]) -> ModelInfo:
    figure = None
    if row["value"]:
        figure = PublicFigure(
            value=float(row["value"]), measure=row["measure"], source=SOURCES[row["source"]]
        )
    return ModelInfo(
        name=row["name"],
        modality=row["modality"],
        parameters=int(row["parameters"]),
        licence=row["licence"],
        here=False,
        reads=row["reads"],
        accuracy=figure,
    )


def known(name: str) -> ModelInfo | None:
    """Return the catalogue's row of a model, or ``None`` where it has none."""
    return next((info for info in entries() if info.name == name), None)


def figures(names: Sequence[str]) -> dict[str, float]:
    """Return public figures that can be compared with each other.

    They are those of the measure that most of ``names`` have (the first of them at a tie); models without
    it are left out, and nothing is returned for fewer than two.

    Args:
        names: models of one modality, as a user types them.
    """
    rows = {name: info.accuracy for name in names if (info := known(name)) and info.accuracy}
    measures = Counter(figure.measure for figure in rows.values())
    if not measures or max(measures.values()) < 2:
        return {}
    common = measures.most_common(1)[0][0]
    return {name: figure.value for name, figure in rows.items() if figure.measure == common}
