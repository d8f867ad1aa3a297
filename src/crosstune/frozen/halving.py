"""Smaller batches where memory runs out."""

from crosstune.core.errors import OutOfMemory
from crosstune.core.memory import is_out_of_memory
from crosstune.core.progress import Reporter


def halved(error: Exception, batch_size: int, what: str, told: Reporter) -> int:
    """Give the smaller batches to go on with where ``error`` says that memory ran out; else raise it.

    Raises:
        OutOfMemory: a batch was one example.
    """
    if not is_out_of_memory(error):
        raise error
    if batch_size == 1:
        raise OutOfMemory(what, size=1, failure=str(error)) from error
    told.warn(f"memory ran out in {what}: batches of {batch_size // 2} from here on")
    return batch_size // 2
