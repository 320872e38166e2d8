"""Semantic maps from picture files of numbers or display colors; detects maps that saving has changed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..choices import Numbering
from ..conventions import PALETTE
from ..errors import InputError
from .files import Size, Source, alpha_of, name_of, read_photo, resized, rgb_of, unheard
from .semantic import check_labels, from_celebamask, palette_to_labels

NUMBER_MODES = ("1", "L", "I", "I;16")
"""Pillow modes with one number per pixel and no colors."""

UNKNOWN_NUMBER = 255
"""Number of pixels without a class in many data sets."""

UNDECIDED = -2
"""Label of pixels whose color is near to no label's."""

NEAR_COLOR, NEAR_BLACK = 24, 10
"""Up to this difference in any channel, a color counts as that of a label, or as black: unknown."""

MOST_UNDECIDED = 0.25
"""Share of pixels with other colors above which a picture is no semantic map."""

CHANGED_SHARE, FEWEST_CHANGED = 1 / 4, 4
"""Least ratio of odd numbers to clean steps between regions, and least count of odd numbers, of a smoothed
map. Unsmoothed maps have few thin parts."""

SMALLEST = 8
"""Smallest side of a map that is checked; all parts of smaller maps may be thin."""

SMOOTHED = (
    "its numbers were changed by smoothing or by JPEG compression: between the regions there are numbers of "
    "other classes. Save it as PNG, and change its size without smoothing (nearest neighbor)."
)


def read_semantic(
    source: Source,
    size: Size = None,
    numbering: Numbering = "auto",
    say: Callable[[str], None] = unheard,
) -> Tensor:
    """Labels int64 `[1, H, W]`, −1 where unknown: 255, transparent, or black among display colors.

    Args:
        source: file or picture.
        size: (width, height) to bring it to, nearest.
        numbering: what the pixels are: "labels" for our class numbers, "celebamask" for numbers in
            CelebAMask-HQ's own order, "palette" for display colors. "auto" takes colors for display colors
            and gray values for labels; a palette file's numbers count where its colors do not.
        say: called with a warning about each change.

    Raises:
        InputError: the file is no picture, has colors or numbers of no label, or was smoothed.
    """
    image = read_photo(source)
    try:
        if numbering == "palette":
            labels = _of_colors(image, say)
        elif numbering == "auto":
            labels = _of_either(image, say)
        else:
            labels = _of_numbers(image)
    except InputError as error:
        raise InputError(f"{name_of(source)}: {error}") from error
    alpha = alpha_of(image)
    if alpha is not None:
        labels = torch.where(torch.from_numpy(alpha) >= 128, labels, -1)
    picture = Image.fromarray((labels[0] + 1).byte().numpy())
    brought = np.array(resized(picture, size, Image.Resampling.NEAREST))
    labels = torch.from_numpy(brought.astype(np.int64))[None] - 1
    return from_celebamask(labels) if numbering == "celebamask" else labels


def _of_either(image: Image.Image, say: Callable[[str], None]) -> Tensor:
    """Labels `[1, H, W]` of a picture of display colors or numbers."""
    if image.mode in NUMBER_MODES:
        return _of_numbers(image)
    colors = rgb_of(image)
    gray = bool((colors == colors[..., :1]).all())
    if image.mode != "P":
        return _checked(colors[None, ..., 0].long()) if gray else _of_colors(image, say)
    try:
        return palette_to_labels(_opaque(image)[None])  # programs reorder palettes
    except InputError as unknown_colors:
        try:
            return _checked(colors[None, ..., 0].long()) if gray else _of_numbers(image)
        except InputError as error:
            raise (error if gray or SMOOTHED in str(error) else unknown_colors) from None


def _of_numbers(image: Image.Image) -> Tensor:
    """Class numbers `[1, H, W]` of a gray picture or palette file."""
    if image.mode in (*NUMBER_MODES, "P"):
        return _checked(torch.from_numpy(np.array(image).astype(np.int64))[None])
    colors = rgb_of(image)
    if (colors != colors[..., :1]).any():
        raise InputError("Expected class numbers in a gray picture or palette file, but got colors.")
    return _checked(colors[None, ..., 0].long())


def _checked(numbers: Tensor) -> Tensor:
    """Check that numbers `[1, H, W]` are classes and not smoothed; `UNKNOWN_NUMBER` becomes −1."""
    if _smoothed(numbers[0]):
        raise InputError(SMOOTHED)
    labels = torch.where(numbers == UNKNOWN_NUMBER, -1, numbers)
    check_labels(labels)
    return labels


