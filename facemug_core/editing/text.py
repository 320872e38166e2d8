"""Text edits of style codes: by optimization (PAPER section 7), and in one pass along a measured direction.

Both follow the change of text from a source such as "a face" to the target, as the difference of their
embeddings in a text-image model.
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
"""Default text of the face before the edit."""

TEMPLATES = ("{}", "a photo of {}", "a picture of {}", "a portrait of {}", "a close up of {}")
"""Sentences for texts; their embeddings are averaged."""

GEOMETRY = 8
"""Codes before this one decide on shapes, later ones on colors."""

SOFTNESS = 0.1
"""Added to the length of a picture's change in the directional loss.

Without it, faint and strong changes would count the same, and an unchanged picture would have no gradient.
"""

LEAP = 1.0
"""Length of the first step, which goes along the text's direction if the relevance was measured."""

PATIENCE = 12
"""Number of steps without progress after which an optimization ends."""

LEAST_PROGRESS = 1e-3
"""Decrease of the loss that counts as progress."""

PREVIEW_EVERY = 5
"""Steps between previews."""


@dataclass(frozen=True)
class TextOptions:
    """Options of a text edit."""

    weight: float = 1.0
    """λ1, weight of the directional loss; 0 changes nothing."""
    latent_weight: float = 2e-4
    """λ2, weight of the squared distance from the initial codes."""
    steps: int = 50
    learning_rate: float = 0.05
    """In standard deviations of the codes' principal components."""
    source: str = SOURCE
    """Text of the face before the edit."""
    templates: Sequence[str] = TEMPLATES
    layers: Layers = ALL_LAYERS
    """Codes that may change."""
    keep_geometry: bool = False
    """Keep the codes of shapes."""

    @property
    def free(self) -> Layers:
        """Codes that may change by `layers` and `keep_geometry`.

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
    """A text, a model and options for an optimization."""

    text: str
    clip: Clip
    options: TextOptions = DEFAULTS
    progress: Progress = no_progress
    preview: Preview = no_preview


@dataclass(frozen=True, eq=False)
class TextEdit:
    """Result of an optimization."""

    codes: Tensor
    """The best codes found, `[1, 18, 512]`."""
    curve: tuple[float, ...]
    """Loss before each step."""
    best: int
    """Step of the best codes; 0 is the start."""
    interrupted: bool = False
    """Whether it was interrupted."""


def text_change(clip: Clip, text: str, source: str = SOURCE, templates: Sequence[str] = TEMPLATES) -> Tensor:
    """ΔT of Eq. 5 as a unit vector `[D]`: from the source to the text, each averaged over the templates.

    Warns with `UnknownWordsWarning` about words that the model does not know.

    Raises:
        InputError: the text is empty, has only unknown words, or means the same as the source to the model.
    """
    if not text.strip():
        raise InputError("The text is empty. Describe the face, such as 'curly blond hair'.")
    if not clip.reads(text):
        raise InputError(f"The model {clip.name!r} knows no word of {text!r} (docs/text.md lists its words).")
    unknown = clip.unknown_words(text)
    if unknown:
        warnings.warn(
            f"The model {clip.name!r} does not know {', '.join(unknown)}, and leaves "
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
        raise InputError(
            f"To the model {clip.name!r}, {text!r} means the same as {source!r}. Use other words."
        )
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
    """Optimize codes so that the picture changes like the text, near the initial codes (Eq. 4).

    The first step goes along the text's direction, if the model's relevance was measured. The result is the
    codes of the lowest loss, also after an interruption.

    Args:
        draw: codes `[1, 18, 512]` → picture `[1, 3, 256, 256]`, differentiable; makes no inference tensors.
        codes: to start from.
        steps: coordinates `[K, 512]` (see `principal_steps`) in which all codes move together; separate
            layers make caricatures in glaring colors.
        text: description of the face.
        clip: measures the loss.
        options: weights, steps and layers.
        progress: called for every step; may raise `Interrupted` to end with the best codes so far.
        preview: called with the best picture every few steps.

    Raises:
        InputError: the text is empty, or no layers are free.
        ShapeError: the codes are not `[1, 18, 512]`.
    """
    if len(check_codes(codes)) != 1:
        raise ShapeError(f"Expected the codes of one face, [1, 18, 512], but got {list(codes.shape)}.")
    first, end = options.free
    # The host runs nodes in inference mode, which has no gradients.
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
    """The objective of an optimization, and its best codes."""

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
        """λ1 · directional loss + λ2 · squared distance; the first picture is the original."""
        place = self.clip.images(picture)
        if self.origin is None:
            self.origin = place.detach()
        distance = (codes - self.start).square().sum()
        directional = directional_loss(place - self.origin, self.change)
        return self.options.weight * directional + self.options.latent_weight * distance

    def keep(self, step: int, loss: float, codes: Tensor, picture: Tensor) -> None:
        """Keep the codes if they are the best so far."""
        if loss < self.lowest:
            self.lowest, self.best = loss, step
            self.codes, self.picture = codes.detach().clone(), picture.detach()
        if loss < self.mark - LEAST_PROGRESS:
            self.mark, self.progressed = loss, step


def directional_loss(picture_change: Tensor, text_change: Tensor) -> Tensor:
    """1 − cosine of the change of pictures `[B, D]` and the unit change of text `[D]`, mean over B (Eq. 5).

    Softened: faint changes count less (see `SOFTNESS`).
    """
    # The root has no gradient at 0.
    length = (picture_change.square().sum(-1) + 1e-12).sqrt() + SOFTNESS
    return (1 - picture_change @ text_change / length).mean()


def ramp(share: float) -> float:
    """Factor of the learning rate: rises over the first 5 % of steps, falls over the last 25 %."""
    rising = min(1.0, (share + 0.02) / 0.05)
    falling = min(1.0, (1 - share) / 0.25)
    return rising * (0.5 - 0.5 * math.cos(falling * math.pi))


# --- directions in one pass ---------------------------------------------------------------------------------

STRENGTH = 6.0
"""Length of a text direction in standard deviations of the codes, all components together."""

LOOSE = 0.3
"""Weight of the length; larger values allow more other changes."""


def text_direction(clip: Clip, text: str, options: TextOptions = DEFAULTS) -> Linear:
    """A direction for a text (StyleCLIP's global method): an amount of 1 is a clear edit.

    It is the step of codes with a predicted change of the embedding along the text's change, and the least
    change across it and the least length.

    Args:
        clip: a model whose relevance was measured.
        text: description of the face.
        options: its source, templates and layers are used.

    Raises:
        InputError: as `text_change`; or the relevance is another model's.
        WeightsMissingError: the relevance is missing; the message says how to measure it.
    """
    if clip.relevance is None:
        raise WeightsMissingError(
            f"Text directions need {relevance_name(clip.name)}, which is missing. Measure it once "
            f"(`python -m facemug_core directions relevance --clip {clip.name}=FILE -o FOLDER`), and keep it "
            "beside the model's weights. Or use text optimization, which does not need it."
        )
    change = text_change(clip, text, options.source, options.templates)
    vector = _step_along(clip, clip.relevance, change)
    return Linear(vector, options.free, (-1.5, 1.5), {"found": f"text {text!r} with {clip.name}"})


def _step_along(clip: Clip, relevance: Relevance, change: Tensor) -> Tensor:
    """The step `[512]` of codes with the predicted change of the embedding."""
    answers, change = relevance.answers, change.cpu()
    if relevance.clip != clip.name or answers.shape[1] != len(change):
        raise InputError(
            f"The relevance is that of another model: {relevance.clip} of {answers.shape[1]} dimensions, not "
            f"{clip.name} of {len(change)}. Use the model's own file, or measure it again."
        )
    scale = answers.square().sum() / len(answers)  # mean squared answer, which makes `LOOSE` dimensionless
    weights = torch.linalg.solve(
        answers @ answers.T + LOOSE * scale * torch.eye(len(answers)), answers @ change
    )
    return STRENGTH * F.normalize(weights, dim=0) @ relevance.steps
