"""From synthesised speech to a telephone: the tiny recogniser on real prompts, before and after tuning.

The English prompts of ``benchmarks/fetch --only prompts`` (one speaker, 8 kHz), split by prompt: half to
train and to validate, the other half to test. Tuned from ``package:tiny-recogniser``, which has heard only
synthesised voices, and from random weights of the same architecture, each with the same budget and three
seeds; the word error rate without any tuning stands beside them. Prompts with figures in their transcript
are left out on both sides: how they are read is not in the text.
"""

import csv
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import crosstune
from crosstune.core.files import read_json
from crosstune.evaluation.seeds import seeded
from crosstune.stages.untuned import NAME
from crosstune.tasks.recognition_metrics import recognition_metrics
from crosstune.tasks.transcripts import normalised

from common import Benchmark, data_folder
from sentiment import make_parser, markdown

MODEL, TASK = "package:tiny-recogniser", "automatic-speech-recognition"
SEEDS = (0, 1, 2)
ARMS: dict[str, dict[str, Any]] = {"pretrained": {}, "random": {"pretrained": False}}


def table(prompts: Path, path: Path, count: int | None) -> Path:
    """Write the prompts with a column ``split``: half of them ``test``, drawn once."""
    with (prompts / "en.csv").open(encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if not any(one.isdigit() for one in row["text"])]
    rows = random.Random(0).sample(rows, count or len(rows))  # noqa: S311 - a split, no secret
    for place, row in enumerate(rows):
        row["path"], row["split"] = str((prompts / row["path"]).resolve()), ("train", "test")[place % 2]
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def answers(run: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give what was said and what was recognised on the test split, in the order of the files."""
    found = pd.read_parquet(run / "predictions.parquet").sort_values("origin", kind="stable")
    said = [normalised(text, "plain") for text in found["target"]]
    return np.array(said, dtype=np.str_), found["text"].to_numpy(np.str_)


def main() -> None:
    """Tune both ways with three seeds each, and compare."""
    options = make_parser(__doc__, quick=40, budget="4m").parse_args()
    benchmark = Benchmark("telephone", __doc__, ["--quick"] if options.quick else [])
    rows: list[list[str]] = []
    figures: dict[str, Any] = {"budget": options.budget}
    heard: dict[str, list[NDArray[Any]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        data = table(data_folder("prompts"), folder / "prompts.csv", 40 if options.quick else None)
        for arm, more in ARMS.items():
            for seed in SEEDS[: 1 if options.quick else None]:
                run = folder / f"{arm}-{seed}"
                if not (run / "report.html").is_file():
                    with benchmark.timed(f"{arm}, seed {seed}"):
                        crosstune.fit(
                            data, task=TASK, inputs=["path"], target="text", model=MODEL, seed=seed,
                            budget="30s" if options.quick else options.budget, out=run, **more,
                        )  # fmt: skip
                said, found = answers(run)
                heard.setdefault(arm, []).append(found)
                if arm == "pretrained" and seed == SEEDS[0]:
                    figures["without tuning"] = read_json(run / "metrics.json")["baselines"][NAME]["wer"]
    for name in ("wer", "cer"):
        spec = recognition_metrics()[name]
        for arm, found in heard.items():
            metric, each = seeded(spec, found, said)
            figures[f"{name}, {arm}"] = [metric.value, metric.low, metric.high]
            cells = [f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})"]
            rows.append([name, arm, *cells, " ".join(f"{value:.3f}" for value in each)])
        gain, _ = seeded(spec, heard["pretrained"], said, theirs=heard["random"])
        figures[f"{name}, pretrained is better by"] = [gain.value, gain.low, gain.high]
    print(f"\n{markdown(['metric', 'start', 'test', 'each seed'], rows)}\n")
    better = figures["wer, pretrained is better by"][1] > 0
    targets = {} if options.quick else {"tuned from pretrained beats random start": better}
    benchmark.finish(figures=figures, targets=targets)


if __name__ == "__main__":
    main()
