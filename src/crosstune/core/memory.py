"""Recognising that memory has run out, whichever library says so."""

_WORDS = (
    "out of memory",  # CUDA, MPS, XPU
    "DefaultCPUAllocator",  # torch on a CPU: "can't allocate memory"
    "not enough memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)


CAN_BE_MEMORY = (MemoryError, RuntimeError)
"""What libraries raise when memory has run out, among other things: to be asked with the function below."""


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether ``error`` means that memory has run out: of Python, of torch on a CPU or on a GPU.

    ``torch.OutOfMemoryError`` is a ``RuntimeError`` with the words of the device's allocator. On Linux the
    kernel often kills the process instead, which nothing can catch: ``crosstune resume`` goes on from there.
    """
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)
