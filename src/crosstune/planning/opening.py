"""What to open: the model, the input size, the length of texts."""

from bisect import bisect_right
from collections.abc import Sequence

from crosstune.core.errors import BadValue
from crosstune.core.plan import Basis, Decision
from crosstune.planning.facts import PLACES, DataFacts
from crosstune.planning.seconds import heads_seconds

DEFAULT_MODELS = {
    "image": "package:efficientnet-lite0",
    "text": "package:minilm",
    "audio": "package:efficientnet-lite0",  # on spectrograms
}
"""PRIOR: small, permissive, good for their size, and installable without a model hub."""

TASK_MODELS = {"automatic-speech-recognition": "package:tiny-recogniser"}
"""PRIOR: for tasks without a closed-form head, which need a model that was made for them."""

PASS_SHARE = 0.35
"""ASSUMED: the largest part of the budget that one frozen pass may take."""

SLOWER = 1.08
"""MEASURED: a pass over all rows took this many times what a few batches foretold: 560 pictures a second of
EfficientNet-lite0 at 96 px against 602."""

BETWEEN = 12.0
"""MEASURED: seconds behind the heads of what has no estimate of its own (the gap, losses tried on features, a
model written and read): 14 of the 180 of ``benchmarks/fit.py fashion-3m``."""

ENLARGE = 3.0
"""PRIOR: small pictures are enlarged about this much. ImageNet bodies reduce their input 32-fold, so at
its own 28 px a digit leaves one position; measured on 5,000 MNIST pictures, all blocks, 96 px: 0.979."""

ENLARGED_SIDE, SMALLEST_SIDE, STEP = 96, 48, 16

PATCHED_SIDE, PATCHES = 224, (7, 8, 6, 9)
"""PRIOR: largest side in pixels; and how many patches in a row a text body may well read, the usual first."""

LEAST_ROWS = 500
"""ASSUMED: fewer training rows make no head worth having, whatever the budget."""

TOKENS_PER_CHARACTER = 0.35
"""PRIOR: WordPiece on English gives about one token for every four characters; rounded up."""


def choose_model(data: DataFacts) -> Decision:
    """Choose the starting point where the user names none.

    Raises:
        BadValue: no model that can be had everywhere does the task.
    """
    name = TASK_MODELS.get(data.task)
    if name is None and (data.closed_form or data.task in PLACES):
        name = DEFAULT_MODELS[data.modality]
    if name is None:
        raise BadValue(
            f"there is no default model for {data.task}",
            found="no model",
            expected="a model that was made for the task, such as a folder or a Hub id",
            fix="name one with --model; `crosstune models` lists those that can be had here",
        )
    what = f"{data.modality} data" if data.closed_form else data.task
    why = f"the default for {what}: small, permissive licence, works without a network"
    return Decision("model", name, Basis.PRIOR, why)


def choose_image_size(data: DataFacts, native: int) -> Decision:
    """Choose the side of the input in pixels; ``native`` is the side the weights were trained at."""
    if data.median_side is None or data.median_side * ENLARGE >= native:
        return Decision("image_size", native, Basis.PRIOR, f"the model's own size, {native} px")
    side = min(native, max(ENLARGED_SIDE, _rounded(data.median_side * ENLARGE)))
    why = f"pictures of {data.median_side} px gain little from more than {side} px"
    return Decision("image_size", side, Basis.PRIOR, why)


def choose_patched_side(data: DataFacts, patch: int | None) -> Decision:
    """Choose the side of the input where a body of another modality reads patches of it.

    Its embedder is new, so no size is its own: small pictures stay as they are where patches divide them.
    """
    side = min(PATCHED_SIDE, data.median_side or PATCHED_SIDE)
    if patch is not None:
        side = patch * max(1, round(side / patch))
    elif not any(side % count == 0 for count in PATCHES):
        side = PATCHES[0] * max(1, round(side / PATCHES[0]))
    why = f"about the size of the pictures, at most {PATCHED_SIDE} px, in whole patches"
    return Decision("image_size", side, Basis.PRIOR, why)


def shrink_image_size(data: DataFacts, side: int, speed: float, budget: float) -> Decision | None:
    """Choose a smaller side where one pass would take too much of the budget, else nothing.

    Args:
        data: how many pictures a pass covers.
        side: chosen so far.
        speed: measured examples a second at ``side`` through the frozen body; cost grows with the area.
        budget: seconds for the whole run.
    """
    rows = data.train_rows + data.validation_rows
    fitting = side * (PASS_SHARE * budget * speed / rows) ** 0.5
    if fitting >= side or side <= SMALLEST_SIDE:
        return None
    smaller = max(SMALLEST_SIDE, STEP * int(fitting / STEP))
    why = f"one pass over {rows:,} pictures at {side} px would take more than {PASS_SHARE:.0%} of the budget"
    return Decision("image_size", smaller, Basis.MEASURED, why, ("speed/frozen-pass",))


def choose_pass_rows(data: DataFacts, columns: Sequence[int], speed: float, left: float) -> Decision:
    """Choose how many training rows the frozen pass and the heads see: as many as there is time for.

    Args:
        data: how many there are.
        columns: D of each set of columns that a head reads.
        speed: measured examples a second through the frozen body.
        left: seconds until what follows the heads must begin; infinite without a budget.
    """

    def needed(rows: int) -> float:
        passed = SLOWER * (rows + data.validation_rows) / speed
        return passed + heads_seconds(data, columns, rows) + BETWEEN

    evidence = ("speed/frozen-pass",)
    if needed(data.train_rows) <= left:
        return Decision("pass_rows", None, Basis.MEASURED, "all of them fit", evidence)
    if data.train_rows <= LEAST_ROWS:
        return Decision("pass_rows", None, Basis.ASSUMED, f"never fewer than {LEAST_ROWS}", evidence)
    fitting = bisect_right(range(data.train_rows), left, key=needed) - 1
    why = f"at {speed:.0f} examples a second more would leave no time for the heads and what follows"
    return Decision("pass_rows", max(LEAST_ROWS, fitting), Basis.MEASURED, why, evidence)


def _rounded(side: float) -> int:
    return round(side / STEP) * STEP


def choose_max_length(data: DataFacts) -> Decision:
    """Choose how many tokens of a text are read; the source caps it at what the model can read."""
    if data.long_text is None:
        return Decision("max_length", None, Basis.ASSUMED, "as much as the model's source allows")
    tokens = 16 * (1 + int(data.long_text * TOKENS_PER_CHARACTER) // 16)
    value = min(512, max(32, tokens))
    return Decision(
        "max_length", value, Basis.PRIOR, f"99 % of the texts have at most {data.long_text} characters"
    )
