"""Evaluation of a model: suites on evaluation faces, and their report."""

from .report import Report, evaluate
from .suites import SUITES

__all__ = ["SUITES", "Report", "evaluate"]
