"""The cross-domain table of the VADER paper (Hutto and Gilbert 2014): MiniLM tuned on each of four domains.

Half of each domain trains, half tests; a model that was tuned on one domain is tested on all four. Two
routes: ``ratings`` is a regression on the mean rating, cut into the paper's three classes; ``classes`` is a
classification with these classes as targets. Ratings are cut
at two points chosen on the validation rows of the domain trained on; figures with the paper's own points,
-0.05 and 0.05, stand beside them as ``... (paper's points)``.

Prints every cell beside the paper's, and writes ``sentiment_domains.json`` and ``sentiment_domains.csv``
(trained_on, tested_on, metric, value) here.

Minutes of a whole run: (budget + 2) x 4 domains x routes.
"""

import argparse
import csv
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import crosstune as library
from crosstune.core.files import read_json

from common import Benchmark
from sentiment import (
    CLASSES,
    DOMAINS,
    NEUTRAL,
    Text,
    classes,
    crosstune,
    cut_points,
    f1,
    figures,
    make_parser,
    markdown,
    parts,
    write,
)  # fmt: skip

PAPER = {
    "VADER": (0.96, 0.61, 0.63, 0.55),
    "tweets": (0.84, 0.56, 0.58, 0.46),
    "movies": (0.56, 0.75, 0.51, 0.45),
    "products": (0.69, 0.55, 0.61, 0.48),
    "editorials": (0.59, 0.56, 0.51, 0.50),
}
"""Three-class F1 by domain tested on: VADER, and the best machine-trained model by what it was trained on."""
RATERS = (0.888, 0.899, 0.911, 0.745)
"""Pearson correlation of single human raters with the mean, by domain."""

ROUTES = ("ratings", "classes")
GOALS = {"ratings": ("rating", "text-regression"), "classes": ("feeling", "text-classification")}
MODEL = "package:minilm"
QUICK = 160

Figures = dict[str, tuple[float, float, float]]
Cells = dict[str, dict[str, Figures]]
"""By trained on, then tested on."""


def tune(
    route: str, domain: str, folder: Path, options: argparse.Namespace
) -> tuple[Path, dict[str, list[Text]]]:
    """Tune on one domain; returns the run and its parts. A run that is there already is used again."""
    found = parts(domain, QUICK if options.quick else None)
    data, run = folder / "data" / domain, folder / route / domain
    for part, rows in found.items():
        write(data / f"{part}.csv", rows)
    if not (run / "report.html").is_file():
        target, task = GOALS[route]
        words: list[str | Path] = ["fit", data, "--inputs", "text", "--target", target, "--task", task]
        words += ["--model", MODEL, "--budget", options.budget, "--out", run]
        for pair in options.sets:
            words += ["--set", pair]
        crosstune(*words)
    return run, found


def answer(run: Path, files: list[Path]) -> list[list[dict[str, Any]]]:
    """Predict the rows of several files with one model."""
    counts = []
    for path in files:
        with path.open(newline="", encoding="utf-8") as handle:
            counts.append(sum(1 for _ in csv.DictReader(handle)))
    rows = iter(library.predict(run, [str(path) for path in files]))
    return [[next(rows) for _ in range(count)] for count in counts]


def measured(
    route: str, rows: list[Text], answers: list[dict[str, Any]], points: tuple[float, float]
) -> Figures:
    """Give the figures of one cell; ``points`` are those chosen on validation, for ratings."""
    ratings = np.array([one.rating for one in rows])
    if route == "ratings":
        values = np.array([float(one["value"]) for one in answers])
        fixed = figures(ratings, classes(values, -NEUTRAL, NEUTRAL))
        found = figures(ratings, classes(values, *points), values)
        return found | {f"{metric} (paper's points)": one for metric, one in fixed.items()}
    return figures(ratings, np.array([CLASSES.index(one["label"]) for one in answers]))


def on_validation(
    route: str, rows: list[Text], answers: list[dict[str, Any]]
) -> tuple[float, tuple[float, float]]:
    """Choose the cut points, and give the weighted F1 on validation."""
    ratings, points = np.array([one.rating for one in rows]), (-NEUTRAL, NEUTRAL)
    if route == "ratings":
        values = np.array([float(one["value"]) for one in answers])
        points = cut_points(ratings, values)
        return f1(classes(ratings), classes(values, *points))[0], points
    return f1(classes(ratings), np.array([CLASSES.index(one["label"]) for one in answers]))[0], points


def table(cells: Cells, metric: str) -> str:
    """Write one metric of all cells beside the paper's."""
    rows = []
    for name, paper in PAPER.items():
        if name not in cells:
            rows.append([name, *(f"paper {one:.2f}" for one in paper)])
            continue
        row = []
        for column, tested in enumerate(DOMAINS):
            value, low, high = cells[name][tested][metric]
            mark = "**" if value > paper[column] else ""
            row.append(f"{mark}{value:.3f}{mark} ({low:.3f} to {high:.3f}), paper {paper[column]:.2f}")
        rows.append([f"trained on {name}", *row])
    return markdown(["three-class F1", *DOMAINS], rows)


