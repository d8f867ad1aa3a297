"""Leave one domain out, on the four sentiment domains: what the plan chose against plain fine-tuning.

Each domain in turn is held out: the training halves of the other three are tuned on, and the test half of
the one that was held out is answered. ``plan`` is ``crosstune fit`` with no option but the budget; ``plain``
is full fine-tuning by the rules (``strategy=full trials=0``), the usual thing; ``--arm`` adds others. In the
domain (the test halves of the other three) and out of it: Pearson's r with intervals, the paired difference.

Minutes of a whole run: (budget + 2) x 4 domains x arms.
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crosstune.core.files import read_json

from common import Benchmark
from sentiment import (
    DOMAINS,
    RESAMPLES,
    Floats,
    classes,
    crosstune,
    f1,
    make_parser,
    markdown,
    parts,
    pearson,
)  # fmt: skip

MODEL = "package:minilm"
QUICK = 120

ARMS: dict[str, tuple[str, ...]] = {"plan": (), "plain": ("strategy=full", "trials=0")}
"""Name to what is set."""


def write_table(held_out: str, path: Path, most: int | None) -> Path:
    """Write train, validation and test of three domains and the test half of the fourth, as one table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["text", "rating", "domain", "split"])
        for domain in DOMAINS:
            for split, rows in parts(domain, most).items():
                if domain != held_out or split == "test":
                    writer.writerows([one.text, one.rating, domain, split] for one in rows)
    return path


def tune(arm: str, held_out: str, folder: Path, options: argparse.Namespace) -> Path:
    """Fit one arm; a run that is there already is used again."""
    run = folder / arm / held_out
    if (run / "report.html").is_file():
        return run
    data = write_table(held_out, folder / "data" / f"{held_out}.csv", QUICK if options.quick else None)
    words: list[str | Path] = [
        "fit",
        data,
        "--inputs",
        "text",
        "--target",
        "rating",
        "--task",
        "text-regression",
    ]
    words += ["--domain", "domain", "--held-out-domain", held_out, "--model", MODEL]
    words += ["--budget", options.budget, "--out", run]
    for pair in (*options.arms[arm], *options.sets):
        words += ["--set", pair]
    crosstune(*words)
    return run


def answers(run: Path, name: str) -> tuple[Floats, Floats]:
    """Give true and predicted ratings of ``predictions.parquet`` or the one out of domain."""
    table = pd.read_parquet(run / f"{name}.parquet").sort_values("origin", kind="stable")
    return table["target"].to_numpy(float), table["value"].to_numpy(float)


def interval(draws: list[float]) -> tuple[float, float]:
    """Give the 95 % percentile interval."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def paired(truth: Floats, ours: Floats, theirs: Floats) -> tuple[float, float, float]:
    """Give how much better ``ours`` correlates than ``theirs`` on the same rows, with its interval."""
    draw, count = np.random.default_rng(0), len(truth)
    draws = []
    for _ in range(RESAMPLES):
        rows = draw.integers(0, count, count)
        draws.append(pearson(truth[rows], ours[rows]) - pearson(truth[rows], theirs[rows]))
    return (pearson(truth, ours) - pearson(truth, theirs), *interval(draws))


def row(run: Path) -> dict[str, Any]:
    """Give the figures of one run, in the domain and out of it."""
    found, summary = read_json(run / "metrics.json"), read_json(run / "summary.json")
    truth, values = answers(run, "predictions-out-of-domain")
    weighted, macro = f1(classes(truth), classes(values))
    return {
        "shipped": summary["shipped"],
        "in domain": found["test"]["pearson"],
        "out of domain": found["out_of_domain"]["metrics"]["pearson"],
        "worst domain of test": found["domains"]["worst"]["test"]["pearson"],
        "out of domain, weighted F1": weighted,
        "out of domain, macro F1": macro,
        "seconds": found["seconds"]["total"],
    }


def compare(
    folder: Path, arms: Mapping[str, Any], domains: Sequence[str] = DOMAINS
) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Give, by domain, how much better the first arm is than each other one out of domain."""
    first, *others = arms
    found: dict[str, dict[str, tuple[float, float, float]]] = {}
    for domain in domains:
        truth, ours = answers(folder / first / domain, "predictions-out-of-domain")
        for other in others:
            _, theirs = answers(folder / other / domain, "predictions-out-of-domain")
            found.setdefault(domain, {})[other] = paired(truth, ours, theirs)
    return found


def table(rows: Mapping[str, Mapping[str, Any]], differences: Mapping[str, Mapping[str, Any]]) -> str:
    """Write a line for each domain and arm."""
    lines = []
    for domain in rows:
        for arm, found in rows[domain].items():
            shown = [f"{found[key]['value']:.3f} ({found[key]['low']:.3f} to {found[key]['high']:.3f})"
                     for key in ("in domain", "out of domain")]  # fmt: skip
            difference = differences.get(domain, {}).get(arm)
            against = "" if difference is None else "{:+.3f} ({:+.3f} to {:+.3f})".format(*difference)
            lines.append([domain, arm, found["shipped"], *shown, against])
    heads = [
        "held out",
        "arm",
        "shipped",
        "Pearson in domain",
        "Pearson out of domain",
        "the plan is better by",
    ]
    return markdown(heads, lines)


def main() -> None:
    """Leave each domain out."""
    parser = make_parser(__doc__, quick=QUICK, budget="6m")
    parser.add_argument("--arm", action="append", default=[], help="NAME:KEY=VALUE,KEY=VALUE, another arm")
    options = parser.parse_args()
    options.arms = {**ARMS}
    for text in options.arm:
        name, _, pairs = text.partition(":")
        options.arms[name] = tuple(pairs.split(","))
    benchmark = Benchmark("held_out_domain", __doc__, ["--quick"] if options.quick else [])
    if options.quick:
        options.arms = {
            "plan": ("strategy=closed-form", "trials=0"),
            "head": ("strategy=closed-form", "features=head"),
        }
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.work or Path(temporary)
        rows: dict[str, dict[str, Any]] = {}
        domains = DOMAINS[:1] if options.quick else DOMAINS
        for domain in domains:
            for arm in options.arms:
                with benchmark.timed(f"{arm} without {domain}"):
                    rows.setdefault(domain, {})[arm] = row(tune(arm, domain, folder, options))
        differences = compare(folder, options.arms, domains)
        out = Path(temporary) if options.quick else options.out
        about = {"budget": options.budget, "arms": options.arms, "sets": options.sets}
        text = json.dumps({**about, "rows": rows, "plan_is_better_by": differences}, indent=1)
        (out / "held_out_domain.json").write_text(text + "\n", encoding="utf-8")
    print(f"\n{table(rows, differences)}\n")
    held = {}
    if not options.quick:
        for domain, found in differences.items():
            held[f"plan out of domain on {domain}: not clearly worse than plain"] = found["plain"][2] >= 0
    benchmark.finish(figures={"rows": rows, "plan_is_better_by": differences}, targets=held)


if __name__ == "__main__":
    main()
