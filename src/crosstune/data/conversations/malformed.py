"""Rows that are no conversation that could be learnt from: the codes, and how they are raised."""

UNREADABLE = "unreadable-conversation"
UNKNOWN_ROLE = "unknown-role"
NOT_TEXT = "content-not-text"
EMPTY_ANSWER = "empty-answer"
EMPTY_PROMPT = "empty-prompt"
NO_ANSWER = "no-answer"
LATE_SYSTEM = "late-system-message"
ROLE_ORDER = "role-order"

MOST = 60
"""Characters of a value that a reason shows."""


class Malformed(Exception):
    """One row is malformed; never leaves this folder."""

    def __init__(self, code: str, reason: str) -> None:
        """Keep the code of the page and the reason."""
        super().__init__(reason)
        self.code, self.reason = code, reason


def shortened(value: object) -> str:
    """Show a value of a row within a reason."""
    text = repr(value)
    return text if len(text) <= MOST else f"{text[:MOST]}..."
