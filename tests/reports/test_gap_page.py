"""The page of a gap: it holds what was measured, and hostile text adds nothing to it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crosstune.core.gap import Gap
from crosstune.reports.gap import gap_sentence, property_sentence
from crosstune.reports.gap_page import render_gap, write_gap
from crosstune.reports.page import render_report
from tests.reports.test_page import HOSTILE, SHOWN, Page
from tests.support.sample_gap import picture_gap, text_gap
from tests.support.sample_summary import classification, picture


def hostile(gap: Gap) -> Gap:
    """Put hostile text into every text of a gap."""
    spoiled = HOSTILE + "x"
    return replace(
        gap,
        first=replace(gap.first, name=spoiled),
        second=replace(gap.second, name=spoiled),
        model=spoiled,
        features=spoiled,
        properties=tuple(replace(one, name=spoiled) for one in gap.properties[:1]),
        witnesses=tuple(
            replace(one, origin=spoiled, text=spoiled, picture=spoiled if one.second else None)
            for one in gap.witnesses
        ),
        notes=(spoiled,),
        versions=((spoiled, spoiled),),
    )


def without_witness_pictures(gap: Gap) -> Gap:
    return replace(gap, witnesses=tuple(replace(one, picture="x", text="t") for one in gap.witnesses))


def test_hostile_text_adds_no_element_and_no_attribute() -> None:
    html = render_gap(hostile(picture_gap()))
    page = Page(html)
    assert page.kinds() <= Page(render_gap(without_witness_pictures(picture_gap()))).kinds()
    assert page.values("src") == set()
    assert page.other == []
    assert "<script" not in html
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800]", html)
    assert SHOWN in page.text


def test_the_section_of_a_report_obeys_no_text_either() -> None:
    base = replace(classification(), gap=picture_gap())
    html = render_report(replace(base, gap=hostile(picture_gap())))
    assert Page(html).kinds() <= Page(render_report(base)).kinds()
    assert "<script" not in html


def test_the_report_shows_the_gap_and_none_where_there_is_none() -> None:
    shown = Page(render_report(replace(classification(), gap=picture_gap()))).text
    assert gap_sentence(picture_gap()) in shown
    assert property_sentence(picture_gap()) in shown
    assert "The gap" not in Page(render_report(classification())).text


@pytest.mark.parametrize("gap", [picture_gap(), text_gap()])
def test_the_page_says_everything_and_opens_no_connection(gap: Gap) -> None:
    html = render_gap(gap)
    text = Page(html).text
    for sentence in (
        gap_sentence(gap),
        property_sentence(gap),
        *gap.notes,
        *(one.origin for one in gap.witnesses),
    ):
        assert sentence in text
    assert Page(html).values("src") == {picture(place) for place in range(len(gap.witnesses))}
    assert not re.search(r"(?:src|href|url)\W{0,2}\s*(?:https?:)?//", html)
    assert "default-src 'none'" in html


def test_both_files_are_written(tmp_path: Path) -> None:
    data, page = write_gap(picture_gap(), tmp_path)
    held: dict[str, Any] = json.loads(data.read_text(encoding="utf-8"))
    assert held["distance"] == {"value": 1.84, "low": 1.79, "high": 1.88}
    assert held["witnesses"][0]["picture"] is None
    assert page.read_text(encoding="utf-8") == render_gap(picture_gap())
