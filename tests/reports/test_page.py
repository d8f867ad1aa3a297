"""The page shows every figure, and shows hostile text without obeying it."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from crosstune.core.metric import Metric
from crosstune.core.summary import Curve, Mistake, RunSummary
from crosstune.reports.figures import figure, setting
from crosstune.reports.page import render_report, safe_picture, safe_sound, write_report
from crosstune.reports.why import why
from tests.support.sample_detection import detection
from tests.support.sample_summary import classification, many_classes, named, picture, regression

HOSTILE = (
    """"><img src=x onerror="alert(1)"><script>alert(1)</script></style></script></title>-->"""
    """ <svg onload=a()> ' onmouseover='a()' {{ 7*7 }} {% raw %} &lt;b&gt; javascript:a() ={formula}"""
    """ [red]x[/red] \x1b[31mred\x1b[0m \u202egnp.exe \ud800 \x00 url(http://x.example/)"""
)
SHOWN = "[red]x[/red] \\x1b[31mred\\x1b[0m \\u202egnp.exe \\ud800 \\x00 url(http://x.example/)"
SAMPLES = (classification, regression, many_classes, detection)


class Page(HTMLParser):
    """Collects tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str, str]] = []
        self.text = ""
        self.other: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag and its attributes."""
        self.found += [(tag, "", ""), *((tag, name, value or "") for name, value in attrs)]

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data

    def handle_comment(self, data: str) -> None:
        """Keep a comment."""
        self.other.append(data)

    def handle_pi(self, data: str) -> None:
        """Keep an instruction."""
        self.other.append(data)

    def kinds(self) -> set[tuple[str, str]]:
        """Give (tag, attribute) pairs."""
        return {(tag, name) for tag, name, _ in self.found}

    def values(self, attribute: str) -> set[str]:
        """Give the values of one attribute."""
        return {value for _, name, value in self.found if name == attribute}


def spoiled(value: Any, keep: frozenset[str] = frozenset()) -> Any:
    """Put the hostile text into every string of a JSON value, keys too; ``keep`` stay as they are."""
    if isinstance(value, str):
        return value if value in keep else HOSTILE + value
    if isinstance(value, dict):
        return {spoiled(key, keep): spoiled(item, keep) for key, item in value.items()}
    return [spoiled(item, keep) for item in value] if isinstance(value, (list, tuple)) else value


def hostile(summary: RunSummary) -> RunSummary:
    """Spoil every text of a summary; names of fields and the bases of decisions are not text."""
    raw = summary.to_json()
    bases = [row["basis"] for row in raw["plan"]]
    lists = ("plan", "curves", "precision_by_recall", "mistakes")
    made = {name: spoiled(value) for name, value in raw.items() if name not in lists}
    fields = frozenset(("value", "low", "high"))
    made |= {name: spoiled(raw[name], fields) for name in ("validation", "test", "baselines", "candidates")}
    made["class_counts"] = spoiled(raw["class_counts"])
    made["depth"] = spoiled(raw["depth"], fields)
    for name in ("ranking", "trials"):
        made[name] = [{key: spoiled(item, fields) for key, item in row.items()} for row in raw[name]]
    if raw["controls"]:
        arms = {
            name: [{key: spoiled(item, fields) for key, item in row.items()} for row in raw["controls"][name]]
            for name in ("rows", "gains")
        }
        texts = {name: spoiled(raw["controls"][name]) for name in ("read", "skipped")}
        made["controls"] = raw["controls"] | arms | texts
    for name in lists:
        made[name] = [{key: spoiled(item) for key, item in row.items()} for row in raw[name]]
    for row, basis in zip(made["plan"], bases, strict=True):
        row["basis"] = basis
    return RunSummary.from_json(made)


@cache
def allowed() -> tuple[set[tuple[str, str]], set[str]]:
    """Give the (tag, attribute) pairs and the classes that harmless pages have."""
    pages = [Page(render_report(sample())) for sample in SAMPLES]
    kinds = set().union(*(page.kinds() for page in pages))
    return kinds, {word for page in pages for value in page.values("class") for word in value.split()}


