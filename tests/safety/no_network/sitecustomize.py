"""Read by every Python process with this folder on its path: notes who reaches for the network, in a file."""

import os
import socket
from typing import Any


def refuse(*args: Any, **kwargs: Any) -> Any:
    """Stand for every function that reaches out."""
    with open(os.environ["REACHED"], "a", encoding="utf-8") as handle:  # noqa: PTH123 - before anything is imported
        handle.write(f"{args[1:] if isinstance(args[0], socket.socket) else args!r}\n")
    raise OSError("no network in this test")


socket.socket.connect = refuse  # type: ignore[method-assign]
socket.socket.connect_ex = refuse  # type: ignore[method-assign]
socket.socket.sendto = refuse  # type: ignore[method-assign]
socket.create_connection = refuse
socket.getaddrinfo = refuse
