"""The check gate: every item read, every target looked at, every problem named by file or row."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.progress import Reporter, Silent
from crosstune.data.digests import Digests
from crosstune.data.errors import AmbiguousTask, WrongTask
from crosstune.data.gate.alike import find_alike, origins_in
from crosstune.data.gate.between import alike_findings, group_findings
from crosstune.data.gate.domains import domain_problems
from crosstune.data.gate.finding import ERROR, NOTE, WARNING, Finding
from crosstune.data.gate.giveaways import giveaway_findings, sampled
from crosstune.data.gate.goals import Goal, goal_of
from crosstune.data.gate.groups import hidden_group_findings, recording_findings
from crosstune.data.gate.inputs import Inputs, Problem
from crosstune.data.gate.places import locate
from crosstune.data.gate.policy import bad_findings, bad_share_findings, judged
from crosstune.data.gate.report import BadItem, CheckReport
from crosstune.data.gate.targets import class_findings, known_classes
from crosstune.data.infer import infer_task, is_multi_label
from crosstune.data.kinds.registry import kind_called
from crosstune.data.labelled import LabelledData
from crosstune.data.layout import WHOLE
from crosstune.data.store import ORIGIN, shared_values, values
from crosstune.data.targets import class_counts, is_missing

__all__ = ["BadItem", "CheckReport", "Finding", "check"]


def check(
    data: LabelledData,
    *,
    task: str | None = None,
    known: Sequence[str] | None = None,
    fitted: bool = False,
    max_bad: float | None = None,
    strict: bool = False,
    reporter: Reporter | None = None,
) -> CheckReport:
    """Check everything: inputs decode fully, targets are there, splits do not leak into each other.

    Classes are judged against the training split and what the data declares. Without a target (predict),
    only the inputs are checked.

    Args:
        data: as read.
        task: its name; ``None`` infers it, and an ambiguous one becomes an error finding.
        known: for evaluate: the classes of the fitted model, against which every split is judged.
        fitted: for evaluate: leave out findings about what could be trained on; ``known`` implies it.
        max_bad: the share of rows that may be set aside; ``None``: see ``gate/policy.py``.
        strict: whether warnings are errors.
        reporter: told about progress.

    Raises ``BadValue`` where ``max_bad`` is no share.

    Cost: reads and decodes everything once, and pictures that seem to have a twin once more; time is linear
    in the rows, own memory grows by at most 0.6 KB each (MEASURED: ``benchmarks/gate.py``).
    Checked by: ``tests/data/test_check.py``, ``tests/data/test_planted.py``.
    """
    reporter = reporter or Silent()
    fitted = fitted or known is not None
    findings: list[Finding] = []
    task = task or _task(data, findings)
    goal, train = goal_of(task), data.target is not None and not fitted
    inputs = _inputs(data, reporter, prints=train)
    problems = {split: domain_problems(data, split) | look.problems for split, look in inputs.items()}
    targets, tidy = _placed(data, inputs, problems, findings)
    if data.target is not None:
        _judge_targets(data, goal, targets, problems, known)
    usable = _usable(inputs, problems)
    good = {split: _only(found, usable[split]) for split, found in targets.items()}
    counts = _class_counts(data, goal, good, known)
    findings += [] if fitted else _judge(data, goal, good, counts)
    findings += [*group_findings(data), *_peculiar(data, inputs, usable)]
    compared, alike = _between(data, goal, inputs, targets, usable) if train else ([], {})
    bad = _bad_items(data, problems)
    findings += [*compared, *bad_findings(bad), *_empty_splits(data, problems)]
    findings += bad_share_findings(bad, data.rows(), max_bad) if data.target is not None else []
    return CheckReport(
        data=data,
        task=task,
        findings=_in_order(judged(findings, strict=strict)),
        bad=bad,
        digests=_digests(inputs, problems),
        alike=alike,
        facts=_facts(data, inputs, usable, len(bad)),
        class_counts=counts,
        tidy=tidy,
    )


def _in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    order = (ERROR, WARNING, NOTE).index
    return tuple(sorted(findings, key=lambda finding: order(finding.severity)))


def _digests(
    inputs: Mapping[str, Inputs], problems: Mapping[str, Mapping[int, Problem]]
) -> dict[str, Digests]:
    return {split: look.digests().without(problems[split]) for split, look in inputs.items()}


def _facts(
    data: LabelledData, inputs: Mapping[str, Inputs], usable: Mapping[str, NDArray[np.bool_]], bad: int
) -> dict[str, float]:
    sizes = np.concatenate([inputs[split].table()[usable[split]] for split in inputs])
    found = kind_called(data.modality).facts(sizes) if len(sizes) else {}
    return {"rows": float(data.rows()), "bad": float(bad), **found}


def _usable(
    inputs: Mapping[str, Inputs], problems: Mapping[str, Mapping[int, Problem]]
) -> dict[str, NDArray[np.bool_]]:
    usable = {split: np.ones(len(found), np.bool_) for split, found in inputs.items()}
    for split, found in problems.items():
        usable[split][list(found)] = False
    return usable


def _only(found: Sequence[Any], usable: NDArray[np.bool_]) -> list[Any]:
    return [value for value, good in zip(found, usable.tolist(), strict=True) if good]


def _peculiar(
    data: LabelledData, inputs: Mapping[str, Inputs], usable: Mapping[str, NDArray[np.bool_]]
) -> list[Finding]:
    every = np.concatenate([usable[split] for split in inputs])
    return kind_called(data.modality).findings(list(inputs.values()), every, origins_in(data))


def _between(
    data: LabelledData,
    goal: Goal,
    inputs: Mapping[str, Inputs],
    targets: Mapping[str, Sequence[Any]],
    usable: Mapping[str, NDArray[np.bool_]],
) -> tuple[list[Finding], dict[str, NDArray[np.int32]]]:
    """Compare rows with each other: content, groups, scripts, and what gives the target away."""
    every = np.concatenate([usable[split] for split in inputs])
    alike = find_alike(data, inputs, every)
    origins, kind = origins_in(data), kind_called(data.modality)
    findings = alike_findings(data, alike, targets if goal.contradicts else {}, regression=goal.numbers)
    findings += [*hidden_group_findings(data), *recording_findings(data)]
    findings += kind.odd(list(inputs.values()), every, origins)
    training = _training(targets)
    if goal.compare is not None:
        findings += goal.compare(targets, every, origins, training=training)
    if goal.hidden:
        rows = sampled(np.flatnonzero(usable[training]))
        table = inputs[training].table()[rows].astype(np.float64)
        known = [targets[training][row] for row in rows.tolist()]
        findings += giveaway_findings(kind.properties(table), known, regression=goal.numbers)
    return findings, alike.labels()


def _task(data: LabelledData, findings: list[Finding]) -> str | None:
    if data.target is None:
        return None
    try:
        return infer_task(data)[0]
    except (AmbiguousTask, WrongTask) as error:
        sentence = f"{error.problem}: {error.found}"
        findings.append(Finding(severity=ERROR, code=error.code, sentence=sentence, fix=error.fix))
        return None


def _inputs(data: LabelledData, reporter: Reporter, *, prints: bool) -> dict[str, Inputs]:
    reporter.start("check", data.rows())
    kind = kind_called(data.modality)
    result: dict[str, Inputs] = {}
    done = 0
    for split, dataset in data.splits.items():
        result[split] = kind.look(dataset, data.inputs, reporter, done=done, prints=prints)
        done += len(dataset)
    reporter.finish(f"{done:,} rows checked")
    return result


def _targets(data: LabelledData) -> dict[str, list[Any]]:
    if data.target is None:
        return {}
    return {
        split: shared_values(dataset, data.target)
        if data.target in dataset.column_names
        else [None] * len(dataset)
        for split, dataset in data.splits.items()
    }


def _placed(
    data: LabelledData,
    inputs: Mapping[str, Inputs],
    problems: Mapping[str, dict[int, Problem]],
    findings: list[Finding],
) -> tuple[dict[str, Sequence[Any]], Mapping[str, Any]]:
    """Give the targets. Of boxes and masks these are the classes in each picture; their faults are added."""
    targets: dict[str, Sequence[Any]] = {**_targets(data)}
    located = locate(data, inputs, targets, problems)
    if located is None:
        return targets, {}
    findings += located.findings
    return dict(located.names), located.tidy


def _training(splits: Mapping[str, Any]) -> str:
    return next((name for name in ("train", WHOLE) if name in splits), next(iter(splits)))


def _judge_targets(
    data: LabelledData,
    goal: Goal,
    targets: Mapping[str, Sequence[Any]],
    problems: Mapping[str, dict[int, Problem]],
    known: Sequence[str] | None,
) -> None:
    """Add the rows whose target is the problem; what is wrong with the input comes first."""
    for split, found in targets.items():
        for row, problem in goal.problems(found).items():
            problems[split].setdefault(row, problem)
    if goal.known is None:
        return
    training = _training(targets)
    if known is None:
        usable = [value for row, value in enumerate(targets[training]) if row not in problems[training]]
        known = goal.known(usable, data.declared)
    else:
        training = ""
    for split, found in targets.items():
        if split != training:
            for row, problem in goal.strangers(found, known).items():
                problems[split].setdefault(row, problem)


def _class_counts(
    data: LabelledData,
    goal: Goal,
    good: Mapping[str, Sequence[Any]],
    known: Sequence[str] | None,
) -> dict[str, dict[str, int]]:
    if not good or not goal.counted:
        return {}
    names = known_classes(good[_training(good)], data.declared) if known is None else known
    return {split: class_counts(found, declared=names) for split, found in good.items()}


def _judge(
    data: LabelledData,
    goal: Goal,
    good: Mapping[str, Sequence[Any]],
    counts: Mapping[str, Mapping[str, int]],
) -> list[Finding]:
    findings = []
    if counts:
        findings.extend(class_findings(counts, _training(counts), multi=is_multi_label(data) or goal.several))
    elif goal.numbers and good:
        findings.extend(_constant(good[_training(good)]))
    return findings


def _constant(targets: Sequence[Any]) -> list[Finding]:
    present = {float(value) for value in targets if not is_missing(value)}
    if len(present) != 1:
        return []
    return [
        Finding(
            severity=ERROR,
            code="constant-target",
            sentence=f"the target is {present.pop()} in every training row, so there is nothing to learn",
            fix="name the right column with --target",
        )
    ]


def _bad_items(data: LabelledData, problems: Mapping[str, Mapping[int, Problem]]) -> tuple[BadItem, ...]:
    items = []
    for split, found in problems.items():
        rows = sorted(found)
        origins = values(data.splits[split].select(rows), ORIGIN) if rows else []
        for row, origin in zip(rows, origins, strict=True):
            code, reason = found[row]
            items.append(BadItem(split=split, index=row, origin=origin, code=code, reason=reason))
    return tuple(items)


def _empty_splits(data: LabelledData, problems: Mapping[str, Mapping[int, Problem]]) -> list[Finding]:
    findings = []
    for split, dataset in data.splits.items():
        if len(problems[split]) == len(dataset):
            training = split == _training(data.splits)
            findings.append(
                Finding(
                    severity=ERROR if training else WARNING,
                    code="empty-split",
                    sentence=f"{split} has no usable row ({len(dataset):,} rows are set aside)",
                    fix="correct the rows" + ("" if training else f"; {split} is left out until then"),
                )
            )
    return findings
