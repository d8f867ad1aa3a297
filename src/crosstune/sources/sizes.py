"""The picture size: the weights' own, or the one that was asked for."""

from dataclasses import replace

from crosstune.core.errors import BadValue
from crosstune.sources.base import OpenOptions
from crosstune.sources.preprocessing import ImagePreprocessing


def sized(own: ImagePreprocessing, options: OpenOptions) -> ImagePreprocessing:
    """Apply ``image_size`` and ``resize``.

    Where only ``image_size`` is given, the shorter side is resized to the same length: the whole
    picture is used, up to the longer side's ends.

    Raises:
        BadValue: a size below 1, or ``resize`` smaller than the crop.
    """
    if options.image_size is None and options.resize is None:
        return own
    size = options.image_size or own.size
    resize = options.resize or (size if options.image_size else own.resize)
    check_sizes(size, resize)
    return replace(own, size=size, resize=resize, squash=own.squash and options.image_size is None)


def check_sizes(size: int, resize: int) -> None:
    """Raise ``BadValue`` for sizes that cannot be."""
    if size < 1 or resize < size:
        raise BadValue(
            "the picture sizes contradict each other",
            found=f"image_size {size}, resize {resize}",
            expected="1 <= image_size <= resize: the crop cannot be larger than the resized picture",
            fix="leave out `resize`, or make it at least `image_size`",
        )
