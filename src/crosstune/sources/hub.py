"""Model folders from the Hub: what is on disk first, the network second, and never a long wait."""

import re
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from huggingface_hub.utils._validators import validate_repo_id

from crosstune.core.files import read_object
from crosstune.sources.errors import UnknownModel

SMALL_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "README.md"]
SAFE_WEIGHTS = ["model*.safetensors"]
TORCH_WEIGHTS = ["pytorch_model*.bin"]
PART = re.compile(r"-\d+-of-\d+$")
"""End of the name, without its suffix, of one of several files of weights."""

TIMEOUT = 5.0
"""Seconds that the first answer from the Hub may take."""


def is_hub_id(name: str) -> bool:
    """Say whether ``name`` is written like ``organisation/name`` or ``name``."""
    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return name.count("/") <= 1


def is_cached(name: str) -> bool:
    """Say whether the model's config and weights are on disk."""
    cached = try_to_load_from_cache(name, "config.json")
    return isinstance(cached, str) and _has_weights(Path(cached).parent)


def cached_models() -> list[str]:
    """List the ids of all models in the Hub's cache, sorted; none where there is no cache."""
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        found = scan_cache_dir(constants.HF_HUB_CACHE)  # counts what is damaged as a warning, and goes on
    except (CacheNotFound, OSError, ValueError):
        return []
    return sorted(repo.repo_id for repo in found.repos if repo.repo_type == "model")


def cached_folder(name: str) -> Path:
    """Return the folder of a model for which :func:`is_cached` is true."""
    cached = try_to_load_from_cache(name, "config.json")
    return Path(str(cached)).parent


def snapshot(repository: str, *, name: str | None = None, weights: bool = True) -> Path:
    """Return the folder of a Hub model; raises ``UnknownModel`` where it cannot be had.

    Args:
        repository: the Hub id.
        name: what the user typed, where it is not the id.
        weights: whether the weights are needed, or only the config.

    Cost: nothing where it is on disk; without a network an error within seconds.
    """
    name = name or repository
    folder = _on_disk(repository)
    if folder is not None and (folder / "config.json").is_file() and (not weights or _has_weights(folder)):
        return folder
    try:
        files = {file.rfilename for file in HfApi().model_info(repository, timeout=TIMEOUT).siblings or ()}
        patterns = SMALL_FILES + (_weight_patterns(files) if weights else [])
        folder = Path(snapshot_download(repository, allow_patterns=patterns, etag_timeout=TIMEOUT))
    except Exception as error:
        raise UnknownModel(
            name,
            reason=f"it is not on this machine and the Hub gave no answer for it ({_first_line(error)})",
            fix="check the name and the network, or give the path of a downloaded copy",
        ) from error
    if weights and not _has_weights(folder):
        raise UnknownModel(name, reason="the Hub has no safetensors or PyTorch weights for it")
    return folder


def licence_of(folder: Path) -> str:
    """Read the licence from the header of a model card, or say that it is unknown."""
    card = folder / "README.md"
    if not card.is_file():
        return "unknown"
    header = card.read_text(encoding="utf-8", errors="replace").split("\n---", 1)[0]
    found = re.search(r"^license:\s*([\w.\-]+)\s*$", header, flags=re.MULTILINE)
    return found.group(1) if found and header.startswith("---") else "unknown"


def _on_disk(name: str) -> Path | None:
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    # A download of chosen files counts as incomplete; the folder may still hold all that is needed.
    cached = try_to_load_from_cache(name, "config.json")
    return Path(cached).parent if isinstance(cached, str) else None


def _weight_patterns(files: set[str]) -> list[str]:
    safe = any(Path(file).match(pattern) for file in files for pattern in SAFE_WEIGHTS)
    return SAFE_WEIGHTS if safe else TORCH_WEIGHTS


def _has_weights(folder: Path) -> bool:
    """Say whether weights are there, and every part of them where an index names parts."""
    for patterns in (SAFE_WEIGHTS, TORCH_WEIGHTS):
        found = [path for pattern in patterns for path in folder.glob(pattern)]
        if any(not PART.search(path.stem) for path in found):
            return True
        parts = {
            part
            for pattern in patterns
            for path in folder.glob(f"{pattern}.index.json")
            for part in _parts(path)
        }
        if parts and all((folder / part).is_file() for part in parts):
            return True
    return False


def _parts(index: Path) -> set[str]:
    weights = read_object(index).get("weight_map")
    return set(weights.values()) if isinstance(weights, dict) else set()


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
