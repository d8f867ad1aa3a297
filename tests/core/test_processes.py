"""What the launcher said, hidden and shown again."""

import os

import pytest

from crosstune.core.processes import Launched, hidden, launched, shown, works_alone


def test_without_a_launcher_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.delenv("RANK", raising=False)
    assert launched() == Launched(1, 0)
    assert launched().leads
    with hidden():
        assert not works_alone()


def test_what_is_hidden_is_known_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "ACCELERATE_USE_FSDP": "true"}
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert not launched().leads
    with hidden():
        assert works_alone()
        assert not said.keys() & os.environ.keys()
        assert launched() == Launched(2, 1)
        with shown():
            assert not works_alone()
            assert {name: os.environ[name] for name in said} == said
        assert not said.keys() & os.environ.keys()
    assert {name: os.environ[name] for name in said} == said
    with pytest.raises(RuntimeError, match="broken"), hidden():
        raise RuntimeError("broken")
    assert os.environ["WORLD_SIZE"] == "2"
