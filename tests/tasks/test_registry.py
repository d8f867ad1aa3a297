"""Finding tasks by name, with those of installed packages."""

from importlib.metadata import EntryPoint

import pytest

from crosstune.core.errors import UnknownName
from crosstune.tasks import registry
from crosstune.tasks.errors import TaskNameClash
from crosstune.tasks.image_regression import ImageRegression


def provide(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    found = [EntryPoint(name, value, registry.GROUP) for name, value in points]
    monkeypatch.setattr(registry, "entry_points", lambda group: found if group == registry.GROUP else [])


def test_a_built_in_task_is_found_and_an_unknown_one_named() -> None:
    assert registry.task_class("image-regression") is ImageRegression
    with pytest.raises(UnknownName, match="did you mean `text-regression`"):
        registry.make_task("text-regresion", [1, 2])


def test_a_package_brings_a_task_without_being_imported_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    provide(
        monkeypatch,
        ("video-regression", "crosstune.tasks.image_regression:ImageRegression"),
        ("broken", "no.such.module:Task"),
    )
    assert registry.task_names()[-2:] == ("video-regression", "broken")
    assert registry.task_class("video-regression") is ImageRegression


def test_a_clash_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    provide(monkeypatch, ("image-regression", "other.package:Task"))
    with pytest.raises(TaskNameClash) as caught:
        registry.task_class("text-regression")
    assert "`image-regression` from crosstune.tasks.image_regression and other.package:Task" in str(
        caught.value
    )
