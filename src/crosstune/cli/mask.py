"""Rows of conversations in a terminal: what would be learnt is coloured there, and in brackets elsewhere."""

from collections.abc import Sequence
from typing import Any

from crosstune.cli.console import harmless, say

STYLE = "bold green"
BRACKETS = ("[[", "]]")


def say_mask(rows: Sequence[Any]) -> None:
    """Print sequences of conversations with their trained parts marked; markup in them is not obeyed."""
    from rich.console import Console
    from rich.text import Text

    terminal = Console(highlight=False, soft_wrap=True)
    for row in rows:
        say(f"\n{row.origin}: {row.tokens:,} tokens, {row.trained:,} trained")
        if terminal.is_terminal:
            parts = [(harmless(text), STYLE if trained else "") for text, trained in row.pieces]
            terminal.print(Text.assemble(*parts))
        else:
            say("".join(text.join(BRACKETS) if trained else text for text, trained in row.pieces))
    if rows:
        say("")


def mask_values(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Give the same for programs."""
    return [
        {
            "origin": row.origin,
            "tokens": row.tokens,
            "trained": row.trained,
            "pieces": [{"text": text, "trained": trained} for text, trained in row.pieces],
        }
        for row in rows
    ]
