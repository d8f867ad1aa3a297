"""Good sets of pictures and texts, and the same with planted defects, which must be found."""

import csv
import io
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from tests.data.making import encoded, write

WORDS = [
    *("amber", "basket", "candle", "dolphin", "ember", "falcon", "garden", "harbor", "island", "jungle"),
    *("kettle", "lantern", "meadow", "needle", "orchard", "pepper", "quarry", "ribbon", "saddle", "temple"),
    *("umbrella", "velvet", "window", "yonder", "zephyr", "anchor", "bridge", "copper", "desert", "engine"),
]


@dataclass
class Planted:
    """What was planted."""

    folder: Path
    bad: dict[str, str] = field(default_factory=dict)
    """Origin of a row that must be set aside, to its code."""
    items: dict[str, set[str]] = field(default_factory=dict)
    """Code of a finding to the exact items that it must list."""

    def __len__(self) -> int:
        return len(self.bad) + sum(map(len, self.items.values()))


def scene(seed: int, side: int = 48) -> Image.Image:
    """Make a smooth picture in colour, unlike that of any other seed."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)


def pictures(root: Path, each: int = 60) -> Path:
    """Write ``train`` and ``test`` with the classes ``a`` (brighter) and ``b``; every picture different."""
    seed = 0
    for split, count in (("train", each), ("test", 20)):
        for name, light in (("a", 1.3), ("b", 0.7)):
            for number in range(count):
                image = ImageEnhance.Brightness(scene(seed)).enhance(light)
                write(root / split / name / f"{number:03d}.bmp", encoded(image, "BMP"))
                seed += 1
    return root


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes())).convert("RGB")


def plant_pictures(root: Path) -> Planted:
    """Plant 24 defects in a set of pictures."""
    pictures(root)
    planted = Planted(root)
    whole = encoded(scene(900), "PNG")
    jpeg = encoded(scene(901), "JPEG")
    floats = encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF")
    huge = bytearray(encoded(Image.new("RGB", (4, 4))))
    huge[16:24] = (9_000).to_bytes(4, "big") * 2
    huge[29:33] = zlib.crc32(huge[12:29]).to_bytes(4, "big")
    for name, content, code in (
        ("train/a/zero.png", b"", "empty-file"),
        ("train/a/half.jpg", jpeg[: len(jpeg) // 2], "unreadable-image"),
        ("train/b/cut.png", whole[:-200], "unreadable-image"),
        ("train/b/words.png", b"this is no picture", "unreadable-image"),
        ("train/b/html.jpg", b"<html>404</html>", "unreadable-image"),
        ("train/a/huge.png", bytes(huge), "image-too-large"),
        ("train/a/float.tif", floats, "unsupported-image"),
        ("test/a/zero.bmp", b"", "empty-file"),
        ("test/b/half.jpg", jpeg[:120], "unreadable-image"),
    ):
        write(root / name, content)
        planted.bad[name] = code
    write(root / "test" / "c" / "000.bmp", encoded(scene(902), "BMP"))
    planted.bad["test/c/000.bmp"] = "unknown-class"
    (root / "train" / "b" / "gone.png").symlink_to(root / "nowhere.png")
    planted.bad["train/b/gone.png"] = "missing-file"
    _plant_copies(root, planted)
    return planted


def _plant_copies(root: Path, planted: Planted) -> None:
    def copy(source: str, target: str, image: Image.Image | None = None, **how: int) -> str:
        kind = "JPEG" if target.endswith(".jpg") else "PNG"
        content = (root / source).read_bytes() if image is None else encoded(image, kind, **how)
        write(root / target, content)
        return f"{source} = {target}"

    def of(name: str) -> Image.Image:
        return opened(root / name)

    turned = of("train/a/012.bmp").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    darker = ImageEnhance.Brightness(of("train/b/013.bmp")).enhance(0.9)
    planted.items["duplicates-across-splits"] = {
        copy("train/a/001.bmp", "test/a/copy1.bmp"),
        copy("train/b/002.bmp", "test/b/copy2.bmp"),
        copy("train/b/003.bmp", "test/b/pixels.png", of("train/b/003.bmp")),
        copy("train/a/004.bmp", "test/a/pixels.png", of("train/a/004.bmp")),
    }
    planted.items["near-duplicates-across-splits"] = {
        copy("train/a/010.bmp", "test/a/near1.jpg", of("train/a/010.bmp"), quality=60),
        copy("train/b/011.bmp", "test/b/near2.png", of("train/b/011.bmp").resize((32, 32))),
        copy("train/a/012.bmp", "test/a/near3.png", turned),
        copy("train/b/013.bmp", "test/b/near4.png", darker),
    }
    blurred = of("train/b/022.bmp").filter(ImageFilter.GaussianBlur(1))
    planted.items["duplicates"] = {copy("train/a/020.bmp", "train/a/again.bmp")}
    planted.items["near-duplicates"] = {copy("train/b/022.bmp", "train/b/blurred.png", blurred)}
    both = copy("train/a/030.bmp", "train/b/030copy.bmp")
    planted.items["duplicates"].add(both)
    left, right = both.split(" = ")
    planted.items["conflicting-targets"] = {f"{left} (a) = {right} (b)"}


def sentence(seed: int, words: int = 14) -> str:
    draw = np.random.default_rng(seed)
    return " ".join(draw.choice(WORDS, words, replace=True))


def texts(path: Path, rows: int = 160) -> Path:
    """Write ``train.csv`` and ``test.csv`` of sentences whose last word is their class."""
    for split, start, count in (("train", 0, rows), ("test", 1_000, 60)):
        with (path / f"{split}.csv").open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(["text", "label", "author"])
            for number in range(start, start + count):
                label = ("good", "bad")[number % 2]
                writer.writerow([f"{sentence(number)} {label}", label, f"{split}{number}"])
    return path


def plant_texts(path: Path) -> Planted:
    """Plant 22 defects in a set of texts; line numbers are those of the files."""
    texts(path)
    planted = Planted(path)

    def add(split: str, content: bytes) -> str:
        file = path / f"{split}.csv"
        file.write_bytes(file.read_bytes() + content + b"\r\n")
        lines = file.read_bytes().count(b"\n")
        return f"{split}.csv:{lines}"

    for split, content, code in (
        ("train", b",good,p1", "empty-text"),
        ("train", b"   ,bad,p2", "empty-text"),
        ("train", b"no target at all here,,p3", "missing-target"),
        ("train", "caf\u00e9 noir on the corner,good,p4".encode("latin-1"), "invalid-utf8"),
        ("train", b"too,many,cells,here,in,this,row", "broken-row"),
        ("train", b"another target is missing,  ,p5", "missing-target"),
        ("test", b"a class that nobody trained,ugly,p6", "unknown-class"),
        ("test", b"a slip of the keyboard,goood,p7", "unknown-class"),
        ("test", b",bad,p8", "empty-text"),
        ("test", b"\t,bad,p9", "empty-text"),
    ):
        planted.bad[add(split, content)] = code
    _plant_twins(planted, add)
    return planted


def _plant_twins(planted: Planted, add) -> None:  # noqa: ANN001 - a local function
    def twin(row: int, split: str, words: str, label: str = "") -> str:
        own = ("good", "bad")[row % 2]
        return f"train.csv:{row + 2} = " + add(split, f"{words},{label or own},x{row}".encode())

    def text(row: int) -> str:
        return f"{sentence(row)} {('good', 'bad')[row % 2]}"

    planted.items["duplicates-across-splits"] = {
        twin(3, "test", text(3)),
        twin(4, "test", text(4).upper()),
        twin(5, "test", text(5).replace(" ", "   ")),
        twin(6, "test", "".join(chr(ord(c) + 0xFEE0) if c != " " else c for c in text(6))),
    }
    planted.items["near-duplicates-across-splits"] = {
        twin(10, "test", text(10) + " x"),
        twin(11, "test", "so " + text(11)),
        twin(12, "test", text(12) + "!?"),
    }
    planted.items["duplicates"] = {twin(20, "train", text(20))}
    planted.items["near-duplicates"] = {twin(21, "train", text(21) + " ah")}
    both = twin(30, "train", text(30), "bad")
    planted.items["duplicates"].add(both)
    left, right = both.split(" = ")
    planted.items["conflicting-targets"] = {f"{left} (good) = {right} (bad)"}
    odd = add("train", "\u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440,good,x99".encode())
    planted.items["other-script"] = {odd}