def _smoothed(numbers: Tensor) -> bool:
    """Whether numbers `[H, W]` were compressed or interpolated.

    This makes odd numbers: single ones between two others, and specks that differ from all neighbors. Clean
        steps, between numbers at least two apart, become rare.
    """
    numbers = _shrunk(_shrunk(numbers).mT).mT
    if min(numbers.shape) < SMALLEST:
        return False
    numbers = torch.nn.functional.pad(numbers[None, None].float(), (1, 1, 1, 1), mode="replicate")[0, 0]
    inner = numbers[1:-1, 1:-1]
    speck = torch.ones_like(inner, dtype=torch.bool)
    odd = clean = 0
    for rows, own in ((numbers, inner), (numbers.mT, inner.mT)):
        before, here, after = rows[:, :-2], rows[:, 1:-1], rows[:, 2:]
        odd += int((((before < here) & (here < after)) | ((before > here) & (here > after))).sum())
        even = rows[:, 1:] == rows[:, :-1]
        step = (rows[:, 2:-1] - rows[:, 1:-2]).abs() >= 2
        clean += int((even[:, :-2] & step & even[:, 2:]).sum())
        alone = (own != before[1:-1]) & (own != after[1:-1])
        speck &= alone if own is inner else alone.mT
    odd += int(speck.sum())
    return odd >= FEWEST_CHANGED and odd > CHANGED_SHARE * (odd + clean)


def _shrunk(rows: Tensor) -> Tensor:
    """Rows without repeats, which unsmoothed enlargement makes."""
    new = (rows[1:] != rows[:-1]).any(1)
    starts = torch.cat([new.new_ones(1), new]).nonzero()[:, 0]
    counts = torch.diff(starts, append=starts.new_tensor([len(rows)]))
    return rows[starts].repeat_interleave(counts // counts.min(), 0)


def _opaque(image: Image.Image) -> Tensor:
    """The colors uint8 `[H, W, 3]`, black where transparent."""
    colors, alpha = rgb_of(image), alpha_of(image)
    return colors if alpha is None else torch.where(torch.from_numpy(alpha)[..., None] >= 128, colors, 0)


def _of_colors(image: Image.Image, say: Callable[[str], None]) -> Tensor:
    """Labels `[1, H, W]` of display colors or near ones; pixels between two colors follow their neighbors."""
    colors = _opaque(image)
    try:
        return palette_to_labels(colors[None])
    except InputError:
        labels = _nearest(colors)
        if not (labels >= 0).any() or (labels == UNDECIDED).float().mean() > MOST_UNDECIDED:
            raise
    exact = torch.tensor(((0, 0, 0), *PALETTE), dtype=torch.uint8)[labels.clamp(min=-1) + 1]
    changed = int((exact != colors).any(-1).sum())
    labels = _filled(torch.where(_alone(labels), UNDECIDED, labels))
    say(
        f"{name_of(image)}: {changed} pixels have colors near those of labels, or between two, and were "
        "given the nearest label. Save it as PNG and without smoothing."
    )
    return labels[None]


def _nearest(colors: Tensor) -> Tensor:
    """Label `[H, W]` of the nearest display color; `UNDECIDED` where none is near."""
    best = torch.full(colors.shape[:2], NEAR_COLOR + 1)
    labels = torch.full(colors.shape[:2], UNDECIDED)
    for label, color in enumerate(((0, 0, 0), *PALETTE), start=-1):
        apart = (colors.int() - torch.tensor(color)).abs().amax(-1)
        nearer = (apart < best) & (apart <= (NEAR_BLACK if label < 0 else NEAR_COLOR))
        best, labels = torch.where(nearer, apart, best), torch.where(nearer, label, labels)
    return labels


def _alone(labels: Tensor) -> Tensor:
    """Pixels with fewer than three equal labels among their eight neighbors, as between smoothed regions."""
    return sum((labels == other).int() for other in _around(labels, 8)) < 3  # type: ignore[return-value]


def _filled(labels: Tensor) -> Tensor:
    """Fill undecided pixels of `[H, W]` from their neighbors, repeatedly."""
    while (undecided := labels == UNDECIDED).any():
        filled = labels
        for other in _around(labels, 4):
            filled = torch.where((filled == UNDECIDED) & (other != UNDECIDED), other, filled)
        if torch.equal(filled, labels):
            return torch.where(undecided, -1, labels)
        labels = filled
    return labels


def _around(labels: Tensor, count: int) -> list[Tensor]:
    """The labels of the four neighbors, or of all eight."""
    padded = torch.nn.functional.pad(labels[None, None].float(), (1, 1, 1, 1), mode="replicate")[0, 0].long()
    height, width = labels.shape
    places = [(0, 1), (2, 1), (1, 0), (1, 2), (0, 0), (0, 2), (2, 0), (2, 2)][:count]
    return [padded[y : y + height, x : x + width] for y, x in places]
