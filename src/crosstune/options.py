"""What a person may ask of a run: one set of names for the command line, Python and recipes.

The settings themselves are defined once, in ``core/settings.py``; the fields here that carry their
names are generated from it. A value that is absent or ``None`` means that a rule decides.

Layers, strongest first: command-line flag or Python keyword, ``--set key=value``, recipe file.
"""

import json
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from crosstune.core.errors import BadValue, CannotKeep, UnknownName, UserError, nearest, shown
from crosstune.core.settings import AUGMENTATIONS, SETTING_NAMES, Settings, with_values
from crosstune.core.units import parse_duration

INT64: Final = 2**63 - 1


class UnknownOptions(UnknownName):
    """Keys that are no option, all of them at once."""

    def __init__(self, names: Sequence[str], known: Sequence[str]) -> None:
        """Name every unknown key, and the nearest option to each."""
        pairs = [(name, nearest(name, known)) for name in names]
        near = [f"`{other}` for `{name}`" for name, other in pairs if other]
        UserError.__init__(
            self,
            f"there is no option called {shown(f'`{name}`' for name in names)}",
            found=shown(names),
            expected=f"one of {shown(sorted(known), most=80)}",
            fix=f"did you mean {shown(near)}?" if near else "use one of the names above, or leave it out",
        )


def _names(value: object) -> object:
    """Take one name for a list of one, and any list for a tuple."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _plain(value: object) -> object:
    """Turn a numpy scalar into the Python number it holds."""
    is_scalar = type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0
    return value.item() if is_scalar and hasattr(value, "item") else value


def _some_data(value: object) -> object:
    if type(value) in (NoneType, bool, int, float, list, tuple, dict) or (
        isinstance(value, str) and not value
    ):
        raise BadValue(
            "there is no data to work on",
            found=repr(value),
            expected="a folder, a file, a Hub dataset id, a DataFrame or a Dataset",
            fix="name the data first: crosstune fit DATA",
        )
    return value


def _duration(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float | NoneType):
        value = repr(value)  # so that the message of parse_duration shows it
    parse_duration(value)
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Location = Annotated[Path | None, Field(strict=False)]


class RunOptions(BaseModel):
    """Everything about a run that is not a setting of training."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)

    data: Annotated[Any, BeforeValidator(_some_data)]
    """A path, a Hub dataset id, a DataFrame, a Dataset or a DatasetDict."""
    target: str | None = None
    """The column to predict."""
    inputs: Names = ()
    """The columns to predict from; empty means that they are found."""
    group: str | None = None
    """Rows with equal values in this column stay in one split."""
    domain: str | None = None
    """A column that says which domain a row comes from: metrics are given for each."""
    held_out_domain: Names = ()
    """Domains whose rows never train and are evaluated apart from the others."""
    task: str | None = None
    """A task name such as ``image-classification``; ``None`` infers it from the data."""
    model: str = "auto"
    """A model name such as ``torchvision:resnet50``; ``auto`` chooses by measurement."""
    models: Names = ()
    """The models to choose from where ``model`` is ``auto``; empty means all that can be opened here."""
    adapt_to: str | None = None
    """Inputs without labels of the place where the model will be used: BatchNorm statistics are re-estimated
    on them."""
    pretrain_on: str | None = None
    """Texts without labels: before tuning, the body goes on with masked language modelling on them and on the
    training texts."""
    budget: Annotated[str | float | None, BeforeValidator(_duration)] = "10m"
    """Wall-clock limit of the whole run: ``90s``, ``10m``, ``2h``, or ``none``."""
    out: Location = None
    """The run directory to write; ``None`` makes a new one under ``runs/``."""
    recipe: Location = None
    """The recipe file that some values came from."""
    classes: Names = ()
    """Class names in the order that their outputs shall have."""
    max_bad: Annotated[float | None, Field(ge=0, le=1)] = None
    """Share of the rows that may be set aside; ``None``: 1 %, in small sets 10 % but at most ten rows."""
    strict: bool = False
    """Whether warnings of the check are errors."""
    controls: bool = False
    """Whether a model that changes its modality is compared with its controls, beyond the budget."""
    control_seeds: Annotated[int, Field(ge=2, le=100)] = 3
    """Trainings of each control, each with a seed of its own."""
    extendable: bool = False
    """Whether the last checkpoints are kept after the end, for ``crosstune resume --epochs``."""
    keep_at_least: Annotated[float | None, Field(gt=0, le=1)] = None
    """Share of the base model's probe accuracy on unrelated sets that what ships must keep."""
    trackers: Names = ()
    """Experiment trackers to log to, such as ``tensorboard``; none unless named."""

    def __init__(self, **values: Any) -> None:  # noqa: ANN401
        """Check names, types and ranges.

        Raises:
            UnknownName: a key is no option, or a value is none of its choices.
            BadValue: a value has the wrong type or lies outside its range.
        """
        known = tuple(type(self).model_fields)
        if unknown := [name for name in values if name not in known]:
            raise UnknownOptions(unknown, known)
        values = {key: value if key == "data" else _plain(value) for key, value in values.items()}
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _bad_types(error, values) from None
        _check_settings(self.settings_overrides())
        _check_keeping(self.keep_at_least, self.settings_overrides())

    def settings_overrides(self) -> dict[str, Any]:
        """Give the settings that a person has chosen, by name; a rule decides all others."""
        values = {name: getattr(self, name) for name in SETTING_NAMES}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def seconds(self) -> float | None:
        """Give the budget in seconds; ``None`` means no limit."""
        return parse_duration(self.budget)


