"""Judging a model: suites on evaluation faces, and the report of what came out."""

from .report import evaluate
from .suites import SUITES

__all__ = ["SUITES", "evaluate"]
