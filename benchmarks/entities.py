"""Tagging words in real sentences: amounts, dates, products, persons. THE LABELS ARE BY RULE, by no person.

Sentences of articles, film and product reviews and tweets (`benchmarks/fetch --only sentiment`), labelled by
`entity_rule.py`, which says what is what. Half of the documents test; no document is on both sides.

The model has less than the rule had. The rule reads capital letters and the whole document: ``Bush`` is a
person because another sentence of the article has ``Mr. Bush``. The model reads one sentence, in small
letters.

What a high F1 means: that a tuned model gives back from words and context what the rule took from letters and
documents, also for names that training lacks. What it does not mean: that entities are found as people would
label them. Names that the rule misses count as false finds here, and its mistakes stand in both halves.

To beat: looking up what training labelled, the longest first, where it was labelled more often than not. It
finds no new name, so how many of the entities that training lacks are found is a figure of its own.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from crosstune.core.files import read_json
from crosstune.core.tags import Entity, entities
from crosstune.data.tagged import from_spans

from common import Benchmark
from entity_rule import KINDS, Span, labelled
from sentiment import DOMAINS, Text, parts, spread

MODEL = "package:minilm"
QUICK = 150
"""Sentences of each domain and part."""

Form = tuple[str, ...]
"""The words of an entity."""
Forms = dict[Form, str]


@dataclass(frozen=True)
class Sentence:
    """One sentence in small letters, with its entities in characters."""

    text: str
    spans: list[Span]

    def row(self) -> dict[str, Any]:
        """Give the row that is written."""
        return {"text": self.text, "spans": [dict(zip(("start", "end", "label"), one, strict=True))
                                             for one in self.spans]}  # fmt: skip

    @cached_property
    def read(self) -> tuple[Form, list[Entity]]:
        """Give words and entities as crosstune reads them."""
        text, tags, problem = from_spans(self.text, self.row()["spans"])
        if text is None or tags is None or problem:
            sys.exit(f"the rule cuts words: {problem}: {self}")
        return tuple(text.split()), entities(tags)


def small(text: str) -> str:
    """Write in small letters, as long as it was."""
    return "".join(one.lower() if len(one.lower()) == 1 else one for one in text)


def sentences(texts: Sequence[Text]) -> list[Sentence]:
    """Label texts document by document; the order stays."""
    documents: dict[str, list[Text]] = {}
    for one in texts:
        documents.setdefault(one.group, []).append(one)
    found = {
        id(text): spans
        for document in documents.values()
        for text, spans in zip(document, labelled([one.text for one in document]), strict=True)
    }
    return [Sentence(small(one.text), found[id(one)]) for one in texts]


def corpus(most: int | None) -> dict[str, list[Sentence]]:
    """Give train, validation and test over all domains; with ``most``, so many sentences of each."""
    found: dict[str, list[Sentence]] = {}
    for domain in DOMAINS:
        for part, texts in parts(domain).items():
            found.setdefault(part, []).extend(spread(sentences(texts), most))
    return found


# --- what is to be beaten ----------------------------------------------------------------------------------


def looked_up(words: Form, forms: Forms) -> list[Entity]:
    """Find known forms in a sentence, from left to right, the longest first."""
    longest = max(map(len, forms), default=0)
    found, start = list[Entity](), 0
    while start < len(words):
        for end in range(min(len(words), start + longest), start, -1):
            if kind := forms.get(words[start:end]):
                found.append(Entity(start, end, kind))
                start = end - 1
                break
        start += 1
    return found


def labelled_forms(rows: Iterable[Sentence]) -> Forms:
    """List the forms of all entities, each with its most frequent type."""
    counts = Counter((words[one.start : one.end], one.kind) for words, own in (row.read for row in rows)
                     for one in own)  # fmt: skip
    forms: Forms = {}
    for (form, kind), _ in counts.most_common():
        forms.setdefault(form, kind)
    return forms


def lookup(rows: Sequence[Sentence]) -> Forms:
    """Keep the forms that are right more often than not where they are looked up in training itself."""
    every, seen, right = labelled_forms(rows), Counter[Form](), Counter[Form]()
    for words, own in (row.read for row in rows):
        for one in looked_up(words, every):
            seen[words[one.start : one.end]] += 1
            right[words[one.start : one.end]] += one in own
    return {form: kind for form, kind in every.items() if 2 * right[form] > seen[form]}


# --- figures -----------------------------------------------------------------------------------------------


def f1(found: Sequence[Sequence[Entity]], there: Sequence[Sequence[Entity]]) -> float:
    """Give F1 over the entities of all sentences."""
    right = sum(len(set(one) & set(other)) for one, other in zip(found, there, strict=True))
    both = sum(map(len, found)) + sum(map(len, there))
    return 2 * right / both if both else 0.0


def new_ones(
    test: Sequence[Sentence], found: Sequence[Sequence[Entity]], known: Forms
) -> dict[str, dict[str, float]]:
    """Give by type how many entities of the test training lacks, and which share of them is found."""
    counts, hits = Counter[str](), Counter[str]()
    for row, ours in zip(test, found, strict=True):
        words, own = row.read
        for one in own:
            if words[one.start : one.end] not in known:
                counts[one.kind] += 1
                hits[one.kind] += one in ours
    return {kind: {"entities": counts[kind], "found": hits[kind] / counts[kind]} for kind in sorted(counts)}


def fitted(folder: Path, data: dict[str, list[Sentence]], budget: str) -> Path:
    """Write the parts and fit, as a stranger would; returns the run."""
    place = folder / "data"
    place.mkdir()
    for part, rows in data.items():
        lines = [json.dumps(row.row(), ensure_ascii=False) + "\n" for row in rows]
        (place / f"{part}.jsonl").write_text("".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "crosstune", "fit", str(place), "--model", MODEL, "--budget", budget]
    subprocess.run([*command, "--out", str(folder / "run")], check=True)
    return folder / "run"


def answers(run: Path, test: Sequence[Sentence]) -> list[list[Entity]]:
    """Read the entities that were found in each test sentence."""
    table = pd.read_parquet(run / "predictions.parquet")
    found = [entities(list(tags)) for tags in table["tags"]]
    if [entities(list(tags)) for tags in table["target"]] != [row.read[1] for row in test]:
        sys.exit("predictions.parquet is not in the order of the test sentences")
    return found


def main() -> None:
    """Label, fit, compare."""
    benchmark = Benchmark("entities", __doc__)
    print("labels: by the rule of entity_rule.py, by no person; F1 is agreement with that rule", flush=True)
    with benchmark.timed("rule"):
        data = corpus(QUICK if benchmark.quick else None)
    sizes = {
        part: {"sentences": len(rows), **{kind: sum(one[2] == kind for row in rows for one in row.spans)
                                          for kind in KINDS}} for part, rows in data.items()
    }  # fmt: skip
    print(f"sentences and labels: {sizes}", flush=True)
    with tempfile.TemporaryDirectory() as temporary, benchmark.timed("fit"):
        run = fitted(Path(temporary), data, "2m" if benchmark.quick else "15m")
        measured, found = read_json(run / "metrics.json")["test"], answers(run, data["test"])
    there, forms = [row.read[1] for row in data["test"]], lookup(data["train"])
    plain = f1([looked_up(row.read[0], forms) for row in data["test"]], there)
    new = new_ones(data["test"], found, labelled_forms(data["train"]))
    total = sum(one["entities"] for one in new.values())
    share = sum(one["entities"] * one["found"] for one in new.values()) / max(1, total)
    figures = {"labels": "by rule", "sizes": sizes, "test": measured, "lookup f1": plain, "new": new,
               "share of new entities found": share}  # fmt: skip
    targets = {
        "F1: better than looking up what training labelled": measured["f1"]["low"] > plain,
        "more than half of the entities that training lacks are found": share > 0.5,
    }
    benchmark.finish(figures=figures, targets={} if benchmark.quick else targets)


if __name__ == "__main__":
    main()
