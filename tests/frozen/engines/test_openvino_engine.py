"""OpenVINO's own reporting is off, whether or not it was imported before."""

import subprocess
import sys

import pytest

from crosstune.core.extras import installed

CODE = """
import sys
{before}
from crosstune.frozen.engines.openvino_engine import silence_telemetry
silence_telemetry()
import openvino.tools.ovc
from openvino.tools.ovc import convert_impl, telemetry_utils
stub = "openvino.tools.ovc.telemetry_stub"
print(convert_impl.tm.Telemetry.__module__ == telemetry_utils.tm.Telemetry.__module__ == stub)
"""


@pytest.mark.skipif(not installed("openvino_telemetry"), reason="the package that reports is not installed")
@pytest.mark.parametrize("before", ["", "import os; os.environ['CI'] = 'true'; import openvino.tools.ovc"])
def test_what_would_report_is_a_stand_in(before: str) -> None:
    # The variable keeps the package quiet while this test imports it in the way that a user might.
    done = subprocess.run([sys.executable, "-c", CODE.format(before=before)], capture_output=True, text=True)
    assert done.stdout.split() == ["True"], done.stderr
