"""Before a model folder is opened: nothing in it may lead out of it, run code, or mean two things."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from crosstune.core.errors import DamagedFile, shown
from crosstune.core.files import damaged, parse_json, read_json
from crosstune.sources.errors import BadWeights, UnsupportedModel

SMALL = 16_000_000
"""Bytes of a JSON file that describes a model; tokenizers have files of their own and are read elsewhere."""

MOST_HEADER = 100_000_000
"""Bytes of a safetensors header: the format's own limit."""

DESCRIPTIONS = (
    "config.json", "body_config.json", "labels.json", "generation_config.json",
    "preprocessor_config.json", "processor_config.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "*.index.json",
)  # fmt: skip
"""JSON files of a model folder that say what is made: read strictly before anything is. (``Record`` and the
manifest of a run read their own files strictly.)"""

BUILT_IN = frozenset(
    {"eager", "sdpa", "flex_attention", "flash_attention_2", "flash_attention_3", "grouped_mm", "batched_mm"}
)
"""Attention and expert code that transformers itself has; any other name is taken for a repository."""

_MOST_FILES = 10_000


def check_folder(folder: Path) -> None:
    """Look at a model folder before anything in it is opened.

    Raises:
        UnsupportedModel: a link leads out of the folder, an index names weights outside it, or a config asks
            for code from the Hub.
        DamagedFile: a JSON file that describes the model is not strict JSON.
        BadWeights: the header of a safetensors file is damaged or names a tensor twice.

    Cost: reading the small files and the headers.
    Checked by: ``tests/sources/test_guard.py``, ``tests/safety/test_sentinels.py``.
    """
    _check_links(folder)
    for pattern in DESCRIPTIONS:
        for path in sorted(folder.glob(pattern)):
            _check_description(path)
    for path in sorted(folder.glob("*.safetensors")):
        read_header(path)


def check_link(root: Path, name: str) -> None:
    """Raise ``UnsupportedModel`` where the folder ``name`` in ``root`` is a link out of ``root``."""
    if not (root / name).resolve().is_relative_to(root.resolve()):
        raise _not_a_model_folder(root, f"`{name}` is a link that leads out of it")


def read_header(path: Path) -> dict[str, Any]:
    """Read the header of a safetensors file; raises ``BadWeights`` where it is damaged or names one twice.

    The format's own reader takes the last of two tensors of one name, others the first.
    """
    with path.open("rb") as handle:
        size = int.from_bytes(handle.read(8), "little")
        content = handle.read(size) if size <= MOST_HEADER else b""
    try:
        if len(content) != size:
            raise damaged(path, f"a header of {size:,} bytes")
        header = parse_json(content, path)
        if not isinstance(header, dict):
            raise damaged(path, "a header that is no object")
    except DamagedFile as error:
        raise BadWeights(
            "a weight file cannot be read",
            found=f"{path}: {error.found}",
            expected="a complete safetensors file in which every tensor has a name of its own",
            fix="copy the file again (it was probably cut off or tampered with), or train again",
        ) from error
    return header


def read_torch(path: Path) -> dict[str, Tensor]:
    """Read a PyTorch weight file: tensors by name, nothing else.

    Such a file is a pickle. Torch's restricted reader builds tensors and plain containers only and refuses
    everything else before it runs; torch 2.10 is the lowest release whose reader has no known hole.

    Raises:
        BadWeights: the file asks for anything else, is damaged, or is no table of tensors.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _not_tensors(path, "a pickle that asks for more than tensors; it was not run") from error
    except Exception as error:  # the reader raises anything on damaged bytes
        raise _not_tensors(path, f"{type(error).__name__}: {first_line(error)}") from error
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in state.items()
    ):
        raise _not_tensors(path, "no table of tensors by name")
    return state


def check_torch_files(folder: Path) -> None:
    """Read every PyTorch weight file of a folder with torch's restricted reader; raises ``BadWeights``.

    Only where the folder has no safetensors: then transformers will read them, and this names what is wrong.
    """
    if next(folder.glob("model*.safetensors"), None) is None:
        for path in sorted(folder.glob("pytorch_model*.bin")):
            read_torch(path)


def _not_tensors(path: Path, found: str) -> BadWeights:
    return BadWeights(
        "a PyTorch weight file is refused",
        found=f"{path}: {found}",
        expected="tensors by name and nothing else; safetensors is better",
        fix="use a copy with safetensors; convert this one only where you trust its author",
    )


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, shortened."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]


def _check_links(folder: Path) -> None:
    home = _home(folder)
    out = []
    for number, path in enumerate(_entries(folder)):
        if number == _MOST_FILES:
            raise _not_a_model_folder(folder, f"more than {_MOST_FILES:,} files")
        if path.is_symlink() and not path.resolve().is_relative_to(home):
            out.append(path.relative_to(folder).as_posix())
    if out:
        raise _not_a_model_folder(folder, f"links that lead out of it: {shown(out)}")


def _entries(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _entries(path)


def _home(folder: Path) -> Path:
    """Return the folder that links may point into; the Hub's cache links snapshots to its own blobs."""
    real = folder.resolve()
    snapshot = real.parent.name == "snapshots" and real.parent.parent.name.startswith("models--")
    return real.parent.parent if snapshot else real


def _not_a_model_folder(folder: Path, found: str) -> UnsupportedModel:
    return UnsupportedModel(
        f"the folder {folder} is not opened",
        found=found,
        expected="a model folder whose files lie in it",
        fix="copy the files themselves into the folder, if you know what they are",
    )


def _check_description(path: Path) -> None:
    value = read_json(path, most=SMALL)
    if not isinstance(value, dict):
        raise damaged(path, f"a JSON {type(value).__name__} instead of an object")
    if path.name.endswith(".index.json"):
        _check_index(path, value)
    asked = sorted(set(_kernels(value)))
    if asked:
        raise UnsupportedModel(
            f"{path} asks for code from the Hub, which is never run",
            found=shown(asked),
            expected="attention and experts that transformers itself has, such as `sdpa` or `eager`",
            fix=f"remove these settings from {path.name}, or choose another model",
        )


def _check_index(path: Path, index: dict[str, Any]) -> None:
    files = index.get("weight_map", {})
    names = files.values() if isinstance(files, dict) else [files]
    odd = sorted({str(name) for name in names if not (isinstance(name, str) and Path(name).name == name)})
    if odd:
        raise _not_a_model_folder(path.parent, f"{path.name} names weights elsewhere: {shown(odd, most=3)}")


def _kernels(value: object) -> Iterator[str]:
    """Find settings that name a repository where transformers expects the name of its own code."""
    if isinstance(value, list):
        for part in value:
            yield from _kernels(part)
    if isinstance(value, dict):
        for name, part in value.items():
            if (
                name.endswith(("_implementation", "_implementation_internal"))
                or name == "attn_implementation"
            ):
                if not (part is None or (isinstance(part, str) and part in BUILT_IN)):
                    yield f"{name} = {json.dumps(part)[:80]}"
            else:
                yield from _kernels(part)
