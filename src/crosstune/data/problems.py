"""Problems of single rows that a reader sees, written into a column of the table: ``code|reason``."""

BROKEN_ROW = "broken-row"
INVALID_UTF8 = "invalid-utf8"
MISSING_FILE = "missing-file"
BAD_PART = "bad-part"


def described(code: str, reason: str) -> str:
    """Write a problem as the column ``__problem__`` holds it."""
    return f"{code}|{reason}"


def parts(written: str) -> tuple[str, str]:
    """Return the code and the reason of a written problem."""
    code, _, reason = written.partition("|")
    return code, reason
