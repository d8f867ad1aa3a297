"""Decoding one image: capped, complete, upright, RGB.

Treatment, the same in training and in predict, and the same as ``transformers`` pipelines apply where
both read a format: EXIF rotation is applied; transparency is dropped and the colours under it are kept;
palettes and CMYK are converted; grey is repeated over the three channels; 16-bit grey keeps its upper
eight bits; of an animation the first frame is taken. Floating-point pixels are refused.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from crosstune.data.layout import IMAGE_SUFFIXES, suffix_of

PIXEL_CAP = 64_000_000
"""Largest width x height that is decoded: a tiny file can claim hundreds of megabytes."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""What is opened at all; Pillow's other formats include some that start outside programs."""

_EXTENSIONS = {
    "PNG": {".png"}, "JPEG": {".jpg", ".jpeg", ".jfif"}, "MPO": {".jpg", ".jpeg", ".jfif"},
    "WEBP": {".webp"}, "GIF": {".gif"}, "BMP": {".bmp"}, "TIFF": {".tif", ".tiff"},
    "PPM": {".ppm", ".pgm", ".pbm"},
}  # fmt: skip

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip

_SIDEWAYS = frozenset({5, 6, 7, 8})

Cell = Mapping[str, Any]
"""An image in a table: ``{"bytes": bytes | None, "path": str | None}``."""


class ImageProblem(ValueError):
    """One image cannot be used; ``code`` and ``reason`` go into ``bad_items.csv``."""

    def __init__(self, code: str, reason: str) -> None:
        """Keep the parts."""
        self.code, self.reason = code, reason
        super().__init__(f"[{code}] {reason}")


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a full decode of one image showed."""

    width: int
    """In pixels, upright."""
    height: int
    treatments: tuple[str, ...]
    """What was done to make it plain RGB: ``rotated``, ``transparent``, ``palette`` ..."""


def looks_like_image(content: bytes) -> bool:
    """Say whether bytes begin as one of the formats that are read."""
    try:
        Image.open(io.BytesIO(content), formats=FORMATS)
    except Exception:  # noqa: BLE001 - it only asks; broken images are named by the check
        return content[:3] == b"\xff\xd8\xff" or content[:4] == b"\x89PNG"
    return True


def read_bytes(cell: Cell | None) -> bytes:
    """Return the encoded bytes of a cell; raises ``ImageProblem`` where there are none."""
    if cell is None or (cell["bytes"] is None and not cell["path"]):
        raise ImageProblem("missing-file", "the cell is empty")
    content = cell["bytes"]
    if content is None:
        content = _file_bytes(str(cell["path"]))
    if not content:
        raise ImageProblem("empty-file", "zero bytes")
    return bytes(content)


def _file_bytes(path: str) -> bytes:
    if "://" in path:
        raise ImageProblem("missing-file", "this is an address; images are read from files only")
    try:
        # Not pathlib: parsing sixty thousand paths takes longer than reading the files.
        with io.FileIO(path) as handle:
            return handle.readall()
    except FileNotFoundError:
        raise ImageProblem("missing-file", "there is no such file") from None
    except (OSError, ValueError) as error:
        raise ImageProblem("missing-file", f"the file cannot be opened: {_words(error)}") from None


def decode(cell: Cell | None) -> Image.Image:
    """Decode an image to upright RGB.

    Raises:
        ImageProblem: missing, empty, unreadable, truncated, too large, or of a kind that is refused.
    """
    return _plain(_loaded(read_bytes(cell)))[0]


def inspect(content: bytes, path: str | None = None) -> ImageFacts:
    """Decode an image fully and say what it is, without keeping the pixels.

    Args:
        content: the encoded bytes.
        path: the file's name, for comparing its suffix with the content.
    """
    return examined(content, path)[1]


def examined(content: bytes, path: str | None = None) -> tuple[Image.Image, ImageFacts]:
    """Decode an image fully; returns it upright, in RGB or grey, and what it is. Arguments as ``inspect``."""
    image = _loaded(content)
    wrong = _wrong_suffix(image.format or "", path)
    if image.mode in {"RGB", "L"} and not _turn(image):
        frames = ("animated",) if _is_animated(image) else ()
        return image, ImageFacts(*image.size, treatments=(*wrong, *frames))
    plain, treatments = _plain(image)
    return plain, ImageFacts(*plain.size, treatments=(*wrong, *treatments))


def _loaded(content: bytes) -> Image.Image:
    """Open, check the size in the header, then decode every pixel."""
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        check_size(image)
        image.load()
    except ImageProblem:
        raise
    except UnidentifiedImageError:
        raise ImageProblem("unreadable-image", f"not one of {', '.join(FORMATS)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageProblem("image-too-large", f"more than {PIXEL_CAP:,} pixels") from None
    except Exception as error:  # noqa: BLE001 - decoders raise anything on broken bytes; it is reported
        raise ImageProblem("unreadable-image", _words(error)) from None
    return image


def check_size(image: Image.Image) -> None:
    """Raise ``ImageProblem`` where the header claims more pixels than are ever decoded, or none."""
    width, height = image.size
    if width * height > PIXEL_CAP:
        raise ImageProblem("image-too-large", f"{width} x {height} pixels; the cap is {PIXEL_CAP:,}")
    if width * height == 0:
        raise ImageProblem("unreadable-image", f"{width} x {height} pixels")


def _is_animated(image: Image.Image) -> bool:
    """Say whether there are more frames than the one that is used; an MPO holds the same twice."""
    try:
        return getattr(image, "n_frames", 1) > 1 and image.format != "MPO"
    except Exception as error:  # noqa: BLE001 - decoders raise anything on a chain of frames that breaks off
        raise ImageProblem("unreadable-image", f"a later frame is broken: {_words(error)}") from None


def _plain(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Make a decoded image upright RGB; also name what that took."""
    treatments = []
    if _is_animated(image):
        treatments.append("animated")
    turn = _turn(image)
    if image.mode != "RGB":
        image, names = _to_rgb(image)
        treatments.extend(names)
    if turn:
        image = image.transpose(_TURNS[turn])
        treatments.append("rotated")
    return image, tuple(treatments)


