"""The lowest declared versions are read from ``pyproject.toml`` as they stand there."""

from pathlib import Path

import pytest
from scripts.min_versions import SMOKE, lowest, lowest_versions

from tests.support.published import ROOT

PYPROJECT = """
[project]
name = "a-package"
dependencies = ["numpy>=2.0", "torch>=2.10.1", "rich"]

[project.optional-dependencies]
cpu = ["onnx>=1.21"]
dev = ["a-package[cpu]", "pytest[all]>=8", "numpy>=2.0"]
"""


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("a>=1.2", "a~=1.2.0"),
        ("a>=1.2.3", "a~=1.2.3"),
        ("a[b,c]>=1.2,<3", "a[b,c]~=1.2.0"),
        ("a>=8", "a==8.*"),
        ("a", "a"),
    ],
)
def test_a_lower_bound_becomes_that_minor_version(requirement: str, expected: str) -> None:
    assert lowest(requirement) == expected


def test_extras_of_the_package_itself_are_followed_and_each_appears_once(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(PYPROJECT, encoding="utf-8")
    expected = ["numpy~=2.0.0", "torch~=2.10.1", "rich", "onnx~=1.21.0", "pytest[all]==8.*"]
    assert lowest_versions(path, ["dev"]) == expected


def test_every_dependency_of_this_package_has_a_lower_bound() -> None:
    found = lowest_versions(ROOT / "pyproject.toml", ["dev", "trackers"])
    assert [requirement for requirement in found if "~=" not in requirement and "==" not in requirement] == []


def test_the_smoke_tests_exist() -> None:
    assert all((ROOT / path).exists() for path in SMOKE)
