"""Tuning the upper part of a speech encoder on cached activations against the same training without a cache.

HuBERT with eight encoder blocks of width 384 (random weights: what is measured is time) as a CTC recogniser
on the telephone prompts of ``benchmarks/fetch --only prompts``. Its upper half (four blocks) and its upper
eighth (one) move; the convolutions and everything below are frozen. Both runs use the same settings, order
and seeds, in float32, and torch computes the prefix in both, so that the weights must come out equal: the
distance between the two, over the distance that training moved them, is reported. (By tensor it would say
nothing: the bias of keys has no gradient but rounding.) Seconds are those of an update for each example,
loading included.

Arithmetic limit for the blocks alone, f their frozen share: (3 - 2f) / (3 (1 - f)), so 1.33 and 3.33; the
frozen convolutions below them, and reading the sounds, can take the ratio beyond it.
"""

import csv
import tempfile
from pathlib import Path
from typing import Any

import torch

from crosstune.core.clock import Budget
from crosstune.core.items import Items
from crosstune.core.settings import Settings
from crosstune.data.read import read
from crosstune.reports.live import make_reporter
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.registry import open_model
from crosstune.tasks.registry import make_task
from crosstune.tasks.speech_recognition import SpeechRecognition
from crosstune.training.run import train

from common import Benchmark, data_folder

TASK = "automatic-speech-recognition"
BLOCKS, WIDTH, RATE = 8, 384, 8_000
PARTS = {"half": (4, 1.25), "eighth": (1, 2.8)}
"""Encoder blocks that move, and the target ratio."""

Weights = dict[str, torch.Tensor]


def write_model(folder: Path) -> Path:
    """Save a HuBERT with random weights, without anything random in its training."""
    import transformers

    config = transformers.HubertConfig(
        hidden_size=WIDTH, num_hidden_layers=BLOCKS, num_attention_heads=6, intermediate_size=4 * WIDTH,
        conv_dim=[128] * 6, conv_kernel=[10, 3, 3, 3, 3, 2], conv_stride=[5, 2, 2, 2, 2, 2],
        num_feat_extract_layers=6, num_conv_pos_embeddings=32, num_conv_pos_embedding_groups=8,
        feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True, layerdrop=0.0,
        hidden_dropout=0.0, attention_dropout=0.0, activation_dropout=0.0, feat_proj_dropout=0.0,
        final_dropout=0.0, apply_spec_augment=False, vocab_size=32, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.AutoModelForCTC.from_config(config).save_pretrained(folder)
    extractor = transformers.Wav2Vec2FeatureExtractor(sampling_rate=RATE, return_attention_mask=True)
    extractor.save_pretrained(folder)
    return folder


def prompts(folder: Path, rows: int) -> dict[str, Items]:
    """Read the longest prompts of at most eight seconds: ``rows`` to train, 16 to validate."""
    import soundfile

    place = data_folder("prompts")
    with (place / "en.csv").open(encoding="utf-8") as handle:
        known = [(place / row["path"], row["text"]) for row in csv.DictReader(handle)]
    lasting = [(soundfile.info(path).duration, path, text) for path, text in known]
    chosen = sorted((one for one in lasting if one[0] <= 8.0), reverse=True)[: rows + 16]
    table = folder / "prompts.csv"
    with table.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["path", "text", "split"])
        for place_, (_, path, text) in enumerate(chosen):
            writer.writerow([path.resolve(), text, "test" if place_ < 16 else "train"])
    data = read(table, inputs=["path"], target="text")
    return {split: data.items(split) for split in ("train", "test")}


def upper(backbone: Backbone, encoder_blocks: int) -> int:
    """Count the blocks from the top that hold so many encoder blocks: others compute next to nothing."""
    heavy = [place for place, block in enumerate(backbone.blocks) if block.share > 0.01]
    return len(backbone.blocks) - heavy[-encoder_blocks]


def distance(one: Weights, other: Weights) -> float:
    """Give the distance of two models, all weights as one vector."""
    return sum(float((one[key].double() - other[key].double()).square().sum()) for key in one) ** 0.5


def weights(backbone: Backbone) -> Weights:
    """Copy what training may move."""
    return {name: tensor.detach().clone() for name, tensor in backbone.model.named_parameters()}


def one_run(model: Path, items: dict[str, Items], blocks: int, cache: str, work: Path) -> dict[str, Any]:
    """Train the last blocks for two epochs; returns seconds for each example and the weights."""
    task = make_task(TASK, items["train"].targets())
    assert isinstance(task, SpeechRecognition)  # noqa: S101 - for the type checker
    backbone = open_model(str(model), OpenOptions(task=TASK, outputs=0, symbols=task.symbols))
    assert backbone.spelling is not None  # noqa: S101
    blocks, before = upper(backbone, blocks), weights(backbone)
    settings = Settings(
        strategy="last", last_blocks=blocks, epochs=2, batch_size=16, lr=1e-3, optimizer="sgd", cache=cache,
        engine="torch", precision="fp32", augment="none",
    )  # fmt: skip
    result = train(
        backbone, task.spelled_with(backbone.spelling), items["train"], items["test"], settings,
        budget=Budget(None), work=work, reporter=make_reporter(),
    )  # fmt: skip
    return {
        "seconds": result.seconds_per_example,
        "before": before,
        "weights": weights(backbone),
        "blocks": [block.name for block in backbone.blocks[-blocks:]],
        "share": sum(block.share for block in backbone.blocks[-blocks:]),
    }


def main() -> None:
    """Run both parts with and without the cache."""
    benchmark = Benchmark("speech_cut", __doc__)
    figures: dict[str, Any] = {}
    targets: dict[str, bool] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = write_model(folder / "model")
        items = prompts(folder, 32 if benchmark.quick else 160)
        for part, (blocks, target) in PARTS.items():
            with benchmark.timed(f"the upper {part}, cached"):
                cached = one_run(model, items, blocks, "on", folder / f"{part}-on")
            with benchmark.timed(f"the upper {part}, uncached"):
                plain = one_run(model, items, blocks, "off", folder / f"{part}-off")
            ratio = plain["seconds"] / cached["seconds"]
            far = distance(cached["weights"], plain["weights"]) / distance(plain["before"], plain["weights"])
            frozen = 1.0 - blocks / BLOCKS
            figures |= {
                f"{part}_ratio": ratio,
                f"{part}_limit_of_the_blocks": (3 - 2 * frozen) / (3 * (1 - frozen)),
                f"{part}_share_of_all_compute": cached["share"],
                f"{part}_cached_ms": 1e3 * cached["seconds"],
                f"{part}_uncached_ms": 1e3 * plain["seconds"],
                f"{part}_blocks": cached["blocks"],
                f"{part}_difference_over_distance_moved": far,
            }
            targets[f"upper {part}: at least {target} times faster an epoch"] = bool(ratio >= target)
            targets[f"upper {part}: equal weights (1e-4 of the distance moved)"] = far <= 1e-4
    benchmark.finish(figures=figures, targets=targets)


if __name__ == "__main__":
    main()
