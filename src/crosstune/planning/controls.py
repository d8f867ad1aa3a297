"""What a model that changes its modality must be compared with before pretraining gets the credit.

Without these arms a figure says nothing about transfer: a random body that is frozen does well too, and the
first claims for FPT fell when every arm got a rate of its own (Rothermel et al. 2021, arXiv:2107.12460).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crosstune.core.errors import BadValue

FROZEN, TUNED = "frozen body", "tuned body"
FROZEN_RANDOM, TUNED_RANDOM = "frozen random body", "tuned random body"
NO_BODY, OWN = "no body", "a model of the data's own kind"
RAW = "the same head on raw inputs"

OWN_SHARE = 0.25
"""ASSUMED: a model that has seen such data, and starts from a fitted head, needs so many of the epochs."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One configuration that is trained with every seed."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Options and settings in which it differs from the run."""
    share: float = 1.0
    """Of the epochs of the run."""
    crosses: bool = True
    """False for a model of the data's own kind, which has closed-form heads to start from."""


def propose_arms(own: str | None) -> list[Arm]:
    """List the arms, the pair that answers the question first.

    Args:
        own: a model of the data's own modality that opens here; ``None`` where there is none.
    """
    random = {"pretrained": False}
    arms = [
        Arm(name=FROZEN, changes={"strategy": "fpt"}),
        Arm(name=FROZEN_RANDOM, changes={"strategy": "fpt", **random}),
        Arm(name=TUNED, changes={"strategy": "orca"}),
        Arm(name=TUNED_RANDOM, changes={"strategy": "full", **random}),
        Arm(name=NO_BODY, changes={"strategy": "full", "body": False}),
    ]
    if own is not None:
        sizes = dict.fromkeys(("patch", "image_size", "resize", "augment", "layer_decay"))
        changes = {"model": own, "strategy": "lp-ft", "features": "head", **sizes}
        arms.append(Arm(name=OWN, changes=changes, share=OWN_SHARE, crosses=False))
    return arms


def questions(strategy: str) -> list[tuple[str, str]]:
    """List the pairs of arms that are compared, the one that is about the run's own strategy first."""
    pairs = [(FROZEN, FROZEN_RANDOM), (TUNED, TUNED_RANDOM)]
    best = FROZEN if strategy == "fpt" else TUNED
    pairs.sort(key=lambda pair: pair[0] != best)
    return [*pairs, (best, NO_BODY), (best, RAW), (best, OWN)]


def require_crossing(model: str, *, crosses: bool) -> None:
    """Raise ``BadValue`` where controls were asked for and the model reads what it was pretrained on."""
    if not crosses:
        raise BadValue(
            "controls are for models that change their modality",
            found=f"`{model}`, which reads such data as it is",
            expected="a model of another modality, such as a text encoder on pictures",
            fix="leave --controls out, or name such a model with --model",
        )