def _setting_fields() -> dict[str, Any]:
    """Make one optional field for each setting, of the type that the setting has."""
    limits = Field(default=None, ge=-INT64, le=INT64)
    hints = get_type_hints(Settings)
    return {
        name: (hints[name] | None, limits if int in (hints[name], *get_args(hints[name])) else None)
        for name in SETTING_NAMES
    }


if TYPE_CHECKING:

    class FitOptions(RunOptions):
        """The options of a run; see the run-time definition below."""

        def __init__(self, *, data: Any, **values: Any) -> None:  # noqa: ANN401
            """Check names, types and ranges."""

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401
            """Give a setting."""

else:
    FitOptions = create_model(
        "FitOptions",
        __base__=RunOptions,
        __module__=__name__,
        __doc__="Everything that can be asked of a run: its options and every setting of training.",
        **_setting_fields(),
    )


def _bad_types(error: ValidationError, values: Mapping[str, Any]) -> BadValue:
    """Turn pydantic's list into one error, one entry for each key."""
    reasons: dict[str, list[str]] = {}
    for row in error.errors(include_url=False, include_context=False):
        key = str(row["loc"][0]) if row["loc"] else "data"
        if row["type"] == "missing":
            _some_data(None)
        reasons.setdefault(key, []).append(row["msg"])
    found = [f"{key} = {_short(values.get(key))}" for key in reasons]
    expected = [f"{key}: {'; or '.join(dict.fromkeys(rows))}" for key, rows in reasons.items()]
    return BadValue(
        f"the value of {shown(f'`{key}`' for key in reasons)} does not fit",
        found=shown(found),
        expected=shown(expected),
        fix="correct the value, or leave it out so that a rule decides",
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_settings(values: Mapping[str, Any]) -> None:
    """Check every setting; one problem is raised as it is, several as one ``BadValue``."""
    problems: list[UserError] = []
    for key, value in values.items():
        try:
            with_values(Settings(), {key: value})
            _check_words(key, value)
        except UserError as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise BadValue(
            f"{len(problems)} settings have values that they cannot have",
            found="; ".join(problem.problem for problem in problems),
            expected="; ".join(problem.expected for problem in problems),
            fix="; ".join(dict.fromkeys(problem.fix for problem in problems)),
        )


def _check_keeping(share: float | None, settings: Mapping[str, Any]) -> None:
    """Refuse ``keep_at_least`` for a run that moves nothing that was learned before.

    Raises:
        CannotKeep: nothing of the body moves, or it starts from random weights.
    """
    strategy = settings.get("strategy")
    if share is not None and strategy in ("closed-form", "head"):
        fix = "leave keep_at_least out: such a run forgets nothing; or take --set strategy=lp-ft"
        raise CannotKeep(share, f"strategy={strategy}, under which no weight of the body moves", fix=fix)
    if share is not None and settings.get("pretrained") is False:
        fix = "leave keep_at_least out, or start from pretrained weights"
        raise CannotKeep(share, "pretrained=false: random weights know nothing to keep", fix=fix)


def _check_words(key: str, value: object) -> None:
    """Check the settings whose values are small languages of their own."""
    if key == "augment" and value != "none":
        for name in str(value).split("+"):
            if name not in AUGMENTATIONS:
                raise UnknownName("augmentation", name, ("none", *AUGMENTATIONS))
    if key == "class_weights" and isinstance(value, str) and value not in ("none", "auto"):
        raise UnknownName("class weighting", value, ("none", "auto"))
    if key == "class_weights" and isinstance(value, dict):
        bad = {name: weight for name, weight in value.items() if not (math.isfinite(weight) and weight > 0)}
        if bad:
            raise BadValue(
                "a class weight is out of range",
                found=shown(f"{name} = {weight}" for name, weight in bad.items()),
                expected="finite numbers > 0",
                fix="give each class a weight above zero; 1 leaves the class as it is",
            )


def _located(error: UserError, where: str) -> UserError:
    """Give the same error, saying which layer it lies in."""
    same = type(error).__new__(type(error))
    UserError.__init__(
        same, f"{where}: {error.problem}", found=error.found, expected=error.expected, fix=error.fix
    )
    return same


def _checked(where: str, make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Make one layer and check it on its own, so that an error names it."""
    try:
        values = make()
        FitOptions(**{"data": "-", **values})
    except UserError as error:
        raise _located(error, where) from None
    return values


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as handle:
            values = tomllib.load(handle)
    except (OSError, ValueError, RecursionError) as error:
        raise BadValue(
            "the recipe cannot be read",
            found=f"{type(error).__name__}: {error}",
            expected="a TOML file of flat keys, such as lr = 0.001",
            fix="check the path, and the line that the reader names",
        ) from error
    if "recipe" in values:
        raise BadValue(
            "a recipe cannot name another recipe",
            found=f"recipe = {_short(values['recipe'])}",
            expected="options and settings only",
            fix="copy the lines of the other recipe into this one",
        )
    return values


def load_recipe(path: str | Path) -> dict[str, Any]:
    """Read a recipe: a TOML file whose keys are options and settings, flat.

    Raises:
        UnknownName: a key is no option, or a value is none of its choices.
        BadValue: the file cannot be read, or a value has the wrong type or range.
    """
    return dict(_checked(f"recipe {path}", lambda: _read_toml(Path(path))))


def _parse_value(key: str, text: str) -> Any:  # noqa: ANN401
    """Read the text of one ``--set`` by the type of its field."""
    hint = FitOptions.model_fields[key].annotation
    if key == "data":
        return text
    if text.lower() == "none" and NoneType in get_args(hint) and str not in get_args(hint):
        return None
    if key in ("inputs", "classes", "models", "trackers", "held_out_domain"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        if text.startswith("{"):
            return json.loads(text)
        adapter: TypeAdapter[Any] = TypeAdapter(hint or str)
        return adapter.validate_strings(text)
    except (ValueError, RecursionError) as error:
        reasons = (
            [row["msg"] for row in error.errors()] if isinstance(error, ValidationError) else [str(error)]
        )
        raise BadValue(
            f"the value of `{key}` cannot be read",
            found=f"{key}={text}",
            expected="; or ".join(dict.fromkeys(reasons)),
            fix=f"write --set {key}=VALUE with a value of that type",
        ) from None


def parse_sets(pairs: Sequence[str]) -> dict[str, Any]:
    """Read ``key=value`` pairs, each value by the type of its option; the last of a key holds.

    Raises:
        UnknownName: a key is no option.
        BadValue: a pair has no ``=``, or its value does not fit.
    """
    known = tuple(name for name in FitOptions.model_fields if name != "recipe")
    parts = [pair.partition("=") for pair in pairs]
    if broken := [pair for pair, (key, sign, _) in zip(pairs, parts, strict=True) if not (key and sign)]:
        raise BadValue(
            "this is not a key and a value",
            found=shown(broken),
            expected="key=value",
            fix="write for example --set lr=0.001",
        )
    if unknown := [key.strip() for key, _, _ in parts if key.strip() not in known]:
        raise UnknownOptions(unknown, known)
    return {key.strip(): _parse_value(key.strip(), text.strip()) for key, _, text in parts}


def fit_options(
    flags: Mapping[str, Any], *, recipe: str | Path | None = None, sets: Sequence[str] = ()
) -> FitOptions:
    """Put the layers together: ``flags`` (or keywords) over ``--set`` over the recipe.

    A flag that is ``None`` is a choice as well: it takes a recipe's value back, so that a rule decides.

    Raises:
        UnknownName: a key is no option, or a value is none of its choices; the layer is named.
        BadValue: a value has the wrong type or range, a file cannot be read, or there is no data.
    """
    values: dict[str, Any] = {}
    if recipe is not None:
        values |= load_recipe(recipe) | {"recipe": Path(recipe)}
    values |= _checked("--set", lambda: parse_sets(sets))
    return FitOptions(**{"data": None, **values, **flags})
