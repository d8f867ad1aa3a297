"""One kind of thing that the check has to say."""

from dataclasses import dataclass

ERROR, WARNING, NOTE = "error", "warning", "note"

MOST_ITEMS = 1_000
"""Items that a finding lists."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of thing that a person should know, however many items it touches."""

    severity: str
    """``error`` (training would be meaningless), ``warning`` (the figures may mislead) or ``note``."""
    code: str
    """Has a page ``docs/errors/<code>.md``."""
    sentence: str
    fix: str
    items: tuple[str, ...] = ()
    """What it is about, by file or row (pairs as ``a = b``): all, or the first ``MOST_ITEMS``."""
