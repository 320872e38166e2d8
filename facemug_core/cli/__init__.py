"""The command line: a module for each family of commands.

Modules that import torch are imported when a command starts its work: help and usage errors do not wait.
"""

from .commands import main

__all__ = ["main"]
