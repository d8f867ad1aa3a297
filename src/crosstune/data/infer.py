"""Which task the data is for, and why; where the data leaves it open, an error that shows the flag.

Rules for the target, first match wins:

1. lists: classification, multi-label;
2. texts or yes/no: classification, unless nearly every row has its own value, or most are numbers;
3. numbers with fractions: regression, unless there are only a few distinct values;
4. whole numbers: two values are classes; more are classes where the column is named as classes
   (``label``, ``class`` ...) or they run from 0 without a gap, at most 1,000, twice or more each; more than
   100 distinct values under another name are a quantity; everything else is ambiguous (1 to 5 stars).

Texts beside sounds are transcripts, to be recognised, where nearly every row has its own, or most have
several words; a few class names that repeat, such as "street music" in a column ``label``, stay class names.
"""

from dataclasses import dataclass
from typing import Any

from crosstune.core.errors import UnknownName, shown
from crosstune.data.columns import TRANSCRIPTS
from crosstune.data.errors import AmbiguousTask, WrongTask
from crosstune.data.kinds.registry import kind_called
from crosstune.data.labelled import LabelledData
from crosstune.data.layout import WHOLE
from crosstune.data.places import BOXES, DETECTION, IN_PICTURES, SEGMENTATION, TASK_OF
from crosstune.data.store import values
from crosstune.data.targets import as_number, is_list, is_missing

SPEECH, TAGGING = "automatic-speech-recognition", "token-classification"
GENERATION = "text-generation"
WRITTEN = (SPEECH, GENERATION)
"""Tasks whose targets are texts that are written, and no classes or numbers."""

TASKS = (
    *("image-classification", "text-classification", "image-regression", "text-regression"),
    *("audio-classification", "audio-regression", SPEECH, TAGGING),
    GENERATION,
    *(DETECTION, SEGMENTATION),
)
"""Task names that the rules can give; and that of conversations, which the user must name."""

_CLASS_NAMES = frozenset({"label", "labels", "class", "classes", "category", "class_id", "label_id"})
_FEW = 10
_MANY_CLASSES = 1000
_QUANTITY = 100


@dataclass(frozen=True)
class _Target:
    """The training targets, as the rules see them."""

    name: str
    found: list[Any]
    """Values that are not missing."""
    distinct: int
    multi: bool
    modality: str

    @property
    def examples(self) -> str:
        return shown(sorted(set(self.found), key=str)[:_FEW])


def infer_task(data: LabelledData, task: str | None = None) -> tuple[str, str]:
    """Return the task's name and a sentence that says why.

    Args:
        data: as read, before or after the check.
        task: the user's choice, which is checked against the data; ``None`` infers.

    Raises:
        UnknownName: there is no such task.
        WrongTask: the data does not fit the task that the user chose, or has no target.
        AmbiguousTask: the target could be classes or a quantity.
    """
    if task is not None:
        _check_choice(data, task)
        return task, "chosen by the user"
    if data.tagged:
        return TAGGING, f"the target `{data.target}` has a tag for each word of `{data.inputs[0]}`"
    if data.places is not None:
        what = "boxes with classes" if data.places.kind == BOXES else "a class for each pixel"
        return TASK_OF[data.places.kind], f"the labels are {what}"
    target = _target(data)
    kind, because = _kind(target)
    name = SPEECH if kind == SPEECH else f"{data.modality}-{kind}"
    return name, f"the inputs are {kind_called(data.modality).plural}, and {because}"


def is_multi_label(data: LabelledData) -> bool:
    """Say whether the target column holds lists."""
    if data.target is None:
        return False
    return any(is_list(split.data.schema.field(data.target).type) for split in _with_target(data).values())


def _with_target(data: LabelledData) -> dict[str, Any]:
    return {name: split for name, split in data.splits.items() if data.target in split.column_names}


def _target(data: LabelledData) -> _Target:
    splits = _with_target(data)
    if data.target is None or not splits:
        raise WrongTask(
            f"`{data.source}` has no target, so there is nothing to learn",
            found="only inputs",
            expected="class folders, or a column that holds the target",
            fix="name the column with --target",
        )
    dataset = next((splits[name] for name in ("train", WHOLE) if name in splits), next(iter(splits.values())))
    found = [value for value in values(dataset, data.target) if not is_missing(value)]
    if not found:
        raise WrongTask(
            f"the target `{data.target}` of `{data.source}` is empty in every row",
            found="no value at all",
            expected="a class name, a number or a list of class names in each row",
            fix="name another column with --target, or fill this one",
        )
    multi = is_multi_label(data)
    return _Target(data.target, found, 0 if multi else len(set(found)), multi, data.modality)


def _kind(target: _Target) -> tuple[str, str]:
    name, first = target.name, target.found[0]
    if target.multi:
        return "classification", f"the target `{name}` holds lists: several classes for one example"
    if isinstance(first, (str, bool)):
        return _text_kind(target)
    if any(float(value) % 1 != 0 for value in target.found):
        if target.distinct <= _FEW and len(target.found) >= 2 * target.distinct:
            raise _ambiguous(target, f"numbers with fractions, but only {target.distinct} different ones")
        return "regression", f"the target `{name}` holds numbers with fractions ({target.distinct} distinct)"
    return _whole_kind(target)


