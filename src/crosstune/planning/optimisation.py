"""How the moving weights are updated: rates, optimizer, schedule, loss, augmentation.

Every value here is a prior or an assumption until it is measured on the user's data; the plan says so.
"""

from crosstune.core.plan import Basis, Decision
from crosstune.planning.facts import PLACES, DataFacts, ModelFacts

REFERENCE_WIDTH, REFERENCE_RATE = 768, 5e-5
"""PRIOR: 5e-5 with AdamW for text encoders of width 768 (BERT's own range is 2e-5 to 5e-5). Narrower ones
take more, with the square of the width: MiniLM (384) on the tweets of ``benchmarks/``, one epoch, random
head, reached r = 0.882 at 1e-4 and 0.902 at 2e-4."""

LARGEST_RATE = 1e-3
"""ASSUMED: whatever the width."""

NEW_RATE, NEW_FACTOR = 1e-3, 10.0
"""PRIOR: of an embedder that starts random before a pretrained body (techniques E: 1e-3, 10 to 50 times)."""

DECODER_RATES = {"image-segmentation": 8e-3, "object-detection": 2e-3}
"""By task, of decoders with AdamW. MEASURED for masks on 850 scenes (``benchmarks/scenes.py``), half of the
updates in warm-up: 8e-3 gave 0.519 after 428 updates of 8, 2e-3 0.495, 2.4e-2 0.492. ASSUMED for boxes.
SegFormer (Xie 2021) gives its decoder ten times the 6e-5 of its body."""

IMAGE_RATE = 5e-4
"""PRIOR: AdamW on small ImageNet CNNs with a good head in place."""


def choose_batch_size(data: DataFacts) -> Decision:
    """Choose the effective batch."""
    value = 64 if data.modality == "image" and data.train_rows >= 10_000 else 32
    return Decision("batch_size", value, Basis.PRIOR, f"usual for {data.train_rows:,} examples")


def choose_gradient_checkpointing() -> Decision:
    """Choose whether layers are computed once more in the backward pass, for models that are often large."""
    why = "off while memory suffices, as it takes about a third more time; on where one example does not fit"
    return Decision("gradient_checkpointing", "auto", Basis.PRIOR, why)


def choose_optimizer() -> Decision:
    """Choose the optimizer."""
    return Decision(
        "optimizer", "adamw", Basis.PRIOR, "the one that pretrained bodies are usually tuned with"
    )


def choose_lr(data: DataFacts, model: ModelFacts, strategy: str, optimizer: str) -> Decision:
    """Choose the peak rate of the body."""
    if optimizer == "sgd":
        return Decision("lr", 1e-2, Basis.PRIOR, "usual for SGD with momentum on a pretrained body")
    if strategy == "lora":
        return Decision("lr", 1e-3, Basis.PRIOR, "adapters take about ten times the rate of the weights")
    if strategy == "head":
        return Decision("lr", 1e-3, Basis.PRIOR, "a linear head on frozen features")
    if strategy == "fpt":
        return Decision("lr", 1e-3, Basis.PRIOR, "norms and new parts, as in FPT")
    wide = data.modality == "text" or (data.modality == "audio" and not model.convolutional)
    if wide or model.crosses:
        value = min(LARGEST_RATE, REFERENCE_RATE * (REFERENCE_WIDTH / max(1, model.width)) ** 2)
        why = f"5e-5 at width 768, with the square of the width; this body has {model.width}"
        return Decision("lr", float(f"{value:.2g}"), Basis.PRIOR, why)
    value = IMAGE_RATE if model.convolutional else 1e-4
    return Decision("lr", value, Basis.PRIOR, "usual for a body of this kind with AdamW")


