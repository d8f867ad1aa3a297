"""The rules of the house: sizes, documents that match the code, nothing private in what is published."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from scripts.generated_pages import PAGES

import crosstune
from tests.support.published import ROOT, named, published

SOURCE = ROOT / "src" / "crosstune"
MOST_FILE_LINES, MOST_FUNCTION_LINES = 400, 60

EXCEPTIONS: dict[str, str] = {}
"""File, or file and function (``src/a.py:name``), to the written reason why it may be longer."""


def python_files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in found if "data" not in path.relative_to(ROOT).parts[1:2])


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sizes() -> Iterator[tuple[str, int, int]]:
    """Give (name, lines, most) of every file and function."""
    for path in python_files("src", "tests", "benchmarks", "scripts"):
        yield named(path), len(path.read_text(encoding="utf-8").splitlines()), MOST_FILE_LINES
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield f"{named(path)}:{node.name}", lines, MOST_FUNCTION_LINES


def test_no_file_or_function_is_too_long() -> None:
    long = {name: lines for name, lines, most in sizes() if lines > most}
    assert set(long) - set(EXCEPTIONS) == set(), long
    assert set(EXCEPTIONS) <= set(long), "an exception that is no longer needed"


def test_every_module_says_what_it_is() -> None:
    files = python_files("src", "tests", "benchmarks", "scripts")
    silent = [named(path) for path in files if not ast.get_docstring(tree_of(path))]
    assert [name for name in silent if not name.endswith("__init__.py") or name.startswith("src/")] == []


def imported(path: Path) -> Iterator[str]:
    """Give the name of every module that a file imports, inside functions as well."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_core_stands_on_the_standard_library_and_numpy() -> None:
    allowed = {*sys.stdlib_module_names, "numpy"}
    for path in python_files("src/crosstune/core"):
        for name in imported(path):
            room = name.startswith("crosstune.core")
            assert room or name.partition(".")[0] in allowed, f"{named(path)} imports {name}"


def test_every_package_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    rows = [
        *project["dependencies"],
        *(row for extra in project["optional-dependencies"].values() for row in extra),
    ]
    declared = {re.split(r"[\[<>=~!; ]", row)[0].lower().replace("_", "-") for row in rows}
    known = packages_distributions()
    for path in python_files("src"):
        for top in {name.partition(".")[0] for name in imported(path)} - {
            "crosstune",
            *sys.stdlib_module_names,
        }:
            owners = {owner.lower().replace("_", "-") for owner in known.get(top, [top])}
            assert owners & declared, f"{named(path)} imports {top}, which pyproject.toml does not declare"


def test_every_room_has_an_import_contract() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    sources = {name for contract in linter["contracts"] for name in contract.get("source_modules", ())}
    rooms = {
        path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert {f"crosstune.{room}" for room in rooms - {"__init__", "__main__"}} == sources


def error_codes() -> set[str]:
    """Give the ``code`` of every class in the package that has one."""
    found = set()
    for path in python_files("src"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                found |= {
                    str(row.value.value)
                    for row in node.body
                    if isinstance(row, ast.Assign)
                    and isinstance(row.value, ast.Constant)
                    and [ast.unparse(target) for target in row.targets] == ["code"]
                }
    return found


def test_every_error_code_has_a_page_and_every_page_a_code() -> None:
    pages = {page.stem for page in (ROOT / "docs" / "errors").glob("*.md")} - {"index"}
    assert error_codes() - pages == set()
    source = "\n".join(path.read_text(encoding="utf-8") for path in python_files("src"))
    assert [page for page in sorted(pages) if f'"{page}"' not in source] == []


def test_every_error_page_is_named_for_its_code() -> None:
    for page in (ROOT / "docs" / "errors").glob("*.md"):
        lines = page.read_text(encoding="utf-8").splitlines()
        assert page.name == "index.md" or page.stem in lines[0], f"{named(page)} begins with {lines[0]}"


@pytest.mark.parametrize("path", list(PAGES), ids=named)
def test_pages_made_from_the_source_are_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == PAGES[path](), "run `make docs`"


LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


def links(page: Path) -> set[Path]:
    return {(page.parent / target).resolve() for target in LINK.findall(page.read_text(encoding="utf-8"))}


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [path for path in published() if path.suffix == ".md"]
    broken = {named(page): [str(to) for to in links(page) if not to.exists()] for page in pages}
    assert {page: found for page, found in broken.items() if found} == {}


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    errors = ROOT / "docs" / "errors"
    pages = {path for path in (ROOT / "docs").rglob("*.md") if path.parent != errors} - {index}
    assert {named(path) for path in {*pages, errors / "index.md"} - links(index)} == set()


PRIVATE = [
    re.compile(r"(?<![\w.}:-])/(?:root|home|Users|work|opt|mnt|srv)/\w"),
    re.compile(
        r"[\w.-]*\bpypi" + r"\.org|python" + r"hosted\.org|extra-index" + r"-url|find-" + r"links",
        re.IGNORECASE,
    ),
]


def test_nothing_published_names_a_machine_s_paths_or_a_registry() -> None:
    for path in published():
        if path.suffix in {
            ".md",
            ".py",
            ".toml",
            ".yml",
            ".json",
            ".html",
            ".css",
            ".js",
            ".txt",
            ".csv",
            "",
        }:
            text = path.read_text(encoding="utf-8")
            found = [match.group() for pattern in PRIVATE for match in pattern.finditer(text)]
            assert not found, f"{named(path)}: {found}"


def test_the_version_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == crosstune.__version__
    assert f"## [{crosstune.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
