"""What a run has decided, measured and computed so far, on disk, so that it need not do so again.

One entry for each name: ``NAME.json``, and ``NAME.safetensors`` for arrays. Both are replaced atomically, the
JSON last, with the hashes of both; an entry that does not verify is set aside aloud and computed again.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors.numpy import load, save

from crosstune.core.clock import Budget, keep_used
from crosstune.core.codec import pack, unpack
from crosstune.core.evidence import Measurement
from crosstune.core.files import read_json, replacing, write_json
from crosstune.core.forgetting import BlockDrift, Forgetting, LanguageLoss, LinePoint, ProbeRow
from crosstune.core.gap import Gap, GapDistance, GapLevel, GapProperty, GapSet
from crosstune.core.head import HeadWeights
from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.core.progress import Reporter
from crosstune.planning.facts import ModelFacts
from crosstune.planning.trials import Rounds
from crosstune.probing.candidates import FittedHead, Part
from crosstune.probing.model_scores import Depth, ModelScores
from crosstune.training.result import TrainResult

FORMAT = 2
"""2: heads of format 1 may have been fitted on features that half precision had changed (decision 0032)."""
KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Basis,
        BlockDrift,
        Decision,
        Depth,
        FittedHead,
        Forgetting,
        Gap,
        GapDistance,
        GapLevel,
        GapProperty,
        GapSet,
        HeadWeights,
        LanguageLoss,
        LinePoint,
        Measurement,
        Metric,
        ModelFacts,
        ModelScores,
        Part,
        Plan,
        ProbeRow,
        Rounds,
        TrainResult,
    )
}
"""The only classes that are made from what is read."""


class Journal:
    """The entries of one run."""

    def __init__(self, work: Path, budget: Budget, reporter: Reporter) -> None:
        """Keep entries under ``work/journal``."""
        self._folder, self._work = work / "journal", work
        self._budget, self._reporter = budget, reporter

    def keep(self, name: str, value: Any) -> None:  # noqa: ANN401
        """Write an entry down; see ``core/codec.py`` for what it may hold.

        Raises:
            DiskFull: there is no room.
        """
        arrays: dict[str, Any] = {}
        plain = pack(value, arrays)
        held = save(arrays)
        with replacing(self._folder / f"{name}.safetensors") as temporary:
            temporary.write_bytes(held)
        about = {"format": FORMAT, "value_sha256": _digest(plain), "arrays_sha256": _sha256(held)}
        write_json(self._folder / f"{name}.json", {**about, "value": plain})
        keep_used(self._work, self._budget)

    def forget(self, name: str) -> None:
        """Drop an entry, so that it is made again."""
        for suffix in (".json", ".safetensors"):
            (self._folder / f"{name}{suffix}").unlink(missing_ok=True)

    def recall(self, name: str) -> Any | None:  # noqa: ANN401
        """Return an entry, or ``None`` where there is none that is whole."""
        path = self._folder / f"{name}.json"
        if not path.exists():
            return None
        try:
            held = (self._folder / f"{name}.safetensors").read_bytes()
            raw = read_json(path)
            whole = raw["format"] == FORMAT and raw["value_sha256"] == _digest(raw["value"])
            if whole and raw["arrays_sha256"] == _sha256(held):
                return unpack(raw["value"], load(held), KINDS)
            problem = (
                "its content has changed" if raw["format"] == FORMAT else "of another version of crosstune"
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            problem = f"{type(error).__name__}: {error}"
        path.rename(path.with_name(f".corrupt-{path.name}"))
        self._reporter.warn(f"what the run knew about `{name}` is damaged ({problem}) and is made again")
        return None


def _digest(plain: Any) -> str:  # noqa: ANN401
    return _sha256(json.dumps(plain, sort_keys=True, allow_nan=False).encode())


def _sha256(held: bytes) -> str:
    return hashlib.sha256(held).hexdigest()
