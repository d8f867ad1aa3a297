"""A whole run in a process of its own, which notes every attempt to reach the network: started by a test."""

import json
import socket
import sys
from pathlib import Path
from typing import Any

reached: list[str] = []


def refuse(*args: Any, **kwargs: Any) -> Any:
    """Stand for every function that reaches out."""
    reached.append(repr(args[1:] if isinstance(args[0], socket.socket) else args))
    raise OSError("no network in this test")


socket.socket.connect = refuse  # type: ignore[method-assign]
socket.socket.connect_ex = refuse  # type: ignore[method-assign]
socket.socket.sendto = refuse  # type: ignore[method-assign]
socket.create_connection = refuse
socket.getaddrinfo = refuse


def main(base: Path, run: Path) -> None:
    """Check, fit, predict, evaluate and report, with the engine that would report to its maker."""
    import crosstune

    data = str(base / "texts.csv")
    crosstune.check(data)
    crosstune.fit(
        data, model=str(base / "bert"), out=run, budget="none", strategy="closed-form", engine="openvino"
    )
    crosstune.predict(run, ["a good film"], out=run / "rows.csv")
    crosstune.evaluate(run, data, out=run / "figures.json")
    crosstune.report(run)
    crosstune.cache()
    (run / "reached.json").write_text(json.dumps(reached), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
