"""Every way in, tried with every payload that can be given there; the outcome is a code, or a failure."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crosstune
from crosstune import pipeline
from crosstune.core.errors import UserError
from crosstune.core.progress import Silent
from crosstune.sources.base import OpenOptions
from crosstune.sources.registry import open_model
from tests.safety.payloads import DATA, MODELS, RESUMES, RUNS, SEEN, SENTINEL, SUMMARIES, Base, Make

Call = Callable[[Base, Path, Path], Any]
"""Called with the sound things, the payload, and a folder to write to."""


def _open(base: Base, payload: Path, out: Path) -> Any:
    task = "image-classification" if payload.name == "timm" else "text-classification"
    return open_model(str(payload), OpenOptions(task=task, outputs=2))


def _fit_model(base: Base, payload: Path, out: Path) -> Any:
    data = base / "pictures" if payload.name == "timm" else base / "texts.csv"
    return crosstune.fit(str(data), model=str(payload), out=out, reporter=Silent(), budget="60s", epochs=0.1)


def _fit_data(base: Base, payload: Path, out: Path) -> Any:
    return crosstune.fit(
        str(payload), model=str(base / "bert"), out=out, reporter=Silent(), budget="60s", epochs=0.1
    )


def _check(base: Base, payload: Path, out: Path) -> Any:
    report = crosstune.check(str(payload))
    report.require()
    return report


def _predict_data(base: Base, payload: Path, out: Path) -> Any:
    rows = crosstune.predict(base / "run", [str(payload)])
    if all(row["error"] for row in rows):
        raise RowsRefused(sorted({row["error"].partition(":")[0] for row in rows}))
    return rows


class RowsRefused(Exception):
    """Every row was set aside, each with its code."""


def _load(base: Base, payload: Path, out: Path) -> Any:
    return crosstune.load(payload)


def _predict(base: Base, payload: Path, out: Path) -> Any:
    return crosstune.predict(payload, ["a film"])


def _evaluate(base: Base, payload: Path, out: Path) -> Any:
    return crosstune.evaluate(payload, str(base / "texts.csv"))


def _evaluate_seen(base: Base, payload: Path, out: Path) -> Any:
    """Evaluate; a table that is not to be trusted is named and not used, and the figures say so."""
    warned: list[str] = []

    class Heard(Silent):
        def warn(self, text: str) -> None:
            warned.append(text)

    out.mkdir()
    pipeline.evaluate(payload, str(base / "texts.csv"), out=out / "figures.json", reporter=Heard())
    known = json.loads((out / "figures.json").read_text())["between"]["seen"]
    named = [text for text in warned if text.startswith("seen.safetensors is damaged")]
    if known is None and named:
        raise NotUsed("named as damaged, not used")
    return known


class NotUsed(Exception):
    """What was given was named and set aside; the rest went on without it."""


def _report(base: Base, payload: Path, out: Path) -> Any:
    return crosstune.report(payload)


def _resume(base: Base, payload: Path, out: Path) -> Any:
    return crosstune.resume(payload, reporter=Silent())


def _evaluate_data(base: Base, payload: Path, out: Path) -> Any:
    return crosstune.evaluate(base / "run", str(payload))


WAYS: dict[str, tuple[Mapping[str, Make], dict[str, Call]]] = {
    "a pretrained model": (MODELS, {"open": _open, "fit": _fit_model}),
    "a finished run": (RUNS, {"load": _load, "predict": _predict, "evaluate": _evaluate}),
    "the summary of a run": (SUMMARIES, {"report": _report}),
    "what a run has seen": (SEEN, {"evaluate": _evaluate_seen}),
    "a run that was broken off": (RESUMES, {"resume": _resume}),
    "data": (
        DATA,
        {"check": _check, "fit": _fit_data, "evaluate": _evaluate_data, "predict": _predict_data},
    ),
}
"""By what is given: the payloads, and the functions that take it."""

CASES = [
    (given, payload, way) for given, (payloads, ways) in WAYS.items() for payload in payloads for way in ways
]


@dataclass(frozen=True)
class Outcome:
    """What one payload met at one way in."""

    given: str
    payload: str
    way: str
    refused: str
    """The code of the error, ``rows: CODE``, or empty where it was let in."""
    ran: bool
    """Whether its code ran."""
    wrong: str = ""
    """An exception that is no ``UserError``."""


def attempt(base: Base, place: Path, given: str, payload: str, way: str) -> Outcome:
    """Make one payload in ``place`` and give it in one way."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    sentinel = place / "sentinel"
    os.environ[SENTINEL] = str(sentinel)
    payloads, ways = WAYS[given]
    (place / "payload").mkdir()
    made = payloads[payload](base, place / "payload")
    refused = wrong = ""
    try:
        ways[way](base, made, place / "out")
    except RowsRefused as error:
        refused = f"rows: {', '.join(error.args[0])}"
    except NotUsed as error:
        refused = str(error)
    except UserError as error:
        refused = error.code if error.found and error.expected and error.fix else ""
    except Exception as error:  # noqa: BLE001 - that is the question
        wrong = f"{type(error).__name__}: {str(error)[:200]}"
    ran = sentinel.exists() or bool(list(place.parent.rglob("sentinel")))
    return Outcome(given, payload, way, refused, ran, wrong)


def attempts(base: Base, place: Path) -> Iterator[Outcome]:
    """Try everything."""
    for number, case in enumerate(CASES):
        yield attempt(base, place / str(number), *case)
