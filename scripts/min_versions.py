"""Install the lowest versions that pyproject.toml declares, and run a small part of the tests with them.

``make min-versions`` runs it; ``--dry-run`` only asks pip whether such an environment exists. What the
package requires of itself (``crosstune[cpu]``) is followed; what has no lower bound is passed on as it is.
"""

import argparse
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SMOKE = ("tests/core", "tests/test_options.py", "tests/tasks", "tests/cli", "tests/test_public.py")
LOWER_BOUND = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^\]]*\])?\s*>=\s*(?P<version>[0-9][^,;\s]*)"
)


def followed(requirements: Iterable[str], project: Mapping[str, Any]) -> Iterator[str]:
    """Give requirements, with the project's own extras replaced by what they hold."""
    own = re.compile(rf"^{re.escape(project['name'])}\[(?P<extras>[^\]]+)\]$")
    for requirement in requirements:
        if match := own.match(requirement):
            for extra in match["extras"].split(","):
                yield from followed(project["optional-dependencies"][extra.strip()], project)
        else:
            yield requirement


def lowest(requirement: str) -> str:
    """Turn ``name>=1.2`` into ``name~=1.2.0``: the lowest declared minor version, with its repairs."""
    match = LOWER_BOUND.match(requirement)
    if match is None:
        return requirement
    parts = match["version"].split(".")
    exact = f"=={parts[0]}.*" if len(parts) == 1 else f"~={'.'.join([*parts, '0'][: max(3, len(parts))])}"
    return f"{match['name']}{match['extras'] or ''}{exact}"


def lowest_versions(pyproject: Path, extras: Sequence[str]) -> list[str]:
    """List the requirements of the project and of ``extras`` at their lowest versions, each once."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(f"{project['name']}[{extra}]" for extra in extras)]
    return list(dict.fromkeys(lowest(requirement) for requirement in followed(wanted, project)))


def main() -> None:
    """Install and test, or only ask pip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv-min")
    parser.add_argument("--extras", nargs="*", default=["dev"])
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args()
    requirements = lowest_versions(ROOT / "pyproject.toml", arguments.extras)
    sys.stdout.write("\n".join(requirements) + "\n")
    venv.create(arguments.venv, with_pip=True, clear=True)
    python = str(arguments.venv / "bin" / "python")
    install = [python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    if arguments.dry_run:
        subprocess.run([*install, "--dry-run", "--quiet", *requirements], check=True)  # noqa: S603
        return
    subprocess.run([*install, *requirements], check=True)  # noqa: S603
    subprocess.run([*install, "--no-deps", "-e", str(ROOT)], check=True)  # noqa: S603
    # Old releases warn about newer ones; the full suite, with the newest, is where warnings are errors.
    smoke = [python, "-m", "pytest", "-W", "default", "-m", "not slow and not real", *SMOKE]
    subprocess.run(smoke, check=True, cwd=ROOT)  # noqa: S603


if __name__ == "__main__":
    main()