def _text_kind(target: _Target) -> tuple[str, str]:
    rows = len(target.found)
    if isinstance(target.found[0], str):
        numbers = sum(as_number(value) is not None for value in target.found)
        if numbers >= 0.9 * rows and target.distinct > _FEW:
            raise _ambiguous(target, f"numbers in {numbers:,} of {rows:,} rows, something else in the others")
        if target.modality == "audio" and _are_transcripts(target):
            return SPEECH, f"the target `{target.name}` holds texts, {target.distinct:,} different ones"
        if target.distinct > max(_FEW, rows / 2):
            raise _ambiguous(target, f"{target.distinct:,} different texts in {rows:,} rows: hardly classes")
    return "classification", f"the target `{target.name}` holds {target.distinct} class names"


def _are_transcripts(target: _Target) -> bool:
    """Say whether texts beside sounds are what is said in them, and not the names of classes."""
    rows = len(target.found)
    if target.distinct > max(_FEW, rows / 2):
        return True
    several = sum(len(text.split()) > 1 for text in target.found) > rows / 2
    own = target.distinct > rows / 2
    many = target.distinct > _FEW and target.name.lower() not in _CLASS_NAMES
    return several and (own or many or target.name.lower() in TRANSCRIPTS)


def _whole_kind(target: _Target) -> tuple[str, str]:
    name, distinct, rows = target.name, target.distinct, len(target.found)
    run = set(target.found) == set(range(distinct))
    often = rows >= 2 * distinct
    if distinct <= 2:
        return "classification", f"the target `{name}` holds two different values"
    if distinct <= _MANY_CLASSES and often and (name.lower() in _CLASS_NAMES or run):
        reason = f"runs from 0 to {distinct - 1}" if run else "is named as classes"
        return "classification", f"the target `{name}` {reason} and holds {distinct} distinct whole numbers"
    if distinct > _QUANTITY and not run and name.lower() not in _CLASS_NAMES:
        return "regression", f"the target `{name}` holds {distinct:,} distinct whole numbers"
    raise _ambiguous(target, f"{distinct} different whole numbers, which may be classes or a quantity")


def _ambiguous(target: _Target, why: str) -> AmbiguousTask:
    return AmbiguousTask(
        f"the target `{target.name}` could be classes or a quantity",
        found=f"{why}, such as {target.examples}",
        expected="a target that is clearly one or the other, or your word for it",
        fix=f"say which: --task {target.modality}-classification or --task {target.modality}-regression",
    )


def _check_choice(data: LabelledData, task: str) -> None:
    if task not in TASKS:
        raise UnknownName("task", task, TASKS)
    if task == GENERATION:  # what was read for it are conversations, or their prompts
        return
    if (task == TAGGING) != data.tagged:
        raise _not_tagged(data, task)
    own = TASK_OF[data.places.kind] if data.places is not None else None
    if task != own and (own is not None or task in IN_PICTURES):
        raise _other_places(data, task, own)
    if task == TAGGING or own is not None:
        return
    modality, kind = ("audio", SPEECH) if task == SPEECH else task.split("-", 1)
    if modality != data.modality:
        wanted, found = (kind_called(name).plural for name in (modality, data.modality))
        other = "classification" if task == SPEECH else kind
        raise WrongTask(
            f"the task `{task}` needs {wanted}",
            found=f"{found} in {shown(f'`{name}`' for name in data.inputs)}",
            expected=f"a column of {wanted}",
            fix=f"use --task {data.modality}-{other}, or name the right column with --input",
        )
    if data.target is None or kind == "classification":
        return
    target = _target(data)
    if task == SPEECH:
        _check_texts(target)
        return
    numbers = 0 if target.multi else sum(as_number(value) is not None for value in target.found)
    if numbers < len(target.found) / 2:
        raise WrongTask(
            f"the task `{task}` needs a number as the target of each row",
            found="lists" if target.multi else f"texts in `{target.name}`, such as {target.examples}",
            expected="numbers",
            fix=f"use --task {data.modality}-classification, or name the right column with --target",
        )


def _not_tagged(data: LabelledData, task: str) -> WrongTask:
    """Make the error for words with tags and another task, or the other way round."""
    if data.tagged:
        return WrongTask(
            f"the task `{task}` cannot learn tags of words",
            found=f"`{data.target}` with a tag for each word of `{data.inputs[0]}`",
            expected="one class or number for each text",
            fix=f"use --task {TAGGING}, or name another column with --target",
        )
    return WrongTask(
        f"the task `{task}` needs a tag for each word",
        found=f"the target `{data.target}`" if data.target else "no target",
        expected="CoNLL files, rows with `tokens` and `tags`, or rows with `text` and `spans`",
        fix="name the columns with --input and --target; see docs/guides/token-classification.md",
    )


def _other_places(data: LabelledData, task: str, own: str | None) -> WrongTask:
    """Make the error for labels in pictures and another task, or the other way round."""
    needs = {
        DETECTION: "boxes: COCO JSON, YOLO (data.yaml), Pascal VOC XML, or a CSV with columns such as xmin",
        SEGMENTATION: "masks: a folder of pictures and one of masks, or the polygons of COCO JSON",
    }
    found = "no target" if data.target is None else f"the target `{data.target}`"
    return WrongTask(
        f"the data `{data.source}` is not of the task `{task}`",
        found=f"labels for {own}" if own else found,
        expected=needs.get(task, "one class or number for each picture"),
        fix=f"use --task {own}" if own else "see docs/guides/labels-in-pictures.md for every layout",
    )


def _check_texts(target: _Target) -> None:
    if target.multi or not isinstance(target.found[0], str):
        raise WrongTask(
            f"the task `{SPEECH}` needs a text as the target of each row",
            found="lists" if target.multi else f"numbers in `{target.name}`, such as {target.examples}",
            expected="what is said in each sound, in words",
            fix="name the column of transcripts with --target; write numbers as they are spoken",
        )
