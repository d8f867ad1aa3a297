"""Every error of this room has its page."""

from pathlib import Path

import pytest

from crosstune.core.errors import UserError
from crosstune.tasks import errors

PAGES = Path(__file__).parents[2] / "docs" / "errors"
ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, UserError)]


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind is not UserError])
def test_every_code_has_a_page_that_opens_with_it(kind: type[UserError]) -> None:
    assert (PAGES / f"{kind.code}.md").read_text(encoding="utf-8").startswith(f"# {kind.code}\n")
