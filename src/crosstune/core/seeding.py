"""Randomness from (seed, purpose, epoch, example): the same draw however the run was cut up."""

import hashlib

import numpy as np


def derived_seed(seed: int, purpose: str, *keys: int) -> int:
    """Return a 63-bit seed that depends on all arguments and on nothing else.

    Args:
        seed: the run's seed.
        purpose: what the draw is for, such as ``"order"`` or ``"augment"``.
        keys: for example epoch and example index.
    """
    text = ":".join(map(str, (seed, purpose, *keys)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, purpose: str, *keys: int) -> np.random.Generator:
    """Return a numpy generator seeded by :func:`derived_seed`."""
    return np.random.default_rng(derived_seed(seed, purpose, *keys))
