"""What can be wrong with targets: missing, no number, a class that training never sees, one class only."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from crosstune.core.errors import nearest, shown
from crosstune.core.labels import LabelMap
from crosstune.data.gate.finding import ERROR, NOTE, WARNING, Finding
from crosstune.data.gate.inputs import Problem
from crosstune.data.gate.slips import slip_findings
from crosstune.data.targets import as_number, is_missing, labels_of, plain_name

_IMBALANCE = 10


def value_problems(targets: Sequence[Any], *, regression: bool) -> dict[int, Problem]:
    """Return the rows whose target is missing, or no finite number where a number is needed."""
    problems: dict[int, Problem] = {}
    for row, value in enumerate(targets):
        if isinstance(value, list):
            # No class at all is a valid answer of multi-label data; a hole in the list is not.
            if any(is_missing(part) for part in value):
                problems[row] = ("missing-target", "the list of classes has an empty entry")
        elif is_missing(value):
            problems[row] = ("missing-target", "the target is empty")
        elif regression and (number := as_number(value)) is None:
            problems[row] = ("bad-target", f"the target `{str(value)[:80]}` is no number")
        elif isinstance(value, (float, str)) and regression and not math.isfinite(number or 0.0):
            problems[row] = ("bad-target", f"the target is {value}, which is no finite number")
        elif not regression and isinstance(value, float) and math.isinf(value):
            problems[row] = ("bad-target", f"the target is {value}")
    return problems


def transcript_problems(targets: Sequence[Any]) -> dict[int, Problem]:
    """Return the rows whose transcript says nothing: empty, or without a letter or a digit."""
    problems: dict[int, Problem] = {}
    for row, value in enumerate(targets):
        if is_missing(value):
            problems[row] = ("empty-transcript", "the transcript is empty")
        elif not any(map(str.isalnum, str(value))):
            problems[row] = (
                "empty-transcript",
                f"the transcript `{str(value)[:40]}` has no letter and no digit",
            )
    return problems


def class_problems(targets: Sequence[Any], known: Sequence[str]) -> dict[int, Problem]:
    """Return the rows of an evaluation split that have a class outside ``known``."""
    allowed = set(known)
    near: dict[str, str] = {}
    problems: dict[int, Problem] = {}
    for row, value in enumerate(targets):
        if is_missing(value):
            continue
        unknown = [name for name in labels_of(value) if name not in allowed]
        if unknown:
            name = unknown[0]
            if name not in near:
                other = nearest(name, known)
                near[name] = f"; is it `{other}`?" if other else ""
            problems[row] = (
                "unknown-class",
                f"the class `{name}` is not one of the training split{near[name]}",
            )
    return problems


def known_classes(targets: Sequence[Any], declared: Sequence[str]) -> tuple[str, ...]:
    """Return the label map's names: those of the training split and the declared ones."""
    return LabelMap.from_values(
        (name for value in targets if not is_missing(value) for name in labels_of(value)), declared
    ).names


def class_findings(counts: Mapping[str, Mapping[str, int]], training: str, *, multi: bool) -> list[Finding]:
    """Judge the classes of the good rows: how many, how even, how alike their names.

    Args:
        counts: by split, then class.
        training: the split that the label map comes from.
        multi: whether an example may have several classes.
    """
    train = counts[training]
    present = [name for name, count in train.items() if count]
    findings = []
    if len(present) < (1 if multi else 2):
        findings.append(_one_class(present))
    if present:
        findings.append(_counts(train, present))
    findings.extend(_near_names(list(train)))
    findings.extend(slip_findings(train))
    findings.extend(_absent(counts, training, present))
    return findings


def _one_class(present: list[str]) -> Finding:
    return Finding(
        severity=ERROR,
        code="constant-target",
        sentence=f"the training rows have {f'only `{present[0]}`' if present else 'no class'}",
        fix="add rows of another class, or name the right column with --target",
    )


def _counts(train: Mapping[str, int], present: list[str]) -> Finding:
    largest, smallest = max(present, key=lambda name: train[name]), min(present, key=lambda name: train[name])
    ratio = train[largest] / train[smallest]
    if ratio == 1.0:
        sentence = f"{len(present)} classes of {train[largest]:,} rows each"
        return Finding(severity=NOTE, code="class-counts", sentence=sentence, fix="nothing")
    return Finding(
        severity=NOTE if ratio < _IMBALANCE else WARNING,
        code="class-counts",
        sentence=f"{len(present)} classes; the largest is `{largest}` with {train[largest]:,} rows, "
        f"the smallest `{smallest}` with {train[smallest]:,}"
        + ("" if ratio < _IMBALANCE else f": {ratio:.0f} to 1, so accuracy alone misleads"),
        fix="nothing" if ratio < _IMBALANCE else "look at macro F1, or set class_weights to auto",
    )


def _near_names(names: Sequence[str]) -> list[Finding]:
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(plain_name(name), []).append(name)
    # "-1" and "1" differ by more than their writing.
    groups = [group for group in alike.values() if len(group) > 1 and not all(map(_numeric, group))]
    if not groups:
        return []
    listed = shown(" and ".join(repr(name) for name in group) for group in groups)
    return [
        Finding(
            severity=WARNING,
            code="near-class-names",
            sentence=f"classes whose names differ only in case, spaces or hyphens: {listed}",
            fix="if they mean the same, give them one name; each is a class of its own now",
        )
    ]


def _numeric(name: str) -> bool:
    return as_number(name) is not None


def _absent(counts: Mapping[str, Mapping[str, int]], training: str, present: Sequence[str]) -> list[Finding]:
    findings = []
    for split, found in counts.items():
        missing = [name for name in present if not found.get(name)]
        if split != training and missing and any(found.values()):
            findings.append(
                Finding(
                    severity=WARNING,
                    code="class-missing-in-split",
                    sentence=f"{len(missing)} of {len(present)} classes have no row in {split}: "
                    f"{shown(missing)}",
                    fix=f"add such rows to {split}; until then its figures say nothing about these classes",
                )
            )
    return findings
