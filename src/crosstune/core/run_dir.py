"""The run directory: the files that other programs may rely on, and where a cache lives."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunDir:
    """Paths of one run."""

    root: Path

    @property
    def model(self) -> Path:
        """Weights, preprocessing, label map."""
        return self.root / "model"

    @property
    def plan(self) -> Path:
        """Every decision."""
        return self.root / "plan.json"

    @property
    def evidence(self) -> Path:
        """Every measurement."""
        return self.root / "evidence.json"

    @property
    def metrics(self) -> Path:
        """Figures with intervals."""
        return self.root / "metrics.json"

    @property
    def predictions(self) -> Path:
        """Test predictions, row-aligned with the input."""
        return self.root / "predictions.parquet"

    @property
    def out_of_domain_predictions(self) -> Path:
        """Predictions for the rows of held-out domains; only where there are some."""
        return self.root / "predictions-out-of-domain.parquet"

    @property
    def seen(self) -> Path:
        """Hashes of the rows that were trained and validated on."""
        return self.root / "seen.safetensors"

    @property
    def bad_items(self) -> Path:
        """What was set aside, and why."""
        return self.root / "bad_items.csv"

    @property
    def suspects(self) -> Path:
        """Training rows whose label may be wrong; only where there are some."""
        return self.root / "suspects.csv"

    @property
    def history(self) -> Path:
        """One row for each evaluation."""
        return self.root / "history.csv"

    @property
    def report(self) -> Path:
        """The page."""
        return self.root / "report.html"

    @property
    def card(self) -> Path:
        """The model card."""
        return self.root / "README.md"

    @property
    def summary(self) -> Path:
        """What the page is made from."""
        return self.root / "summary.json"

    @property
    def options(self) -> Path:
        """What was asked, so that the run can be taken up."""
        return self.root / "run.json"

    @property
    def log(self) -> Path:
        """What was said while the run went on."""
        return self.root / "run.log"


def cache_dir() -> Path:
    """Where cached features and activations live: ``CROSSTUNE_CACHE``, else the user's cache."""
    if chosen := os.environ.get("CROSSTUNE_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "crosstune"
