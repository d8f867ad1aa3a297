"""The section says what was lost, what not, and why something was not measured."""

import json
import math
from dataclasses import replace

import pytest

from crosstune.core.forgetting import BlockDrift, Forgetting, LanguageLoss, LinePoint, ProbeRow
from crosstune.core.metric import Metric
from crosstune.reports.forgotten import forgotten, line, sentence
from crosstune.reports.page import render_report
from crosstune.stages.assess import finite
from tests.support.sample_summary import classification

SURE = ProbeRow(
    name="digits", question="which digit", examples=300,
    before=Metric(0.9, 0.87, 0.93), after=Metric(0.8, 0.76, 0.84), drop=Metric(0.1, 0.05, 0.15),
)  # fmt: skip
UNSURE = replace(SURE, name="patches", after=Metric(0.89, 0.85, 0.92), drop=Metric(0.01, -0.01, 0.03))
FOUND = Forgetting(
    probes=(SURE, UNSURE), kept=0.939, divergence=Metric(0.4, 0.3, 0.5), source_classes=1000,
    blocks=(
        BlockDrift(block="stem", alignment=1.0, own_alignment=0.99, change=0.0),
        BlockDrift(block="block 1", alignment=math.nan, own_alignment=0.7, change=0.2),
    ),
    line=tuple(
        LinePoint(alpha=alpha, metric=Metric(score, score, score), kept=kept, chosen=alpha == 0.5)
        for alpha, score, kept in ((0.0, 0.8, 1.0), (0.5, 0.9, 0.96), (1.0, 0.91, 0.9), (0.7, 0.9, math.nan))
    ),
    line_words="the body moves", least=0.95, left_out=(("MNIST", "the task is about digits too"),),
)  # fmt: skip


def test_the_sentence_names_the_largest_sure_loss() -> None:
    assert sentence(FOUND) == (
        "On 2 unrelated sets a linear probe keeps 93.9 % of the accuracy it had on the base model; "
        "the largest certain loss is 10.0 points, on digits (95 % were asked for)."
    )
    assert sentence(replace(FOUND, probes=(UNSURE,), kept=0.99)).endswith(
        "on none of them is a loss certain."
    )
    assert "(MNIST: the task is about digits too)" in sentence(replace(FOUND, probes=()))
    assert sentence(Forgetting(skipped="nothing moved")) == "What was forgotten: nothing moved."


def test_the_largest_loss_that_is_named_is_a_sure_one() -> None:
    large = replace(UNSURE, name="few rows", drop=Metric(0.2, -0.1, 0.5))
    assert "10.0 points, on digits" in sentence(replace(FOUND, probes=(large, SURE)))


def test_a_language_model_says_how_far_its_own_loss_has_risen() -> None:
    known = LanguageLoss(
        texts=100, tokens=2_100, before=Metric(3.2, 3.0, 3.4), after=Metric(4.1, 3.8, 4.4),
        rise=Metric(0.9, 0.8, 1.0),
    )  # fmt: skip
    found = replace(FOUND, language=known)
    assert Forgetting.from_json(json.loads(json.dumps(finite(found.to_json())))).language == known
    page = render_report(replace(classification(), forgetting=found))
    assert "100 general texts" in page
    assert "4.100 nats each, against 3.200 before: a rise of 0.900 nats (0.800 to 1.000)" in page
    assert "general texts" not in render_report(replace(classification(), forgetting=FOUND))


def test_the_line_leaves_out_what_was_not_measured() -> None:
    panel = line(FOUND, "Accuracy")
    assert panel
    assert panel.picture.count("point series") == 3
    assert panel.picture.count('class="best"') == 1
    assert 'class="ideal"' in panel.picture  # the share that was asked for
    assert "100.0 % kept) to 1.0 (0.910, 90.0 % kept)" in panel.note
    assert line(replace(FOUND, line=FOUND.line[:1]), "Accuracy") is None


def test_the_values_of_the_template() -> None:
    values = forgotten(FOUND, "Accuracy")
    assert values
    assert len(values["panels"]) == 3
    assert values["rows"][0][2][2] == ("0.100", "0.050 to 0.150")
    assert "1,000 classes have moved by 0.400 nats" in values["divergence"]
    assert forgotten(None, "Accuracy") is None
    skipped = forgotten(Forgetting(skipped="no time"), "Accuracy")
    assert skipped
    assert (skipped["panels"], skipped["rows"], skipped["divergence"]) == ([], [], "")


def test_the_page_has_the_section_only_where_something_is_known() -> None:
    with_it = render_report(replace(classification(), forgetting=FOUND))
    assert '<section id="forgotten">' in with_it
    assert "Left out: MNIST (the task is about digits too)." in with_it
    assert 'id="forgotten"' not in render_report(classification())


def test_it_survives_json() -> None:
    again = Forgetting.from_json(json.loads(json.dumps(finite(FOUND.to_json()))))
    assert math.isnan(again.blocks[1].alignment)
    assert math.isnan(again.line[3].kept)
    known = replace(FOUND, blocks=FOUND.blocks[:1], line=FOUND.line[:3])
    assert Forgetting.from_json(json.loads(json.dumps(finite(known.to_json())))) == known


@pytest.mark.parametrize("why", ["<script>alert(1)</script>"])
def test_hostile_words_are_shown(why: str) -> None:
    page = render_report(replace(classification(), forgetting=replace(FOUND, left_out=((why, why),))))
    assert "<script>" not in page
