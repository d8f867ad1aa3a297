"""Every setting of a run that a plan decides, with its default and where the default comes from.

One table for everybody: recipe keys, ``--set`` keys and Python keywords are the names of these fields.
``None`` means that a rule decides. The planner fills every field before training starts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from crosstune.core.errors import BadValue, UnknownName

CHOICES: Mapping[str, tuple[str, ...]] = {
    "strategy": (
        *("closed-form", "head", "last", "gradual", "full", "lp-ft", "lora"),
        *("surgical", "fpt", "orca"),
    ),
    "decoder": ("auto", "fpn", "unet", "fcos"),
    "surgical_part": ("auto", "first", "middle", "last"),
    "lora_variant": ("lora", "dora", "rslora"),
    "optimizer": ("adamw", "adam", "sgd", "schedule-free"),
    "schedule": ("cosine", "linear", "constant"),
    "precision": ("auto", "fp32", "bf16"),
    "memory_format": ("auto", "contiguous", "channels-last"),
    "average": ("none", "ema", "soup"),
    "batchnorm": ("train", "frozen"),
    "fallback": ("none", "random"),
    "on_non_finite": ("stop", "retry"),
    "parallel": ("auto", "ddp", "fsdp"),
    "cache": ("auto", "on", "off"),
    "packing": ("auto", "on", "off"),
    "gradient_checkpointing": ("auto", "on", "off"),
    "engine": ("auto", "torch", "openvino", "onnxruntime"),
    "closed_form": ("auto", "ridge", "logistic"),
    "features": ("auto", "head", "last", "all"),
    "transcripts": ("auto", "plain", "upper", "as-is"),
    "select_by": ("overall", "worst-domain", "mean-domain"),
}
"""Allowed values of the settings that name one of a few things. Losses are named by the tasks."""

MIXING = ("mixup", "cutmix", "classmix")
"""Those names in ``augment`` that mix the examples of a batch."""

AUGMENTATIONS = (
    *("flip", "randaugment", *MIXING, "crop", "shift", "photometric"),
    *("speed", "time-shift", "gain", "noise", "specaugment"),
)
"""Names that ``augment`` may list, separated by ``+``; ``none`` is the empty list."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a model is trained. Rates are per step of one effective batch."""

    strategy: str = "lp-ft"
    """What moves. closed-form: no gradient at all; head: the new head by gradient; last: the last
    ``last_blocks`` blocks and the head; gradual: one more block an epoch; full: everything, head
    random; lp-ft: closed-form head first, then everything (Kumar 2022); lora: adapters (Hu 2021);
    surgical: one third of the blocks, ``surgical_part``, and the head (Lee 2022); fpt: new parts, norms,
    positions and head (Lu 2021); orca: new parts and head first, then everything (Shen 2023, without its
    alignment)."""
    last_blocks: int = 1
    """How many blocks move under ``last``."""
    surgical_part: str = "auto"
    """Which third of the blocks moves under ``surgical``: first, middle, last, or auto: the one whose
    gradients are largest beside its weights (Auto-RGN, Lee 2022)."""
    closed_form: str = "auto"
    """Which closed-form head: ridge, logistic, or auto (the better by rows that it has not seen)."""
    features: str = "auto"
    """What a closed-form head reads: the head's own input, the last block, all blocks, or auto."""
    pretrained: bool = True
    """False starts from random weights: the control that a pretrained start must beat."""
    body: bool = True
    """False leaves out the body of a model that changes its modality: a control, embedder and head alone."""
    patch: int | None = None
    """Side in pixels of the patches that a text body reads of a picture; ``None``: about 7 x 7 patches."""

    fallback: str = "none"
    """What to start from where pretrained weights cannot be had: none is an error that lists what can;
    random starts from random weights, and the run says so."""

    epochs: float = 3.0
    """Passes over the training split; the budget may end them sooner."""
    batch_size: int = 32
    """Effective batch: examples for each update, over all processes and micro-batches."""
    micro_batch: int | None = None
    """Examples for each forward pass; ``None`` takes the whole batch."""
    batch_seconds: float | None = None
    """Most seconds of sound in one forward pass, padding included: where sounds are long, micro-batches hold
    fewer of them. The effective batch stays ``batch_size``. ``None``: no bound."""
    batch_tokens: int | None = None
    """The same for texts, in tokens."""
    packing: str = "auto"
    """Whether the conversations of a forward pass in training are laid end to end in as few rows as fit, no
    attention crossing them: on, off, or auto: where a trial on the model gives the same logits."""
    gradient_checkpointing: str = "auto"
    """Whether the layers of a model of transformers keep only what they read, and are computed once more in
    the backward pass (Chen 2016): less memory, about a third more time, the same gradients. on, off, or auto:
    off, until memory runs out in a step with one example in each forward pass."""
    sorta_grad: bool = False
    """Whether the first epoch goes from the shortest examples to the longest (Amodei 2016, Deep Speech 2)."""
    optimizer: str = "adamw"
    """adamw, adam, sgd (with momentum), or schedule-free (AdamW, Defazio 2024)."""
    lr: float = 1e-4
    """Peak rate of the last body block (and of everything, without decay)."""
    head_lr: float | None = None
    """Peak rate of the head and of other parts that start new; ``None`` takes ``lr``."""
    new_parts_first: float = 0.2
    """Share of the steps in which only the new parts and the head move, under orca."""
    layer_decay: float = 1.0
    """Each block's rate is this times the rate of the block after it (Clark 2020)."""
    momentum: float = 0.9
    """For sgd."""
    weight_decay: float = 0.01
    """Decoupled for adamw, L2 for sgd and adam; never on biases and norms."""
    l2_sp: float = 0.0
    """Strength of L2-SP on the body: half of it, times the squared distance from the pretrained weights, is
    added to the loss (Li 2018, who try 1e-4 to 1e-1). 0 is off; above it the plan sets weight_decay to 0."""
    l2_sp_head: float = 0.01
    """Strength of L2-SP on the head, which has no pretrained weights and is pulled to zero (Li 2018)."""
    coral: float = 0.0
    """Weight of the CORAL penalty: squared differences of the means and covariances of the head's input
    between the domains of a batch (Sun 2016; WILDS takes 1, or 0.1). Needs ``domain``. 0 is off."""
    group_dro: float = 0.0
    """Step size of GroupDRO, which weighs domains by their losses (Sagawa 2020, who take 0.01). Needs
    ``domain``. 0 is off."""
    pretrain_epochs: float = 10.0
    """Passes over the texts of continued pretraining, with ``pretrain_on``; the budget may end them sooner.
    Gururangan 2020 makes 100 on small sets and one on large ones."""
    pretrain_lr: float = 1e-4
    """Peak rate of continued pretraining (Gururangan 2020, task-adaptive)."""
    mask_share: float = 0.15
    """Share of the tokens of a text that continued pretraining hides (Devlin 2019)."""
    schedule: str = "cosine"
    """Of the rate after warm-up."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises linearly from zero."""
    clip_norm: float = 1.0
    """Largest gradient norm; 0 switches clipping off."""
    dropout: float | None = None
    """Before the head, where the model has such a dropout; ``None`` keeps the model's own."""
    neftune_alpha: float = 0.0
    """Size of NEFTune's noise on the embeddings of tokens: uniform up to alpha / sqrt(tokens x width), in
    training only (Jain 2023, who try 5, 10 and 15). 0 is off."""
    batchnorm: str = "train"
    """train: statistics of the batch, as in most tutorials; frozen: the pretrained statistics stay, weights
    move. Frozen keeps a closed-form head valid from the first step, and batches do not mix."""
    average: str = "none"
    """none; ema (moving average of the weights); soup (greedy soup of checkpoints, Wortsman 2022)."""
    ema_decay: float = 0.998
    """Per step; warmed up as min(decay, (1 + step) / (10 + step))."""
    patience: int = 0
    """Stop after this many evaluations without improvement; 0 never stops early."""
    evals_per_epoch: int = 1
    """Evaluations on the validation split."""

    loss: str = "auto"
    """A loss of the task; ``auto`` is its first."""
    label_smoothing: float = 0.1
    """For the loss ``label-smoothing`` (Szegedy 2016)."""
    focal_gamma: float = 2.0
    """For the loss ``focal`` (Lin 2017)."""
    class_weights: str | dict[str, float] = "none"
    """none, auto (inverse frequency, mean one), or a weight by class name."""

    augment: str = "none"
    """Names joined by ``+``: flip, crop, shift, photometric, randaugment, mixup, cutmix for pictures,
    classmix for those with masks; speed, time-shift, gain, noise, specaugment for sounds; or none."""
    stored_augmentations: int = 4
    """Augmented versions of each example kept when a cut is cached and augmentation is on."""
    decoder: str = "auto"
    """What is put behind a picture model that was not made for masks or boxes: fpn (maps of all scales,
    summed) or unet (finer, slower) for masks, fcos for boxes; auto is the first of its task."""
    image_size: int | None = None
    """Side in pixels; ``None`` is the model's own, or smaller for small pictures."""
    answer_size: int | None = None
    """Side in pixels at which a tuned model for masks reads the pictures that it answers; ``None``: after
    training on crops, which show things larger than they are, the best on validation of ``image_size`` and
    up to 10/7 of it (Touvron 2019); else ``image_size``."""
    resize: int | None = None
    """Shorter side before the centre crop; ``None`` is the model's own rule."""
    transcripts: str = "auto"
    """How transcripts are written before they are learnt and compared: plain (small letters, no punctuation),
    upper (the same in capitals), as-is; auto is upper where the model writes only capitals, else plain."""
    language: str | None = None
    """Language of the transcripts (``en``, ``german``), which a recogniser of several languages is told;
    ``None`` is what the model's own config names, and an error where it names none."""
    max_length: int | None = None
    """Tokens; ``None`` covers 99 % of the training texts, at most what the model reads."""
    max_seconds: float | None = None
    """Seconds that are heard of a sound; ``None``: the model's own window, 15 for wav2vec2 and its kin, 5
    where a spectrogram is the picture."""

    precision: str = "auto"
    """bf16 or fp32; auto takes the faster by a short benchmark at the start."""
    memory_format: str = "auto"
    """channels-last or contiguous, for convolutions; auto as for precision."""
    engine: str = "auto"
    """What computes frozen features; auto takes the fastest by a short benchmark."""
    pass_rows: int | None = None
    """Training rows of the frozen pass, drawn in proportion to the classes; ``None`` takes all of them, or
    as many as fit the budget."""
    rank_rows: int = 2000
    """Training rows on which models are compared, drawn in proportion to the classes; for masks and boxes
    pixels, or boxes, of at most a tenth as many random training pictures."""
    trials: int | None = None
    """Most configurations that are trained for a short time before the last run; ``None``: as many as pay
    within the budget, 0: none."""
    select_by: str = "overall"
    """What early stopping and every choice on validation look at: the metric over all rows (overall), that of
    the worst domain, or the mean over domains. The last two need `--domain`."""
    trial_soup: bool = False
    """Whether the tuned model is mixed with the trials of the last round, greedily by the figure on
    validation (a soup, Wortsman 2022)."""
    cache: str = "auto"
    """Whether activations at the cut are stored: auto asks the cost model. ``off`` also encodes sounds
    anew in every epoch."""
    workers: int = 0
    """Processes that load data; 0 loads in the main process."""
    worker_timeout: float = 600.0
    """Seconds after which a process that loads data and gives nothing is an error."""
    checkpoint_every: float = 60.0
    """Seconds between two checkpoints of training, which also saves after evaluations; never more than 5 %
    of the time goes into saving. 0 saves after every step, whatever it costs."""
    on_non_finite: str = "stop"
    """What a loss that is NaN or infinite does: stop, or retry once from the last checkpoint with a tenth of
    the rate."""
    parallel: str = "auto"
    """How several processes train one model: ddp (each holds all of it) or fsdp (each holds a part); auto is
    fsdp where accelerate's launcher says so, else ddp. Naming one without several processes is an error."""
    seed: int = 0
    """Of every random draw."""

    lora_rank: int = 8
    """Rank of the adapters."""
    lora_alpha: float = 16.0
    """Their scale is alpha / rank, or alpha / sqrt(rank) under rslora."""
    lora_variant: str = "lora"
    """What adapters are: lora (Hu 2021); dora, which learns the length of each row of a weight apart from its
    direction (Liu 2024) and takes more time; rslora, whose scale does not shrink as fast with the rank
    (Kalajdzievski 2023)."""
    quantize_base: bool = False
    """Whether training holds the frozen weights under adapters in 4 bits (NF4 of bitsandbytes, as QLoRA,
    Dettmers 2023): less memory of the GPU. Needs strategy=lora, a GPU with CUDA and the extra ``quantized``.
    What ships has whole float32 weights again. Not tried on a GPU yet."""


