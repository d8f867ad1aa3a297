"""A plan as a recipe: what is written is read back, whatever it holds."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.plan import Basis, Decision, Plan
from crosstune.options import load_recipe
from crosstune.reports.recipe import recipe_text, toml

PLAN = Plan((
    Decision("model", "package:minilm", Basis.MEASURED, "ahead\nof 3 others"),
    Decision("lr", 2e-4, Basis.PRIOR, "usual"),
    Decision("pass_rows", None, Basis.MEASURED, "all of them fit"),
    Decision("class_weights", {"a": 1.0, 'quo"te': 2.0}, Basis.USER, "set by the user"),
    Decision("pretrained", True, Basis.ASSUMED, "the default"),
))  # fmt: skip


def test_fit_takes_what_plan_wrote(tmp_path) -> None:  # noqa: ANN001
    path = tmp_path / "plan.toml"
    options = {"data": "a b.csv", "target": None, "inputs": ("x", "y"), "classes": (), "budget": "10m"}
    path.write_text(recipe_text(PLAN, options, name="plan.toml"))
    assert load_recipe(path) == {
        "data": "a b.csv", "inputs": ["x", "y"], "budget": "10m", "model": "package:minilm", "lr": 2e-4,
        "class_weights": {"a": 1.0, 'quo"te': 2.0}, "pretrained": True,
    }  # fmt: skip
    assert "# pass_rows is left open: all of them fit" in path.read_text()
    assert 'model = "package:minilm"  # ahead of 3 others' in path.read_text()


scalars = st.text() | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats(allow_nan=False)


@given(scalars | st.lists(st.text()) | st.dictionaries(st.text(), st.floats(allow_nan=False)))
def test_every_value_comes_back(value: object) -> None:
    assert tomllib.loads(f"x = {toml(value)}")["x"] == value


@given(st.text(), st.text())
def test_no_reason_breaks_out_of_its_comment(because: str, name: str) -> None:
    plan = Plan((Decision("lr", 0.5, Basis.PRIOR, because), Decision("seed", None, Basis.PRIOR, because)))
    assert tomllib.loads(recipe_text(plan, {}, name=name)) == {"lr": 0.5}
