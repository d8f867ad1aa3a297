"""Sorting spoken prompts: by language, and digits from letters from words of the phonetic alphabet.

Telephone prompts of ``benchmarks/fetch --only prompts``, one speaker for each language. ``languages``: 20
clips of each of five languages to train, of at least 0.8 s, the rest to test; recordings that languages share
are left out. ``kinds``: of the English clips half of each folder to train. ``kinds-five``: the same of all
five languages, five voices, as 92 English clips to test cannot tell much. To beat: a mean spectrum with a
linear model, which knows voices and lines rather well.
"""

import hashlib
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import soundfile

from crosstune.core.files import read_json

from common import Benchmark, data_folder

LANGUAGES = ("en", "es", "fr", "it", "ru")
KINDS = ("digits", "letters", "phonetic")
EACH, SHORTEST = 20, 0.8
BASELINE = "mean spectrum + linear"


def languages(prompts: Path) -> dict[str, list[Path]]:
    """List the clips of each language that no other shares."""
    found = {
        one: [
            path
            for path in sorted((prompts / one).rglob("*.wav"))
            if "silence" not in path.parts and soundfile.info(path).duration >= SHORTEST
        ]
        for one in LANGUAGES
    }
    return unshared(found)


def kinds(prompts: Path) -> dict[str, list[Path]]:
    """List the English clips of each kind."""
    return {one: sorted((prompts / "en" / one).glob("*.wav")) for one in KINDS}


def kinds_five(prompts: Path) -> dict[str, list[Path]]:
    """List the clips of each kind in all languages, but no recording that occurs twice."""
    return unshared(
        {
            kind: sorted(path for one in LANGUAGES for path in (prompts / one / kind).glob("*.wav"))
            for kind in KINDS
        }
    )


def unshared(found: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """Leave out every recording of which there are copies."""
    counts = Counter(_digest(path) for paths in found.values() for path in paths)
    return {one: [path for path in paths if counts[_digest(path)] == 1] for one, paths in found.items()}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def class_folders(folder: Path, found: dict[str, list[Path]], each: int | None) -> Path:
    """Link clips as class folders, ``each`` of a class to train or half of them, the rest to test."""
    for name, paths in found.items():
        drawn = random.Random(0).sample(paths, len(paths))  # noqa: S311 - a split, no secret
        count = each or len(drawn) // 2
        for split, part in (("train", drawn[:count]), ("test", drawn[count:])):
            place = folder / split / name
            place.mkdir(parents=True)
            for path in part:
                (place / "-".join((*path.parts[-3:-1], path.name))).symlink_to(path.resolve())
    return folder


SETS = {"languages": (languages, EACH), "kinds": (kinds, None), "kinds-five": (kinds_five, None)}


def main() -> None:
    """Fit the sets with a budget of three minutes each."""
    benchmark = Benchmark("spoken", __doc__)
    prompts = data_folder("prompts")
    figures: dict[str, object] = {}
    targets: dict[str, bool] = {}
    for name, (find, each) in list(SETS.items())[: 1 if benchmark.quick else None]:
        with tempfile.TemporaryDirectory() as temporary, benchmark.timed(name):
            folder = Path(temporary)
            data = class_folders(folder / "data", find(prompts), each)
            command = [sys.executable, "-m", "crosstune", "fit", str(data), "--out", str(folder / "run")]
            subprocess.run([*command, "--budget", "60s" if benchmark.quick else "3m"], check=True)
            found = read_json(folder / "run" / "metrics.json")
            shipped = read_json(folder / "run" / "summary.json")["shipped"]
        ours, theirs = found["test"]["accuracy"], found["baselines"][BASELINE]["accuracy"]
        figures[name] = {"accuracy": ours, BASELINE: theirs, "shipped": shipped}
        targets[f"{name}: better than a mean spectrum with a linear model"] = ours["low"] > theirs["high"]
    benchmark.finish(figures=figures, targets=targets)


if __name__ == "__main__":
    main()
