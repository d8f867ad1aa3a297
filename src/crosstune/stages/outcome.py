"""What the stages that make models give: what is in ``model/``, and what it was compared with."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from crosstune.artifacts.model import SavedModel
from crosstune.core.head import HeadWeights
from crosstune.core.metric import Metric
from crosstune.core.plan import Plan
from crosstune.evaluation.paired import paired_difference
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.training.result import TrainResult

PRETRAINING = "continued_pretraining"
"""What a plan calls the choice whether what ships was pretrained further: ``kept`` or ``left out``."""

AFTER_PRETRAINING = "after pretraining/"
"""What the measurements of the training behind a continued pretraining begin with."""


def was_pretrained(plan: Plan) -> bool:
    """Say whether what ships was pretrained further."""
    return str(plan.value(PRETRAINING)) == "kept"


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What is on disk in ``model/``, and what it was compared with on the validation split."""

    model: SavedModel
    expected: NDArray[Any]
    """Outputs of the model in memory on the first validation examples, when it was written."""
    plan: Plan
    shipped: str
    comparison: str
    candidates: dict[str, NDArray[Any]]
    """Validation outputs ``(N, K)`` of everything that could have been shipped, what was shipped first."""
    result: TrainResult | None = None

    @property
    def fine_tuned(self) -> bool:
        """Whether what ships is what was trained, not what was there before."""
        return self.shipped.startswith("fine-tuned")


def saved_model(prepared: Prepared, opened: Opened, head: HeadWeights | None = None) -> SavedModel:
    """Give the opened model as it is to be shipped, with a head of its own or with its native one."""
    data = prepared.data
    return SavedModel(
        backbone=opened.backbone, task=prepared.task, head=head, inputs=data.inputs, target=data.target
    )


def difference(prepared: Prepared, ours: NDArray[Any], theirs: NDArray[Any]) -> Metric:
    """Compare two sets of validation outputs by what choices look at, paired, with its interval."""
    return paired_difference(prepared.chosen_by(), ours, theirs, prepared.encoded["validation"])


def unmoved(tuned: Tuned) -> str:
    """Say why the shipped body is the pretrained one, or why there was nothing to forget; else nothing."""
    strategy = tuned.plan["strategy"]
    if not tuned.model.backbone.pretrained:
        return "nothing to forget: the body started from random weights"
    if tuned.model.backbone.new_parts:
        return "not measured: the pretrained body read another kind of input, and has no features of this one"
    still = strategy == "head" and not was_pretrained(tuned.plan)
    if tuned.result is None or strategy == "closed-form" or still:
        return "nothing was forgotten: no weight of the body moved"
    if not tuned.fine_tuned:
        return "nothing was forgotten: what ships reads the pretrained body, as fine-tuning was not better"
    return ""
