"""A masked language model around an opened text encoder: its body under a head that names tokens.

The body is the backbone's own module, so that what the masked language model learns stays in the backbone.
The head is that of the checkpoint where its weights are there; where they are not (a sentence encoder, a
classifier), its transform starts from random values and its decoder is tied to the input embeddings.

Shapes: B batch, T tokens, M chosen tokens, V words of the vocabulary.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from crosstune.core.errors import DoesNotApply
from crosstune.sources.base import Backbone, Batch
from crosstune.sources.heads import seeded
from crosstune.sources.preprocessing import TextPreprocessing
from crosstune.sources.transformers_folders import LOCAL, load_model, quiet


@dataclass(frozen=True)
class MaskedModel:
    """A masked language model that shares its body with a backbone."""

    model: Any
    """Of transformers; its body is that of the backbone."""
    new: tuple[str, ...]
    """Parameters of the head that start from random values; empty where the checkpoint has all of them."""

    @property
    def tied(self) -> bool:
        """Whether the decoder is the table of the input embeddings: one storage, not a copy."""
        decoder, table = self.model.get_output_embeddings(), self.model.get_input_embeddings()
        return decoder is not None and decoder.weight is table.weight

    def head_names(self) -> list[str]:
        """Name the parameters outside the body; a tied decoder belongs to the body."""
        body = f"{self.model.base_model_prefix}."
        return [name for name, _ in self.model.named_parameters() if not name.startswith(body)]

    def logits(self, batch: Batch, chosen: Tensor) -> Tensor:
        """Return ``(M, V)`` float32 logits of the chosen tokens ``(B, T)``, in reading order.

        The head sees the chosen tokens only: of about one token in seven, a seventh of its work and memory.
        """

        def pick(_: nn.Module, __: Any, outputs: Any) -> Any:  # noqa: ANN401 - transformers' own
            outputs.last_hidden_state = outputs.last_hidden_state[chosen].unsqueeze(0)
            return outputs

        handle = self.model.base_model.register_forward_hook(pick)
        try:
            found: Tensor = self.model(**batch, return_dict=True).logits[0]
        finally:
            handle.remove()
        return found.float()


def require_masked(backbone: Backbone) -> None:
    """Check that a model can be trained to name masked tokens, before anything is read.

    Raises:
        DoesNotApply: it reads no text, is a decoder, has no masked language model in transformers, or its
            tokenizer has no mask token.

    Checked by: ``tests/sources/test_masked.py``.
    """
    from transformers.models.auto import modeling_auto

    preprocessing = backbone.preprocessing
    if backbone.modality != "text" or not isinstance(preprocessing, TextPreprocessing):
        raise _refused(backbone, f"a model that reads {backbone.modality}s, which have no tokens to mask")
    config: Any = backbone.model.config
    if backbone.folder is None or config.model_type not in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        kind = config.model_type
        raise _refused(backbone, f"model type `{kind}`, which has no masked language model in transformers")
    if getattr(config, "is_decoder", False):
        raise _refused(
            backbone, f"model type `{config.model_type}` as a decoder: no token sees those behind it"
        )
    if preprocessing.tokenizer.mask_token_id is None:
        raise _refused(backbone, f"{type(preprocessing.tokenizer).__name__} without a mask token")


def masked_model(backbone: Backbone, seed: int) -> MaskedModel:
    """Put the masked language model's head on the backbone's own body.

    Args:
        backbone: of a transformers folder; its body moves with the masked language model.
        seed: of the parts of the head that the checkpoint lacks.

    Raises:
        DoesNotApply: the model cannot be one; see :func:`require_masked`.
        BadWeights: the weights in the folder are damaged.

    Cost: reads the weights once more.
    Checked by: ``tests/sources/test_masked.py``.
    """
    require_masked(backbone)
    import transformers

    folder, model_class = backbone.folder, transformers.AutoModelForMaskedLM
    assert folder is not None  # noqa: S101 - require_masked has seen to it
    config = transformers.AutoConfig.from_pretrained(folder, **LOCAL)
    with quiet(), seeded(seed, "masked head"):
        if backbone.pretrained:
            model, missing = load_model(model_class, folder, config)
        else:
            model, missing = model_class.from_config(config, trust_remote_code=False).float(), None
    ours: Any = backbone.model
    if type(model.base_model) is not type(ours.base_model):
        raise _refused(backbone, f"a body that is a {type(ours.base_model).__name__} only as a classifier")
    setattr(model, model.base_model_prefix, ours.base_model)
    model.tie_weights()
    made = MaskedModel(model, ())
    names = made.head_names()
    model.requires_grad_(True)
    model.to(next(ours.parameters()).device)
    model.eval()
    return MaskedModel(model, tuple(names if missing is None else sorted(set(names) & set(missing))))


def _refused(backbone: Backbone, found: str) -> DoesNotApply:
    return DoesNotApply(
        f"--pretrain-on masks tokens of texts, and `{backbone.name}` cannot learn to name them",
        found=found,
        expected="a text encoder whose tokenizer has a mask token, such as BERT, ModernBERT or MiniLM",
        fix="leave out --pretrain-on, or name such a model with --model",
    )
