"""One set of names for flags, keywords and recipes; nothing unknown or out of range passes."""

import tomllib
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.errors import BadValue, UnknownName, UserError
from crosstune.core.settings import CHOICES, SETTING_NAMES, Settings, with_values
from crosstune.options import FitOptions, fit_options, load_recipe, parse_sets

ROOT = Path(__file__).parent.parent


def recipe(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_setting_is_an_option_and_unset_leaves_the_rule() -> None:
    assert set(SETTING_NAMES) <= set(FitOptions.model_fields)
    assert FitOptions(data="x").settings_overrides() == {}


def test_every_default_of_the_settings_can_be_given() -> None:
    values = {field.name: field.default for field in fields(Settings) if field.default is not None}
    assert FitOptions(data="x", **values).settings_overrides() == values


def test_every_unknown_name_is_listed_with_its_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        FitOptions(data="x", epochz=3, quantizaton="4bit", lrr=0.1)
    assert caught.value.found == "epochz, quantizaton, lrr"
    assert "`epochs` for `epochz`" in caught.value.fix
    assert "`lr` for `lrr`" in caught.value.fix


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lr", "0.1"),
        ("lr", True),
        ("lr", -0.1),
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("epochs", 10**400),
        ("seed", 2**70),
        ("seed", 1.5),
        ("pretrained", 1),
        ("budget", "soon"),
        ("budget", 0),
        ("budget", float("nan")),
        ("budget", True),
        ("target", 3),
        ("inputs", 3),
        ("inputs", [1]),
        ("class_weights", {"a": -1.0}),
        ("class_weights", {"a": float("nan")}),
        ("data", None),
        ("data", 3),
        ("data", ""),
    ],
)
def test_bad_values_are_errors_that_show_them(key: str, value: object) -> None:
    with pytest.raises(BadValue):
        FitOptions(**{"data": "x", key: value})


@pytest.mark.parametrize("key", [*CHOICES, "augment", "class_weights"])
def test_a_wrong_choice_lists_the_right_ones(key: str) -> None:
    with pytest.raises(UnknownName) as caught:
        FitOptions(data="x", **{key: "nonsense"})
    assert all(choice in caught.value.expected for choice in CHOICES.get(key, ("none",)))


def test_several_bad_settings_are_reported_at_once() -> None:
    with pytest.raises(BadValue) as caught:
        FitOptions(data="x", lr=-1.0, optimizer="adamww")
    assert "`lr`" in caught.value.found
    assert "`adamww`" in caught.value.found


def test_python_may_pass_numpy_numbers_lists_and_strings() -> None:
    options = FitOptions(data="x", epochs=np.int64(3), lr=np.float32(0.5), inputs="text", classes=["b", "a"])
    assert (options.epochs, options.lr, options.inputs, options.classes) == (3.0, 0.5, ("text",), ("b", "a"))
    assert FitOptions(data="x", out="runs/a").out == Path("runs/a")
    assert FitOptions(data="x", budget="none").seconds is None
    assert FitOptions(data="x", budget="90s").seconds == 90.0


def test_flags_beat_sets_and_sets_beat_the_recipe(tmp_path: Path) -> None:
    path = recipe(tmp_path, 'data = "mine"\nlr = 1.0\nepochs = 1\nseed = 1\nmodel = "timm:a"')
    options = fit_options({"model": "timm:c"}, recipe=path, sets=["seed=2", "model=timm:b", "seed=3"])
    assert (options.data, options.lr, options.epochs, options.seed) == ("mine", 1.0, 1.0, 3)
    assert (options.model, options.recipe) == ("timm:c", path)


def test_none_takes_a_recipe_s_value_back(tmp_path: Path) -> None:
    path = recipe(tmp_path, "lr = 1.0\nmicro_batch = 4")
    assert fit_options({"data": "x", "lr": None}, recipe=path).lr is None
    assert fit_options({"data": "x"}, recipe=path, sets=["micro_batch=none"]).micro_batch is None


