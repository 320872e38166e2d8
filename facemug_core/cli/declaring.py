"""Declares a command by a frozen dataclass of its arguments and a function that takes it."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from inspect import get_annotations
from typing import Any, Generic, TypeVar

Options = TypeVar("Options")


def argument(*flags: str, either: bool = False, **how: Any) -> Any:
    """A field that is a command-line argument.

    Args:
        flags: such as `--seed`; without flags the argument is positional.
        either: exactly one of a command's fields with `either` must be given.
        how: arguments of `ArgumentParser.add_argument`.
    """
    return field(kw_only=True, metadata={"flags": flags, "either": either, "how": how})


@dataclass(frozen=True)
class Command(Generic[Options]):
    """A declared command."""

    parser: ArgumentParser
    options: type[Options]
    run: Callable[[Options], None]


def add_command(
    commands: Any, name: str, about: str, options: type[Options], run: Callable[[Options], None]
) -> None:
    """Add a command to the subparsers `commands`."""
    parser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(command=Command(parser, options, run))
    add_arguments(parser, options)


def add_actions(commands: Any, name: str, about: str) -> Any:
    """Add a command with actions; returns the subparsers of the actions."""
    return commands.add_parser(name, help=about, description=about).add_subparsers(
        required=True, metavar="ACTION"
    )


def add_arguments(parser: ArgumentParser, options: type) -> None:
    """Add the arguments of a dataclass: its own, then inherited ones."""
    either: Any = None
    for name, declared in declarations(options).items():
        place: Any = parser
        if declared["either"]:
            place = either = either or parser.add_mutually_exclusive_group(required=True)
        dest = {"dest": name} if declared["flags"] else {}
        place.add_argument(*(declared["flags"] or (name,)), **dest, **declared["how"])


def declarations(options: type) -> dict[str, Mapping[str, Any]]:
    """The `argument` of each field of a dataclass, in the order of the help."""
    declared = {one.name: one.metadata for one in fields(options)}
    return {name: declared[name] for owner in options.__mro__ for name in get_annotations(owner)}
