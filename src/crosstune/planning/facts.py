"""What the rules know: counts from the data, shapes from the model, seconds from measurements."""

from dataclasses import dataclass

PLACES = ("image-segmentation", "object-detection")
"""Tasks about places of pictures: any picture model does them, with a decoder that starts new."""

ANSWERS = "text-generation"
"""The task of language models that answer."""


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """Known after the check and the split."""

    task: str
    modality: str
    train_rows: int
    validation_rows: int
    test_rows: int
    """In the domain and out of it: all that the model answers at the end."""
    outputs: int
    imbalance: float = 1.0
    """Examples of the largest class over those of the smallest; 1 for regression."""
    median_side: int | None = None
    """Median of the longer side of the pictures, in pixels."""
    long_text: int | None = None
    """Length in characters that 99 % of the texts stay below."""
    domains: int | None = None
    """Domains of the training rows; ``None`` where no column says them."""
    closed_form: bool = True
    """Whether the task has a closed-form head: its answer is one vector for each example."""


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """Known once the model is open and timed on a few examples."""

    name: str
    width: int
    """Width of the last block, as a measure of the model's size."""
    shares: tuple[float, ...]
    """Share of the forward compute of each block, first to last."""
    convolutional: bool
    pretrained: bool
    crosses: bool = False
    """Whether the body was pretrained on another modality and reads the data through a new embedder."""
    pass_seconds: float
    """Measured seconds for one example through the frozen model, by the chosen engine."""
    exact_seconds: float | None = None
    """The same in float32 throughout, as reported numbers need it; ``None`` where it was not measured."""
    step_seconds: float | None = None
    """Measured seconds for one example in a training step that moves everything."""
    answer_seconds: float | None = None
    """Measured seconds for one answer where the model writes by itself; ``None`` where it does not."""
    general_seconds: float = 0.0
    """Measured seconds of the loss on general texts; 0 where the model does not answer."""
    head_loss: float | None = None
    """Loss of the closed-form native head in training mode (dropout on) over that of a constant answer."""


@dataclass(frozen=True, kw_only=True)
class TimeFacts:
    """Seconds, as known when training is planned."""

    left: float
    """Until the end of the budget; infinite without one."""
    reserve: float
    """Needed after training: save, reload, test, report."""
    closed_form: float | None = None
    """Validation figure of the best closed-form head."""
