"""Payloads that try to get in, each at the place where it would be given; and the ways in.

A payload is made in a folder of its own. Where one of them runs, it writes the file ``SENTINEL`` names.
"""

import io
import json
import os
import pickle
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file

from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir

SENTINEL = "CROSSTUNE_SENTINEL"
"""Environment variable with the file that no payload must be able to write."""

CODE = f"import os, pathlib; pathlib.Path(os.environ[{SENTINEL!r}]).write_text('ran')"


class Runs:
    """Unpickled, it runs code."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Ask the unpickler to call ``exec``."""
        return exec, (CODE,)


Base = Path
"""A folder with ``bert``, ``timm``, ``run`` (a finished run) and ``texts.csv``, all sound."""
Make = Callable[[Base, Path], Path]


def _copied(base: Base, name: str, to: Path) -> Path:
    shutil.copytree(base / name, to / name, symlinks=True)
    return to / name


def _edited(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def _bin(base: Base, to: Path) -> Path:
    folder = _copied(base, "bert", to)
    (folder / "model.safetensors").unlink()
    torch.save({"bert.pooler.dense.weight": Runs()}, folder / "pytorch_model.bin")
    return folder


def _timm_bin(base: Base, to: Path) -> Path:
    folder = _copied(base, "timm", to)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"conv.weight": Runs()}))
    return folder


def _not_safetensors(base: Base, to: Path) -> Path:
    folder = _copied(base, "bert", to)
    (folder / "model.safetensors").write_bytes(pickle.dumps(Runs()))
    return folder


def _twice(base: Base, to: Path) -> Path:
    folder = _copied(base, "bert", to)
    header, body = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},', b"\0" * 4
    header += b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + body)
    return folder


def _not_finite(base: Base, to: Path) -> Path:
    folder = _copied(base, "bert", to)
    state = load_file(folder / "model.safetensors")
    state["bert.pooler.dense.weight"][0, 0] = torch.nan
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _own_code(base: Base, to: Path) -> Path:
    folder = _copied(base, "bert", to)
    for module in ("configuration_evil", "modeling_evil", "tokenization_evil"):
        (folder / f"{module}.py").write_text(CODE, encoding="utf-8")
    classes = {"AutoConfig": "configuration_evil.C", "AutoModelForSequenceClassification": "modeling_evil.M"}
    _edited(folder / "config.json", model_type="evil", auto_map=classes)
    return folder


def _own_tokenizer(base: Base, to: Path) -> Path:
    folder = _copied(base, "bert", to)
    (folder / "tokenization_evil.py").write_text(CODE, encoding="utf-8")
    named = {"AutoTokenizer": ["tokenization_evil.T", None]}
    _edited(folder / "tokenizer_config.json", tokenizer_class="T", auto_map=named)
    (folder / "tokenizer.json").unlink()
    return folder


def _config(**changes: Any) -> Make:
    def make(base: Base, to: Path) -> Path:
        folder = _copied(base, "bert", to)
        _edited(folder / "config.json", **changes)
        return folder

    return make


def _raw_config(text: str) -> Make:
    def make(base: Base, to: Path) -> Path:
        folder = _copied(base, "bert", to)
        (folder / "config.json").write_text(text, encoding="utf-8")
        return folder

    return make


def _timm(**changes: Any) -> Make:
    def make(base: Base, to: Path) -> Path:
        folder = _copied(base, "timm", to)
        evil = to / "evil.pth"
        torch.save(Runs(), evil)
        text = json.dumps(changes).replace("EVIL", str(evil))
        _edited(folder / "config.json", **json.loads(text))
        return folder

    return make


def _link(name: str, model: str = "bert") -> Make:
    def make(base: Base, to: Path) -> Path:
        folder = _copied(base, model, to)
        target = folder / name
        outside = to / "outside"
        (shutil.move if target.exists() else shutil.copytree)(str(target), str(outside))
        target.symlink_to(outside)
        return folder

    return make


