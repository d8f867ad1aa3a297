"""Coverage-guided fuzzing of every reader: any bytes lead to data or to a ``UserError``.

Needs ``pip install atheris`` (a wheel for CPython 3.11 and 3.12 on Linux), which only this script imports::

    python benchmarks/fuzz_readers.py --seconds 600 --folder fuzz

Each input begins with a byte that chooses the reader and one that chooses options; the rest is the file. What
is found is written to ``FOLDER/crash-*``, the corpus to ``FOLDER/corpus``, and the figures are printed at the
end: executions, crashes, covered edges. An input of 10 s or of 2 GB counts as a crash.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

KINDS = (
    ".csv", ".tsv", ".jsonl", ".json", ".parquet", "saved", "text folder", "image folder",
    "recipe", "set", "manifest", "safetensors",
)  # fmt: skip
COLUMNS = ("label", "text", "split", None)


def seeds(folder: Path) -> None:
    """Write sound files of every kind, for the fuzzer to start from."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from tests.data.making import png
    from tests.safety.test_readers import PARQUET, SOUND

    folder.mkdir(parents=True, exist_ok=True)
    lines = b'{"text": "a", "label": [1, 2.5e3, null]}\n{"text": "b", "label": []}\n'
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    manifest = (
        b'{"format": 1, "form": "native", "task": {"task": "text-regression", "mean": 0, "sd": 1},'
        b' "inputs": ["text"], "target": "y", "head": null}'
    )
    sound: dict[str, list[bytes]] = {
        ".csv": [SOUND, b"\xff\xfe" + "text,label\na,1\n".encode("utf-16-le"), b"a;b\n1;2\n"],
        ".tsv": [SOUND.replace(b",", b"\t")],
        ".jsonl": [lines],
        ".json": [b'[{"text": "a", "label": "x"}, {"text": "b", "label": null}]'],
        ".parquet": [PARQUET],
        "saved": [b'{"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_fingerprint": "a"}'],
        "text folder": [b"a text", b"\xff\xfe"],
        "image folder": [png(1), png(2, mode="P"), png(3, mode="L")],
        "recipe": [b'lr = 0.1\nbudget = "10m"\naugment = "flip+crop"\n'],
        "set": [b"lr=0.1\nclass_weights={}\nclasses=a,b"],
        "manifest": [manifest],
        "safetensors": [(60).to_bytes(8, "little") + header.ljust(60) + bytes(4)],
    }
    for kind, contents in sound.items():
        for number, content in enumerate(contents):
            for option in range(len(COLUMNS)):
                name = f"{KINDS.index(kind):02d}-{number}-{option}"
                (folder / name).write_bytes(bytes([KINDS.index(kind), option]) + content)


def one(data: bytes, place: Path) -> None:
    """Write one input as the file that it asks to be, and read it."""
    from crosstune.artifacts.errors import NotAModel
    from crosstune.artifacts.manifest import MANIFEST, read_manifest
    from crosstune.core.errors import UserError
    from crosstune.options import FitOptions, load_recipe, parse_sets
    from crosstune.sources.weights import read_weights
    from tests.safety.tables import outcome

    if len(data) < 2:
        return
    kind, target, content = KINDS[data[0] % len(KINDS)], COLUMNS[data[1] % len(COLUMNS)], data[2:]
    try:
        if kind == "recipe":
            FitOptions(**{"data": "-", **load_recipe(_file(place / "r.toml", content))})
        elif kind == "set":
            parse_sets(content.decode("utf-8", "replace").split("\n"))
        elif kind == "manifest":
            _file(place / MANIFEST, content)
            read_manifest(place, root=place)
        elif kind == "safetensors":
            read_weights(_file(place / "model.safetensors", content))
        else:
            outcome(_data(kind, content, place), **({"target": target} if target else {}))
    except (UserError, NotAModel):
        pass
    finally:
        for path in place.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _data(kind: str, content: bytes, place: Path) -> Path:
    if kind == "saved":
        _file(place / "saved" / "dataset_info.json", b"{}")
        _file(place / "saved" / "data-00000-of-00001.arrow", content)
        return _file(place / "saved" / "state.json", content).parent
    if kind.endswith("folder"):
        suffix = ".txt" if kind.startswith("text") else ".png"
        for name in ("x", "y"):
            _file(place / "data" / name / f"1{suffix}", content)
        return place / "data"
    return _file(place / f"t{kind}", content)


def _file(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def fuzz(folder: Path, seconds: int) -> None:
    """Run libFuzzer in this process; it ends the process itself."""
    import atheris

    with atheris.instrument_imports(include=["crosstune"]):
        import crosstune.artifacts.manifest
        import crosstune.data.check
        import crosstune.data.read
        import crosstune.data.splits
        import crosstune.options
        import crosstune.sources.weights  # noqa: F401 - imported here so that they are instrumented
    sys.path.insert(0, str(Path(__file__).parent.parent))
    place = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))  # noqa: S108

    def test(data: bytes) -> None:
        one(data, place)

    flags = [
        f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=2500",
        "-print_final_stats=1", f"-artifact_prefix={folder}/crash-",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *flags, str(folder / "corpus")], test)
    atheris.Fuzz()


def main() -> None:
    """Fuzz in child processes until the time is over; a crash ends a child, and the next one goes on."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--folder", type=Path, default=Path("fuzz"))
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        fuzz(asked.folder, asked.seconds)
        return
    seeds(asked.folder / "corpus")
    print(json.dumps(_campaign(asked.folder.absolute(), asked.seconds), indent=2))


def _campaign(folder: Path, seconds: int) -> dict[str, Any]:
    import time

    executions, edges, children, began = 0, 0, 0, time.monotonic()
    while (left := seconds - int(time.monotonic() - began)) > 5:
        command = [sys.executable, __file__, "--child", "--seconds", str(left), "--folder", str(folder)]
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "CROSSTUNE_CACHE": str(folder / "cache")}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", check=False
        )
        children += 1
        (folder / f"child-{children}.log").write_text(done.stderr[-20_000:], encoding="utf-8")
        counted = re.findall(r"number_of_executed_units: (\d+)", done.stderr)
        counted = counted or re.findall(r"^#(\d+)", done.stderr, re.MULTILINE)
        executions += int(counted[-1]) if counted else 0
        covered = [int(number) for number in re.findall(r"cov: (\d+)", done.stderr)]
        edges = max([edges, *covered])
    crashes = sorted(path.name for path in folder.glob("crash-*"))
    files = len(list((folder / "corpus").iterdir()))
    took = round(time.monotonic() - began)
    return {"seconds": took, "executions": executions, "edges": edges, "corpus": files, "crashes": crashes}


if __name__ == "__main__":
    main()
