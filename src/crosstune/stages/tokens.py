"""What the tokenizer of the opened model makes of the texts: tokens lost by cutting, and unknown ones."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from crosstune.core.seeding import generator
from crosstune.data.gate.policy import judged
from crosstune.data.gate.report import NOTE, WARNING, Finding
from crosstune.sources.preprocessing import TextPreprocessing
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run

SAMPLE = 2_000
"""Training texts that are looked at."""

LOST, UNKNOWN = (0.001, 0.05), (0.002, 0.02)
"""Shares of the tokens at which a note and a warning begin. ASSUMED."""


def with_tokens(run: Run, prepared: Prepared, opened: Opened) -> Prepared:
    """Add what the tokenizer shows to the findings; pictures have nothing to show."""
    preprocessing = opened.backbone.preprocessing
    if not isinstance(preprocessing, TextPreprocessing):
        return prepared
    items = prepared.items["train"]
    rows = np.sort(generator(0, "tokens").permutation(len(items))[:SAMPLE]).tolist()
    found = token_findings(items.batch(rows), preprocessing)
    found = judged(found, strict=run.options.strict)
    run.found(found)
    report = replace(prepared.report, findings=(*prepared.report.findings, *found))
    report.require()
    return replace(prepared, report=report)


def token_findings(raw: Sequence[Any], preprocessing: TextPreprocessing) -> list[Finding]:
    """Count, over texts or pairs of texts, the tokens beyond the model's length and the unknown ones.

    Cost: tokenises the texts once. Checked by: ``tests/stages/test_tokens.py``.
    """
    if not len(raw):
        return []
    tokenizer, longest = preprocessing.tokenizer, preprocessing.max_length
    pairs = [one for one in raw if not isinstance(one, str)]
    texts = [[one[0] for one in raw], [one[1] for one in raw]] if pairs else [list(raw)]
    encoded = tokenizer(*texts, truncation=False, verbose=False)["input_ids"]
    lengths = np.array([len(ids) for ids in encoded])
    total = max(1, int(lengths.sum()))
    lost = int(np.maximum(lengths - longest, 0).sum()) / total
    unknown = sum(ids.count(tokenizer.unk_token_id) for ids in encoded) / total
    findings = []
    if lost > LOST[0]:
        findings.append(
            Finding(
                severity=WARNING if lost > LOST[1] else NOTE,
                code="long-texts",
                sentence=f"{lost:.1%} of the tokens are lost: {(lengths > longest).mean():.1%} of the texts "
                f"are longer than the {longest} tokens that the model reads",
                fix="choose a model that reads more, set max_length higher, or cut the texts into parts",
            )
        )
    if tokenizer.unk_token_id is not None and unknown > UNKNOWN[0]:
        findings.append(
            Finding(
                severity=WARNING if unknown > UNKNOWN[1] else NOTE,
                code="unknown-tokens",
                sentence=f"{unknown:.1%} of the tokens are unknown to the model",
                fix="choose a model of the language of the texts",
            )
        )
    return findings
