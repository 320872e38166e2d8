"""Batches: common batch sizes, and stages that run item by item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from torch import Tensor

from .errors import ShapeError

Progress = Callable[[int, int], None]
"""Called with the items that are done and the items in all; may raise to stop the work."""


class Interrupted(Exception):  # noqa: N818 - it is no error
    """Raised by a `Progress` to end the work early and keep the result so far, in stages that allow it."""


def no_progress(done: int, total: int) -> None:
    """Nobody is watching."""


Preview = Callable[[Tensor], object]
"""Shown the best picture so far, [1, 3, 256, 256] in [-1, 1]."""


def no_preview(picture: Tensor) -> None:
    """Nobody is looking."""


class Watch:
    """Is told of an edit while it works; this one does nothing with it.

    Each method may raise to stop the work, but not `Interrupted`: what is half done is of no use to an edit.
    """

    def stage(self, name: str) -> None:
        """A stage begins."""

    def __call__(self, done: int, total: int) -> None:
        """How far it is, as `Progress`."""

    def show(self, picture: Tensor) -> None:
        """The picture so far, as `Preview`."""


UNWATCHED = Watch()

MAX_SEED = 2**64 - 1
"""The largest seed; after it they begin anew."""


def seeds_from(first: int, count: int) -> list[int]:
    """A seed and the following ones."""
    return [(first + i) % (MAX_SEED + 1) for i in range(count)]


Result = TypeVar("Result")


def common_batch(counts: Mapping[str, int]) -> int:
    """The one batch size that all can be repeated to: counts by name, each the same or 1.

    Raises:
        ShapeError: two counts differ and neither is 1; names both.
    """
    batch = max(counts.values(), default=1)
    for name, count in counts.items():
        if count not in (1, batch):
            largest = next(other for other, n in counts.items() if n == batch)
            raise ShapeError(
                f"The batch of the {name} is {count} and that of the {largest} is {batch}; "
                "they must be equal, or one of them 1."
            )
    return batch


def item(batch: Any, index: int) -> Any:
    """One item of a tensor, conditions or features as a batch of its own; the only one serves every index."""
    return batch[index : index + 1] if len(batch) > 1 else batch


def one_by_one(
    stage: Callable[..., Result], inputs: Mapping[str, Any], progress: Progress = no_progress
) -> list[Result]:
    """Results of a stage for each item of its inputs, given by name in the stage's order.

    An item's result has the same bits whatever else is in the batch, memory does not grow with the batch, and
    work can be stopped between items.

    Raises:
        ShapeError: as `common_batch`.
    """
    total = common_batch({name: len(values) for name, values in inputs.items()})
    results = []
    for index in range(total):
        progress(index, total)
        results.append(stage(*(item(values, index) for values in inputs.values())))
    progress(total, total)
    return results
