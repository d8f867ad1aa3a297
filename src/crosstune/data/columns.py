"""Which columns are the target, the inputs and the group: as named by the user, or obvious by name."""

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa
from datasets import Dataset

from crosstune.core.errors import UserError, shown
from crosstune.data.conversations.forms import form_of
from crosstune.data.errors import AmbiguousColumn, MissingColumn, UnusableColumn
from crosstune.data.kinds.registry import KINDS, kind_called
from crosstune.data.readers.base import RawData
from crosstune.data.store import ORIGIN, PROBLEM

TARGETS = (
    "label",
    "labels",
    "target",
    "targets",
    "class",
    "category",
    "y",
    "rating",
    "score",
    "stars",
    "sentiment",
)
"""Names that make a column the target where the user names none."""

TRANSCRIPTS = ("text", "transcript", "transcription", "sentence")
"""Names that make a column the target where the inputs are sounds and no name of ``TARGETS`` is there."""

_PAIRS = (("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"),
          ("text1", "text2"), ("text_a", "text_b"), ("question", "sentence"),
          ("query", "passage"))  # fmt: skip
_SAMPLE = 64
FILES = frozenset(kind.name for kind in KINDS if kind.in_files)
"""Kinds whose examples are files, or the bytes of files."""


def column_names(dataset: Dataset) -> list[str]:
    """List the user's own columns."""
    return [name for name in dataset.column_names if name not in {ORIGIN, PROBLEM}]


def leading(raw: RawData) -> Dataset:
    """Return the split that decides what columns mean: train where there is one."""
    return next(
        (raw.splits[name] for name in ("train", "all") if name in raw.splits), next(iter(raw.splits.values()))
    )


def find_target(raw: RawData, target: str | None, inputs: Sequence[str], *, need: bool) -> str | None:
    """Return the target column, or ``None`` where there is none and none is needed.

    Raises:
        MissingColumn: the column that the user names is not there (in every split).
        AmbiguousColumn: the user names none, and not exactly one name is obvious.
    """
    columns = column_names(leading(raw))
    if target is not None:
        if not need and target not in columns:
            return None
        require(raw, target, flag="--target")
        return target
    if not need:
        return None
    if raw.target is not None:
        return raw.target
    obvious = [name for name in columns if name.lower() in TARGETS and name not in inputs]
    if not obvious and any(kind_of(leading(raw), name) == "audio" for name in columns):
        obvious = [name for name in columns if name.lower() in TRANSCRIPTS and name not in inputs]
    if len(obvious) == 1:
        return obvious[0]
    talk = form_of(columns)
    raise AmbiguousColumn(
        "target", flag="--target", source=raw.source, columns=columns, near=obvious,
        instead=f"for conversations ({talk.name}) add `--task text-generation`; otherwise " if talk else "",
    )  # fmt: skip


def require(raw: RawData, name: str, *, flag: str) -> None:
    """Raise ``MissingColumn`` unless every split has the column ``name``."""
    for split, dataset in raw.splits.items():
        columns = column_names(dataset)
        if name not in columns:
            source = raw.source if len(raw.splits) == 1 else f"{raw.source} ({split})"
            raise MissingColumn(name, flag=flag, source=source, columns=columns)


def find_inputs(
    raw: RawData, inputs: Sequence[str], *, goal: str | None, taken: Sequence[str | None] = ()
) -> tuple[str, ...]:
    """Return the input columns: those that the user names, or the one (or the pair) that is obvious.

    ``taken`` columns are the group or the domain of a row.

    Raises:
        MissingColumn: a named column is not there.
        AmbiguousColumn: none is named, and more than one would do, or none.
        UnusableColumn: a column is named twice, or is the target as well, or there are more than two.
    """
    if inputs:
        for name in inputs:
            require(raw, name, flag="--input")
        _check_named(inputs, {goal, *taken})
        return tuple(inputs)
    if raw.inputs:
        return raw.inputs
    dataset = leading(raw)
    columns = [
        name for name in column_names(dataset) if name not in {goal, *taken} and name.lower() != "split"
    ]
    kinds = {name: kind_of(dataset, name) for name in columns}
    files = [name for name in columns if kinds[name] in FILES]
    if len(files) > 1 and {kinds[name] for name in files} == {"audio"}:
        # Speech sets have the sounds, and beside them the paths that they once had.
        files = [name for name in files if not _is_text(dataset, name)] or files
    if len(files) == 1:
        return (files[0],)
    near = files or [name for name in columns if kinds[name] != "other"]
    known = {word for name in near for word in kind_called(kinds[name]).columns}
    chosen = _obvious(near, known)
    if chosen:
        return chosen
    raise AmbiguousColumn(
        "input", flag="--input", source=raw.source, columns=column_names(dataset), near=near
    )


def _obvious(columns: list[str], known: Collection[str]) -> tuple[str, ...]:
    lowered = {name.lower(): name for name in columns}
    for one, other in _PAIRS:
        if one in lowered and other in lowered:
            return lowered[one], lowered[other]
    named = [name for name in columns if name.lower() in known]
    if len(named) == 1:
        return (named[0],)
    return (columns[0],) if len(columns) == 1 else ()


def _is_text(dataset: Dataset, name: str) -> bool:
    kind = dataset.data.schema.field(name).type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _check_named(inputs: Sequence[str], taken: set[str | None]) -> None:
    both = [name for name in inputs if name in taken]
    if both or len(set(inputs)) < len(inputs) or len(inputs) > 2:
        raise UnusableColumn(
            "the input columns cannot be used together",
            found=shown(inputs)
            + (f"; {shown(both)} is the target, the group or the domain as well" if both else ""),
            expected="one column, or two different ones for a pair of texts, neither of them the target",
            fix="name one column with --input, or a pair of text columns",
        )


def kind_of(dataset: Dataset, name: str) -> str:
    """Say what a column could be as an input: the name of a kind, or ``other``."""
    kind = dataset.data.schema.field(name).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    sample = [value for value in sample_of(dataset, name) if value]
    return next((one.name for one in KINDS if one.claims(kind, sample)), "other")


def sample_of(dataset: Dataset, name: str) -> list[Any]:
    """Return the values of the first rows, for telling what a column holds."""
    column = dataset.select_columns([name]).with_format("arrow")[:_SAMPLE].column(name)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        # Parquet does not validate its texts; a broken one must not end the run here.
        binary = column.cast(pa.large_binary() if pa.types.is_large_string(kind) else pa.binary())
        return [None if value is None else value.decode("utf-8", "replace") for value in binary.to_pylist()]
    result: list[Any] = column.to_pylist()
    return result


def find_modality(raw: RawData, inputs: tuple[str, ...]) -> str:
    """Return the name of the inputs' kind; raises ``UnusableColumn`` where they are of none, or of two."""
    dataset = leading(raw)
    kinds = [kind_of(dataset, name) for name in inputs]
    if set(kinds) == {"text"} or (len(kinds) == 1 and kinds[0] in FILES):
        return kinds[0]
    raise _unusable(raw, inputs, kinds)


def _unusable(raw: RawData, inputs: tuple[str, ...], kinds: list[str]) -> UserError:
    types = {name: str(leading(raw).data.schema.field(name).type)[:60] for name in inputs}
    found = shown(f"`{name}`: {types[name]} ({kind})" for name, kind in zip(inputs, kinds, strict=True))
    return UnusableColumn(
        f"the input of `{raw.source}` is neither an image nor a text nor a pair of texts nor a sound",
        found=found,
        expected="one column of images or sounds (paths, bytes) or of texts, or two columns of texts",
        fix="name the right column with --input",
    )