SETTING_NAMES: tuple[str, ...] = tuple(field.name for field in fields(Settings))


def with_values(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Return ``settings`` with some values replaced, checked by name.

    Raises:
        UnknownName: a key is no setting, or a value is none of its choices.
        BadValue: a number is out of range.
    """
    for key, value in values.items():
        if key not in SETTING_NAMES:
            raise UnknownName("setting", key, SETTING_NAMES)
        if key in CHOICES and value not in CHOICES[key]:
            raise UnknownName(f"{key}", str(value), CHOICES[key])
    _check_ranges(values)
    return replace(settings, **values)


_POSITIVE = ("epochs", "batch_size", "micro_batch", "batch_seconds", "batch_tokens", "lr",
             "evals_per_epoch", "image_size", "answer_size", "resize", "max_length", "max_seconds", "patch",
             "pass_rows", "rank_rows", "stored_augmentations", "lora_rank", "lora_alpha", "worker_timeout",
             "pretrain_epochs", "pretrain_lr")  # fmt: skip
_NOT_NEGATIVE = ("head_lr", "weight_decay", "clip_norm", "patience", "workers", "last_blocks",
                 "focal_gamma", "seed", "checkpoint_every", "trials", "l2_sp", "l2_sp_head", "coral",
                 "group_dro", "neftune_alpha")  # fmt: skip
_SHARES = ("momentum", "warmup", "dropout", "ema_decay", "label_smoothing", "layer_decay",
           "new_parts_first")  # fmt: skip
_PROPER_SHARES = ("mask_share",)


def _check_ranges(values: Mapping[str, Any]) -> None:
    bounds = dict.fromkeys(_POSITIVE, (0.0, float("inf"), "> 0"))
    bounds |= dict.fromkeys(_NOT_NEGATIVE, (-1e-300, float("inf"), ">= 0"))
    bounds |= dict.fromkeys(_SHARES, (-1e-300, 1.0 + 1e-12, "in [0, 1]"))
    bounds |= dict.fromkeys(_PROPER_SHARES, (0.0, 1.0, "above 0 and below 1"))
    for key, value in values.items():
        if value is None or key not in bounds:
            continue
        low, high, words = bounds[key]
        if not low < float(value) < high:
            raise BadValue(
                f"the setting `{key}` is out of range",
                found=str(value),
                expected=f"a number {words}",
                fix=f"set `{key}` to a number {words}, or leave it out",
            )
