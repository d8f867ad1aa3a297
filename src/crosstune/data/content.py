"""A hash for each example's input, and one for a whole split: equal content, equal hash."""

import hashlib
from collections.abc import Iterable


def digest_bytes(content: bytes) -> str:
    """Hash the bytes of a file to 32 hexadecimal digits."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def digest_texts(texts: Iterable[str | None]) -> str:
    """Hash a text, or a pair of texts, so that no two pairs run together."""
    joined = "".join(f"{len(text)}:{text}" for text in (part or "" for part in texts))
    return digest_bytes(joined.encode("utf-8", "surrogatepass"))


def digest_rows(digests: Iterable[str]) -> str:
    """Hash the row hashes of a split, in order."""
    total = hashlib.blake2b(digest_size=16)
    for digest in digests:
        total.update(digest.encode())
    return total.hexdigest()
