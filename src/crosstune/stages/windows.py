"""Texts with tagged words that are longer than the model: cut into rows of their own for training."""

from dataclasses import replace
from typing import Any

import pyarrow as pa

from crosstune.data.items import SplitItems
from crosstune.data.store import make
from crosstune.frozen.windows import part
from crosstune.sources.tagger import WordPreprocessing
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.tasks.token_classification import TokenClassification

AT_ONCE = 256


def with_windows(run: Run, prepared: Prepared, opened: Opened) -> Prepared:
    """Cut the long texts of training and validation, so that every word is learnt once.

    The test split keeps its texts: they are answered in parts that overlap (``frozen/windows.py``). Every
    other task stays as it is. Cost: one tokenisation of both splits.

    Checked by: ``tests/stages/test_tagging.py``.
    """
    task, preprocessing = prepared.task, opened.backbone.preprocessing
    if not isinstance(task, TokenClassification) or not isinstance(preprocessing, WordPreprocessing):
        return prepared
    items, encoded = dict(prepared.items), dict(prepared.encoded)
    for split in ("train", "validation"):
        cut = cut_to_fit(items[split], preprocessing)
        if cut is None:
            continue
        run.reporter.say(
            f"{split}: {len(items[split]):,} texts are read in {len(cut):,} parts of at most "
            f"{preprocessing.max_length} tokens"
        )
        items[split], encoded[split] = cut, task.encode(cut.targets())
    facts = replace(prepared.facts, train_rows=len(items["train"]), validation_rows=len(items["validation"]))
    return replace(prepared, items=items, encoded=encoded, facts=facts)


def cut_to_fit(items: SplitItems, preprocessing: WordPreprocessing) -> SplitItems | None:
    """Give the parts of all texts as rows, with the other columns of their texts; ``None``: all fit."""
    (name,), target = items.inputs, items.target
    rows: list[int] = []
    texts, tags = list[str](), list[Any]()
    known = items.targets()
    for begin in range(0, len(items), AT_ONCE):
        block = range(begin, min(begin + AT_ONCE, len(items)))
        for row, text in zip(block, items.batch(block), strict=True):
            for start, end in preprocessing.windows(text):
                rows.append(row)
                texts.append(part(text, start, end))
                tags.append(known[row][start:end])
    if len(rows) == len(items):
        return None
    others = [one for one in items.dataset.column_names if one not in {name, target}]
    table = items.dataset.select_columns(others).with_format("arrow")[:].take(pa.array(rows))
    columns = {one: table.column(one) for one in others}
    columns |= {name: pa.array(texts, pa.string()), str(target): pa.array(tags, pa.list_(pa.string()))}
    return replace(items, dataset=make(pa.table(columns)), digests=None)
