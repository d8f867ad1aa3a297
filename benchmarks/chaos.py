"""Kill a whole run at hundreds of moments, take it up, and compare; then damage its newest checkpoint.

    python benchmarks/chaos.py [--kills 200] [--out chaos.json]

Runs are tiny (90 texts, a BERT of two layers), so that what is tested is the order of file events and not the
arithmetic. Printed: a table of stage by outcome, for RESULTS.md. A run *diverges* when its weights,
predictions, metrics, plan, history or evidence differ from those of the run without a break in anything but
seconds.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import pytest
import torch

from tests.stages import test_resume as runs
from tests.support.chaos import forked
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir
from tests.training.test_checkpoints import TAMPERING

CASES: dict[str, dict[str, Any]] = {
    "full and a soup": {},
    "last block on a cache, two workers": {
        "strategy": "last", "cache": "on", "workers": 2, "average": "none",
    },
    "lp-ft, bf16, accumulation, a moving average": {
        "strategy": "lp-ft", "precision": "bf16", "micro_batch": 4, "average": "ema",
    },
}  # fmt: skip


def stage_of(events: Sequence[str], moment: int) -> str:
    """Name the stage that an event belongs to, by the last milestone before it."""
    milestones = (
        ("os.rename .tuned.json", "ship, evaluate, report"),
        ("os.rename model", "between the renames of model/"),
        ("os.rename .choices.json", "training and its checkpoints"),
        ("os.rename .plan.json", "setting training up"),
        ("os.rename .heads.json", "closed-form heads, model/"),
        ("os.rename .opened.json", "frozen pass, heads"),
    )
    for milestone, name in milestones:
        if any(event.startswith(milestone) for event in events[:moment]):
            return name
    return "read, check, open"


def kills(place: Path, scratch: Path, name: str, count: int) -> list[dict[str, Any]]:
    """Kill one kind of run at ``count`` moments; one row for each."""
    values = CASES[name]
    whole = runs.fit_child(place, scratch, "whole", **values)
    if whole.code != 0:
        raise RuntimeError(whole.error)
    expected = runs.outcome(scratch / "whole" / "run")
    rows = []
    for moment in runs.moments(whole.events, count):
        folder = f"killed-{moment}"
        killed = runs.fit_child(place, scratch, folder, moment, **values).killed
        row = {"case": name, "moment": moment, "event": whole.events[moment],
               "stage": stage_of(whole.events, moment), "killed": killed}  # fmt: skip
        if (scratch / folder / "run" / "run.json").exists():
            row |= taken_up(scratch, folder, expected)
        else:
            row["outcome"] = "nothing begun"
        rows.append(row)
        shutil.rmtree(scratch / folder)
        print(json.dumps(row), flush=True)
    shutil.rmtree(scratch / "whole")
    return rows


def taken_up(scratch: Path, folder: str, expected: dict[str, str]) -> dict[str, Any]:
    """Resume and compare."""
    began = time.monotonic()
    again = runs.resume_child(scratch, folder)
    if again.code != 0:
        return {"outcome": "failed to resume", "error": again.error[-2000:]}
    found = runs.outcome(scratch / folder / "run")
    differing = [key for key, value in expected.items() if found.get(key) != value]
    seconds = round(time.monotonic() - began, 2)
    return {"outcome": "diverged" if differing else "equal", "differing": differing, "seconds": seconds}


def tampering(place: Path, scratch: Path) -> list[dict[str, Any]]:
    """Kill a run in the last step of its training, damage each file of its newest checkpoint, resume."""
    whole = runs.fit_child(place, scratch, "whole")
    expected = runs.outcome(scratch / "whole" / "run")
    saves = [i for i, event in enumerate(whole.events) if event.startswith("os.rename .tmp-step-")]
    moment = saves[-2] + 2
    rows = []
    runs.fit_child(place, scratch, "damaged", moment)
    original = scratch / "original"
    shutil.move(scratch / "damaged", original)
    newest = max((original / "run" / "work" / "checkpoints").glob("step-*")).name
    for file in sorted(path.name for path in (original / "run" / "work" / "checkpoints" / newest).iterdir()):
        for how, harm in TAMPERING.items():
            shutil.copytree(original, scratch / "damaged")
            harm(scratch / "damaged" / "run" / "work" / "checkpoints" / newest / file)
            row = {"file": file, "how": how, **taken_up(scratch, "damaged", expected)}
            log = scratch / "damaged" / "run" / "run.log"
            row["said"] = "is damaged" in (log.read_text() if log.exists() else "")
            rows.append(row)
            print(json.dumps(row), flush=True)
            shutil.rmtree(scratch / "damaged")
    return rows


def table(rows: list[dict[str, Any]], key: Callable[[dict[str, Any]], str], head: str) -> str:
    """Lay rows out as Markdown: kinds of outcome by ``key``."""
    outcomes = ("equal", "nothing begun", "diverged", "failed to resume")
    counts = Counter((key(row), row["outcome"]) for row in rows)
    lines = [f"| {head} | {' | '.join(outcomes)} |", "|---|" + "---|" * len(outcomes)]
    lines += [
        f"| {name} | " + " | ".join(str(counts[name, one]) for one in outcomes) + " |"
        for name in dict.fromkeys(map(key, rows))
    ]
    return "\n".join(lines)


def main() -> None:
    """Kill, damage, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="over all kinds of runs")
    parser.add_argument("--out", type=Path, default=Path("chaos.json"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    patch = pytest.MonkeyPatch()
    runs.steady(patch)
    with tempfile.TemporaryDirectory(prefix="crosstune-chaos-") as name:
        place = Path(name)
        write_texts(place / "texts.csv", 90)
        tiny_bert_dir(place / "bert", layers=2)
        os.environ["CROSSTUNE_CACHE"] = str(place / "warm-cache")
        forked(lambda: None, place, under=place)
        for case in CASES.values():  # import once, in the parent
            runs.pipeline.fit(runs.options(place, place / f"warm-{id(case)}", **case), reporter=runs.Silent())
        rows = [row for case in CASES for row in kills(place, place, case, asked.kills // len(CASES))]
        damaged = tampering(place, place)
    asked.out.write_text(json.dumps({"kills": rows, "tampering": damaged}, indent=1) + "\n")
    print(f"\n{table(rows, lambda row: row['stage'], 'killed during')}\n")
    print(f"{table(rows, lambda row: row['case'], 'run')}\n")
    print(f"{table(damaged, lambda row: row['how'], 'every file of the newest checkpoint')}\n")


if __name__ == "__main__":
    main()
