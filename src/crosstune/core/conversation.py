"""One conversation, whatever its rows looked like: messages with a role and a content."""

from dataclasses import dataclass

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"
ROLES = (SYSTEM, USER, ASSISTANT)
DOCUMENT = "document"
"""The role of a plain text: it stands alone, nobody says it, and all of it is learnt."""

FRESH = "/new"
"""What a person who talks to a model types to begin another conversation."""


@dataclass(frozen=True)
class Message:
    """What one side says."""

    role: str
    content: str
    trained: bool = False
    """Whether a model is to learn to write it."""


@dataclass(frozen=True)
class Conversation:
    """The messages of one row, in their order."""

    messages: tuple[Message, ...]

    @property
    def key(self) -> str:
        """Write what is said so that case and white space make no difference; what is trained counts."""
        parts = (
            f"{one.role}{'*' * one.trained}:{' '.join(one.content.casefold().split())}"
            for one in self.messages
        )
        return "\n".join(parts)
