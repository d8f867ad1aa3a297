"""Class names that parts of one data set declare, each for itself: brought together, or applied apart.

Splits that were encoded one by one (``DatasetDict.class_encode_column`` does so) can give one number to
different classes. Where they do, each split's numbers are replaced by its own names.
"""

from collections.abc import Mapping

from datasets import Dataset

from crosstune.data.store import column, with_column
from crosstune.data.targets import named

Names = Mapping[str, tuple[str, ...]]
"""By column."""


def agreed(
    splits: Mapping[str, Dataset], declared: Mapping[str, Names]
) -> tuple[dict[str, Dataset], dict[str, tuple[str, ...]]]:
    """Give splits and the names that hold for all of them.

    A split that declares no names for a column is read by those of the others.

    Args:
        splits: by name.
        declared: what each split says about its own columns.

    Checked by: ``tests/data/readers/test_declared.py``.
    """
    tables, common = dict(splits), dict[str, tuple[str, ...]]()
    for name in dict.fromkeys(name for names in declared.values() for name in names):
        by_split = {split: names[name] for split, names in declared.items() if name in names}
        if len(set(by_split.values())) == 1:
            common[name] = next(iter(by_split.values()))
            continue
        for split, names in by_split.items():
            tables[split] = with_column(tables[split], name, named(column(tables[split], name), names))
    return tables, common
