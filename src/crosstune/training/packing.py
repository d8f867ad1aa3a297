"""Whether batches of a language model are laid end to end in training: decided by trying it on the model."""

from torch import nn

from crosstune.core.errors import DoesNotApply
from crosstune.core.progress import Reporter
from crosstune.core.settings import Settings
from crosstune.frozen.freeze import evaluating
from crosstune.sources.base import Backbone
from crosstune.sources.packing import CanPack, Difference
from crosstune.training.errors import CannotPack

ALLOWED = 1e-3
"""Largest difference of a logit, over the standard deviation of all, that is rounding. PRIOR: it
is 1e-6 to 1e-5 where packing is right, and above 0.01 where positions or attention are wrong."""


def require_packing(settings: Settings, backbone: Backbone) -> None:
    """Hold ``packing=on`` to the model.

    Raises:
        DoesNotApply: the model does not write answers, or NEFTune is asked for as well.
        CannotPack: its logits change when texts are packed.
    """
    if settings.packing != "on":
        return
    if settings.neftune_alpha:
        raise DoesNotApply(
            "NEFTune adds noise to the tokens of a batch as it is, and packing lays them out anew",
            found=f"packing=on, neftune_alpha={settings.neftune_alpha:g}",
            expected="one of the two",
            fix="leave `packing` out: it is then off under NEFTune",
        )
    if not isinstance(backbone.model, CanPack):
        raise DoesNotApply(
            "`packing` lays the texts of a language model end to end, and this model does not write",
            found=f"packing=on with {backbone.name}",
            expected="a model that is opened for text-generation",
            fix="leave `packing` out",
        )
    found = _tried(backbone.model)
    if found.largest > ALLOWED:
        raise CannotPack(backbone.name, found.largest, ALLOWED, found.why)


def choose_packing(backbone: Backbone, settings: Settings, reporter: Reporter) -> str:
    """Switch packing on in the model where that is asked for, or changes nothing; returns ``on`` or ``off``.

    Under ``auto`` a model whose logits change is left as it is, and the reporter is told why. The model must
    be on its device.

    Raises:
        DoesNotApply, CannotPack: ``packing=on``, and it cannot be; see :func:`require_packing`.

    Cost: two passes over some 40 tokens.
    """
    require_packing(settings, backbone)
    if not isinstance(backbone.model, CanPack):
        return "off"
    if settings.packing == "auto" and settings.neftune_alpha:
        reporter.say("batches are not packed: NEFTune adds noise to their tokens as they lie")
    elif settings.packing == "auto":
        found = _tried(backbone.model)
        backbone.model.packed = found.largest <= ALLOWED
        if not backbone.model.packed:
            reporter.say(
                f"batches are not packed: {found.why or f'logits would change by {found.largest:.2g}'}"
            )
    else:
        backbone.model.packed = settings.packing == "on"
    return "on" if backbone.model.packed else "off"


def _tried(model: CanPack) -> Difference:
    assert isinstance(model, nn.Module)  # noqa: S101 - for the type checker
    with evaluating(model):
        return model.try_packing()
