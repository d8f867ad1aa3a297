"""The prompts of the telephone: halves that share no prompt, the same each time, without figures."""

import csv
from pathlib import Path

from tests.support.benchmark_scripts import benchmark_script

telephone = benchmark_script("telephone")


def _prompts(folder: Path, count: int) -> Path:
    lines = ["path,text,kind", "en/nine.wav,Press 9.,sentences"]
    lines += [f"en/{number}.wav,Prompt {'x' * (number + 1)}.,sentences" for number in range(count)]
    folder.mkdir()
    (folder / "en.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_half_of_the_prompts_test_and_no_figures_are_read(tmp_path: Path) -> None:
    prompts = _prompts(tmp_path / "prompts", 20)
    one = telephone.table(prompts, tmp_path / "one.csv", None).read_text(encoding="utf-8")
    assert one == telephone.table(prompts, tmp_path / "two.csv", None).read_text(encoding="utf-8")
    rows = list(csv.DictReader(one.splitlines()))
    assert [row["split"] for row in rows].count("test") == 10
    assert len({row["path"] for row in rows}) == len(rows) == 20
    assert not any("9" in row["text"] for row in rows)
    assert all(Path(row["path"]).is_absolute() for row in rows)
    few = telephone.table(prompts, tmp_path / "few.csv", 6).read_text(encoding="utf-8")
    assert len(few.splitlines()) == 7
