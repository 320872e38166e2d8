"""Text edits of style codes: by optimization (PAPER section 7), and in one pass along a measured direction.

Both follow the same change of text: from a source such as "a face" to what is asked for, as the difference of
their places in the space of a text-image model.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..batches import Interrupted, Preview, Progress, no_preview, no_progress
from ..errors import InputError, ShapeError, UnknownWordsWarning, WeightsMissingError
from ..latents import check_codes
from .clip import Clip
from .directions import ALL_LAYERS, Layers, Linear, check_layers
from .relevance import Relevance, relevance_name

SOURCE = "a face"
"""What text edits start from, in words."""

TEMPLATES = ("{}", "a photo of {}", "a picture of {}", "a portrait of {}", "a close up of {}")
"""Sentences that texts are put into; their places are averaged."""

GEOMETRY = 8
"""Codes before this one shape head and face; later ones color them."""

SOFTNESS = 0.1
"""Added to the length of a picture's change in the directional loss.

A bare angle does not tell a faint change from a strong one, and has no gradient where nothing has changed.
"""

LEAP = 1.0
"""The first step of an optimization goes this far along the text's direction, where that was measured."""

PATIENCE = 12
"""Steps without progress after which an optimization ends."""

LEAST_PROGRESS = 1e-3
"""Fall of the loss that counts as progress."""

PREVIEW_EVERY = 5
"""Steps between previews."""


@dataclass(frozen=True)
class TextOptions:
    """How codes follow a text."""

    weight: float = 1.0
    """λ1, of the directional loss; 0 changes nothing."""
    latent_weight: float = 2e-4
    """λ2, of the squared distance to the codes at the start."""
    steps: int = 50
    learning_rate: float = 0.05
    """In standard deviations of the codes' principal components."""
    source: str = SOURCE
    """What the face is, in words, before the edit."""
    templates: Sequence[str] = TEMPLATES
    layers: Layers = ALL_LAYERS
    """Codes that may change."""
    keep_geometry: bool = False
    """Leave the codes that shape head and face."""

    @property
    def free(self) -> Layers:
        """Codes that may change, all considered.

        Raises:
            InputError: there are none.
        """
        first, end = self.layers
        free = (max(first, GEOMETRY), end) if self.keep_geometry else (first, end)
        check_layers(free)
        return free


DEFAULTS = TextOptions()


@dataclass(frozen=True, eq=False)
class TextGoal:
    """A text to follow by optimization, and who follows it."""

    text: str
    clip: Clip
    options: TextOptions = DEFAULTS
    progress: Progress = no_progress
    preview: Preview = no_preview


@dataclass(frozen=True, eq=False)
class TextEdit:
    """What an optimization came to."""

    codes: Tensor
    """The best codes found, [1, 18, 512]."""
    curve: tuple[float, ...]
    """Loss before each step."""
    best: int
    """Step at which the codes were found; 0 is the start."""
    interrupted: bool = False
    """Somebody stopped it."""


def text_change(clip: Clip, text: str, source: str = SOURCE, templates: Sequence[str] = TEMPLATES) -> Tensor:
    """ΔT of Eq. 5 as a unit vector [D]: from the source to the text, each averaged over the templates.

    Words that the model does not know raise an `UnknownWordsWarning` that names them.

    Raises:
        InputError: the text is empty, of unknown words alone, or says to the model what the source says.
    """
    if not text.strip():
        raise InputError("The text is empty: say what the face should be, such as 'curly blond hair'.")
    if not clip.reads(text):
        raise InputError(
            f"The model {clip.name!r} has read no word of {text!r} (docs/text.md lists its words)."
        )
    unknown = clip.unknown_words(text)
    if unknown:
        warnings.warn(
            f"The model {clip.name!r} has never read {', '.join(unknown)}, and leaves "
            f"{'it' if len(unknown) == 1 else 'them'} out (docs/text.md lists its words).",
            UnknownWordsWarning,
            stacklevel=2,
        )
    target, origin = (
        F.normalize(clip.texts([template.format(words) for template in templates]).mean(0), dim=0)
        for words in (text, source)
    )
    change = target - origin
    if change.norm() < 1e-4:
        raise InputError(f"To the model {clip.name!r}, {text!r} says nothing but {source!r}.")
    return F.normalize(change, dim=0)


