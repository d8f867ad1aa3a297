"""Messages from the first process to the others, of any length."""

import threading

import pytest
from torch.distributed import HashStore

from crosstune.training import group
from crosstune.training.errors import WrongWorldSize


def test_a_message_arrives_whole_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    common = HashStore()
    monkeypatch.setattr(group, "store", lambda: common)
    monkeypatch.setattr(group, "PIECE", 3)
    group.call("empty", b"")
    assert group.wait("empty") == b""
    message = bytes(range(256)) + b"\0\xff"
    later = threading.Timer(0.3, group.call, ("late", message))
    later.start()
    assert group.wait("late") == message
    later.join()


def test_all_that_were_promised_must_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    common = HashStore()
    monkeypatch.setattr(group, "store", lambda: common)
    monkeypatch.setattr(group, "ARRIVAL", 0.5)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(WrongWorldSize) as raised:
        group.arrive("alone")
    assert raised.value.found == "1"
    later = threading.Timer(0.1, group.arrive, ("both",))
    later.start()
    group.arrive("both")
    later.join()
