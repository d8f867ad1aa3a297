"""What moves under ``fpt``: the parts of a body that hold no knowledge of its own modality.

Lu et al. 2021 ("Pretrained transformers as universal computation engines", arXiv:2103.05247) keep attention
and feed-forward layers of a language model frozen and train the input layer, the layer norms, the learned
positions and the output layer.
"""

from torch import nn

from crosstune.sources.base import Backbone
from crosstune.sources.embedder import position_tables

LOOSE_POSITIONS = ("positions", "pos_embed", "position_embedding", "position_embeddings")
"""What parameters of positions are called where they are no table in a module of their own."""


def light_parameters(backbone: Backbone) -> frozenset[str]:
    """Name the parameters that ``fpt`` trains: new parts, norms, learned positions, and the head.

    In a model that reads what it was pretrained on there are no new parts; norms, positions and head remain.
    Checked by: ``tests/training/test_light.py``, name by name.
    """
    wholes = [*backbone.new_parts, backbone.head, *_norms(backbone.model), *position_tables(backbone.model)]
    prefixes = tuple(f"{path}." for path in wholes)
    return frozenset(
        name
        for name, _ in backbone.model.named_parameters()
        if name.startswith(prefixes) or name.rpartition(".")[2] in LOOSE_POSITIONS
    )


def keep_light(backbone: Backbone) -> None:
    """Take the gradient from everything that ``fpt`` leaves as it is; call it after :func:`freeze`."""
    light = light_parameters(backbone)
    for name, parameter in backbone.model.named_parameters():
        if name not in light:
            parameter.requires_grad_(False)
            parameter.grad = None


def new_parameters(backbone: Backbone) -> frozenset[int]:
    """Give the ``id`` of every parameter of the new parts, the head not among them."""
    modules = [backbone.model.get_submodule(path) for path in backbone.new_parts]
    return frozenset(id(parameter) for module in modules for parameter in module.parameters())


def _norms(model: nn.Module) -> list[str]:
    """List the modules that only scale and shift: norms by their class or, of transformers, by its name."""
    return [
        path
        for path, module in model.named_modules()
        if type(module).__name__.lower().rstrip("123d").endswith("norm")
        and all(parameter.ndim <= 1 for parameter in module.parameters())
    ]