def _to_rgb(image: Image.Image) -> tuple[Image.Image, list[str]]:
    mode, names = image.mode, []
    if mode == "F":
        raise ImageProblem("unsupported-image", "floating-point pixels have no agreed range")
    if mode.startswith("I"):
        return _from_16_bit(image), ["16-bit"]
    if mode in {"P", "PA"}:
        names.append("palette")
    if mode == "CMYK":
        names.append("cmyk")
    if mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        names.append("transparent")
        # By way of RGBA: Pillow warns about palettes whose transparency is a byte string otherwise.
        image = image.convert("RGBA")
    return image.convert("RGB"), names


def _from_16_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise ImageProblem("unsupported-image", "pixel values outside 0 to 65,535")
    return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")


def _turn(image: Image.Image) -> int:
    """Return the EXIF orientation where it asks for a turn, else 0."""
    if image.format == "PNG" and not any("exif" in str(key).lower() for key in image.info):
        return 0
    if image.format in {"GIF", "BMP", "PPM"}:
        return 0
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - broken EXIF is common, and the pixels are fine without it
        return 0
    return orientation if orientation in _TURNS else 0


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height as they are once the image is upright; the pixels need not be loaded."""
    width, height = image.size
    return (height, width) if _turn(image) in _SIDEWAYS else (width, height)


def _wrong_suffix(kind: str, path: str | None) -> tuple[str, ...]:
    if path is None or kind not in _EXTENSIONS:
        return ()
    suffix = suffix_of(path)
    if suffix in _EXTENSIONS[kind]:
        return ()
    return ("wrong-extension",) if suffix in IMAGE_SUFFIXES else ()


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."
