"""The table of payloads and ways in: ``python benchmarks/sentinels.py`` prints it as Markdown.

Every payload of ``tests/safety/payloads.py`` is given at every way in. A cell is the code of the error that
refused it; ``rows: CODE`` where every row was set aside; LET IN or RAN where a promise of SECURITY.md fails.
"""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.safety.entries import WAYS, Outcome, attempts
from tests.safety.payloads import make_base
from tests.support.sets import write_pictures


def cell(outcome: Outcome) -> str:
    """Say in a word what happened."""
    if outcome.ran:
        return "**RAN**"
    return f"`{outcome.refused}`" if outcome.refused else f"**LET IN** {outcome.wrong[:60]}"


def tables(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Give one Markdown table for each kind of thing that is given."""
    found = {(row.given, row.payload, row.way): cell(row) for row in outcomes}
    for given, (payloads, ways) in WAYS.items():
        yield f"| given as {given} | {' | '.join(ways)} |"
        yield "|---" * (1 + len(ways)) + "|"
        for payload in payloads:
            cells = (found[given, payload, way] for way in ways)
            yield f"| {payload} | {' | '.join(cells)} |"
        yield ""


def main() -> None:
    """Try everything and print."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        os.environ["CROSSTUNE_CACHE"] = str(root / "cache")
        base = make_base(root / "base")
        write_pictures(base / "pictures", 8)
        outcomes = list(attempts(base, root / "cases"))
    print("\n".join(tables(outcomes)))
    good = sum(bool(row.refused) and not row.ran for row in outcomes)
    print(f"{good} of {len(outcomes)} refused; {sum(row.ran for row in outcomes)} ran")


if __name__ == "__main__":
    main()
