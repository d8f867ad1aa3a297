"""The version of this package, where every room can read it."""

VERSION = "0.1.0"
"""Equal to the one in ``pyproject.toml``; a test compares them."""
