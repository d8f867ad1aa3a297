"""Makes any text harmless to look at: no control characters, no terminal codes, no reordering."""

import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls except tab and newline; ESC and CSI start terminal codes
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # marks that reorder or break lines
    "\ufeff\ufffe\uffff\ud800-\udfff]"  # not characters: half surrogates come from odd file names
)


def plain(text: object) -> str:
    r"""Write ``text`` with every unseen character as a visible escape, such as ``\x1b``.

    Tabs and newlines stay. The result always encodes as UTF-8.
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), str(text))


def one_line(text: object) -> str:
    """Do as :func:`plain`, with every run of white space as one space."""
    return " ".join(plain(text).split())


def shortened(text: object, most: int) -> str:
    """Cut a text to ``most`` characters, the last one an ellipsis where something was cut."""
    whole = one_line(text)
    return whole if len(whole) <= most else whole[: most - 1].rstrip() + "…"
