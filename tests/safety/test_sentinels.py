"""No payload runs, none is let in, and each is refused with an error that says what to do."""

import builtins
from pathlib import Path
from typing import Any

import pytest

from tests.safety.entries import CASES, WAYS, attempt
from tests.safety.payloads import SENTINEL, Runs, make_base
from tests.support.sets import write_pictures


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_base(tmp_path_factory.mktemp("base"))
    write_pictures(folder / "pictures", 8)
    return folder


@pytest.fixture(autouse=True)
def _nothing_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*words: Any) -> str:
        raise AssertionError(f"a question on standard input: {words}")

    monkeypatch.setattr(builtins, "input", asked)
    monkeypatch.setenv(SENTINEL, "unset")


@pytest.mark.parametrize(("given", "payload", "way"), CASES, ids=lambda part: str(part).replace(" ", "-"))
def test_the_payload_is_refused(given: str, payload: str, way: str, base: Path, tmp_path: Path) -> None:
    outcome = attempt(base, tmp_path / "case", given, payload, way)
    assert not outcome.ran
    assert outcome.wrong == ""
    assert outcome.refused


def test_the_payload_would_run_where_it_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    monkeypatch.setenv(SENTINEL, str(tmp_path / "sentinel"))
    pickle.loads(pickle.dumps(Runs()))  # noqa: S301 - a sentinel that cannot fire would prove nothing
    assert (tmp_path / "sentinel").read_text() == "ran"


@pytest.mark.parametrize("name", ["bert", "timm"])
def test_what_the_payloads_start_from_is_let_in(name: str, base: Path, tmp_path: Path) -> None:
    WAYS["a pretrained model"][1]["open"](base, base / name, tmp_path)
    if name == "bert":
        for way in WAYS["a finished run"][1].values():
            way(base, base / "run", tmp_path)
        assert WAYS["what a run has seen"][1]["evaluate"](base, base / "run", tmp_path / "seen") == 0
        for way in ("check", "evaluate"):
            WAYS["data"][1][way](base, base / "texts.csv", tmp_path)
        assert WAYS["the summary of a run"][1]["report"](base, base / "run", tmp_path).is_file()