def choose_head_lr(data: DataFacts, model: ModelFacts, strategy: str, lr: float) -> Decision:
    """Choose the rate of the head, which starts closed-form or random and is small, and of new parts."""
    if strategy == "fpt":
        return Decision("head_lr", lr, Basis.PRIOR, "everything that moves has one rate, as in FPT")
    if model.crosses:
        value = float(f"{max(NEW_RATE, NEW_FACTOR * lr):.3g}")
        return Decision("head_lr", value, Basis.PRIOR, f"new parts: {NEW_FACTOR:g} times the body, or more")
    if data.task in PLACES:
        value = float(f"{max(lr, DECODER_RATES[data.task]):.3g}")
        return Decision("head_lr", value, Basis.PRIOR, "a decoder that starts from random values")
    factor = 5.0 if data.modality == "text" and data.closed_form else 1.0  # a head that is not new
    return Decision(
        "head_lr", float(f"{lr * factor:.3g}"), Basis.PRIOR, f"{factor:g} times the rate of the body"
    )


def choose_layer_decay(data: DataFacts, model: ModelFacts) -> Decision:
    """Choose how much slower each earlier block moves."""
    if model.crosses:
        why = "the first blocks have as much to learn as the last: their inputs are new"
        return Decision("layer_decay", 1.0, Basis.PRIOR, why)
    if not model.pretrained:
        return Decision("layer_decay", 1.0, Basis.PRIOR, "random weights: no block knows more than another")
    if data.modality == "text" and not data.closed_form:
        return Decision("layer_decay", 1.0, Basis.PRIOR, "language models are tuned at one rate")
    value = 0.9 if data.modality == "text" or not model.convolutional else 1.0
    return Decision(
        "layer_decay", value, Basis.PRIOR, "ELECTRA and AutoGluon use 0.9 for transformers; none for CNNs"
    )


def choose_average(data: DataFacts, epochs: float) -> Decision:
    """Choose whether weights are averaged."""
    if data.modality == "image" and data.train_rows * epochs >= 10_000:
        return Decision(
            "average", "ema", Basis.PRIOR, "steadies small convolutional models at no cost in time"
        )
    return Decision("average", "none", Basis.PRIOR, "too few steps for an average to settle")


def choose_augment(data: DataFacts, model: ModelFacts, strategy: str) -> Decision:
    """Choose the augmentation: only what cannot change a label, until it is measured."""
    if data.modality == "image" and model.crosses and strategy != "head":
        return Decision("augment", "shift", Basis.PRIOR, "a body that never saw a picture must learn to")
    if data.task in PLACES:
        why = (
            "labels must change with their pictures; mirroring does (augment=flip) where left and right mean"
        )
        return Decision("augment", "none", Basis.ASSUMED, f"{why} the same")
    if data.modality == "image" and strategy in ("full", "lp-ft", "gradual", "lora"):
        return Decision(
            "augment", "crop", Basis.ASSUMED, "small shifts keep every label; mirror images may not"
        )
    return Decision(
        "augment", "none", Basis.ASSUMED, "inputs stay as they are, so that frozen work is done once"
    )


def choose_class_weights(data: DataFacts) -> Decision:
    """Keep the classes as they come; name the imbalance where there is one."""
    why = "classes are of similar size"
    if data.imbalance > 10:
        why = (
            f"the largest class has {data.imbalance:.0f} times the smallest: read balanced accuracy, try auto"
        )
    return Decision("class_weights", "none", Basis.ASSUMED, why)


def choose_weight_decay() -> Decision:
    """Switch decay to zero off under L2-SP, which pulls the same weights elsewhere."""
    why = "L2-SP takes its place: weights are pulled to where they started, and not to zero as well"
    return Decision("weight_decay", 0.0, Basis.PRIOR, why)


def choose_batchnorm(strategy: str) -> Decision:
    """Choose whether BatchNorm statistics move."""
    if strategy in ("lp-ft", "last", "lora", "surgical"):
        why = "the closed-form head was fitted to features with the pretrained statistics"
        return Decision("batchnorm", "frozen", Basis.PRIOR, why)
    return Decision("batchnorm", "train", Basis.PRIOR, "usual where a head starts from random weights")
