"""Pretrain a small recogniser on synthesised speech, in one command that can be broken off and repeated.

    benchmarks/fetch --only sentiment       # the texts
    python examples/tiny_recogniser/make.py

Needs Debian's flite and espeak-ng, and `pip install crosstune[sound]`. Below runs/tiny-recogniser/,
speech goes to speech (FLAC, 8 kHz, with a manifest) and the run to run. The weights, at most 12 MB, go into
the pip package packages/crosstune-tiny-recogniser, whose model card says what it is.
"""

import argparse
import csv
import json
import shutil
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

import crosstune
from crosstune.core.files import replacing

from texts import clauses, draw
from untrained import write_untrained
from voices import RATE, manner, speak, telephone

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "packages" / "crosstune-tiny-recogniser" / "src" / "crosstune_tiny_recogniser" / "model"
SEED = 2026
UTTERANCES, HELD_OUT = 21_000, 300
"""Spoken in all, and of these for validation and test each: other draws of the same voices."""

AT_ONCE = 250
MOST_BYTES = 12_000_000


def utterance(number: int, pool: list[str], folder: Path) -> dict[str, str]:
    """Speak one text, or find it spoken; returns its row of the manifest."""
    random = np.random.default_rng([SEED, number])
    text, how = draw(pool, random), manner(random)
    name = f"{number:05d}.flac"
    if not (folder / name).exists():
        samples = telephone(speak(text, how), random)
        with replacing(folder / name) as temporary:
            soundfile.write(temporary, samples, RATE, format="FLAC", subtype="PCM_16")
    split = "validation" if number < HELD_OUT else "test" if number < 2 * HELD_OUT else "train"
    return {"path": name, "text": text, "voice": how.voice, "split": split}


def corpus(folder: Path, sentiment: Path, count: int) -> Path:
    """Speak everything, two processes at a time; returns the manifest, which is written last."""
    manifest = folder / "manifest.csv"
    if manifest.is_file():
        return manifest
    folder.mkdir(parents=True, exist_ok=True)
    pool, rows = clauses(sentiment), []
    with ProcessPoolExecutor() as processes:
        for start in range(0, count, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, count))
            rows += processes.map(partial(utterance, pool=pool, folder=folder), numbers, chunksize=10)
            print(f"{len(rows):,} of {count:,} utterances", flush=True)
    with replacing(manifest) as temporary, temporary.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return manifest


def trained(manifest: Path, folder: Path, budget: str) -> Path:
    """Train from random weights, or go on with a run that was broken off; returns the run directory."""
    run, start = folder / "run", folder / "untrained"
    if (run / "run.json").is_file():
        crosstune.resume(run)
        return run
    write_untrained(start, rate=RATE)
    crosstune.fit(
        manifest, task="automatic-speech-recognition", inputs=["path"], target="text", model=str(start),
        out=run, budget=budget, pretrained=False, epochs=40, lr=1.5e-3, batch_size=16, evals_per_epoch=1,
        warmup=0.1, sorta_grad=True, trials=0,
    )  # fmt: skip
    return run


def publish(run: Path, package: Path) -> None:
    """Copy what a transformers folder needs into the pip package; raises ``RuntimeError`` for a large one."""
    about = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    size = (run / "model" / "model.safetensors").stat().st_size
    if size > MOST_BYTES:
        raise RuntimeError(f"the weights have {size:,} bytes; at most {MOST_BYTES:,} are published")
    shutil.rmtree(package, ignore_errors=True)
    keep = (
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "tokenizer_config.json",
        "vocab.json",
    )
    package.mkdir(parents=True)
    for name in keep:
        if (run / "model" / name).is_file():
            shutil.copyfile(run / "model" / name, package / name)
    print(f"published {size:,} bytes; on synthesised speech: {about['test']['wer']}")


def main() -> None:
    """Speak, train, publish."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "tiny-recogniser")
    parser.add_argument("--sentiment", type=Path, default=ROOT / "benchmarks" / "data" / "sentiment")
    parser.add_argument("--utterances", type=int, default=UTTERANCES)
    parser.add_argument("--budget", default="75m", help="of the training")
    parser.add_argument("--package", type=Path, default=PACKAGE)
    options = parser.parse_args()
    manifest = corpus(options.work / "speech", options.sentiment, options.utterances)
    publish(trained(manifest, options.work, options.budget), options.package)


if __name__ == "__main__":
    main()
