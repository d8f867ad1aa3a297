"""What full fine-tuning, LoRA, LP-FT and a point between LP-FT and its start forget, on pictures and texts.

Pictures: 2,000 of Fashion-MNIST (1,000 test), EfficientNet-lite0 at 64 px. Texts: ratings of 2,100 tweets,
half of them test, MiniLM. Three epochs each, no budget, every setting but the strategy by the rules. Each row
is one ``fit``: its test figure with its interval, and what it says was forgotten. The interpolated row is
LP-FT with ``keep_at_least`` at half of what LP-FT itself lost: the same training again, and another point of
its line ships.

Judged: that point recovers at least half of the probe drop of LP-FT at no more than 0.5 points of the test
metric. Rows are kept in ``benchmarks/forgetting.csv``; those that are there are not made again (delete the
file to begin afresh). The figure is ``benchmarks/forgetting.svg``. Needs ``benchmarks/fetch`` and the extra
``peft``.
"""

import csv
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from crosstune import pipeline
from crosstune.core.files import read_json, write_text
from crosstune.core.forgetting import Forgetting
from crosstune.options import FitOptions
from crosstune.reports.live import make_reporter
from crosstune.reports.svg import Frame, dot, padded, path, square, tag

from common import Benchmark, data_folder, fashion_mnist

HERE = Path(__file__).resolve().parent
METHODS = ("full", "lora", "lp-ft", "interpolated")
POINTS, RECOVERED = 0.005, 0.5
"""Of the task's metric, and of the probe drop: what the interpolation may cost, and must bring back."""
NAMES = (
    "set", "method", "metric", "value", "low", "high", "validation", "kept", "drop", "worst_set",
    "worst_drop", "alignment", "change", "divergence", "alpha", "shipped", "seconds", "probes", "line",
)  # fmt: skip
"""Columns. ``alignment`` is the CKA of the last block on unrelated sets, ``change`` the mean over blocks,
``kept`` and ``drop`` are means over the unrelated sets."""
WORDS = ("set", "method", "metric", "worst_set", "shipped", "probes", "line")
"""Columns that hold no number."""
HEADS = (
    "set", "method", "test figure (95 % interval)", "kept", "mean drop", "largest drop", "CKA, last block",
    "weight change", "KL (nats)", "alpha", "s",
)  # fmt: skip
STYLE = (
    "text{font:11px sans-serif;fill:#333}.right,.end{text-anchor:end}.middle{text-anchor:middle}"
    ".grid{stroke:#ddd}.axis{stroke:#888}.line{fill:none;stroke:#888}.whisker{stroke:#888;fill:none}"
    ".s0{fill:#0a6ebd}.s1{fill:#c2570c}.s2{fill:#2e7d32}.s3{fill:#7b1fa2}path.line{fill:none}"
)

Row = dict[str, Any]


def fit_one(data: Path, common: dict[str, Any], method: str, share: float | None) -> Row:
    """Carry one fit out and read its row from the run directory."""
    strategy = "lp-ft" if method == "interpolated" else method
    with tempfile.TemporaryDirectory() as name:
        asked = {**common, "strategy": strategy, "keep_at_least": share}
        run = pipeline.fit(
            FitOptions(data=data, budget="none", trials=0, out=Path(name) / "run", **asked),
            reporter=make_reporter(),
        )
        about, plan = (
            read_json(run.summary),
            {row["setting"]: row["value"] for row in read_json(run.plan)["decisions"]},
        )
    found, metric = Forgetting.from_json(about["forgetting"]), about["primary_metric"]
    drops = {one.name: one.drop.value for one in found.probes}
    worst = max(drops, key=lambda one: drops[one], default="")
    changes = [one.change for one in found.blocks]
    return {
        "method": method, "metric": metric, **about["test"][metric],
        "validation": about["validation"][metric]["value"],
        "kept": found.kept, "drop": sum(drops.values()) / max(1, len(drops)), "worst_set": worst,
        "worst_drop": drops.get(worst, 0.0), "alignment": found.blocks[-1].alignment if found.blocks else 1.0,
        "change": sum(changes) / max(1, len(changes)),
        "divergence": found.divergence.value if found.divergence else None, "alpha": plan.get("alpha", 1.0),
        "shipped": about["shipped"], "seconds": about["seconds"]["total"],
        "probes": json.dumps({one.name: [one.before.value, one.after.value] for one in found.probes}),
        "line": json.dumps([[one.alpha, one.metric.value, one.kept] for one in found.line]),
    }  # fmt: skip


def read_rows(file: Path) -> list[Row]:
    """Read the rows that were made before."""
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as handle:
        return [
            {
                name: (float(text) if text else None) if name not in WORDS else text
                for name, text in row.items()
            }
            for row in csv.DictReader(handle)
        ]


def keep(file: Path, row: Row) -> None:
    """Add one row to the file."""
    fresh = not file.is_file()
    with file.open("a", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, NAMES)
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def sought_share(rows: Sequence[Row]) -> float:
    """Give the share that brings back half of what LP-FT lost, by the end of its line."""
    ends = json.loads(next(row["line"] for row in rows if row["method"] == "lp-ft"))
    kept = next(kept for alpha, _, kept in ends if alpha == 1.0)
    return min(1.0, (1.0 + kept) / 2) if kept < 1.0 else 1.0


