"""What stands for no target."""

IGNORED = -100
"""Fills up rows of targets that are shorter than others: what PyTorch's and transformers' losses skip."""
