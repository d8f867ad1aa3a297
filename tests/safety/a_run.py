"""A whole run in a process of its own, with the engine that would report to its maker: started by a test."""

import sys
from pathlib import Path

import crosstune


def main(base: Path, run: Path) -> None:
    """Check, fit, predict, evaluate and report."""
    data = str(base / "texts.csv")
    crosstune.check(data)
    crosstune.fit(
        data, model=str(base / "bert"), out=run, budget="none", strategy="closed-form", engine="openvino"
    )
    crosstune.predict(run, ["a good film"], out=run / "rows.csv")
    crosstune.evaluate(run, data, out=run / "figures.json")
    crosstune.report(run)
    crosstune.cache()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
