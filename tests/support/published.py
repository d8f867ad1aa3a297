"""The files of this project that others see."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def named(path: Path) -> str:
    """Give a path relative to the root, with slashes."""
    return path.relative_to(ROOT).as_posix()


@cache
def published() -> tuple[Path, ...]:
    """List every file that git tracks or would track; all files where there is no git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        listed = done.stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        listed = [named(path) for path in ROOT.rglob("*")]
    return tuple(path for line in listed if (path := ROOT / line).is_file())
