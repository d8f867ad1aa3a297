"""Every code that the data room can show has its page, and every page shows its code."""

import re
from pathlib import Path
from typing import Any

import crosstune.data
from crosstune.core.errors import UserError
from crosstune.data import errors, problems

ROOM = Path(crosstune.data.__file__).parent
PAGES = Path(__file__).parents[2] / "docs" / "errors"

CODES = re.compile(
    r"(?:code=|(?:Image|Sound)Problem\(\s*|problems\[row\] = \(\s*|None, \(|_Said\(\s*[A-Z]+,\s*)"
    r'"([a-z0-9-]+)"'
)


def codes() -> Any:
    found = {
        kind.code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, UserError) and kind is not UserError
    }
    for path in ROOM.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(CODES.findall(text))
    found |= {value for name, value in vars(problems).items() if name.isupper()}
    return found


def test_every_code_has_a_page() -> None:
    assert {"check-failed", "empty-file", "invalid-utf8", "bad-target", "constant-target"} <= codes()
    assert {"bad-part", "silent-sounds", "empty-transcript", "sound-too-long", "several-rates"} <= codes()
    for code in codes():
        page = PAGES / f"{code}.md"
        assert page.exists(), code
        assert page.read_text(encoding="utf-8").startswith(f"# {code}\n")
