"""Kill a whole run at hundreds of moments, take it up, and compare; then damage its newest checkpoint.

    python benchmarks/chaos.py [--kills 200] [--out chaos.json] [--resume] [--minutes 5]

With ``--resume`` what ``--out`` holds is not done again; with ``--minutes`` it stops after them, exit code 3,
so that it can be run in slices: ``until python benchmarks/chaos.py --resume --minutes 5; do sleep 1; done``.

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


class Slice(SystemExit):
    """The minutes of this process are over; the rest is for the next."""


class Kept:
    """The rows so far, on disk after each one."""

    def __init__(self, out: Path, *, resume: bool, minutes: float) -> None:
        """Read what an earlier slice has found."""
        self._out, self._end = out, time.monotonic() + 60 * minutes
        self.rows: dict[str, list[dict[str, Any]]] = {"kills": [], "tampering": []}
        if resume and out.exists():
            self.rows = json.loads(out.read_text())

    def add(self, part: str, row: dict[str, Any]) -> None:
        """Keep one row, and stop where the time is over."""
        self.rows[part].append(row)
        beside = self._out.with_name(f".{self._out.name}.tmp")  # a kill in between loses no row
        beside.write_text(json.dumps(self.rows, indent=1) + "\n")
        beside.replace(self._out)
        print(json.dumps(row), flush=True)
        if time.monotonic() > self._end:
            raise Slice(3)


def kills(place: Path, scratch: Path, name: str, count: int, kept: Kept) -> None:
    """Kill one kind of run at ``count`` moments; one row for each."""
    values = CASES[name]
    known = [row for row in kept.rows["kills"] if row["case"] == name]
    if len(known) == count:
        return
    warm(place, values)
    whole = runs.fit_child(place, scratch, "whole", **values)
    if whole.code != 0:
        raise RuntimeError(whole.error)
    expected = runs.outcome(scratch / "whole" / "run")
    events = len(whole.events)
    if any(row["events"] != events for row in known):
        raise RuntimeError(f"{name}: the run now has {events} file events; start again without --resume")
    chosen = runs.moments(whole.events, count)
    for moment in [one for one in chosen if one not in {row["moment"] for row in known}]:
        folder = f"killed-{moment}"
        killed = runs.fit_child(place, scratch, folder, moment, **values).killed
        row = {"case": name, "moment": moment, "events": events, "event": whole.events[moment],
               "stage": stage_of(whole.events, moment), "killed": killed}  # fmt: skip
        if (scratch / folder / "run" / "run.json").exists():
            row |= taken_up(scratch, folder, expected)
        else:
            row["outcome"] = "nothing begun"
        shutil.rmtree(scratch / folder)
        kept.add("kills", row)
    shutil.rmtree(scratch / "whole")


def warm(place: Path, values: dict[str, Any]) -> None:
    """Import and start everything once in the parent, so that a child costs little."""
    runs.pipeline.fit(runs.options(place, place / f"warm-{id(values)}", **values), reporter=runs.Silent())


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


def tampering(place: Path, scratch: Path, kept: Kept) -> None:
    """Kill a run in the last step of its training, damage each file of its newest checkpoint, resume."""
    warm(place, {})
    whole = runs.fit_child(place, scratch, "whole")
    expected = runs.outcome(scratch / "whole" / "run")
    saves = [i for i, event in enumerate(whole.events) if event.startswith("os.rename .tmp-step-")]
    moment = saves[-2] + 2
    done = {(row["file"], row["how"]) for row in kept.rows["tampering"]}
    runs.fit_child(place, scratch, "damaged", moment)
    original = scratch / "original"
    shutil.move(scratch / "damaged", original)
    newest = max((original / "run" / "work" / "checkpoints").glob("step-*")).name
    for file in sorted(path.name for path in (original / "run" / "work" / "checkpoints" / newest).iterdir()):
        for how, harm in TAMPERING.items():
            if (file, how) in done:
                continue
            shutil.copytree(original, scratch / "damaged")
            harm(scratch / "damaged" / "run" / "work" / "checkpoints" / newest / file)
            row = {"file": file, "how": how, **taken_up(scratch, "damaged", expected)}
            log = scratch / "damaged" / "run" / "run.log"
            row["said"] = "is damaged" in (log.read_text() if log.exists() else "")
            shutil.rmtree(scratch / "damaged")
            kept.add("tampering", row)


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
    parser.add_argument("--only", default="", help="a part of the name of the kinds of runs that are killed")
    parser.add_argument("--resume", action="store_true", help="keep the rows that --out holds")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after them, exit code 3")
    asked = parser.parse_args()
    kept = Kept(asked.out, resume=asked.resume, minutes=asked.minutes)
    torch.set_num_threads(1)
    patch = pytest.MonkeyPatch()
    runs.steady(patch)
    with tempfile.TemporaryDirectory(prefix="crosstune-chaos-") as name:
        place = Path(name)
        write_texts(place / "texts.csv", 90)
        tiny_bert_dir(place / "bert", layers=2)
        os.environ["CROSSTUNE_CACHE"] = str(place / "warm-cache")
        forked(lambda: None, place, under=place)
        for case in CASES:
            if asked.only in case:
                kills(place, place, case, asked.kills // len(CASES), kept)
        if not asked.only:
            tampering(place, place, kept)
    rows, damaged = kept.rows["kills"], kept.rows["tampering"]
    print(f"\n{table(rows, lambda row: row['stage'], 'killed during')}\n")
    print(f"{table(rows, lambda row: row['case'], 'run')}\n")
    print(f"{table(damaged, lambda row: row['how'], 'every file of the newest checkpoint')}\n")


if __name__ == "__main__":
    main()
