"""What all benchmarks share: the last line, the exit code, timing, rounding."""

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


def load() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "common.py"
    spec = spec_from_file_location("benchmarks_common", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


common = load()


@pytest.mark.parametrize(("holds", "code"), [(True, 0), (False, 1)])
def test_the_last_line_is_json_and_a_missed_target_exits_1(
    capsys: pytest.CaptureFixture[str], holds: bool, code: int
) -> None:
    benchmark = common.Benchmark("demo", "What it does.", ["--quick"])
    assert benchmark.quick
    for _ in range(2):
        with benchmark.timed("work"):
            pass
    with pytest.raises(SystemExit) as ended:
        benchmark.finish(
            figures={"ratio": np.float32(2 / 3), "bad": float("nan"), "list": [1, 2.123456789]},
            targets={"always": True, "fast": np.bool_(holds)},
        )
    assert ended.value.code == code
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(line) == {"name", "figures", "targets"}
    assert line["targets"] == {"always": True, "fast": holds}
    assert line["figures"]["ratio"] == pytest.approx(0.66667)
    assert line["figures"]["bad"] is None
    assert line["figures"]["list"] == [1, 2.1235]
    assert line["figures"]["work_s"] >= 0
    assert set(line["figures"]["machine"]) == {"cores", "memory_gib", "cpu"}


def test_missing_data_names_the_command() -> None:
    with pytest.raises(SystemExit, match="benchmarks/fetch --only no-such-set"):
        common.data_folder("no-such-set")
    assert "benchmarks_common" not in sys.modules
