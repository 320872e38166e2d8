"""Suites: edits of evaluation faces, and their measurements.

A suite takes batches of faces and returns a `Case` for each face (`SOLID`: for each edit). At the end it sums
the cases up as keys of the report. To add a suite, write a class with the members of `trials.Suite`, list it
in `SUITES`, and add bars for its keys to `bars.py`.
"""

from collections.abc import Mapping

from ..trials import Suite
from .attributes import Attributes
from .detail import DetailStage
from .distribution import Diversity, Frechet
from .guides import Color, Generation, Semantic, Sketch
from .identity import Encoder, Exemplar, Warp
from .pairs import Pairs
from .reconstruction import COMPLETION, GUIDED, Seam
from .rows import Rows
from .solid import Solid
from .subsets import Subsets
from .text import Retrieval, Text

__all__ = ["COMPLETION", "GUIDED", "PAIRS", "ROWS", "SOLID", "SUITES"]

SOLID: Suite = Solid()
"""Runs by itself, on each photo once."""

ROWS: Suite = Rows()
"""Runs by itself, on rows of real portraits."""

SUITES: Mapping[str, Suite] = {
    suite.name: suite
    for suite in (
        COMPLETION, GUIDED, Frechet(), Seam(), Semantic(), Sketch(), Color(), Exemplar(), Encoder(), Warp(),
        Generation(), Subsets(), Diversity(), Attributes(), Text(), Retrieval(),
        DetailStage(), SOLID, ROWS,
    )
}  # fmt: skip
"""All suites by name."""

PAIRS: Suite = Pairs()
"""Runs by itself, where real photos come with masks and exemplars."""
