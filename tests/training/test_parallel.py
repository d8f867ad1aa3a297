"""Which way of training together is taken, and what is refused instead of being ignored."""

import os

import pytest

from crosstune.core.errors import BadValue
from crosstune.core.processes import hidden
from crosstune.core.settings import Settings
from crosstune.training.errors import ShardedTraining, TooFewProcesses
from crosstune.training.parallel import CARRIED_OUT, OTHERS, plugin, settings_for_parts, untouched, way
from tests.training.small import plain


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name in ("WORLD_SIZE", "RANK") or name.startswith(("ACCELERATE_", "FSDP_")):
            monkeypatch.delenv(name)


def asked(way_: str) -> Settings:
    return plain(parallel=way_)


def test_one_process_trains_alone_and_no_way_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert way(plain()) == "alone"
    for name in ("ddp", "fsdp"):
        with pytest.raises(TooFewProcesses, match=f"one process, and parallel={name}"):
            way(asked(name))
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_VERSION", "2")
    with pytest.raises(TooFewProcesses, match="one process, and ACCELERATE_USE_FSDP=true"):
        way(plain())


def test_several_train_as_the_setting_or_the_launcher_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert [way(asked(name)) for name in ("auto", "ddp", "fsdp")] == ["ddp", "ddp", "fsdp"]
    with hidden():
        assert [way(asked(name)) for name in ("auto", "ddp", "fsdp")] == ["alone"] * 3
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_VERSION", "2")
    assert [way(asked(name)) for name in ("auto", "fsdp")] == ["fsdp", "fsdp"]
    with pytest.raises(ShardedTraining, match="parallel=ddp"):
        way(asked("ddp"))


@pytest.mark.parametrize("name", OTHERS)
def test_other_ways_are_refused_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "true")
    with pytest.raises(ShardedTraining, match=OTHERS[name]):
        way(plain())


def test_options_of_fsdp_that_are_not_carried_out_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ShardedTraining, match="FSDP version 1"):
        way(plain())
    monkeypatch.setenv("FSDP_VERSION", "2")
    for name, only in CARRIED_OUT.items():
        with monkeypatch.context() as patch:
            patch.setenv(name, only)
            assert way(plain()) == "fsdp"
            patch.setenv(name, "false" if only == "true" else "true")
            with pytest.raises(ShardedTraining, match=name):
                way(plain())


def test_the_plugin_is_the_second_version_and_leaves_no_variable_behind() -> None:
    with untouched():
        made = plugin()
        assert "FSDP_CPU_RAM_EFFICIENT_LOADING" in os.environ, "accelerate sets it"
    assert (made.fsdp_version, made.reshard_after_forward) == (2, True)
    assert "FSDP_CPU_RAM_EFFICIENT_LOADING" not in os.environ


def test_what_does_not_go_with_parts_is_refused() -> None:
    chosen = settings_for_parts(plain(cache="auto", memory_format="auto"))
    assert (chosen.cache, chosen.memory_format) == ("off", "contiguous")
    for name, value in (("cache", "on"), ("memory_format", "channels-last")):
        with pytest.raises(BadValue, match=f"{name}={value} with fsdp"):
            settings_for_parts(plain(**{name: value}))
