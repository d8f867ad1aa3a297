"""A column called ``split`` that says which split each row belongs to."""

from collections.abc import Collection, Sequence

from datasets import Dataset

from crosstune.core.errors import shown
from crosstune.data.errors import BadSplit
from crosstune.data.layout import WHOLE, in_order, split_name
from crosstune.data.store import PROBLEM, values

ALONE = (WHOLE, "train")
"""What data that come as one table are called: `datasets` says ``train`` where nobody said anything."""


def by_split_column(
    splits: dict[str, Dataset], *, used: Collection[str], declared: Sequence[str] = (), source: str
) -> tuple[dict[str, Dataset], tuple[str, ...]]:
    """Take a table that came alone apart by its column ``split``, where nothing else needs that.

    A column whose values are all something else is an ordinary column, and a note says so; another note says
    that the column is not used where the data have splits already.

    Args:
        splits: the tables.
        used: columns that are the target, an input or the group.
        declared: names that integers in the column stand for.
        source: the data, for messages.

    Returns:
        The splits, as they were where the column says nothing; and notes.

    Raises:
        BadSplit: some values name a split and others do not.
    """
    alone, whole = next(iter(splits.items()))
    found = [one for one in whole.column_names if one.lower() == "split" and one not in used]
    if len(found) != 1:
        return splits, ()
    if len(splits) > 1 or alone not in ALONE:
        return splits, (f"the column `{found[0]}` is not used: the data come as the splits {shown(splits)}",)
    words = [_word(value, declared) for value in values(whole, found[0])]
    broken = values(whole, PROBLEM) if PROBLEM in whole.column_names else [None] * len(words)
    # A row that could not be read has no split; it goes to the first one, for the check to name.
    names = [split_name(word) if problem is None else "" for word, problem in zip(words, broken, strict=True)]
    if not any(names):
        seen = shown(sorted(set(words)), most=4)
        note = f"the column `{found[0]}` names no splits (it holds {seen}), so it is not used as one"
        return splits, (note,)
    unknown = sorted({word for word, name in zip(words, names, strict=True) if name is None})
    if unknown:
        raise BadSplit(
            f"the column `{found[0]}` of `{source}` holds values that name no split",
            found=shown(repr(word) for word in unknown),
            expected="train, validation (valid, val, dev) or test in every row",
            fix=f"correct the rows, or rename the column `{found[0]}` if it means something else",
        )
    present = in_order({name for name in names if name})
    rows: dict[str, list[int]] = {name: [] for name in present}
    for row, name in enumerate(names):
        rows[name or present[0]].append(row)
    return {name: whole.select(rows[name]) for name in present}, ()


def _word(value: object, declared: Sequence[str]) -> str:
    if declared and isinstance(value, int) and 0 <= value < len(declared):
        return declared[value]
    return "" if value is None else str(value)
