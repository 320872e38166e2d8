"""All commands: parses the arguments into a command's frozen options, and runs it."""

from __future__ import annotations

import logging
import sys
import warnings
from argparse import ArgumentParser
from collections.abc import Sequence

from . import directions, edit, evaluate, generate, guides, latents, pose, training, weights
from .checks import check_options
from .console import Parser, ended, show_warning
from .declaring import Command

FAMILIES = (edit, generate, guides, directions, latents, pose, weights, training, evaluate)
"""In the order of the help."""

TWO_WORDS = {("evaluate", "paper"), ("evaluate", "study")}
"""Commands that the first word alone does not name: `evaluate` takes names of suites."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, or 2 after one line on the error."""
    return ended(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> None:
    command, options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with warnings.catch_warnings():
        warnings.showwarning = show_warning  # type: ignore[assignment]
        command.run(options)


def parse(arguments: Sequence[str] | None = None) -> tuple[Command[object], object]:
    """The command and its options.

    Raises:
        SystemExit: code 2 after a usage error, 0 after help.
        InputError: an option has no effect.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if tuple(words[:2]) in TWO_WORDS:
        words[:2] = [" ".join(words[:2])]
    given = vars(build_parser().parse_args(words))
    command: Command[object] = given.pop("command")
    options = command.options(**given)
    check_options(options, command.parser.get_default)
    return command, options


def build_parser() -> ArgumentParser:
    """All commands and options."""
    parser = Parser(
        prog="facemug", description="Edit faces locally with sketch, semantic map, color map and exemplar."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for family in FAMILIES:
        family.add_commands(commands)
    return parser
