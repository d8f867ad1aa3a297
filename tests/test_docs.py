"""What the pages show is run: every ``python`` block, every ``console`` block marked ``<!-- runs -->``.

The blocks of a page run in their order, in one temporary folder and one namespace. A ``python`` block with
``<!-- not run: reason -->`` before it is left out. Commands that are not run must still parse.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from crosstune.cli.main import app
from tests.support.published import ROOT, named, published

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>runs|not run: [^>]+) -->\n+)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    line: int
    mark: str
    language: str
    text: str

    @property
    def runs(self) -> bool:
        """Say whether the block is run: python unless it says not, console only where it says so."""
        return (
            self.mark == "runs" if self.language == "console" else self.language == "python" and not self.mark
        )

    def commands(self) -> list[list[str]]:
        """Give the words of every ``$ crosstune`` line; a backslash at its end carries on."""
        lines = self.text.replace("\\\n", " ").splitlines()
        prefix = "$ crosstune "
        return [
            shlex.split(line.removeprefix(prefix), comments=True) for line in lines if line.startswith(prefix)
        ]


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(text[: match.start("text")].count("\n"), match["mark"] or "", match["language"], match["text"])
        for match in BLOCK.finditer(text)
    ]


def run_block(block: Block, page: Path, namespace: dict[str, Any]) -> None:
    """Run one block; an error shows the page's own line."""
    if block.language == "python":
        source = "\n" * block.line + block.text
        exec(compile(source, str(page), "exec"), namespace)  # noqa: S102 - the page is ours
        return
    commands = block.commands()
    assert commands, f"{page.name}:{block.line}: a console block that runs needs a line `$ crosstune ...`"
    for words in commands:
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, f"{page.name}:{block.line}: {words}\n{done.output}"


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.runs for block in blocks(page))],
    ids=lambda page: page.name,
)
def test_the_blocks_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__page__"}
    for block in blocks(page):
        if block.runs:
            run_block(block, page, namespace)


@pytest.mark.parametrize(
    "page",
    [path for path in published() if path.suffix == ".md"],
    ids=named,
)
def test_every_command_that_a_page_shows_parses(page: Path) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for block in blocks(page):
        for words in block.commands():
            if words and not words[0].startswith("-"):
                assert words[0] in commands, f"{page.name}:{block.line}: {words}"
                commands[words[0]].make_context(words[0], list(words[1:]), resilient_parsing=False)


def test_a_block_is_found_with_its_mark(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "text\n\n```python\nx = 1\n```\n\n<!-- not run: needs a GPU -->\n```python\ny\n```\n"
        "<!-- runs -->\n\n```console\n$ crosstune fit a \\\n    --out b  # why\nout\n```\n",
        encoding="utf-8",
    )
    first, second, third = blocks(page)
    assert (first.runs, second.runs, third.runs) == (True, False, True)
    assert (first.line, third.commands()) == (3, [["fit", "a", "--out", "b"]])