def _index(base: Base, to: Path) -> Path:
    folder = _copied(base, "bert", to)
    (folder / "model.safetensors").rename(to / "outside.safetensors")
    index = {"metadata": {}, "weight_map": {"bert.pooler.dense.weight": "../outside.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def _pickled(suffix: str) -> Make:
    def make(base: Base, to: Path) -> Path:
        path = to / f"evil{suffix}"
        if suffix == ".npy":
            np.save(path, np.array([Runs()], dtype=object), allow_pickle=True)
        elif suffix in {".pt", ".ckpt"}:
            torch.save(Runs(), path)
        else:
            path.write_bytes(pickle.dumps(Runs()))
        return path

    return make


def _zip(base: Base, to: Path) -> Path:
    with zipfile.ZipFile(to / "evil.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../outside.csv", "text,label\n")
        archive.writestr("bomb.csv", b"0" * 10_000_000)
    return to / "evil.zip"


def _tar(base: Base, to: Path) -> Path:
    with tarfile.open(to / "evil.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo(f"../{os.path.basename(os.environ[SENTINEL])}")  # noqa: PTH119 - a name only
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"ran"))
    return to / "evil.tar.gz"


def _script(base: Base, to: Path) -> Path:
    folder = to / "evil"
    folder.mkdir()
    (folder / "evil.py").write_text(CODE, encoding="utf-8")
    return folder


def _saved_data(base: Base, to: Path) -> Path:
    folder = to / "in" / "saved"
    rows = {"text": [f"text {row}" for row in range(40)], "label": ["good", "bad"] * 20}
    Dataset.from_dict(rows).save_to_disk(str(folder))
    (to / "outside.arrow").write_bytes(next(folder.glob("*.arrow")).read_bytes())
    _edited(folder / "state.json", _data_files=[{"filename": "../../outside.arrow"}])
    return folder


def _pixel_bomb(base: Base, to: Path) -> Path:
    """A PNG of 20,000 x 20,000 black pixels in 50 kB, in class folders."""
    folder = to / "bombs"
    row = b"\0" * (1 + 20_000 // 8)
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(row) for _ in range(20_000)) + packer.flush()

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.png").write_bytes(picture)
    return folder


def _deep(base: Base, to: Path) -> Path:
    (to / "deep.json").write_bytes(b"[" * 200_000)
    return to / "deep.json"


def _run(name: str, change: Callable[[Path], None]) -> Make:
    def make(base: Base, to: Path) -> Path:
        folder = _copied(base, "run", to)
        change(folder / name)
        return folder

    return make


def _holding(content: str | bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


def _linked(path: Path) -> None:
    """Put the file elsewhere and a link in its place."""
    elsewhere = path.parent.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _all_json(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    path.write_text(json.dumps(edit(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")


def _task(**changes: Any) -> Callable[[Path], None]:
    return lambda path: _all_json(path, lambda raw: raw | {"task": raw["task"] | changes})


def _asked(**options: Any) -> dict[str, Any]:
    """Give what ``run.json`` holds of a run that has not ended."""
    return {
        "format": 1, "crosstune": "0", "data": "texts.csv", "data_kind": "path", "directory": "/nowhere",
        "options": {"budget": "60s", **options}, "started": "2026-01-01T00:00:00+00:00", "finished": None,
    }  # fmt: skip


MODELS: Mapping[str, Make] = {
    "pickle as pytorch_model.bin (transformers)": _bin,
    "pickle as pytorch_model.bin (timm)": _timm_bin,
    "pickle as model.safetensors": _not_safetensors,
    "pickle named .pt": _pickled(".pt"),
    "pickle named .ckpt": _pickled(".ckpt"),
    "pickle named .joblib": _pickled(".joblib"),
    "archive .zip as a model": _zip,
    "safetensors with a tensor named twice": _twice,
    "safetensors with NaN": _not_finite,
    "auto_map with code of its own": _own_code,
    "tokenizer with code of its own": _own_tokenizer,
    "attention from a Hub repository": _config(_attn_implementation="evil/kernel"),
    "attention from a Hub repository, internal key": _config(_attn_implementation_internal="evil/kernel"),
    "attention from a Hub repository, nested": _config(text_config={"attn_implementation": "evil/kernel"}),
    "timm architecture that is a path": _timm(architecture="local-dir:EVIL"),
    "timm architecture on the Hub": _timm(architecture="hf-hub:evil/evil"),
    "timm model_args with a checkpoint": _timm(model_args={"checkpoint_path": "EVIL"}),
    "link to weights outside": _link("model.safetensors"),
    "link to a vocabulary outside": _link("tokenizer.json"),
    "index that names weights outside": _index,
    "config.json, 100,000 deep": _raw_config("[" * 100_000),
    "config.json with a key twice": _raw_config('{"model_type": "bert", "model_type": "evil"}'),
    "config.json that is a list": _raw_config('["bert"]'),
}
"""Given as the name of a pretrained model."""

MANIFEST, SUMMARY, WEIGHTS = "model/crosstune-model.json", "summary.json", "model/model.safetensors"

RUNS: Mapping[str, Make] = {
    "model/ is a link that leads out": _link("model", "run"),
    "manifest, 100,000 deep": _run(MANIFEST, _holding("[" * 100_000)),
    "manifest with a key twice": _run(MANIFEST, _holding('{"format": 1, "format": 1}')),
    "label map with a class twice": _run(MANIFEST, _task(classes=["bad", "bad"])),
    "label map of numbers": _run(MANIFEST, _task(classes=[1, 2])),
    "label map of another length": _run(MANIFEST, _task(classes=["a", "b", "c"])),
    "task that is a path": _run(MANIFEST, _task(task="../evil")),
    "record with code for a format": _run("model/crosstune.json", lambda path: _edited(path, format="evil")),
    "record with a field too many": _run("model/crosstune.json", lambda path: _edited(path, evil=1)),
    "weights are a pickle": _run(WEIGHTS, _holding(pickle.dumps(Runs()))),
    "weights of another size": _run(WEIGHTS, lambda path: save_file({"a": torch.zeros(1)}, path)),
    "weights are half a file": _run(WEIGHTS, lambda path: os.truncate(path, path.stat().st_size // 2)),
}
"""Given as a finished run, to whatever opens its model."""

SUMMARIES: Mapping[str, Make] = {
    "summary.json, 100,000 deep": _run(SUMMARY, _holding("[" * 100_000)),
    "summary.json with a key twice": _run(SUMMARY, _holding('{"task": "", "task": ""}')),
    "summary.json, a number of 5,000 digits": _run(SUMMARY, _holding('{"budget": ' + "9" * 5000 + "}")),
    "summary.json with a field too many": _run(SUMMARY, lambda path: _edited(path, evil=1)),
    "summary.json, a field of another type": _run(SUMMARY, lambda path: _edited(path, classes={"<b>": 1})),
    "summary.json, a matrix of another shape": _run(SUMMARY, lambda path: _edited(path, confusion=[[1]])),
    "summary.json that is a pickle": _run(SUMMARY, _holding(pickle.dumps(Runs()))),
}
"""Given to ``report``."""

SEEN_FILE = "seen.safetensors"


def _arrays(**arrays: Any) -> Callable[[Path], None]:
    return lambda path: save_arrays({name: np.asarray(value) for name, value in arrays.items()}, path)


SEEN: Mapping[str, Make] = {
    "seen.safetensors that is a pickle": _run(SEEN_FILE, _holding(pickle.dumps(Runs()))),
    "seen.safetensors, half a file": _run(
        SEEN_FILE, lambda path: os.truncate(path, path.stat().st_size // 2)
    ),
    "seen.safetensors of NaN": _run(SEEN_FILE, _arrays(keys=[np.nan] * 4)),
    "seen.safetensors without keys": _run(SEEN_FILE, _arrays(evil=[1, 2])),
    "seen.safetensors, keys in a table": _run(SEEN_FILE, _arrays(keys=[[1, 2], [3, 4]])),
    "seen.safetensors, a header of 2^63 bytes": _run(SEEN_FILE, _holding(struct.pack("<Q", 1 << 63) + b"{}")),
    "seen.safetensors with a key too many": _run(SEEN_FILE, _arrays(keys=[1, 2], evil=[1])),
    "seen.safetensors that is a link": _run(SEEN_FILE, _linked),
}
"""The table of what a run has seen, which ``evaluate`` reads."""

ASKED = "run.json"

RESUMES: Mapping[str, Make] = {
    "run.json that is a pickle": _run(ASKED, _holding(pickle.dumps(Runs()))),
    "run.json, 100,000 deep": _run(ASKED, _holding("[" * 100_000)),
    "run.json with a key twice": _run(ASKED, _holding('{"format": 1, "format": 1}')),
    "run.json that is a list": _run(ASKED, _holding("[1]")),
    "run.json without its parts": _run(ASKED, _holding('{"format": 1, "options": {}}')),
    "run.json with an option that is none": _run(ASKED, _holding(json.dumps(_asked(evil=1)))),
    "run.json with data that is not there": _run(
        ASKED, _holding(json.dumps(_asked() | {"data": "evil.pkl"}))
    ),
}
"""Given to ``resume``."""

DATA: Mapping[str, Make] = {
    "pickle named .pkl": _pickled(".pkl"),
    "pickle named .joblib": _pickled(".joblib"),
    "objects in .npy": _pickled(".npy"),
    "pickle named .pt": _pickled(".pt"),
    "archive .zip with ../ and a bomb": _zip,
    "archive .tar.gz with ../": _tar,
    "folder with a loading script": _script,
    "saved dataset with files elsewhere": _saved_data,
    "picture of 400 million pixels in 50 kB": _pixel_bomb,
    "JSON, 200,000 deep": _deep,
}
"""Given as data, and as what to predict."""


def make_base(folder: Path) -> Base:
    """Write the sound models, a finished run (saved, not trained) and data that the payloads start from."""
    import timm

    from crosstune.artifacts.model import SavedModel, save_model
    from crosstune.core.files import write_json
    from crosstune.sources.base import OpenOptions
    from crosstune.sources.registry import open_model
    from crosstune.tasks.registry import make_task
    from tests.support.sample_summary import classification

    tiny_bert_dir(folder / "bert", layers=1)
    timm.models.save_for_hf(
        timm.create_model("test_resnet", num_classes=2), folder / "timm", safe_serialization="both"
    )
    (folder / "timm" / "pytorch_model.bin").unlink()
    task = make_task("text-classification", ["good", "bad"])
    backbone = open_model(str(folder / "bert"), OpenOptions(task=task.name, outputs=2))
    saved = SavedModel(backbone=backbone, task=task, inputs=("text",), target="label")
    save_model(saved, folder / "run" / "model")
    write_json(folder / "run" / "summary.json", classification().to_json())
    save_arrays({"keys": np.arange(100, dtype=np.int64)}, folder / "run" / SEEN_FILE)
    write_texts(folder / "texts.csv", 40)
    return folder
