"""What stands for no target."""

IGNORED = -100
"""Fills up rows of targets that are shorter than others: what PyTorch's and transformers' losses skip."""

NO_WORD = -1e4
"""All outputs at a place where a text has no word: finite, so that it is told from a model that gives NaN,
and far below what a head gives."""

SIZES = "sizes"
"""Name in the batch of ``(B, 2)`` float32: height and width of each picture as it was before it was resized,
for answers of that size. No model reads it."""
