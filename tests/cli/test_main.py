"""The command line is frozen: a new or renamed flag must change this file as well."""

import pytest
import typer.main
from typer.testing import CliRunner

import crosstune
from crosstune.cli.main import app

DATA_FLAGS = {"--target", "--inputs", "--input", "--group", "--task"}
POLICY = {"--max-bad", "--strict"}
DOMAINS = {"--domain", "--held-out-domain", "--select-by"}
FROZEN = {
    "resume": {"--epochs", "--budget"},
    "demo": {"--out"},
    "check": {*DATA_FLAGS, "--draw", "--json", *POLICY, "--show-mask", "--model", "--max-length"},
    "models": {"--task", "--json", "--here"},
    "rank": {*DATA_FLAGS, "--models", "--rows", "--budget", "--set", "--json"},
    "plan": {*DATA_FLAGS, *DOMAINS, "--model", "--models", "--budget", "--out", "--set", "--json"},
    "fit": {
        *DATA_FLAGS,
        *DOMAINS,
        "--model",
        "--models",
        "--budget",
        "--out",
        "--recipe",
        "--set",
        "--classes",
        "--trackers",
        "--controls",
        "--extendable",
        "--adapt-to",
        "--pretrain-on",
        "--keep-at-least",
        *POLICY,
    },
    "evaluate": {"--run", "--metric", "--target", "--out", "--engine", "--json", "--max-bad", "--beams"},
    "predict": {"--out", "--also", "--engine", "--json", "--beams"},
    "chat": {"--system"},
    "gap": {"--target", "--inputs", "--input", "--group", "--model", "--rows", "--out", "--json"},
    "report": set(),
    "cache": {"--clear", "--older-than", "--down-to", "--json"},
}


def test_the_commands_and_their_flags_are_these() -> None:
    group = typer.main.get_command(app)
    commands = group.commands  # type: ignore[attr-defined]
    found = {
        name: {flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")}
        for name, command in commands.items()
    }
    assert {name: flags - {"--help"} for name, flags in found.items()} == FROZEN


@pytest.mark.parametrize("command", [*FROZEN])
def test_every_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert all(flag in done.stdout for flag in FROZEN[command])


def test_the_version_is_the_package_s() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"{crosstune.__version__}\n"


def test_an_unknown_flag_ends_with_the_code_of_a_user_error() -> None:
    assert CliRunner().invoke(app, ["fit", "d", "--nonsense"]).exit_code == 2
