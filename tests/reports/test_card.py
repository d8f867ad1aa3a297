"""The model card: metadata that a hub accepts, and Markdown that shows text as it is."""

from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from crosstune.core.metric import Metric
from crosstune.reports.card import escaped, fenced, front_matter, render_card, write_card
from crosstune.reports.text import one_line
from tests.reports.test_page import hostile
from tests.support.sample_summary import classification, named, regression

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def parts(text: str) -> tuple[dict[str, Any], str]:
    """Split a card as the Hub does: front matter between two lines of three dashes."""
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def test_metadata_in_the_hub_s_schema() -> None:
    front, _ = parts(render_card(replace(classification(), model="google/vit-base")))
    assert (front["license"], front["pipeline_tag"], front["base_model"]) == (
        "apache-2.0",
        "image-classification",
        "google/vit-base",
    )
    result = front["model-index"][0]["results"][0]
    assert result["task"]["type"] == "image-classification"
    assert result["metrics"][0] == {"type": "accuracy", "name": "Accuracy", "value": 0.9365}


def test_what_the_hub_would_refuse_is_left_out() -> None:
    front = front_matter(replace(regression(), licence="My Licence (2024)", test={}))
    assert front.keys().isdisjoint({"pipeline_tag", "base_model", "metrics", "model-index"})
    assert (front["license"], front["license_name"]) == ("other", "my-licence-2024")
    undefined = Metric(float("nan"), 0.0, 1.0)
    assert "metrics" not in front_matter(replace(regression(), test={"pearson": undefined}))


@pytest.mark.parametrize("sample", [classification, regression])
def test_hostile_text_stays_text(sample: Any) -> None:
    text = render_card(hostile(sample()))
    front, body = parts(text)
    assert front["tags"][:2] == ["crosstune", "fine-tuned"]
    html = MARKDOWN.render(body)
    opened = {piece.split(">")[0].split()[0].strip("/") for piece in html.split("<")[1:]}
    tables = {"table", "thead", "tbody", "tr", "th", "td"}
    assert opened <= {"h1", "h2", "p", "ul", "li", "pre", "code", *tables}
    assert not any(char in text for char in "\x1b\u202e\ud800\x00")


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("|`*_<>[]()!#&~\\-+=1. $@:/w\n"), max_size=30))
def test_escaped_text_comes_back_whole(text: str) -> None:
    for source in (f"x {escaped(text)}", f"- x {escaped(text)}", f"| x {escaped(text)} |\n| --- |\n"):
        html = MARKDOWN.render(source)
        for tag in ("ul", "li", "p", "table", "thead", "tr", "th"):
            html = html.replace(f"<{tag}>", "").replace(f"</{tag}>", "")
        assert "<" not in html
        assert one_line(unescape(html)) == one_line(f"x {text}")


@given(st.text("-+=1.)# >a\\`", min_size=1, max_size=8))
def test_escaped_text_begins_no_list_and_no_heading(text: str) -> None:
    html = MARKDOWN.render(escaped(text))
    assert html == "" or (html.startswith("<p>") and one_line(unescape(html[3:-5])) == one_line(text))


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert fenced("a ```` b").splitlines() == ["`````", "a ```` b", "`````"]
    assert MARKDOWN.render(fenced("```\n<b>", "python")).count("<pre>") == 1


def test_figures_and_sentence_stand_in_the_card(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    write_card(classification(), path)
    text = path.read_text(encoding="utf-8")
    assert "| Accuracy | 0.936 (0.925 to 0.947) | 0.941 (0.929 to 0.953) | 0.100 (0.087 to 0.113) |" in text
    assert "against 0.100 for always answering the most frequent class and 0.838 for pixels + linear." in text


def test_what_was_compared_and_tried_stands_in_the_card() -> None:
    text = render_card(classification())
    chosen = (
        r"| package:efficientnet-lite0 \@96 | 0.848 (0.829 to 0.863) | chosen: cannot be told from the best |"
    )
    assert chosen in text
    assert (
        r"| package:efficientnet-lite0 \@96, lp-ft | 2 | 0.0005 | 0.931 (0.916 to 0.942) | 0.211 | taken |"
        in text
    )
    assert (
        r"Not compared: package:efficientnet-lite1 \@240 (its pass over the sample would take 96 s);" in text
    )
    assert "Why this model" not in render_card(named())
