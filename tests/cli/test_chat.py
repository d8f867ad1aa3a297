"""``crosstune chat``: what is typed reaches the model, and its answer is shown, by hand and in a pipe."""

import os
import pty
import select
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import crosstune
from crosstune.cli.main import app
from crosstune.core.errors import DoesNotApply


class Echo:
    """Stands for a conversation: answers in capitals, and cannot be asked what is long."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.begun = 0

    def answer(self, text: str) -> Any:
        """Answer, break off as Ctrl-C would, or refuse."""
        if text == "break":
            raise KeyboardInterrupt
        if len(text) > 20:
            return SimpleNamespace(text="", problem="too long: /new begins another one")
        self.said.append(text)
        return SimpleNamespace(text=f"{text.upper()}\n{len(self.said)}", problem="")

    def begin_again(self) -> None:
        """Forget."""
        self.begun += 1
        self.said.clear()


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> Echo:
    made, asked = Echo(), []

    def chat(run: Path, **values: Any) -> Echo:
        asked.append((run, values))
        return made

    monkeypatch.setattr(crosstune, "pipeline", SimpleNamespace(chat=chat, asked=asked), raising=False)
    return made


def piped(text: str | bytes, *words: str) -> Result:
    return CliRunner().invoke(app, ["chat", "run", *words], input=text)


def by_hand(monkeypatch: pytest.MonkeyPatch, text: str) -> Result:
    """Let standard input say that a person types."""
    real = CliRunner.isolation

    def isolation(self: CliRunner, *args: Any, **kwargs: Any) -> Any:
        inner = real(self, *args, **kwargs)

        class Terminal:
            def __enter__(self) -> Any:
                streams = inner.__enter__()
                monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
                return streams

            def __exit__(self, *error: Any) -> Any:
                return inner.__exit__(*error)

        return Terminal()

    monkeypatch.setattr(CliRunner, "isolation", isolation)
    return CliRunner().invoke(app, ["chat", "run"], input=text)


def test_a_pipe_gets_one_line_for_each_and_no_prompt(talk: Echo) -> None:
    done = piped("hi\n\nho\n")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "HI\\n1\nHO\\n2\n", "")


def test_the_system_s_words_are_handed_over(talk: Echo) -> None:
    assert piped("", "--system", "be short").exit_code == 0
    assert crosstune.pipeline.asked == [(Path("run"), {"system": "be short"})]  # type: ignore[attr-defined]


def test_what_cannot_be_asked_keeps_its_line(talk: Echo) -> None:
    done = piped(f"{'x' * 30}\nho")
    assert (done.exit_code, done.stdout) == (0, "\nHO\\n1\n")
    assert done.stderr == "too long: /new begins another one\n"


def test_another_conversation_begins_and_the_last_line_ends(talk: Echo) -> None:
    done = piped("hi\n /new \nho\n/exit\nnot read\n")
    assert (done.exit_code, done.stdout) == (0, "HI\\n1\nHO\\n1\n")
    assert (talk.begun, talk.said) == (1, ["ho"])


def test_a_person_is_asked_and_answers_keep_their_lines(talk: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    done = by_hand(monkeypatch, f"hi\n{'x' * 30}\n")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "/new begins another conversation, /exit ends"
    assert lines[1:3] == ["> HI", "1"] or lines[1:4] == ["> hi", "HI", "1"]
    assert done.stderr == "too long: /new begins another one\n"


SCRIPT = """
import sys, types
from types import SimpleNamespace
import crosstune
class Echo:
    def answer(self, text):
        return SimpleNamespace(text=f"<{text}>", problem="")
    def begin_again(self):
        pass
fake = types.ModuleType("crosstune.pipeline")
fake.chat = lambda run, **values: Echo()
sys.modules["crosstune.pipeline"] = crosstune.pipeline = fake
from crosstune.cli.main import app
sys.argv = ["crosstune", "chat", "run"]
app()
"""


QUIET = 60
"""Seconds that a terminal is waited for: starting takes the longest."""


def in_a_terminal(*keys: bytes, again: bytes = b"") -> tuple[str, int]:
    """Press keys in a real terminal, each time it asks; returns what it showed, and the exit code.

    ``again`` is pressed once more for each second in which nothing is shown: Python forgets a Ctrl-C that
    comes in the instant before it begins to wait, until the next key.
    """
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # background jobs of a shell ignore it
        os.environ |= {"TERM": "dumb", "LC_ALL": "C.UTF-8"}
        os.execv(sys.executable, [sys.executable, "-c", SCRIPT])  # noqa: S606
    shown, waiting, quiet = b"", list(keys), 0
    while quiet < QUIET:
        if not select.select([terminal], [], [], 1.0)[0]:
            quiet += 1
            if again and not waiting:
                os.write(terminal, again)
            continue
        try:
            more = os.read(terminal, 1024)
        except OSError:  # Linux says so at the end
            more = b""
        if not more:
            break
        shown, quiet = shown + more, 0
        if shown.endswith(b"> ") and waiting:
            os.write(terminal, waiting.pop(0))
    else:
        os.kill(child, signal.SIGKILL)
        shown += b" ... and then nothing"
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_line_is_edited_in_a_terminal_and_ctrl_d_ends() -> None:
    keys = (
        b"ab\x1b[Dc\n",
        "h\u00e9\u6f22\u00e9\x7f\n".encode(),
        b"\n",
        b"/new\n",
        b"\x1b[A\x1b[A\n",
        b"\x04",
    )
    shown, code = in_a_terminal(*keys)
    assert code == 0
    assert "<acb>" in shown  # the arrow has moved the cursor
    assert shown.count("<h\u00e9\u6f22>") == 2  # typed, and again out of the history
    assert "another conversation begins" in shown
    assert shown.endswith("\r\n")


def test_ctrl_c_ends_in_a_terminal() -> None:
    shown, code = in_a_terminal(b"half a line\x03", again=b"\x03")
    assert code == 128 + signal.SIGINT
    assert "Traceback" not in shown


def test_bytes_that_a_locale_lets_through_are_named(talk: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "h\udcc3\udca9")
    done = piped("hi\n")
    assert done.exit_code == 2
    assert "[bad-value] what is said is not text" in done.stderr
    assert talk.said == []


def test_ctrl_c_ends_quietly(talk: Echo) -> None:
    done = piped("hi\nbreak\nho\n")
    assert (done.exit_code, done.stderr) == (128 + signal.SIGINT, "\n")
    assert done.stdout == "HI\\n1\n"


def test_bytes_that_are_no_text_are_named(talk: Echo) -> None:
    done = piped(b"hi\n\xff\xfe\n")
    assert done.exit_code == 2
    assert "[bad-value] what is said is not text" in done.stderr


def test_a_run_of_another_task_is_an_error(talk: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise DoesNotApply("no", found="a", expected="b", fix="c")

    monkeypatch.setattr(crosstune.pipeline, "chat", refuse)  # type: ignore[attr-defined]
    done = piped("hi\n")
    assert done.exit_code == 2
    assert "[does-not-apply] no" in done.stderr
