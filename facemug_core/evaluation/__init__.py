"""Judging a model: suites on evaluation faces, and the report of what came out."""

from .report import Report, evaluate
from .suites import SUITES

__all__ = ["SUITES", "Report", "evaluate"]
