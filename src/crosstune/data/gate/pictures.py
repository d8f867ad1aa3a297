"""Every picture, looked at once."""

from typing import Any

from datasets import Dataset
from PIL import Image

from crosstune.core.progress import Reporter
from crosstune.data.content import digest_bytes
from crosstune.data.gate.dhash import COLUMNS, ROWS, THUMB
from crosstune.data.gate.inputs import Inputs, Problem, known_problems
from crosstune.data.images import ImageFacts, ImageProblem, examined, read_bytes
from crosstune.data.threads import each_in_order

_CHUNK = 128

_Look = tuple[str, ImageFacts | None, int, bytes, Problem | None]


def look_at_images(
    dataset: Dataset, name: str, reporter: Reporter, *, done: int = 0, prints: bool = False
) -> Inputs:
    """Read and fully decode every image on a few threads; nothing decoded is kept but tiny thumbnails.

    Args:
        dataset: one split.
        name: the column of image cells.
        reporter: told about progress.
        done: rows of other splits that are finished, for the progress.
        prints: whether thumbnails are made, for finding images that are nearly equal.
    """
    cells = dataset.select_columns([name]).with_format("arrow")
    result = Inputs()

    def look(start: int) -> list[_Look]:
        # Threads are handed row numbers and fetch the bytes themselves, so that memory stays flat.
        chunk = cells[start : start + _CHUNK].column(name).to_pylist()
        return [_look_at_image(cell, prints) for cell in chunk]

    for rows in each_in_order(look, range(0, len(dataset), _CHUNK)):
        for digest, facts, size, thumb, problem in rows:
            result.add(digest, (facts.width, facts.height, size) if facts else None, problem)
            result.prints += thumb
            result.treatments.update(facts.treatments if facts else ())
        reporter.advance(done + len(result))
    known_problems(dataset, result)
    return result


def _look_at_image(cell: dict[str, Any] | None, prints: bool) -> _Look:
    digest, nothing = "", bytes(THUMB if prints else 0)
    try:
        content = read_bytes(cell)
        digest = digest_bytes(content)
        image, facts = examined(content, cell["path"] if cell else None)
    except ImageProblem as problem:
        return digest, None, 0, nothing, (problem.code, problem.reason)
    return digest, facts, len(content), thumbnail(image) if prints else nothing, None


def thumbnail(image: Image.Image) -> bytes:
    """Shrink an RGB or grey image to 9 x 8 grey pixels; equal pixels give equal bytes."""
    grey = image if image.mode == "L" else image.convert("L")
    return grey.resize((COLUMNS, ROWS), Image.Resampling.BOX).tobytes()