def pearsons(cells: Cells) -> str:
    """Write the correlations beside those of single human raters."""
    rows = [["single human raters (paper)", *(f"{one:.3f}" for one in RATERS)]]
    for name in cells:
        found = [cells[name][tested]["pearson"] for tested in DOMAINS]
        rows.append(
            [f"trained on {name}", *(f"{value:.3f} ({low:.3f} to {high:.3f})" for value, low, high in found)]
        )
    return markdown(["Pearson correlation", *DOMAINS], rows)


def targets(cells: Cells, metric: str) -> dict[str, bool]:
    """Hold every cell against the paper's best machine-trained model, and against VADER outside tweets."""
    held = {}
    for name in cells:
        for column, tested in enumerate(DOMAINS):
            value = cells[name][tested][metric][0]
            held[f"{metric}: {name} on {tested} > {PAPER[name][column]} (paper)"] = (
                value > PAPER[name][column]
            )
            if tested != "tweets":
                vader = PAPER["VADER"][column]
                held[f"{metric}: {name} on {tested} > {vader} (VADER)"] = value > vader
    return held


def write_out(all_cells: dict[str, Cells], about: dict[str, Any], folder: Path) -> None:
    """Write JSON with everything, and CSV with the values; names of the second route's metrics say so."""
    with (folder / "sentiment_domains.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["trained_on", "tested_on", "metric", "value"])
        for route, cells in all_cells.items():
            for trained, row in cells.items():
                for tested, found in row.items():
                    for metric, (value, *_) in found.items():
                        name = metric if route == next(iter(all_cells)) else f"{metric} ({route})"
                        writer.writerow([trained, tested, name, f"{value:.4f}"])
    text = json.dumps({**about, "paper": PAPER, "raters": RATERS, "cells": all_cells}, indent=1)
    (folder / "sentiment_domains.json").write_text(text + "\n", encoding="utf-8")


def one_route(route: str, folder: Path, options: argparse.Namespace, about: dict[str, Any]) -> Cells:
    """Tune and test on all domains."""
    cells: Cells = {}
    tested = {domain: parts(domain, QUICK if options.quick else None)["test"] for domain in DOMAINS}
    for domain in DOMAINS:
        write(folder / "tests" / f"{domain}.csv", tested[domain])
    for domain in DOMAINS:
        run, found = tune(route, domain, folder, options)
        files = [
            folder / "data" / domain / "validation.csv",
            *(folder / "tests" / f"{one}.csv" for one in DOMAINS),
        ]
        held_out, *answers = answer(run, files)
        shipped = read_json(run / "summary.json")["shipped"]
        value, points = on_validation(route, found["validation"], held_out)
        if shipped.startswith("closed-form"):  # fitted on the validation rows too, which then decide nothing
            value, points = None, (-NEUTRAL, NEUTRAL)
        about.setdefault("runs", {})[f"{route}, {domain}"] = {
            "shipped": shipped, "cut_points": points, "weighted_f1_on_validation": value,
            "rows": {part: len(rows) for part, rows in found.items()},
        }  # fmt: skip
        cells[domain] = {
            name: measured(route, tested[name], given, points)
            for name, given in zip(DOMAINS, answers, strict=True)
        }
        print(f"{route}, {domain}: {shipped}; cut points {points}", flush=True)
    return cells


def main() -> None:
    """Make the table."""
    parser = make_parser(__doc__, quick=QUICK, budget="5m")
    parser.add_argument("--routes", default=",".join(ROUTES), help="ratings, classes, or both with a comma")
    options = parser.parse_args()
    benchmark = Benchmark("sentiment_domains", __doc__, ["--quick"] if options.quick else [])
    if options.quick:
        options.sets += ["strategy=closed-form", "trials=0"]
        options.routes = ROUTES[0]
    if wrong := [route for route in options.routes.split(",") if route not in ROUTES]:
        sys.exit(f"no route {', '.join(wrong)}: name {' or '.join(ROUTES)}")
    about: dict[str, Any] = {"budget": options.budget, "sets": options.sets, "quick": options.quick}
    every: dict[str, Cells] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.work or Path(temporary)
        for route in options.routes.split(","):
            with benchmark.timed(route):
                every[route] = one_route(route, folder, options, about)
        out = Path(temporary) if options.quick else options.out
        write_out(every, about, out)
    for route, cells in every.items():
        for metric in (one for one in next(iter(cells.values()))[DOMAINS[0]] if one != "pearson"):
            print(f"\n{route}, {metric}\n\n{table(cells, metric)}\n")
        if route == "ratings":
            print(f"\n{pearsons(cells)}\n")
    main_route = next(iter(every))
    held = {} if options.quick else targets(every[main_route], "weighted-f1")
    benchmark.finish(figures=every, targets=held)


if __name__ == "__main__":
    main()