def optimize(
    draw: Callable[[Tensor], Tensor],
    codes: Tensor,
    steps: Tensor,
    text: str,
    clip: Clip,
    options: TextOptions,
    progress: Progress = no_progress,
    preview: Preview = no_preview,
) -> TextEdit:
    """Codes whose picture has changed as the text says, near the codes at the start (Eq. 4).

    The first step goes along the text's direction, where the model's relevance was measured. The codes of the
    lowest loss are kept, be it that the steps end, that nothing improves any more, or that somebody
    interrupts.

    Args:
        draw: codes [1, 18, 512] → picture [1, 3, 256, 256], differentiable; makes no inference tensors.
        codes: to start from.
        steps: coordinates in which all codes are moved alike, [K, 512] (see `principal_steps`): where layers
            part, faces turn into caricatures in glaring colors.
        text: what the face should be.
        clip: judges.
        options: weights, steps and layers.
        progress: called for every step; may raise `Interrupted` to end with the best so far.
        preview: shown the best picture every few steps.

    Raises:
        InputError: the text is empty, or no layers are free.
        ShapeError: the codes are not [1, 18, 512].
    """
    if len(check_codes(codes)) != 1:
        raise ShapeError(f"Expected the codes of one face, [1, 18, 512], but got {list(codes.shape)}.")
    first, end = options.free
    # The host runs nodes in inference mode, in which nothing can be learned.
    with torch.inference_mode(False), torch.enable_grad():
        change = text_change(clip, text, options.source, options.templates)
        if options.weight == 0:
            return TextEdit(codes, (), 0)
        start = codes.detach().clone()
        leap = None if clip.relevance is None else LEAP * _step_along(clip, clip.relevance, change).to(start)
        base = start[:, first:end]
        free = start.new_zeros(1, 1, len(steps)).requires_grad_()
        steps = steps.clone()
        optimizer = torch.optim.Adam([free], lr=options.learning_rate)
        search = _Search(start, change, clip, options)
        curve: list[float] = []
        interrupted = False
        try:
            for step in range(options.steps):
                progress(step, options.steps)
                optimizer.param_groups[0]["lr"] = options.learning_rate * ramp(step / options.steps)
                moved = torch.cat([start[:, :first], base + free @ steps, start[:, end:]], 1)
                picture = draw(moved)
                loss = search.loss(moved, picture)
                curve.append(float(loss.detach()))
                search.keep(step, curve[-1], moved, picture)
                if step % PREVIEW_EVERY == 0:
                    preview(search.picture)
                if step - search.progressed > PATIENCE:
                    break
                if step == 0 and leap is not None:
                    base = base + leap
                    continue
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            progress(options.steps, options.steps)
        except (KeyboardInterrupt, Interrupted):
            interrupted = True
        return TextEdit(search.codes, tuple(curve), search.best, interrupted)


class _Search:
    """The objective of one optimization, and the best that it has met."""

    def __init__(self, start: Tensor, change: Tensor, clip: Clip, options: TextOptions) -> None:
        self.start = start
        self.change = change
        self.clip = clip
        self.options = options
        self.origin: Tensor | None = None
        self.codes = start
        self.picture = start
        self.lowest = math.inf
        self.best = 0
        self.progressed = 0
        self.mark = math.inf

    def loss(self, codes: Tensor, picture: Tensor) -> Tensor:
        """λ1 · directional loss + λ2 · squared distance; the first picture seen is the original."""
        place = self.clip.images(picture)
        if self.origin is None:
            self.origin = place.detach()
        distance = (codes - self.start).square().sum()
        directional = directional_loss(place - self.origin, self.change)
        return self.options.weight * directional + self.options.latent_weight * distance

    def keep(self, step: int, loss: float, codes: Tensor, picture: Tensor) -> None:
        """Remember the codes if they are the best so far."""
        if loss < self.lowest:
            self.lowest, self.best = loss, step
            self.codes, self.picture = codes.detach().clone(), picture.detach()
        if loss < self.mark - LEAST_PROGRESS:
            self.mark, self.progressed = loss, step


def directional_loss(picture_change: Tensor, text_change: Tensor) -> Tensor:
    """1 − cosine of the change of pictures [B, D] and the unit change of text [D], mean over B (Eq. 5).

    Softened: faint changes count less (see `SOFTNESS`).
    """
    # The length of nothing has no gradient but with a term under the root.
    length = (picture_change.square().sum(-1) + 1e-12).sqrt() + SOFTNESS
    return (1 - picture_change @ text_change / length).mean()


def ramp(share: float) -> float:
    """Share of the learning rate: up over the first 5 % of steps, down along a cosine over the last 25 %."""
    rising = min(1.0, (share + 0.02) / 0.05)
    falling = min(1.0, (1 - share) / 0.25)
    return rising * (0.5 - 0.5 * math.cos(falling * math.pi))


# --- directions in one pass ---------------------------------------------------------------------------------

STRENGTH = 6.0
"""Length of a text direction in standard deviations of the codes, all components together."""

LOOSE = 0.3
"""Weight of the length; the larger, the less other changes are held back."""


def text_direction(clip: Clip, text: str, options: TextOptions = DEFAULTS) -> Linear:
    """A direction for a text (StyleCLIP's global method): an amount of 1 is a clear edit.

    It is the step of the codes that is predicted to move the model's view along the text's change, at the
    least movement across it and the least length.

    Args:
        clip: the model, whose relevance was measured.
        text: what the face should be.
        options: its source, templates and layers count.

    Raises:
        InputError: as `text_change`; or the relevance is that of another model.
        WeightsMissingError: the relevance was not measured; says how to.
    """
    if clip.relevance is None:
        raise WeightsMissingError(
            f"{relevance_name(clip.name)} is missing, which text directions are made of. Measure it once "
            f"(`python -m facemug_core directions relevance --clip {clip.name}=FILE -o FOLDER`), and keep it "
            "beside the model's weights. Or let the text be optimized for, which needs no measuring."
        )
    change = text_change(clip, text, options.source, options.templates)
    vector = _step_along(clip, clip.relevance, change)
    return Linear(vector, options.free, (-1.5, 1.5), {"found": f"text {text!r} with {clip.name}"})


def _step_along(clip: Clip, relevance: Relevance, change: Tensor) -> Tensor:
    """The step of the codes, [512], that is predicted to change the model's view as a text does."""
    answers, change = relevance.answers, change.cpu()
    if relevance.clip != clip.name or answers.shape[1] != len(change):
        raise InputError(
            f"The relevance was measured for another model than {clip.name} of {len(change)} dimensions, "
            f"{relevance.clip} of {answers.shape[1]}: take the file that came with the model, or measure it "
            "anew."
        )
    scale = answers.square().sum() / len(answers)  # a mean squared answer, so that `LOOSE` has no unit
    weights = torch.linalg.solve(
        answers @ answers.T + LOOSE * scale * torch.eye(len(answers)), answers @ change
    )
    return STRENGTH * F.normalize(weights, dim=0) @ relevance.steps
