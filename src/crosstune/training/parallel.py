"""How several processes train one model: each holds all of it (DDP), or each holds a part (FSDP).

What is asked for stands in the setting ``parallel``, or, where that is ``auto``, in the environment that
accelerate's launcher makes. What that environment asks for beyond it is refused by name: on a CPU accelerate
itself ignores all of it without a word.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from accelerate.utils import FullyShardedDataParallelPlugin, str_to_bool

from crosstune.core.errors import BadValue
from crosstune.core.processes import launched, works_alone
from crosstune.core.settings import Settings
from crosstune.training.errors import ShardedTraining, TooFewProcesses

FSDP = "ACCELERATE_USE_FSDP"
OTHERS = {
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "accelerate's parallelism config",
}
CARRIED_OUT = {
    "FSDP_OFFLOAD_PARAMS": "false",
    "FSDP_ACTIVATION_CHECKPOINTING": "false",
    "FSDP_ACTIVATION_CHECKPOINTING_OFFLOAD": "false",
    "FSDP_RESHARD_AFTER_FORWARD": "true",
}
"""Options of accelerate's FSDP, and the only value that is carried out here."""


def way(settings: Settings) -> str:
    """Say how this process trains now: ``alone``, ``ddp`` or ``fsdp``.

    Raises:
        ShardedTraining: the launcher asks for a way that is not carried out here, or contradicts the setting.
        TooFewProcesses: a way of training together is named, and there is one process.

    Checked by: ``tests/training/test_parallel.py``.
    """
    for name, what in OTHERS.items():
        if _on(name):
            raise ShardedTraining(what)
    by_launcher = _on(FSDP)
    if by_launcher:
        _check_options(settings)
    asked = "fsdp" if settings.parallel == "auto" and by_launcher else settings.parallel
    if works_alone():
        return "alone"
    if launched().world == 1:
        if asked != "auto":
            raise TooFewProcesses(asked, by_launcher=settings.parallel == "auto")
        return "alone"
    return "ddp" if asked == "auto" else asked


def plugin() -> FullyShardedDataParallelPlugin:
    """Give accelerate's description of FSDP2 as it is carried out here.

    The whole model is opened in every process (no loading into one of them), in float32 (precision is ours),
    and checkpoints are made of whole tensors.
    """
    return FullyShardedDataParallelPlugin(
        fsdp_version=2,
        reshard_after_forward=True,
        state_dict_type="FULL_STATE_DICT",
        cpu_ram_efficient_loading=False,
        cpu_offload=False,
        activation_checkpointing=False,
    )


@contextmanager
def untouched() -> Iterator[None]:
    """Give the variables of FSDP their values back: accelerate sets some, and they would ask for it again."""
    names = (FSDP, "FSDP_VERSION", "FSDP_CPU_RAM_EFFICIENT_LOADING")
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def settings_for_parts(settings: Settings) -> Settings:
    """Settle what a model in parts cannot leave open.

    Raises:
        BadValue: stored activations, channels-last weights, checkpointed layers, L2-SP, CORAL or GroupDRO are
            asked for.
    """
    for name, value, why in (
        ("cache", "on", "the cut that stored activations enter at would cut the parts of a model"),
        ("memory_format", "channels-last", "only contiguous weights can be split"),
        ("gradient_checkpointing", "on", "both together have not been tried here"),
    ):
        if getattr(settings, name) == value:
            raise BadValue(
                f"`{name}={value}` does not go with a model that is spread over processes",
                found=f"{name}={value} with fsdp; {why}",
                expected=f"{name}=auto, or parallel=ddp",
                fix=f"leave `{name}` out, or set parallel=ddp",
            )
    for name in ("l2_sp", "coral", "group_dro"):
        if getattr(settings, name) > 0.0:
            raise BadValue(
                f"`{name}` does not go with a model that is spread over processes",
                found=f"{name}={getattr(settings, name):g} with fsdp, and it reads whole weights or features",
                expected=f"{name}=0, or parallel=ddp",
                fix=f"leave `{name}` out, or set parallel=ddp",
            )
    return replace(settings, cache="off", memory_format="contiguous")


def _on(name: str, default: str = "false") -> bool:
    return bool(str_to_bool(os.environ.get(name, default) or "false"))


def _check_options(settings: Settings) -> None:
    version = os.environ.get("FSDP_VERSION", "1")
    if version != "2":
        raise ShardedTraining(f"FSDP version {version}")
    for name, only in CARRIED_OUT.items():
        if _on(name, default=only) != _on("", default=only):
            raise ShardedTraining(f"FSDP with {name}={os.environ[name]}")
    if settings.parallel == "ddp":
        raise ShardedTraining("FSDP, while the setting says parallel=ddp")
