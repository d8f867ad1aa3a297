"""Scenes for detection and segmentation: real Fashion-MNIST objects on textured canvases of 128 pixels.

    python benchmarks/compose_scenes.py [--quick]

1,000 scenes for training and 200 for testing (with --quick 100 and 20) go to benchmarks/data/scenes, by a
fixed seed:

    images/SPLIT/NUMBER.png                RGB, 128 x 128
    masks/SPLIT/NUMBER.png                 palette PNG: 0 is the background, 1 to 10 the classes
    masks/classes.txt                      number and name of each class
    annotations/instances_SPLIT.json       COCO: boxes, and exact masks as run lengths

Every twentieth scene shows nothing but texture. The others have one to six objects of one to two and a half
times their size of 28 pixels, tinted, which may overlap: what lies above hides what lies below, and an object
that would hide more than half of another is left out. Boxes and masks are those of the pixels that are seen,
exact by construction. Training scenes are made of Fashion-MNIST's training pictures, test scenes of its test
pictures.

Targets: every box is the extent of its mask, to the pixel; the masks are the sum of the objects; the check of
this package finds nothing that is wrong.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common import DATA, Benchmark, data_folder

SEED = 7
SIDE, OBJECT = 128, 28
COUNTS = {"train": 1_000, "test": 200}
MOST, SCALES = 6, (1.0, 2.5)
SEEN = 0.5
"""Share of an object's pixels that must be seen; below it the object is hidden, not small."""
EMPTY = 20
"""One scene in so many has no object."""
INK = 24
"""Grey level from which a pixel belongs to an object; the pictures' background is 0."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """One picture and what is in it."""

    pixels: Pixels
    """``(SIDE, SIDE, 3)``."""
    owners: NDArray[np.int64]
    """``(SIDE, SIDE)``: the number of the object that is seen, 0 where there is none."""
    labels: tuple[int, ...]
    """Class of object 1, 2 ..."""

    def mask(self) -> Pixels:
        """Give the classes, from 1 on, ``(SIDE, SIDE)``."""
        table = np.array([0, *(label + 1 for label in self.labels)], np.uint8)
        return table[self.owners]

    def box(self, number: int) -> tuple[int, int, int, int]:
        """Give left, top, width, height of what is seen of an object."""
        rows, columns = np.nonzero(self.owners == number)
        left, top = int(columns.min()), int(rows.min())
        return left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top


def texture(draw: np.random.Generator) -> NDArray[np.float64]:
    """Make a canvas of blurred noise at three scales and slanted stripes, in two random colours."""
    field = np.zeros((SIDE, SIDE))
    for cells, weight in ((4, 1.0), (12, 0.6), (40, 0.35)):
        noise = Image.fromarray(draw.integers(0, 256, (cells, cells), dtype=np.uint8))
        smooth = np.asarray(noise.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float64) / 255
        field += weight * draw.uniform(0.4, 1.0) * (smooth - 0.5)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    turn, waves = draw.uniform(0, np.pi), draw.uniform(4, 24)
    stripes = np.sin((rows * np.sin(turn) + columns * np.cos(turn)) / SIDE * waves * np.pi)
    field = np.clip(0.5 + field + draw.uniform(0, 0.18) * stripes, 0, 1)[..., None]
    first, second = draw.uniform(0, 200, 3), draw.uniform(55, 255, 3)
    return (1 - field) * first + field * second


def compose(draw: np.random.Generator, sources: Sequence[Pixels], labels: Sequence[int], most: int) -> Scene:
    """Paste up to ``most`` objects, one above the other."""
    canvas = texture(draw)
    owners, found = np.zeros((SIDE, SIDE), np.int64), list[int]()
    whole: list[int] = []
    for _ in range(most):
        chosen = int(draw.integers(len(sources)))
        side = round(OBJECT * draw.uniform(*SCALES))
        grey = Image.fromarray(sources[chosen]).resize((side, side), Image.Resampling.BILINEAR)
        ink = np.asarray(grey, np.float64)
        if draw.random() < 0.5:
            ink = ink[:, ::-1]
        top, left = (int(place) for place in draw.integers(0, SIDE - side + 1, 2))
        tint = draw.uniform(120, 255, 3)
        own = np.zeros((SIDE, SIDE), np.bool_)
        own[top : top + side, left : left + side] = ink >= INK
        after = np.where(own, len(found) + 1, owners)
        seen = [int((after == number).sum()) for number in range(1, len(found) + 1)]
        if not own.any() or any(some < SEEN * size for some, size in zip(seen, whole, strict=True)):
            continue
        # From 30 % of the tint on, so that dark cloth is still told from the canvas.
        shaded = (0.3 + 0.7 * ink / 255)[..., None] * tint
        canvas[top : top + side, left : left + side][ink >= INK] = shaded[ink >= INK]
        owners = after
        found.append(int(labels[chosen]))
        whole.append(int(own.sum()))
    return Scene(np.clip(canvas, 0, 255).astype(np.uint8), owners, tuple(found))


def scenes(
    count: int, sources: Sequence[Pixels], labels: Sequence[int], *, split: str, seed: int = SEED
) -> Iterator[Scene]:
    """Make scenes; each by a generator of its own, so that the first hundred are the same of any number."""
    salt = int.from_bytes(hashlib.blake2b(split.encode(), digest_size=4).digest())
    for number in range(count):
        draw = np.random.default_rng((seed, salt, number))
        most = 0 if number % EMPTY == EMPTY - 1 else int(draw.integers(1, MOST + 1))
        yield compose(draw, sources, labels, most)


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Write a mask as COCO's uncompressed run lengths: column by column, pixels outside first."""
    flat = mask.flatten(order="F").astype(np.int8)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [1 - flat[-1]]])))
    return {"counts": np.diff(np.concatenate([[0], edges])).tolist(), "size": list(mask.shape)}


