"""Write the documentation pages that are made from the source: ``make docs``. A test keeps them current."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

from crosstune.core import settings
from crosstune.core.files import write_text
from crosstune.core.settings import CHOICES, Settings

ROOT = Path(__file__).parent.parent
ERRORS = ROOT / "docs" / "errors"


def first_sentence(page: Path) -> str:
    """Give the first sentence of the running text of a page."""
    paragraphs = page.read_text(encoding="utf-8").split("\n\n")
    text = next((part for part in paragraphs if part.strip() and not part.lstrip().startswith("#")), "")
    return re.split(r"(?<=[.])\s", " ".join(text.split()), maxsplit=1)[0].replace("|", "\\|")


def errors_index() -> str:
    """Make the list of all error codes from their pages."""
    pages = sorted(page for page in ERRORS.glob("*.md") if page.name != "index.md")
    rows = [f"| [`{page.stem}`]({page.name}) | {first_sentence(page)} |" for page in pages]
    head = [
        "# Errors and findings",
        "",
        "Every message that asks something of you carries a code in brackets. Each code has a page: what it",
        "means, an example, and how to put it right. An error without a code is a bug in crosstune.",
        "",
        "| code | what it means |",
        "|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


def documented_fields() -> Iterator[tuple[str, str, str]]:
    """Give the name, the type and the docstring of every setting, as the source writes them."""
    tree = ast.parse(Path(settings.__file__).read_text(encoding="utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    for field, words in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(words, ast.Expr):
            assert isinstance(words.value, ast.Constant)  # noqa: S101 - a docstring
            text = " ".join(str(words.value.value).replace("``", "`").split())
            yield ast.unparse(field.target), ast.unparse(field.annotation), text


def settings_page() -> str:
    """Make the reference of all settings."""
    defaults = {field.name: field.default for field in fields(Settings)}
    rows = []
    for name, kind, text in documented_fields():
        choices = ", ".join(f"`{choice}`" for choice in CHOICES.get(name, ()))
        shown = choices or kind.replace("|", "or")
        rows.append(f"| `{name}` | {shown} | `{defaults[name]}` | {text} |")
    head = [
        "# Settings",
        "",
        "Keys of recipes and of `--set`, and keywords of `crosstune.fit`. All are optional: what you leave",
        "out is decided by measurement or by a rule, and `plan.json` says which and why. The default is what",
        "a setting is where neither has anything to say.",
        "",
        "| setting | values | default | what it is |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


PAGES = {ERRORS / "index.md": errors_index, ROOT / "docs" / "reference" / "settings.md": settings_page}


def main() -> None:
    """Write every page."""
    for path, make in PAGES.items():
        write_text(path, make())


if __name__ == "__main__":
    main()