def judge(rows: Sequence[Row]) -> dict[str, Any]:
    """Hold the interpolated row of one set against that of LP-FT."""
    by_method = {row["method"]: row for row in rows}
    end, point = by_method["lp-ft"], by_method["interpolated"]
    lost = 1.0 - end["kept"]
    recovered = (point["kept"] - end["kept"]) / lost if lost > 0 else None
    cost = end["value"] - point["value"]
    return {"lost": lost, "recovered": recovered, "cost": cost,
            "holds": recovered is not None and recovered >= RECOVERED and cost <= POINTS}  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Write the rows as Markdown."""
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    for row in rows:
        kl = "" if row["divergence"] is None else f"{row['divergence']:.3f}"
        cells = (
            row["set"], row["method"],
            f"{row['metric']} {row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})",
            f"{row['kept']:.3f}", f"{row['drop']:.3f}", f"{row['worst_drop']:.3f}, {row['worst_set']}",
            f"{row['alignment']:.3f}", f"{row['change']:.3f}", kl,
            f"{row['alpha']:g}", f"{row['seconds']:.0f}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def figure(rows: Sequence[Row]) -> Markup:
    """Draw the test figure over what is kept, a panel a set; the grey line is LP-FT's own, on validation."""
    panels: list[Markup] = [tag("style", Markup(STYLE))]  # noqa: S704 - our own
    for place, name in enumerate(dict.fromkeys(row["set"] for row in rows)):
        some = [row for row in rows if row["set"] == name]
        line = [
            (kept, score)
            for row in some
            if row["method"] == "lp-ft"
            for _, score, kept in json.loads(row["line"])
        ]
        frame = Frame(
            x=padded([*(row["kept"] for row in some), *(kept for kept, _ in line)]),
            y=padded([end for row in some for end in (row["low"], row["high"])]),
            x_title="share of the probes' accuracy that is kept", y_title=f"{name}: {some[0]['metric']}",
            top=26.0,
        )  # fmt: skip
        inside = [(kept, score) for kept, score in line if frame.y[0] <= score <= frame.y[1]]
        marks = [path(frame, inside, "line")]
        for row in some:
            style, at = f"s{METHODS.index(row['method'])}", (row["kept"], row["value"])
            marks.append(path(frame, [(at[0], row["low"]), (at[0], row["high"])], "whisker"))
            hint = f"{row['method']}: {row['value']:.3f}, {row['kept']:.3f} kept"
            marks.append((square if row["method"] == "interpolated" else dot)(frame, at, style, 4.0, hint))
            beside = {"x": frame.across(at[0]) + 6, "y": frame.down(at[1]) - 4}
            marks.append(tag("text", row["method"], **beside))
        drawn = frame.draw(f"{name}: test figure over the share kept", *marks)
        panels.append(tag("svg", drawn, x=360.0 * place, width=340.0, height=225.0))
    around = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": "0 0 720 230", "role": "img"}
    return tag("svg", *panels, **around)


def main() -> None:
    """Make the missing rows, print the table, draw the figure, judge."""
    benchmark = Benchmark("forgetting", __doc__)
    quick = benchmark.quick
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) if quick else HERE
        file = out / "forgetting.csv"
        counts = {"train": 200, "test": 100} if quick else {"train": 2_000, "test": 1_000}
        photos, _ = fashion_mnist(Path(name) / "photos", **counts)
        tweets = data_folder("sentiment") / "tweets"
        if quick:
            tweets = few_rows(tweets, Path(name) / "tweets", 150)
        epochs = 1 if quick else 3
        sets = {
            "fashion-mnist": (
                photos,
                {"model": "package:efficientnet-lite0", "image_size": 64, "epochs": epochs},
            ),
            "tweets": (
                tweets,
                {"model": "package:minilm", "target": "rating", "inputs": "text", "epochs": epochs},
            ),
        }
        for one, (data, common) in sets.items():
            for method in METHODS:
                mine = [row for row in read_rows(file) if row["set"] == one]
                if method in {row["method"] for row in mine}:
                    continue
                share = sought_share(mine) if method == "interpolated" else None
                with benchmark.timed(f"{one}, {method}"):
                    keep(file, {"set": one, **fit_one(data, common, method, share)})
        rows = read_rows(file)
        write_text(out / "forgetting.svg", str(figure(rows)))
    print(table(rows))
    found = {one: judge([row for row in rows if row["set"] == one]) for one in sets}
    benchmark.finish(
        figures={f"{one}/{key}": value for one, held in found.items() for key, value in held.items()},
        targets={f"{one}: half of the drop for 0.5 points": held["holds"] for one, held in found.items()},
    )


def few_rows(source: Path, folder: Path, rows: int) -> Path:
    """Copy the first rows of the tables of a folder."""
    folder.mkdir(parents=True)
    for file in source.glob("*.csv"):
        with file.open(newline="", encoding="utf-8") as handle:
            reader = csv.DictReader(handle)
            some = [row for _, row in zip(range(rows), reader, strict=False)]
        with (folder / file.name).open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(some[0]))
            writer.writeheader()
            writer.writerows(some)
    return folder


if __name__ == "__main__":
    main()