def palette_of(names: Sequence[str]) -> list[int]:
    """Give the colours of the mask files: black, then hues in steps of the golden ratio."""
    import colorsys

    shades = [colorsys.hsv_to_rgb(place * 0.618034 % 1, 0.8, 0.9) for place in range(len(names))]
    return [0, 0, 0, *(round(255 * part) for shade in shades for part in shade)]


def written(folder: Path, split: str, made: Iterator[Scene], names: Sequence[str]) -> dict[str, Any]:
    """Write the scenes of a split; gives the content of its COCO file."""
    colours = palette_of(names)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, scene in enumerate(made, start=1):
        name = f"{number - 1:05d}.png"
        mask = Image.fromarray(scene.mask())
        mask.putpalette(colours)
        for kind, image in (("images", Image.fromarray(scene.pixels)), ("masks", mask)):
            path = folder / kind / split / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path)
        images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
        for place, label in enumerate(scene.labels, start=1):
            own = scene.owners == place
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": label + 1,
                    "bbox": list(scene.box(place)),
                    "area": int(own.sum()),
                    "iscrowd": 0,
                    "segmentation": run_lengths(own),
                }
            )
    categories = [{"id": place, "name": name} for place, name in enumerate(names, start=1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    path = folder / "annotations" / f"instances_{split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return content


def sources_of(split: str) -> tuple[list[Pixels], list[str]]:
    """Read the pictures of Fashion-MNIST and their class names."""
    from pyarrow import parquet

    table = parquet.read_table(data_folder("fashion-mnist") / f"{split}.parquet")
    cells = table["image"].to_pylist()
    return [np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in cells], table["label"].to_pylist()


def write_scenes(folder: Path, counts: Mapping[str, int], *, seed: int = SEED) -> dict[str, dict[str, Any]]:
    """Write all splits; gives by split the content of the COCO file.

    Args:
        folder: takes ``images``, ``masks`` and ``annotations``.
        counts: scenes by split, ``train`` and ``test``.
        seed: of everything.

    Checked by: ``tests/benchmarks/test_compose_scenes.py``.
    """
    found = {}
    for split, count in counts.items():
        pictures, labels = sources_of(split)
        names = sorted(set(labels))
        numbers = [names.index(label) for label in labels]
        found[split] = written(folder, split, scenes(count, pictures, numbers, split=split, seed=seed), names)
        lines = [f"{place} {name}\n" for place, name in enumerate(("background", *names))]
        (folder / "masks" / "classes.txt").write_text("".join(lines), encoding="utf-8")
    return found


def exact(folder: Path, split: str, content: Mapping[str, Any]) -> bool:
    """Say whether boxes, run lengths and mask files agree in every pixel."""
    rows: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
    for one in content["annotations"]:
        rows[one["image_id"]].append(one)
    for image in content["images"]:
        mask = np.asarray(Image.open(folder / "masks" / split / image["file_name"]))
        again = np.zeros_like(mask)
        for one in rows[image["id"]]:
            counts = one["segmentation"]["counts"]
            flat = np.repeat(np.arange(len(counts)) % 2, counts).astype(np.bool_)
            own = flat.reshape(one["segmentation"]["size"], order="F")
            left, top, width, height = one["bbox"]
            inside = own[top : top + height, left : left + width]
            edges = inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()
            if inside.sum() != own.sum() or not edges or again[own].any():
                return False
            again[own] = one["category_id"]
        if not np.array_equal(again, mask):
            return False
    return True


def digest(folder: Path) -> str:
    """Hash the names and the pixels of all pictures and masks: encoders differ, pixels do not."""
    found = hashlib.blake2b(digest_size=8)
    for path in sorted(folder.rglob("*.png")):
        found.update(path.relative_to(folder).as_posix().encode())
        found.update(np.asarray(Image.open(path)).tobytes())
    return found.hexdigest()


def main() -> None:
    """Write the sets, and look at them."""
    import crosstune

    benchmark = Benchmark("compose_scenes", __doc__)
    folder = DATA / ("scenes-quick" if benchmark.quick else "scenes")
    counts = {split: count // (10 if benchmark.quick else 1) for split, count in COUNTS.items()}
    with benchmark.timed("compose"):
        contents = write_scenes(folder, counts)
    with benchmark.timed("check"):
        report = crosstune.check(folder, task="object-detection")
    wrong = [finding.code for finding in report.findings if finding.severity != "note"]
    figures = {
        "objects": {split: len(content["annotations"]) for split, content in contents.items()},
        "backgrounds": {
            split: len(content["images"]) - len({one["image_id"] for one in content["annotations"]})
            for split, content in contents.items()
        },
        "pixels": digest(folder),
        "found": wrong,
    }
    agree = all(exact(folder, split, content) for split, content in contents.items())
    targets = {
        "boxes and masks are exact": agree,
        "the check finds nothing wrong": not wrong and not report.bad,
    }
    benchmark.finish(figures=figures, targets=targets)


if __name__ == "__main__":
    main()