def test_sets_are_read_by_the_type_of_their_option() -> None:
    sets = ["lr=1e-3", "pretrained=false", "epochs=2", "average=none", "inputs=a, b", "out=runs/x",
            'class_weights={"a": 2.0}', "budget=2h", "augment=flip+crop", "data=d=1"]  # fmt: skip
    options = fit_options({}, sets=sets)
    assert options.settings_overrides() == {
        "lr": 0.001, "pretrained": False, "epochs": 2.0, "average": "none", "augment": "flip+crop",
        "class_weights": {"a": 2.0},
    }  # fmt: skip
    assert (options.inputs, options.out, options.seconds) == (("a", "b"), Path("runs/x"), 7200.0)
    assert options.data == "d=1"


@pytest.mark.parametrize("pair", ["lr", "=1", "lr=", "lr=abc", "epochs=0", "class_weights={", "seed=1.5"])
def test_a_bad_set_is_an_error_that_names_the_flag(pair: str) -> None:
    with pytest.raises(BadValue, match="--set"):
        fit_options({"data": "x"}, sets=[pair])


@pytest.mark.parametrize(
    "text",
    ["lr = ", "lr = 1\nlr = 2", "lr = -1", "lr = '1'", "[training]\nlr = 1", "recipe = 'a.toml'", "lrr = 1"],
)
def test_a_bad_recipe_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"recipe\.toml"):
        load_recipe(recipe(tmp_path, text))


def test_a_bad_recipe_is_an_error_even_where_a_flag_beats_it(tmp_path: Path) -> None:
    with pytest.raises(BadValue):
        fit_options({"data": "x", "lr": 0.1}, recipe=recipe(tmp_path, "lr = -1"))


@pytest.mark.parametrize("name", ["resnet50_frozen", "resnet50_full"])
def test_the_recipes_that_ship_parse_into_settings(name: str) -> None:
    options = fit_options({"data": "x"}, recipe=ROOT / "recipes" / f"{name}.toml")
    settings = with_values(Settings(), options.settings_overrides())
    assert options.model == "torchvision:resnet50"
    assert (settings.resize, settings.image_size, settings.lr, settings.loss) == (
        256,
        224,
        0.001,
        "cross-entropy",
    )
    expected = ("head", "adam") if name == "resnet50_frozen" else ("full", "sgd")
    assert (settings.strategy, settings.optimizer, settings.momentum) == (*expected, 0.9)


def test_every_file_under_recipes_parses() -> None:
    for path in (ROOT / "recipes").glob("*"):
        assert load_recipe(path), path


def test_a_missing_file_and_bytes_that_are_no_text_are_errors(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_bytes(b"lr = \xff\x00")
    for path in (tmp_path / "nowhere.toml", tmp_path, tmp_path / "recipe.toml"):
        with pytest.raises(BadValue, match="cannot be read"):
            load_recipe(path)


KEYS = st.one_of(st.sampled_from(sorted(FitOptions.model_fields)), st.text("abc_.-\"'=[]", max_size=8))
VALUES = st.recursive(
    st.one_of(
        st.integers().map(str),
        st.floats().map(str),
        st.sampled_from(["true", "false", "1979-05-27", "''", "'none'", "'auto'", "inf", "nan", "9" * 5000]),
        st.text(max_size=10).map(lambda text: f"'{text}'"),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda rows: f"[{', '.join(rows)}]"),
        st.lists(inner, max_size=2).map(
            lambda rows: "{" + ", ".join(f"k{i} = {row}" for i, row in enumerate(rows)) + "}"
        ),
    ),
    max_leaves=6,
)
LINES = st.lists(st.tuples(KEYS, VALUES).map(lambda row: f"{row[0]} = {row[1]}"), max_size=4).map("\n".join)


@given(text=st.one_of(LINES, st.text(max_size=40), st.integers(1, 20_000).map(lambda n: "lr = " + "[" * n)))
def test_no_recipe_ends_in_anything_but_values_or_a_user_error(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "random.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        values = load_recipe(path)
    except UserError:
        return
    assert values == tomllib.loads(text)
    assert set(values) <= set(FitOptions.model_fields)


@given(pairs=st.lists(st.tuples(KEYS, st.text(max_size=8)).map("=".join), max_size=3))
def test_no_set_ends_in_anything_but_values_or_a_user_error(pairs: list[str]) -> None:
    try:
        values = parse_sets(pairs)
        FitOptions(**{"data": "x", **values})
    except UserError:
        return
    assert len(values) <= len(pairs)
