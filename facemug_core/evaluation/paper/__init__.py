"""The paper's evaluation: its metrics, masks and combinations of modalities, beside other methods."""

from .report import ALL
from .run import evaluate_paper

__all__ = ["ALL", "evaluate_paper"]
