"""The public namespace: what it holds, that it is typed, and that it costs nothing until it is used."""

import inspect
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import crosstune
from crosstune import api
from crosstune.core.errors import UnknownName
from crosstune.core.progress import Silent
from crosstune.core.run_dir import RunDir
from crosstune.options import FitOptions

HEAVY = ("torch", "transformers", "timm", "datasets", "pandas", "sklearn", "matplotlib")


def loaded_by(code: str) -> set[str]:
    """Run ``code`` in a fresh interpreter and give the heavy modules that it has loaded."""
    program = f"{code}\nimport sys; print('LOADED', *[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("LOADED")[2].split())


def test_the_public_namespace_is_what_all_says() -> None:
    functions = [
        name
        for name, value in vars(api).items()
        if inspect.isfunction(value) and value.__module__ == api.__name__ and not name.startswith("_")
    ]
    assert sorted([*functions, "__version__"]) == sorted(crosstune.__all__) == sorted(dir(crosstune))
    for name in functions:
        assert getattr(crosstune, name) is getattr(api, name)
        assert getattr(api, name).__doc__


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="`fitt`"):
        crosstune.fitt  # noqa: B018


def test_fit_hands_over_its_keywords_as_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text("lr = 0.5\nepochs = 2\nbudget = '1h'", encoding="utf-8")
    calls = []

    def fit(options: FitOptions, *, reporter: Silent) -> RunDir:
        calls.append((options, reporter))
        return RunDir(tmp_path)

    monkeypatch.setattr(crosstune, "pipeline", SimpleNamespace(fit=fit), raising=False)
    silent = Silent()
    crosstune.fit("d", "y", recipe=recipe, reporter=silent, lr=None, budget="none", model="timm:a")
    ((options, reporter),) = calls
    assert options.settings_overrides() == {"epochs": 2.0}
    assert (options.data, options.target, options.model, options.seconds) == ("d", "y", "timm:a", None)
    assert reporter is silent
    with pytest.raises(UnknownName, match="`lr` for `lrr`"):
        crosstune.fit("d", lrr=1)


def test_the_types_ship() -> None:
    assert (Path(crosstune.__file__).parent / "py.typed").is_file()


def test_importing_the_package_and_its_functions_imports_nothing_heavy() -> None:
    assert loaded_by("import crosstune; crosstune.fit, crosstune.load") == set()


@pytest.mark.parametrize("words", [["--help"], ["fit", "--help"], ["--version"]])
def test_help_is_quick_and_imports_nothing_heavy(words: list[str]) -> None:
    run = f"from crosstune.cli.main import app; app({words!r}, standalone_mode=False)"
    check = "import time; assert time.process_time() < 1.0, time.process_time()"
    assert loaded_by(f"{run}\n{check}") == set()
