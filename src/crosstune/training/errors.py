"""Errors of training that a user can fix."""

from collections.abc import Sequence

from crosstune.core.errors import UserError, shown


class NonFiniteLoss(UserError):
    """A loss or a gradient is NaN or infinite; the update was not made."""

    code = "non-finite-loss"

    def __init__(
        self, what: str, value: float, *, step: int, epoch: int, origins: Sequence[str], rate: float
    ) -> None:
        """Name the step, the examples of its batch, and the rate at that moment."""
        self.step, self.epoch, self.origins = step, epoch, tuple(origins)
        super().__init__(
            f"the {what} of step {step} (epoch {epoch + 1}) is {value}; training stopped before the update",
            found=f"{what} {value} at rate {rate:.3g} on {shown(origins, most=8)}",
            expected="a finite number",
            fix=f"try a smaller rate (--set lr={rate / 10:.1g}), or look at the examples named above",
        )


class NothingToTrain(UserError):
    """No parameter moves under the chosen strategy."""

    code = "nothing-to-train"

    def __init__(self, strategy: str, model: str) -> None:
        """Name the strategy and the model."""
        super().__init__(
            f"the strategy `{strategy}` leaves no parameter of `{model}` to train",
            found="0 trainable parameters",
            expected="at least the head's weight and bias",
            fix="choose another strategy, such as --set strategy=head or --set strategy=full",
        )


class WrongWorldSize(UserError):
    """The launcher promised more processes than are training together."""

    code = "wrong-world-size"

    def __init__(self, found: int, expected: int) -> None:
        """Give both counts."""
        super().__init__(
            "the number of processes that train together is not the number that was asked for",
            found=f"{found}",
            expected=f"{expected}, as the environment variable WORLD_SIZE says",
            fix="start with `torchrun --nproc_per_node N`; some launchers silently run one process on a CPU",
        )


class ShardedTraining(UserError):
    """The launcher asks for a way of spreading a model over processes that is not carried out here."""

    code = "sharded-training"

    def __init__(self, kind: str) -> None:
        """Name what the launcher asks for."""
        super().__init__(
            "the launcher asks for a way of training together that crosstune does not carry out",
            found=kind,
            expected="a whole model in each process (DDP), or FSDP version 2 without offloading and without "
            "activation checkpointing",
            fix="start with `torchrun --nproc_per_node N`, with --set parallel=fsdp where the model is to be "
            "spread over the processes; with `accelerate launch --use_fsdp` add `--fsdp_version 2`",
        )


class TooFewProcesses(UserError):
    """A way of training together is asked for, and there is one process."""

    code = "too-few-processes"

    def __init__(self, way: str, *, by_launcher: bool) -> None:
        """Name the way, and who asked for it."""
        super().__init__(
            f"training with {way} needs several processes, and there is one",
            found="one process, and " + ("ACCELERATE_USE_FSDP=true" if by_launcher else f"parallel={way}"),
            expected="two processes or more",
            fix="start with `torchrun --nproc_per_node N --module crosstune fit ...`; "
            "`accelerate launch --cpu` runs one process whatever --num_processes says",
        )


class ProcessesDiffer(UserError):
    """The processes of one training do not train the same thing."""

    code = "processes-differ"

    def __init__(self, what: str, found: str, expected: str) -> None:
        """Name what differs, here and in the first process."""
        super().__init__(
            f"the processes that train together do not have the same {what}",
            found=found,
            expected=f"{expected}, as in the first process",
            fix="give every process the same data, model and run directory; on several machines, put them on "
            "a file system that all of them see",
        )


class FirstProcessFailed(UserError):
    """The first process of a run, which carries it out, has ended with an error."""

    code = "first-process-failed"

    def __init__(self) -> None:
        """Say where to look."""
        super().__init__(
            "the first process of this run has ended with an error",
            found="its message to the others that it could not go on",
            expected="it ends well, after all have trained",
            fix="read what the first process has said",
        )


class NoSuchAugmentation(UserError):
    """An augmentation does not fit the data, the task or the other settings."""

    code = "no-such-augmentation"


class NoAdapterTargets(UserError):
    """The model has no layer that a LoRA adapter can be put on."""

    code = "no-adapter-targets"

    def __init__(self, model: str) -> None:
        """Name the model."""
        super().__init__(
            f"`{model}` has no layer that an adapter can be put on",
            found="no linear layer and no pointwise convolution outside the head",
            expected="at least one",
            fix="choose another strategy, such as --set strategy=last",
        )


class NoCuda(UserError):
    """Something that only a GPU with CUDA can do is asked for, and there is none."""

    code = "no-cuda"

    def __init__(self, setting: str, extra: str) -> None:
        """Name the setting and the extra that it needs besides."""
        super().__init__(
            f"`{setting}` needs a GPU with CUDA",
            found="no GPU that torch can use here",
            expected=f"a GPU with CUDA, and the extra `{extra}`",
            fix=f'leave `{setting}` out, or go where there is one: pip install "crosstune[{extra}]"',
        )


class AdapterMergeDiffers(UserError):
    """The merged model does not give what the model with adapters gave."""

    code = "adapter-merge-differs"

    def __init__(self, difference: float, allowed: float) -> None:
        """Give the largest difference and what is allowed."""
        super().__init__(
            "after the merge of the adapters the model gives other outputs than before",
            found=f"a largest difference of {difference:.3g}",
            expected=f"at most {allowed:.3g}",
            fix="train with --set precision=fp32 or a smaller --set lora_alpha, or report this model",
        )


class CannotPack(UserError):
    """Texts that are laid end to end in one row would change what this model gives for each of them."""

    code = "cannot-pack"

    def __init__(self, model: str, difference: float, allowed: float, why: str) -> None:
        """Give the largest difference of a logit in standard deviations, or why there is none."""
        super().__init__(
            f"`{model}` gives other logits when its texts are packed",
            found=why or f"a largest difference of {difference:.3g} standard deviations of the logits",
            expected=f"at most {allowed:.0e}, which is rounding",
            fix="leave `packing` out; `batch_tokens` bounds the padded tokens of a forward pass",
        )


class CannotCheckpoint(UserError):
    """The layers of this model cannot be computed once more in the backward pass."""

    code = "cannot-checkpoint"

    def __init__(self, model: str, why: str) -> None:
        """Name the model and say why."""
        super().__init__(
            f"`{model}` cannot be trained with gradient checkpointing",
            found=why,
            expected="a model of transformers whose layers offer it, without BatchNorm",
            fix="leave `gradient_checkpointing` out; a smaller `micro_batch` needs less memory too, and no "
            "result depends on it",
        )


class DataWorkerFailed(UserError):
    """A process that loads data has died, or gives nothing."""

    code = "data-worker-failed"

    def __init__(self, failure: str, *, step: int, workers: int) -> None:
        """Say what happened, and while waiting for which step."""
        super().__init__(
            f"a process that loads data failed at step {step}; the last checkpoint stays",
            found=failure,
            expected=f"each of the {workers} workers gives its batches in time",
            fix="go on with `crosstune resume RUN`; if it happens again, give the machine more memory or set "
            "workers=0, which loads in the main process, or a larger worker_timeout",
        )


class ResumeMismatch(UserError):
    """What a run is to go on with is not what it began with."""

    code = "resume-mismatch"

    def __init__(self, what: str, found: str, expected: str) -> None:
        """Name what differs, what it is now and what it was."""
        super().__init__(
            f"this run cannot go on: its {what} is not what it was",
            found=found,
            expected=expected,
            fix="put back what was changed, or begin anew with `crosstune fit` and another run directory",
        )