@pytest.mark.parametrize("sample", SAMPLES)
def test_hostile_text_adds_no_element_and_no_attribute(sample: Any) -> None:
    html = render_report(hostile(sample()))
    page = Page(html)
    kinds, classes = allowed()
    assert page.kinds() <= kinds | {("p", "class")}
    assert {word for value in page.values("class") for word in value.split()} <= classes | {"small"}
    assert all(re.fullmatch(r"--v:[\d.]+", value) for value in page.values("style"))
    assert all(re.fullmatch(r"#[a-z]+|data:,", value) for value in page.values("href"))
    assert page.values("src") == set()
    assert page.other == []
    assert html.count("<script") == 0
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800]", html)
    assert f"{{{{ 7*7 }}}} {{% raw %}} &lt;b&gt; javascript:a() ={{formula}} {SHOWN}" in page.text


def test_the_policy_forbids_everything_but_pictures_sounds_and_styles_in_the_page() -> None:
    page = Page(render_report(classification()))
    policy = next(iter(value for value in page.values("content") if "default-src" in value))
    assert policy.startswith("default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'")
    tags = {tag for tag, _ in page.kinds()}
    assert tags.isdisjoint({"script", "iframe", "object", "embed", "form", "base", "video", "audio"})
    assert not any(name.startswith("on") for _, name in page.kinds())
    assert not re.search(r"(?:src|href|url)\W{0,2}\s*(?:https?:)?//", render_report(classification()))


@pytest.mark.parametrize(
    "address",
    [None, "", "https://x.example/a.png", "data:text/html;base64,QQ==", "data:image/svg+xml;base64,QQ==",
     'data:image/png;base64,QQ=="onerror=a', "data:image/png;base64,QQ==\n", "javascript:a()"],
)  # fmt: skip
def test_only_pictures_inside_the_page_are_shown(address: str | None) -> None:
    assert safe_picture(address) == ""
    mistake = Mistake(origin="a.png", truth="x", predicted="y", score=0.5, picture=address)
    assert Page(render_report(replace(classification(), mistakes=(mistake,)))).values("src") == set()


def test_pictures_stand_in_the_gallery() -> None:
    shown = Page(render_report(classification())).values("src")
    assert shown == {picture(seed) for seed in range(12)}


def texts(summary: RunSummary) -> Iterator[str]:
    """Give every text and figure that the page owes its reader."""
    yield from (summary.model, summary.licence, summary.shipped, summary.comparison, summary.data)
    yield from (*summary.warnings, *summary.classes, *summary.versions.values(), *summary.candidates)
    for _, code, sentence in summary.findings:
        yield from (code, sentence)
    for table in (summary.test, summary.validation, *summary.baselines.values(), summary.candidates):
        for metric in table.values():
            yield from (figure(metric.value), figure(metric.low), figure(metric.high))
    for row in summary.plan:
        yield from (row.setting, row.because, *row.evidence)
    yield from measured_texts(summary)
    for mistake in summary.mistakes:
        yield from (mistake.origin, mistake.truth, mistake.predicted)
    yield from (f"{number:,}" for number in summary.counts.values())
    yield from (line for line in summary.loads_with.splitlines() if line)


def measured_texts(summary: RunSummary) -> Iterator[str]:
    """Give what it owes about the measurements behind the choice of the model."""
    for row in summary.ranking:
        yield row.label
        for metric in (row.score, row.ridge, row.neighbours):
            yield from (figure(metric.value), figure(metric.low), figure(metric.high))
    for pair in summary.skipped:
        yield from pair
    for arm in summary.controls.rows if summary.controls else ():
        yield from (arm.name, arm.model, arm.strategy, figure(arm.metric.low), *map(figure, arm.values))
    for block, metric in summary.depth:
        yield from (block, figure(metric.value), figure(metric.low))
    for trial in summary.trials:
        yield from (trial.model, trial.moves, setting(trial.lr))
        yield from (figure(trial.metric.value), figure(trial.loss))


