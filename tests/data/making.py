"""Tiny images and files for the tests of the data room."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def picture(seed: int = 0, *, size: tuple[int, int] = (6, 4), mode: str = "RGB") -> Image.Image:
    """Make noise of ``size`` (width, height), different for each seed."""
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Encode an image."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(seed: int = 0, **options: Any) -> bytes:
    """Make the bytes of a PNG file."""
    return encoded(picture(seed, **options))


def class_folders(root: Path, counts: Mapping[str, int], *, start: int = 0) -> Path:
    """Write ``root/CLASS/N.png``, every image different."""
    seed = start
    for name, count in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (root / name / f"{number}.png").write_bytes(png(seed))
            seed += 1
    return root


def write(path: Path, text: str | bytes) -> Path:
    """Write a file as it is, creating its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
