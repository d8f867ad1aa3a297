"""Domains as the data says them: names, rows held out, splits that hold them all, all problems at once."""

from collections import Counter
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from crosstune.core.errors import UserError
from crosstune.data.check import check
from crosstune.data.domains import FEW, hold_out_domains, require_domains, require_validation
from crosstune.data.errors import BadDomains, MissingColumn
from crosstune.data.labelled import LabelledData
from crosstune.data.read import read
from crosstune.data.splits import make_splits

SOURCES = ["web"] * 40 + ["shop"] * 12 + ["post"] * 8


def table(sources: list[Any] = SOURCES, **columns: Any) -> Dataset:
    rows = len(sources)
    return Dataset.from_dict(
        {"text": [f"text {row}" for row in range(rows)], "label": ["a", "b"] * (rows // 2), "source": sources}
        | columns
    )


def data_of(sources: list[Any] = SOURCES, **columns: Any) -> LabelledData:
    return read(table(sources, **columns), domain="source")


def counted(data: LabelledData, split: str) -> dict[str, int]:
    domains = data.items(split).domains()
    assert domains is not None
    return {name: int(count) for name, count in zip(domains.names, domains.counts, strict=True) if count}


def test_names_are_read_and_the_column_is_no_input() -> None:
    data = data_of()
    assert (data.domain, data.domain_names, data.inputs) == ("source", ("post", "shop", "web"), ("text",))
    assert data_of([1.0, 2.0] * 10).domain_names == ("1", "2")
    with pytest.raises(MissingColumn, match="--domain source"):
        read(table(), domain="sourse")
    features = Features(
        {"text": Value("string"), "label": Value("string"), "source": ClassLabel(names=["x", "y"])}
    )
    coded = Dataset.from_dict({"text": ["1", "2"], "label": ["a", "b"], "source": [1, 0]}, features=features)
    assert read(coded, domain="source").domain_names == ("x", "y")


def test_every_split_holds_every_domain_in_proportion() -> None:
    made = make_splits(data_of(), task="text-classification", seed=0)
    parts = {split: counted(made, split) for split in made.splits}
    assert sum((Counter(part) for part in parts.values()), Counter()) == Counter(SOURCES)
    assert all(set(part) == {"web", "shop", "post"} for part in parts.values())
    assert parts["test"] == {"web": 8, "shop": 2, "post": 2}
    assert made.notes[-1].endswith("in proportion to the classes of each `source`")
    assert (
        make_splits(data_of(), task="text-classification", seed=0).items("test").origins()
        == made.items("test").origins()
    )


def test_a_domain_of_three_rows_is_in_every_split_and_one_of_one_row_trains() -> None:
    sources = ["web"] * 96 + ["rare"] * 3 + ["single"]
    made = make_splits(data_of(sources), task="text-classification", seed=1)
    assert [counted(made, split).get("rare") for split in made.splits] == [1, 1, 1]
    assert [counted(made, split).get("single") for split in made.splits] == [1, None, None]
    alarm = require_validation(made, "overall")
    assert alarm is not None
    assert "`single`" in alarm
    with pytest.raises(BadDomains, match="no validation row of `single`, and --select-by worst-domain"):
        require_validation(made, "worst-domain")


def test_regression_and_groups_keep_domains_too() -> None:
    numbers = [float(row % 7) for row in range(60)]
    made = make_splits(data_of(label=numbers), task="text-regression", seed=0)
    assert all(set(counted(made, split)) == {"web", "shop", "post"} for split in made.splits)
    who = [row // 2 for row in range(60)]
    grouped = read(table(who=who), domain="source", group="who")
    made = make_splits(grouped, task="text-classification", seed=0)
    assert all(set(counted(made, split)) == {"web", "shop", "post"} for split in made.splits)
    places = [set(made.splits[split]["who"]) for split in made.splits]
    assert not places[0] & places[1] | places[0] & places[2] | places[1] & places[2]


def test_held_out_rows_of_all_splits_are_apart() -> None:
    parts = DatasetDict({"train": table(), "validation": table(), "test": table(["post"] * 10)})
    data = hold_out_domains(read(parts, domain="source"), ["post"])
    assert data.domain_names == ("shop", "web", "post")
    assert {split: len(rows) for split, rows in data.splits.items()} == {
        "train": 52, "validation": 52, "out-of-domain": 8 + 8 + 10,
    }  # fmt: skip
    assert counted(data, "out-of-domain") == {"post": 26}
    assert "26 rows that are never trained on" in data.notes[-1]
    made = make_splits(check(data).clean(), task="text-classification", seed=0)
    assert list(made.splits) == ["train", "validation", "test", "out-of-domain"]
    assert not any("post" in counted(made, split) for split in ("train", "validation", "test"))
    assert hold_out_domains(data_of(), []).splits.keys() == {"all"}


def problems(held_out: Any = (), select_by: str | None = None, **values: Any) -> UserError:
    with pytest.raises(BadDomains) as caught:
        require_domains(read(**{"data": table(), "domain": "source", **values}), held_out, select_by)
    return caught.value


def test_every_problem_is_named_at_once() -> None:
    error = problems(["pots", "nowhere"], "worst-domain")
    assert "`pots`" in error.found
    assert "`nowhere`" in error.found
    assert "did you mean `--held-out-domain post`?" in error.fix
    error = problems(["post"], "mean-domain", domain=None)
    assert error.found == "--held-out-domain post without --domain; --select-by mean-domain without --domain"
    assert error.fix == "add --domain COLUMN"
    both = problems(["elsewhere"], group="source")
    assert "is the domain and the group" in both.found
    assert "`elsewhere`" in both.found


@pytest.mark.parametrize(
    ("sources", "held_out", "words"),
    [
        (["web"] * 10, [], "one domain, `web`"),
        ([None] * 10, [], "no value in the column"),
        ([f"row {row}" for row in range(10)], [], "10 domains for 10 rows"),
        (["web", "post"] * 5, ["web", "post"], "every domain is held out"),
    ],
)
def test_too_few_domains(sources: list[Any], held_out: list[str], words: str) -> None:
    assert words in problems(held_out, data=table(sources)).found


def test_a_training_split_of_held_out_domains_only_is_refused() -> None:
    parts = DatasetDict({"train": table(["post"] * 10), "test": table()})
    assert "of the training split is held out" in problems(["post"], data=parts).found


def test_what_fits_passes_and_few_rows_are_said() -> None:
    require_domains(data_of(), ["post"], "worst-domain")
    require_domains(read(table()), [], "overall")
    made = make_splits(data_of(), task="text-classification", seed=0)
    assert require_validation(made, "overall") is None
    alarm = require_validation(made, "mean-domain")
    assert alarm is not None
    assert "choices by mean-domain rest on few validation rows" in alarm
    many = make_splits(data_of(["web", "post"] * 20 * FEW), task="text-classification", seed=0)
    assert require_validation(many, "mean-domain") is None
    assert (
        require_validation(make_splits(read(table()), task="text-classification", seed=0), "overall") is None
    )
