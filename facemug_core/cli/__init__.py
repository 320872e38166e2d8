"""The command line: a module for each family of commands.

What imports torch is imported where a command begins to work: neither help nor a mistake in the options waits
for it.
"""

from .commands import main

__all__ = ["main"]