@pytest.mark.parametrize("sample", [classification, regression])
def test_every_text_and_figure_is_on_the_page(sample: Any) -> None:
    shown = Page(render_report(sample())).text
    assert [text for text in texts(sample()) if text not in shown] == []


def test_what_json_keeps_gives_the_same_page() -> None:
    for sample in SAMPLES:
        again = RunSummary.from_json(json.loads(json.dumps(sample().to_json())))
        assert render_report(again) == render_report(sample())


def test_many_classes_show_pairs_instead_of_a_matrix() -> None:
    html = render_report(many_classes())
    assert 'class="matrix' not in html
    assert "The other 108 classes" in html
    assert 'class="matrix' in render_report(classification())


def test_why_this_model_stands_in_the_page_with_a_line_for_each_model_and_trial() -> None:
    made = classification()
    html = render_report(made)
    assert '<a href="#why">' in html
    part = html.partition('<section id="why">')[2].partition("</section>")[0]
    assert part.count('role="listitem"') == len(made.ranking)
    assert part.count("<tr") == 3 + len(made.ranking) + len(made.trials) + len(made.depth)  # three heads
    assert "(random weights)<small>control: behind the best</small>" in part
    assert "package:efficientnet-lite0 @96<small>chosen: cannot be told from the best</small>" in part
    assert part.count("<small>taken</small>") == 1


def test_where_nothing_was_measured_the_section_is_one_sentence() -> None:
    html = render_report(named())
    part = html.partition('<section id="why">')[2].partition("</section>")[0]
    assert " ".join(Page(part).text.split()) == f"Why this model {why(named()).missing}"


def test_a_bare_summary_renders() -> None:
    bare = RunSummary(
        task="image-classification", primary_metric="accuracy", higher_is_better=True, model="m", licence="",
        shipped="", loads_with="", data="d",
    )  # fmt: skip
    text = Page(render_report(bare)).text
    assert "This run holds no score" in text
    assert "This run holds no plan" in text


def test_undefined_figures_are_named_and_never_drawn() -> None:
    nan = float("nan")
    undefined = Metric(nan, nan, nan)
    summary = replace(
        regression(),
        baselines={"mean": {"pearson": undefined}},
        candidates={"a": undefined},
        curves=(Curve(name="loss", steps=[1, 2], values=[nan, 1.0]),),
        seconds={"read": 0.0},
        calibration=[(0.5, 0.5, 0)],
        ranking=tuple(replace(row, score=undefined, ridge=undefined) for row in regression().ranking),
        depth=(("a", undefined), ("b", Metric(0.5, nan, nan)), ("c", Metric(0.6, 0.5, 0.7))),
        trials=(replace(classification().trials[0], metric=undefined, loss=nan),),
    )
    html = render_report(summary)
    assert "not defined" in html
    assert not re.search(r"\bnan\b", html)


def test_write_report_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run" / "report.html"
    for _ in range(2):
        write_report(regression(), path)
    assert path.read_text(encoding="utf-8") == render_report(regression())
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]


def test_a_sound_is_played_only_where_it_lies_in_the_page() -> None:
    wav = "data:audio/wav;base64,UklGRg=="
    assert safe_sound(wav) == wav
    for address in (
        None,
        "",
        "https://example.org/a.wav",
        "data:text/html;base64,UklGRg==",
        f"{wav}' onload='",
    ):
        assert safe_sound(address) == ""


def test_boxes_have_curves_a_background_and_pictures_side_by_side() -> None:
    page = render_report(detection())
    text = Page(page).text
    assert "Mean average precision on the test split: 0.412" in " ".join(text.split())
    assert page.count("Precision by recall</h3>") == 2  # five classes in the first, two in the second
    assert "Row background: found where nothing is" in text
    assert "background answered as bicycle" in page
    assert "Worst pictures" in text
    assert "Left the true boxes, right those that were found." in text
    assert "90 % of the boxes without a partner" in text
    assert "not defined" in text  # a size that no object has
    with pytest.raises(ValueError, match="8 by 8"):
        render_report(replace(detection(), confusion=[[1]]))
