"""Hostile names and texts, from the data to everything that a run writes or prints: shown, never obeyed."""

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import crosstune
from crosstune.cli.main import app
from crosstune.core.cells import FORMULA
from tests.support.tiny import tiny_bert_dir

BAD = '<script>alert(1)</script>"><img src=x onerror=alert(1)> =1+1 | `x` [red]r[/red] \x1b[31m'
FORMULA_CLASS = "=HYPERLINK(1)"


class Elements(HTMLParser):
    """Collects what a browser would make."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.links: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        values = dict(attributes)
        self.tags.add(tag)
        self.handlers += [name for name in values if name.startswith("on")]
        self.links += [value or "" for name, value in values.items() if name in ("src", "href", "action")]
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values.get("content") or ""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fit on classes and texts that are payloads."""
    root = tmp_path_factory.mktemp("shown")
    classes = [BAD, FORMULA_CLASS]
    with (root / "<b>data.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["text", "label"])
        writer.writerows([f"{BAD} the film {row}", classes[row % 2]] for row in range(60))
        writer.writerow(["", "@SUM(1)"])
    tiny_bert_dir(root / "bert", layers=1)
    out = crosstune.fit(
        str(root / "<b>data.csv"), model=str(root / "bert"), out=root / "run", budget="none",
        strategy="closed-form", engine="torch",
    )  # fmt: skip
    return out.root


@pytest.mark.slow
def test_the_page_holds_no_element_of_the_data(run: Path) -> None:
    page = Elements()
    html = (run / "report.html").read_text(encoding="utf-8")
    page.feed(html)
    assert page.tags.isdisjoint({"script", "iframe", "object", "embed", "form", "base"})
    assert page.handlers == []
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert "default-src 'none'" in page.policy
    assert "alert(1)" in html
    assert "\x1b" not in html


@pytest.mark.slow
def test_no_cell_of_a_written_table_is_a_formula(run: Path) -> None:
    rows = crosstune.predict(run, [f"={BAD}", "@SUM(1)", "plain"], out=run / "rows.csv")
    assert len(rows) == 3
    for name in ("rows.csv", "bad_items.csv", "history.csv"):
        if (run / name).exists():
            with (run / name).open(encoding="utf-8", newline="") as handle:
                cells = [cell for row in csv.reader(handle) for cell in row]
            assert not [cell for cell in cells if cell.startswith(FORMULA) and not _is_number(cell)], name
    assert len((run / "bad_items.csv").read_text(encoding="utf-8").splitlines()) == 2


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.slow
def test_log_card_and_terminal_obey_nothing(run: Path) -> None:
    assert "\x1b" not in (run / "run.log").read_text(encoding="utf-8")
    card = (run / "README.md").read_text(encoding="utf-8")
    assert "\x1b" not in card
    assert "<script" not in card
    assert "<img" not in card
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["library_name"] == "crosstune"
    shown = CliRunner().invoke(app, ["predict", str(run), f"{BAD} again"], terminal_width=200)
    assert "\x1b" not in shown.stdout
    assert "[red]" in shown.stdout
    assert json.loads((run / "plan.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_names_from_the_data_name_no_file(run: Path) -> None:
    names = [path.name for path in run.rglob("*")]
    assert not [name for name in names if "script" in name or "HYPERLINK" in name]
    assert sorted(path.name for path in run.parent.iterdir()) == ["<b>data.csv", "bert", "run"]
