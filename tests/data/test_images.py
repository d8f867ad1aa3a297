"""Decoding: complete, capped, upright, RGB; every defect has its code."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from crosstune.data.images import PIXEL_CAP, ImageProblem, decode, inspect, read_bytes
from tests.data.making import encoded, picture, png


def cell(content: bytes | None = None, path: str | None = None) -> dict[str, bytes | str | None]:
    return {"bytes": content, "path": path}


def pixels(content: bytes) -> np.ndarray:
    image = decode(cell(content))
    assert image.mode == "RGB"
    return np.asarray(image)


def huge_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def test_lossless_formats_give_the_same_pixels_from_bytes_and_from_a_file(tmp_path: Path) -> None:
    expected = np.asarray(picture(1))
    for kind in ("PNG", "BMP", "TIFF", "PPM"):
        content = encoded(picture(1), kind)
        assert np.array_equal(pixels(content), expected)
    path = tmp_path / "a.png"
    path.write_bytes(png(1))
    assert np.array_equal(np.asarray(decode(cell(path=str(path)))), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied_once(orientation: int) -> None:
    upright = picture(2, size=(16, 8))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("PNG", "TIFF"):
        assert np.array_equal(pixels(encoded(stored, kind, exif=exif)), np.asarray(upright)), kind
    facts = inspect(encoded(stored, "PNG", exif=exif))
    assert (facts.width, facts.height) == (16, 8)
    assert facts.treatments == (("rotated",) if orientation > 1 else ())


def test_each_mode_has_its_stated_treatment() -> None:
    rgb = np.asarray(picture(3))
    alpha = picture(3).convert("RGBA")
    alpha.putalpha(0)
    assert np.array_equal(pixels(encoded(alpha)), rgb), "colours under transparency are kept"
    assert inspect(encoded(alpha)).treatments == ("transparent",)

    grey = np.asarray(picture(3, mode="L"))
    assert np.array_equal(pixels(encoded(picture(3, mode="L"))), np.repeat(grey[..., None], 3, axis=2))
    assert inspect(encoded(picture(3, mode="L"))).treatments == ()

    deep = Image.fromarray((grey.astype(np.uint16) << 8) + 77)
    assert np.array_equal(pixels(encoded(deep))[..., 0], grey), "16-bit grey keeps its upper bits"
    assert inspect(encoded(deep)).treatments == ("16-bit",)

    palette = picture(3).quantize(8)
    assert np.array_equal(pixels(encoded(palette)), np.asarray(palette.convert("RGB")))
    assert inspect(encoded(palette)).treatments == ("palette",)
    see_through = encoded(palette, transparency=bytes([0, 128, 255]))
    assert np.array_equal(pixels(see_through), np.asarray(palette.convert("RGB")))
    assert inspect(see_through).treatments == ("palette", "transparent")

    cmyk = encoded(picture(3).convert("CMYK"), "TIFF")
    assert inspect(cmyk).treatments == ("cmyk",)
    assert pixels(cmyk).shape == rgb.shape


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [picture(seed).convert("P") for seed in range(3)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert "animated" in inspect(content).treatments
    assert np.array_equal(pixels(content), np.asarray(frames[0].convert("RGB")))


def test_a_later_frame_that_is_broken_is_a_defect_of_the_picture() -> None:
    frames = [picture(seed) for seed in range(3)]
    whole = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    cuts = 0
    for end in range(len(whole) - 1, len(whole) // 3, -37):
        try:
            inspect(whole[:end])
        except ImageProblem as problem:
            cuts += problem.code == "unreadable-image"
    assert cuts


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"not an image", "unreadable-image"),
        (encoded(picture(4, size=(64, 64)), "JPEG")[:-300], "unreadable-image"),
        (png(4, size=(64, 64))[:-200], "unreadable-image"),
        (huge_png(9000, 9000), "image-too-large"),
        (huge_png(12_000, 12_000), "image-too-large"),
        (huge_png(40_000, 40_000), "image-too-large"),
        (encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), "unsupported-image"),
    ],
)
def test_a_defect_has_a_code(content: bytes, code: str) -> None:
    for function in (lambda: decode(cell(content)), lambda: inspect(content or read_bytes(cell(content)))):
        with pytest.raises(ImageProblem) as problem:
            function()
        assert problem.value.code == code
        assert problem.value.reason


def test_a_missing_file_an_address_and_an_empty_cell_are_named(tmp_path: Path) -> None:
    for empty in (None, cell(), cell(path=str(tmp_path / "no.png")), cell(path="https://example.org/a.png"),
                  cell(path=str(tmp_path)), cell(path="a\0b")):  # fmt: skip
        with pytest.raises(ImageProblem) as problem:
            decode(empty)
        assert problem.value.code == "missing-file"


def test_the_suffix_is_compared_with_the_content() -> None:
    assert inspect(png(5), "/x/a.JPG").treatments == ("wrong-extension",)
    assert inspect(png(5), "/x/a.png").treatments == ()
    assert inspect(png(5), "/x/a").treatments == ()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_broken_bytes_raise_image_problems_and_nothing_else(data: st.DataObject) -> None:
    content = bytearray(
        encoded(picture(6, size=(16, 16)), data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "BMP"])))
    )
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    try:
        image = decode(cell(bytes(content)))
    except ImageProblem:
        return
    assert image.mode == "RGB"
    assert image.width * image.height <= PIXEL_CAP
