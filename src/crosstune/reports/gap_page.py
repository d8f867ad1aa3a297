"""The page of ``crosstune gap``, and the same as JSON."""

from pathlib import Path

from crosstune.core.files import write_json, write_text
from crosstune.core.gap import Gap
from crosstune.reports.gap import gap_section
from crosstune.reports.page import environment, safe_picture


def render_gap(gap: Gap) -> str:
    """Give the page of ``crosstune gap`` as text. Every text of the gap is shown, never obeyed.

    Checked by: ``tests/reports/test_gap_page.py``, with hostile text in every field.
    """
    sides = [
        {"about": about, "shown": [one for one in gap.witnesses if one.second is second]}
        for second, about in ((False, gap.first), (True, gap.second))
    ]
    values = {
        "section": gap_section(gap),
        "gap": gap,
        "sides": sides,
        "pictures": any(safe_picture(one.picture) for one in gap.witnesses),
        "versions": dict(gap.versions),
    }
    return environment().get_template("gap_page.html.jinja").render(values)


def write_gap(gap: Gap, folder: Path) -> tuple[Path, Path]:
    """Write ``gap.json`` and ``gap.html``; returns their paths."""
    data, page = folder / "gap.json", folder / "gap.html"
    write_json(data, gap.to_json())
    write_text(page, render_gap(gap))
    return data, page
