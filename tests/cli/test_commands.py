"""Each command hands the pipeline what was typed, prints what it gets, and ends with the right code."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import crosstune
from crosstune.cli.main import app
from crosstune.core.errors import BadValue
from crosstune.core.gap import Gap
from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.core.ranking import RankRow
from crosstune.core.run_dir import RunDir
from crosstune.stages.advise import Advice
from tests.support.sample_gap import picture_gap


class Recorded:
    """Stands for the pipeline: notes the last call, and gives or raises what it was told to."""

    def __init__(self) -> None:
        self.name, self.args, self.kwargs = "", (), {}
        self.result: Any = None

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.name, self.args, self.kwargs = name, args, kwargs
            if isinstance(self.result, Exception):
                raise self.result
            return self.result

        return call


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    recorded = Recorded()
    monkeypatch.setattr(crosstune, "pipeline", recorded, raising=False)
    return recorded


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), terminal_width=200)


def test_fit_hands_over_the_options(pipeline: Recorded, tmp_path: Path) -> None:
    pipeline.result = RunDir(tmp_path)
    recipe = tmp_path / "r.toml"
    recipe.write_text("lr = 0.5\nseed = 7\nbudget = '1h'")
    words = ["fit", "digits", "--target", "y", "--inputs", "a", "--inputs", "b", "--task", "text-regression"]
    more = [
        "--max-bad",
        "0.05",
        "--strict",
        "--recipe",
        str(recipe),
        "--set",
        "lr=0.25",
        "--set",
        "model=m",
        "--model",
        "timm:n",
        "--out",
        "runs/x",
    ]
    done = run(*words, *more)
    assert done.exit_code == 0, done.output
    (options,) = pipeline.args
    assert options.settings_overrides() == {"lr": 0.25, "seed": 7}
    assert (options.max_bad, options.strict) == (0.05, True)
    assert (options.data, options.target, options.inputs) == ("digits", "y", ("a", "b"))
    assert (options.task, options.model, options.budget, options.out) == (
        "text-regression", "timm:n", "1h", Path("runs/x"),
    )  # fmt: skip
    assert str(tmp_path / "report.html") in done.stdout


def rank_row(model: str, **values: Any) -> RankRow:
    metric = Metric(0.8, 0.75, 0.85)
    found = {"model": model, "figure": "accuracy", "score": metric, "ridge": metric, "neighbours": metric,
             "shortlisted": True, "rate": 100.0, "examples": 425, "image_size": 96,
             "beside": {"logme@head": metric, "logme@all": metric}, "depth": (("stem", metric),)}  # fmt: skip
    return RankRow(**{**found, **values})


def test_rank_prints_the_shortlist_and_json(pipeline: Recorded) -> None:
    pipeline.result = (
        rank_row("package:a", accuracy=75.1),
        rank_row("b", shortlisted=False, pretrained=False),
    )
    done = run("rank", "d", "--models", "package:a", "--models", "b", "--rows", "500")
    assert done.exit_code == 0, done.output
    (options,) = pipeline.args
    assert (options.models, options.rank_rows, options.budget) == (("package:a", "b"), 500, "none")
    lines = [line for line in done.stdout.splitlines() if "@96" in line]
    assert lines[0].split()[:3] == ["*", "package:a", "@96"]
    assert "75.1" in lines[0]
    assert lines[1].split()[:4] == ["b", "@96", "(random", "weights)"]
    done = run("rank", "d", "--json")
    assert [RankRow.from_json(row) for row in json.loads(done.stdout)] == list(pipeline.result)
    pipeline.result = (rank_row("package:a", rows_are="pixels of 26 training pictures"),)
    assert "measured on 425 pixels of 26 training pictures" in run("rank", "d").stdout


def test_plan_prints_reasons_and_writes_the_recipe(pipeline: Recorded, tmp_path: Path) -> None:
    decisions = (
        Decision("lr", 0.001, Basis.PRIOR, "usual"),
        Decision("momentum", 0.9, Basis.ASSUMED, "the default"),
    )
    pipeline.result = Advice(plan=Plan(decisions), ranking=(), skipped=(("big", "no time left for it"),))
    done = run("plan", "d", "--budget", "5m", "--out", str(tmp_path / "p.toml"))
    assert done.exit_code == 0, done.output
    assert pipeline.name == "write_recipe"
    assert pipeline.args[2] == tmp_path / "p.toml"
    assert "usual" in done.stdout
    assert "momentum" not in done.stdout
    assert "not compared: big (no time left for it)" in done.stdout


def test_plan_writes_over_nothing(pipeline: Recorded, tmp_path: Path) -> None:
    mine = tmp_path / "plan.toml"
    mine.write_text("lr = 0.5  # mine")
    done = run("plan", "d", "--out", str(mine))
    assert (done.exit_code, pipeline.name) == (2, "")
    assert "exists" in done.stderr
    assert mine.read_text() == "lr = 0.5  # mine"


def test_fit_without_data_is_a_user_error(pipeline: Recorded) -> None:
    done = run("fit")
    assert (done.exit_code, pipeline.name) == (2, "")
    assert "there is no data to work on" in done.stderr


def test_an_unknown_set_suggests_the_name(pipeline: Recorded) -> None:
    done = run("fit", "d", "--set", "epochz=3")
    assert (done.exit_code, pipeline.name) == (2, "")
    assert "`epochs` for `epochz`" in done.stderr


def test_a_user_error_is_told_on_stderr_and_neither_markup_nor_escapes_are_obeyed(pipeline: Recorded) -> None:
    pipeline.result = BadValue("the file [red]x\x1b[31m is bad", found="[bold]", expected="y", fix="z")
    done = run("check", "d")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "[bad-value] the file [red]x\\x1b[31m is bad" in done.stderr
    assert "found:    [bold]" in done.stderr


def test_any_other_exception_is_a_bug_with_code_1(pipeline: Recorded) -> None:
    pipeline.result = ZeroDivisionError("a bug")
    done = run("evaluate", "run", "d")
    assert done.exit_code == 1
    assert isinstance(done.exception, ZeroDivisionError)


def finding(severity: str) -> SimpleNamespace:
    return SimpleNamespace(
        severity=severity, code="few-rows", sentence="few [b]rows", fix="add rows", items=("a.csv:2",)
    )


def test_check_marks_what_would_be_learnt(pipeline: Recorded) -> None:
    row = SimpleNamespace(
        origin="c.jsonl:1", tokens=4, trained=1, pieces=[("[b]hi\x1b", False), ("yo", True)]
    )
    pipeline.result = SimpleNamespace(findings=[], bad=[], rows=[row], notes=["read as alpaca"])
    done = run("check", "d", "--show-mask", "--model", "m", "--max-length", "9", "--max-bad", "0.2")
    assert (done.exit_code, pipeline.name, pipeline.args) == (0, "show_mask", ("d", "m"))
    assert pipeline.kwargs == {"max_length": 9, "max_bad": 0.2, "strict": False}
    marked = "c.jsonl:1: 4 tokens, 1 trained\n[b]hi\\x1b[[yo]]"
    assert done.stdout == f"read as alpaca\n\n{marked}\n\nnothing is wrong with this data\n"
    pipeline.result.findings = [finding("error")]
    done = run("check", "d", "--show-mask", "--model", "m", "--json")
    assert done.exit_code == 2
    told = json.loads(done.stdout)
    pieces = [{"text": "[b]hi\x1b", "trained": False}, {"text": "yo", "trained": True}]
    assert told["rows"] == [{"origin": "c.jsonl:1", "tokens": 4, "trained": 1, "pieces": pieces}]
    assert told["notes"] == ["read as alpaca"]


@pytest.mark.parametrize(
    "words",
    [
        ("--show-mask",),
        ("--model", "m"),
        ("--max-length", "9"),
        ("--show-mask", "--model", "m", "--target", "y"),
    ],
)
def test_check_refuses_options_that_it_would_ignore(pipeline: Recorded, words: tuple[str, ...]) -> None:
    done = run("check", "d", *words)
    assert (done.exit_code, pipeline.name) == (2, "")
    assert "[does-not-apply]" in done.stderr


def test_check_prints_findings_and_fails_only_on_errors(pipeline: Recorded) -> None:
    bad = SimpleNamespace(split="train", origin="a/=1.png", code="broken", reason="no picture")
    pipeline.result = SimpleNamespace(findings=[finding("warning")], bad=[bad])
    done = run("check", "d", "--group", "patient")
    assert (done.exit_code, pipeline.kwargs["group"]) == (0, "patient")
    assert (pipeline.kwargs["max_bad"], pipeline.kwargs["strict"]) == (None, False)
    assert "warning: few [b]rows" in done.stdout
    assert "a/=1.png" in done.stdout
    pipeline.result = SimpleNamespace(findings=[finding("error")], bad=[bad])
    done = run("check", "d", "--json", "--strict", "--max-bad", "0.2")
    assert (pipeline.kwargs["max_bad"], pipeline.kwargs["strict"]) == (0.2, True)
    assert done.exit_code == 2
    assert json.loads(done.stdout) == {
        "findings": [
            {
                "severity": "error",
                "code": "few-rows",
                "sentence": "few [b]rows",
                "fix": "add rows",
                "items": ["a.csv:2"],
            }
        ],
        "bad": [{"split": "train", "origin": "a/=1.png", "code": "broken", "reason": "no picture"}],
    }


def test_evaluate_prints_intervals_and_json(pipeline: Recorded) -> None:
    pipeline.result = {"accuracy": Metric(0.5, 0.25, 0.75)}
    assert "accuracy" in run("evaluate", "run", "d").stdout
    done = run("evaluate", "run", "d", "--target", "y", "--engine", "torch", "--json", "--beams", "4")
    assert json.loads(done.stdout) == {"accuracy": {"value": 0.5, "low": 0.25, "high": 0.75}}
    assert pipeline.args == (Path("run"), "d")
    pipeline.kwargs.pop("reporter")
    expected = {"target": "y", "out": None, "engine": "torch", "max_bad": None, "beams": 4}
    assert pipeline.kwargs == expected


def test_evaluate_over_several_sets_and_runs_prints_one_table(pipeline: Recorded, tmp_path: Path) -> None:
    pipeline.result = SimpleNamespace(to_json=lambda: {"runs": ["one"]})
    done = run("evaluate", "one", "a", "b", "--run", "two", "--metric", "mae", "--json")
    assert json.loads(done.stdout) == {"runs": ["one"]}
    assert pipeline.name == "cross_evaluate"
    assert pipeline.args == ({"one": Path("one"), "two": Path("two")}, {"a": "a", "b": "b"})
    assert (pipeline.kwargs["target"], pipeline.kwargs["beams"]) == (None, 1)
    assert (pipeline.kwargs["metric"], pipeline.kwargs["out"]) == ("mae", Path("one") / "cross-table.json")
    pipeline.result = ["trained on", "metric", "a"], [["one", "mae", "0.5"]]
    done = run("evaluate", "one", "a", "--run", "two", "--out", str(tmp_path / "t.md"))
    assert pipeline.name == "table_lines"
    assert "trained on" in done.stdout
    assert f"table: {tmp_path / 't.md'}" in done.stdout


def test_predict_prints_every_row_or_says_where_they_are(pipeline: Recorded, tmp_path: Path) -> None:
    pipeline.result = [
        {"origin": "a.png", "label": "[cat]", "score": 0.123456, "error": None},
        {"origin": "b.png", "error": "cannot be read"},
    ]
    done = run("predict", "run", "a.png", "b.png")
    assert "[cat]" in done.stdout
    assert "cannot be read" in done.stdout
    assert json.loads(run("predict", "run", "a.png", "--json").stdout) == pipeline.result
    done = run("predict", "run", "a.png", "--out", str(tmp_path / "rows.csv"))
    assert "2 rows, 1 of them with an error" in done.stdout
    assert pipeline.kwargs["out"] == tmp_path / "rows.csv"
    assert (pipeline.kwargs["beams"], pipeline.kwargs["also"]) == (1, ())
    run("predict", "run", "a.png", "--out", str(tmp_path / "rows.csv"), "--also", "coco", "--also", "yolo")
    assert pipeline.kwargs["also"] == ["coco", "yolo"]


def test_a_table_in_a_pipe_keeps_every_row_on_one_line(pipeline: Recorded) -> None:
    pipeline.result = [{"origin": "a" * 150, "label": "b" * 150}]
    assert any(
        "a" * 150 in line and "b" * 150 in line for line in run("predict", "r", "x").stdout.splitlines()
    )


def test_models_lists_the_catalogue(pipeline: Recorded) -> None:
    from crosstune.sources.base import ModelInfo, PublicFigure

    figure = PublicFigure(value=81.25, measure="ImageNet-1k top-1", source="a page")
    row = ModelInfo(
        name="timm:a", modality="image", parameters=4_600_000, licence="MIT", here=True, reads="224 px",
        accuracy=figure,
    )  # fmt: skip
    far = ModelInfo(name="b/c", modality="image", parameters=0, licence="unknown", here=False)
    pipeline.result = [row, far]
    done = run("models", "--task", "image-classification")
    assert pipeline.args == ("image-classification",)
    line = next(line for line in done.stdout.splitlines() if "timm:a" in line)
    assert all(part in line for part in ("image, 224 px", "4.6 M", "MIT", "81.2 ImageNet-1k top-1", "yes"))
    assert "b/c" in done.stdout
    assert "b/c" not in run("models", "--here").stdout
    rows = json.loads(run("models", "--json").stdout)
    assert rows[0]["accuracy"] == {"value": 81.25, "measure": "ImageNet-1k top-1", "source": "a page"}
    assert [one["accuracy"] for one in rows[1:]] == [None]


def test_demo_and_report_say_where_the_page_is(pipeline: Recorded, tmp_path: Path) -> None:
    pipeline.result = RunDir(tmp_path)
    assert str(tmp_path / "report.html") in run("demo", "--out", str(tmp_path)).stdout
    pipeline.result = tmp_path / "report.html"
    assert run("report", str(tmp_path)).stdout.strip() == str(tmp_path / "report.html")


def test_gap_hands_over_both_sets_and_prints_words_measures_and_notes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, Any] = {}

    def gap(first: str, second: str, **rest: Any) -> Any:
        asked.update(rest, sets=(first, second))
        return picture_gap()

    told = ("far apart \x1b[31m", [("MMD", "0.05", "p = 0.005")])
    fake = SimpleNamespace(gap=gap, describe_gap=lambda _: told)
    monkeypatch.setattr(crosstune, "pipeline", fake, raising=False)
    done = run(
        "gap", "a", "b", "--input", "text", "--target", "y", "--group", "g", "--rows", "50", "--out", "o"
    )
    assert done.exit_code == 0, done.output
    asked.pop("reporter")
    assert asked == {"sets": ("a", "b"), "model": "auto", "inputs": ("text",), "target": "y", "group": "g",
                     "rows": 50, "out": Path("o")}  # fmt: skip
    assert "far apart \\x1b[31m" in done.stdout
    assert "p = 0.005" in done.stdout
    assert f"note: {picture_gap().notes[0]}" in done.stdout
    assert f"page: {Path('o') / 'gap.html'}" in done.stdout
    shown = run("gap", "a", "b", "--json")
    assert Gap.from_json(json.loads(shown.stdout)).distance == picture_gap().distance
    assert "data:image" not in shown.stdout
    assert run("gap", "a", "b", "--rows", "3").exit_code == 2
