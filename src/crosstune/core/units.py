"""Durations and sizes as people write them: ``90s``, ``10m``, ``2h``, ``1.5 GB``."""

import re

from crosstune.core.errors import BadValue

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*([smhd]?)")
_POWERS = ("b", "kb", "mb", "gb", "tb")
_BYTES = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,12})?)\s*(b|kb|mb|gb|tb)?")


def parse_duration(text: str | float | None) -> float | None:
    """Read a duration in seconds; ``None`` and ``"none"`` mean no limit.

    A bare number is seconds. Raises ``BadValue`` for anything else, and for zero.
    """
    if text is None or str(text).strip().lower() == "none":
        return None
    match = _DURATION.fullmatch(str(text).strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2] or "s"] if match else 0.0
    if seconds <= 0:
        raise BadValue(
            "this is not a duration",
            found=str(text),
            expected="a number with s, m, h or d, such as 90s, 10m, 2h; or none",
            fix="write for example --budget 10m",
        )
    return seconds


def parse_bytes(text: str) -> int | None:
    """Read a size in bytes, in powers of 1000: ``500MB``, ``20 GB``; ``none`` means no limit.

    A bare number is bytes. Raises ``BadValue`` for anything else.
    """
    if text.strip().lower() == "none":
        return None
    match = _BYTES.fullmatch(text.strip().lower())
    if match is None:
        raise BadValue(
            "this is not a size",
            found=text,
            expected="a number with kB, MB, GB or TB, such as 500MB or 20GB; or none",
            fix="write for example 20GB",
        )
    return int(float(match[1]) * 1000 ** _POWERS.index(match[2] or "b"))


def format_duration(seconds: float) -> str:
    """Write a duration for people: ``0.4 s``, ``42 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def format_bytes(count: float) -> str:
    """Write a size for people, in powers of 1000: ``12 kB``, ``3.4 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if count >= 100 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
