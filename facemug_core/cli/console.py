"""Errors on the console: one sentence and an exit code."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from ..errors import FacemugError

FAILED, STOPPED = 2, 130
"""Exit codes: after an error; after an interrupt."""

NO_MEMORY = ("not enough memory", "out of memory")
"""Words in torch's errors about memory."""


def ended(command: Callable[[], None]) -> int:
    """Run a command; after an error print one sentence. Returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # another object replaces the console
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        command()
        sys.stdout.flush()
    except FacemugError as error:
        return _said(str(error))
    except BrokenPipeError:
        # Otherwise the rest of the output would fail again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _said("The output was closed before all was written.")
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        return _said(f"{place}{error.strerror or error}.")
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(text in str(error).lower() for text in NO_MEMORY):
            raise
        return _said("There is not enough memory. Close other programs, or make the photo smaller.")
    except KeyboardInterrupt:
        with suppress(OSError):
            print("facemug: stopped", file=sys.stderr)
        return STOPPED
    return 0


def show_warning(message: Warning | str, *_: Any) -> None:
    """Print a warning; takes the arguments of `warnings.showwarning`."""
    print(f"facemug: {message}", file=sys.stderr)


def _said(sentence: str) -> int:
    with suppress(OSError):  # nobody is there to read it
        print(f"facemug: {sentence}", file=sys.stderr, flush=True)
    return FAILED


class Parser(ArgumentParser):
    """Reports usage errors in one sentence, without a list of all options."""

    def error(self, message: str) -> NoReturn:
        self.exit(FAILED, f"facemug: {message}. All options: {self.prog} --help\n")
