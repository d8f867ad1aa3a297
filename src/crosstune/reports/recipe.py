"""A plan as a recipe: a TOML file that ``fit --recipe`` takes, with the reason beside every value."""

from collections.abc import Mapping
from typing import Any

from crosstune.core.plan import Basis, Decision, Plan
from crosstune.reports.text import plain

HEAD = """\
# Written by `crosstune plan`. Every line is a choice: keep it, change it, or delete it so that `fit` decides.
#
#     crosstune fit --recipe {name} --out runs/planned
#
# With `strategy` and `lr` in it nothing is tried out: `fit` does what is written here.
"""
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def recipe_text(plan: Plan, options: Mapping[str, Any], *, name: str = "FILE") -> str:
    """Give the recipe.

    Args:
        plan: complete. Values that TOML cannot hold (``None``) become comments.
        options: what the run was asked for: data, target, budget ...
        name: of the file, for the head.
    """
    lines = [HEAD.format(name=_one_line(name)).rstrip("\n"), ""]
    lines += [f"{key} = {toml(value)}" for key, value in options.items() if value not in (None, "", ())]
    for title, bases in (
        ("Measured here, or chosen by you", (Basis.MEASURED, Basis.USER)),
        ("From published experience", (Basis.PRIOR,)),
        ("Assumed", (Basis.ASSUMED,)),
    ):
        rows = [row for row in plan if row.basis in bases]
        if rows:
            lines += ["", f"# {title}", *(_line(row) for row in rows)]
    return "\n".join(lines) + "\n"


def toml(value: Any) -> str:  # noqa: ANN401
    """Write one value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(one) for one in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{toml(str(key))} = {toml(one)}" for key, one in value.items()) + "}"
    return '"' + "".join(map(_letter, str(value))) + '"'


def _letter(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    number = ord(letter)
    if 0xD800 <= number <= 0xDFFF:  # half a pair, from a path that is no text: TOML has no way to say it
        return "\ufffd"
    return letter if letter.isprintable() else f"\\U{number:08x}"


def _one_line(text: str) -> str:
    """Keep a text within its comment."""
    return " ".join(plain(text).split())


def _line(row: Decision) -> str:
    why = _one_line(row.because)
    if row.value is None:
        return f"# {row.setting} is left open: {why}"
    return f"{row.setting} = {toml(row.value)}  # {why}"
