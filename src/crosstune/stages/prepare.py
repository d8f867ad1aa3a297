"""Stage 1: read the data, check it, set bad items aside, split, fit the task on the training targets."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from crosstune.data.check import CheckReport, check
from crosstune.data.domains import hold_out_domains, require_domains, require_validation
from crosstune.data.infer import GENERATION, infer_task
from crosstune.data.items import SplitItems
from crosstune.data.labelled import LabelledData
from crosstune.data.layout import OUT_OF_DOMAIN, WHOLE
from crosstune.data.splits import make_splits
from crosstune.planning.facts import DataFacts
from crosstune.stages.reading import read_for
from crosstune.stages.run import Run
from crosstune.tasks.base import MetricSpec, Task
from crosstune.tasks.by_domain import OVERALL, chosen_by
from crosstune.tasks.registry import make_task
from crosstune.tasks.speech_recognition import SpeechRecognition
from crosstune.tasks.structured import NO_HEAD

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Checked, split, encoded data, and the task fitted on its training targets."""

    data: LabelledData
    report: CheckReport
    task: Task
    items: Mapping[str, SplitItems]
    encoded: Mapping[str, NDArray[Any]]
    facts: DataFacts
    select_by: str = OVERALL
    """What choices among models look at: the setting of that name."""
    alike: bool = False
    """Whether validation was drawn from the training rows, row by row, and all rows count the same: then a
    training row that is left out is as good as a validation row."""

    def chosen_by(self, metric: str | None = None) -> MetricSpec:
        """Give what choices among models look at on the validation rows; by default of the primary metric."""
        return chosen_by(self.task, self.items["validation"].domains(), self.select_by, metric=metric)


def prepare(run: Run) -> Prepared:
    """Carry the stage out; writes ``bad_items.csv``."""
    options = run.options
    raw = read_for(
        options.task, options.data, target=options.target, inputs=options.inputs, group=options.group,
        domain=options.domain,
    )  # fmt: skip
    require_domains(raw, options.held_out_domain, options.select_by)
    raw = hold_out_domains(raw, options.held_out_domain)
    raw = replace(raw, declared=options.classes or raw.declared)
    name, why = infer_task(raw, options.task)
    run.reporter.say(f"task = {name}  ({why})")
    report = check(raw, task=name, max_bad=options.max_bad, strict=options.strict, reporter=run.reporter)
    report.write(run.folder.bad_items)
    run.found(report.findings)
    report.require()
    clean = report.clean()
    data = make_splits(clean, task=name, seed=run.settings.seed, group=options.group)
    for note in data.notes:
        run.reporter.say(note)
    if alarm := require_validation(data, run.settings.select_by):
        run.warnings.append(alarm)
        run.reporter.warn(alarm)
    present = (*SPLITS, *((OUT_OF_DOMAIN,) if OUT_OF_DOMAIN in data.splits else ()))
    items = {split: data.items(split) for split in present}
    task = make_task(name, items["train"].targets(), declared=data.declared)
    if isinstance(task, SpeechRecognition) and run.settings.transcripts != "auto":
        task = task.written_as(run.settings.transcripts, items["train"].targets())
    encoded = {split: task.encode(items[split].targets()) for split in present}
    sizes = ", ".join(f"{len(items[split]):,} {split}" for split in present)
    run.reporter.say(f"{sizes}; {len(report.bad):,} set aside")
    facts = _facts(name, task, items, report)
    return Prepared(
        data=data,
        report=report,
        task=task,
        items=items,
        encoded=encoded,
        facts=facts,
        select_by=run.settings.select_by,
        alike=_drawn_row_by_row(clean, options.group) and run.settings.select_by == OVERALL,
    )


def _drawn_row_by_row(data: LabelledData, group: str | None) -> bool:
    """Say whether a validation split will be drawn from the training rows, each row by itself.

    Not with groups, nor where rows repeat each other: what belongs together is held out together, while a row
    that is left out alone leaves its copy behind.
    """
    if "validation" in data.splits or group or data.group:
        return False
    contents = data.contents(WHOLE if WHOLE in data.splits else "train") or []
    known = [one for one in contents if one != ""]
    return len(set(known)) == len(known)


def _facts(name: str, task: Task, items: Mapping[str, SplitItems], report: CheckReport) -> DataFacts:
    imbalance = 1.0
    if task.linear_kind() == "classes":
        counts = Counter(map(str, items["train"].targets())).values()
        imbalance = max(counts) / min(counts)
    sizes, domains = report.facts, items["train"].domains()
    return DataFacts(
        task=name,
        modality=task.modality,
        train_rows=len(items["train"]),
        validation_rows=len(items["validation"]),
        test_rows=sum(len(items[split]) for split in ("test", OUT_OF_DOMAIN) if split in items),
        outputs=task.outputs,
        imbalance=imbalance,
        median_side=int(sizes["image_side_median"]) if "image_side_median" in sizes else None,
        # What is asked says nothing about how long the answers are.
        long_text=int(sizes["text_chars_q99"]) if "text_chars_q99" in sizes and name != GENERATION else None,
        domains=None if domains is None else len(domains.present),
        closed_form=task.linear_kind() != NO_HEAD,
    )
