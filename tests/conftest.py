"""What holds for every test: no network, no cache of the user's, no deadlines."""

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

from crosstune.data.unrelated import choose
from tests.support.watch import Watch

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "MPLBACKEND": "Agg",
}
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # as many processes as cores: more threads would wait for one another
_CACHE = tempfile.TemporaryDirectory(prefix="crosstune-tests-")
os.environ["CROSSTUNE_CACHE"] = _CACHE.name

choose.ROWS = 30  # of an unrelated set, where 300 say no more about a tiny random model

settings.register_profile("crosstune", deadline=None, database=None, derandomize=True, print_blob=True)
settings.load_profile("crosstune")


def pytest_sessionstart(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and session.config.getoption(
        "numprocesses", None
    ):  # the process that others report to
        watch = Watch(reporter.write)
        session.config.pluginmanager.register(watch)
        watch.start()


@pytest.fixture(scope="session", autouse=True)
def _cache_removed_at_the_end() -> Iterator[None]:
    yield
    _CACHE.cleanup()
