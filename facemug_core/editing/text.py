"""Text edits of style codes: by optimization (PAPER section 7), and in one pass along a measured direction.

Both follow the same change of text: from a source such as "a face" to what is asked for, as the difference of
their places in the space of a text-image model.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..batches import Interrupted, Progress, no_progress
from ..checkpoints.formats.ours import RELEVANCE_KIND
from ..checkpoints.manifest import located, missing
from ..checkpoints.reading import read_safetensors, save_safetensors
from ..errors import CheckpointError, InputError, ShapeError, UnknownWordsWarning
from ..latents import check_codes
from .clip import Clip
from .directions import ALL_LAYERS, Layers, Linear, check_layers

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

PATIENCE = 12
"""Steps without progress after which an optimization ends."""

LEAST_PROGRESS = 1e-3
"""Fall of the loss that counts as progress."""

PREVIEW_EVERY = 5
"""Steps between previews."""

Preview = Callable[[Tensor], object]
"""Shown the best picture so far, [1, 3, 256, 256]."""


def no_preview(picture: Tensor) -> None:
    """Nobody is looking."""


@dataclass(frozen=True)
class TextOptions:
    """How codes follow a text."""

    weight: float = 1.0
    """λ1, of the directional loss; 0 changes nothing."""
    latent_weight: float = 0.002
    """λ2, of the squared distance to the codes at the start."""
    steps: int = 50
    learning_rate: float = 0.03
    """In standard deviations of the codes."""
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
    spread: Tensor,
    text: str,
    clip: Clip,
    options: TextOptions,
    progress: Progress = no_progress,
    preview: Preview = no_preview,
) -> TextEdit:
    """Codes whose picture has changed as the text says, near the codes at the start (Eq. 4).

    The codes of the lowest loss are kept, be it that the steps end, that nothing improves any more, or that
    somebody interrupts.

    Args:
        draw: codes [1, 18, 512] → picture [1, 3, 256, 256], differentiable; makes no inference tensors.
        codes: to start from.
        spread: square root of the covariance of codes, [512, 512] (see `spread_of`). Steps are taken in its
            coordinates, so that codes move most where faces differ most, and stay where there are no faces.
        text: what the face should be.
        clip: judges.
        options: weights, steps and layers.
        progress: told about every step; may raise `Interrupted` to end with the best so far.
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
        spread = spread.clone()
        free = torch.zeros_like(start[:, first:end]).requires_grad_()
        optimizer = torch.optim.Adam([free], lr=options.learning_rate)
        search = _Search(start, change, clip, options)
        curve: list[float] = []
        interrupted = False
        try:
            for step in range(options.steps):
                progress(step, options.steps)
                optimizer.param_groups[0]["lr"] = options.learning_rate * ramp(step / options.steps)
                changed = start[:, first:end] + free @ spread
                moved = torch.cat([start[:, :first], changed, start[:, end:]], 1)
                picture = draw(moved)
                loss = search.loss(moved, picture)
                curve.append(float(loss.detach()))
                search.keep(step, curve[-1], moved, picture)
                if step % PREVIEW_EVERY == 0:
                    preview(search.picture)
                if step - search.progressed > PATIENCE:
                    break
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            progress(options.steps, options.steps)
        except (KeyboardInterrupt, Interrupted):
            interrupted = True
        return TextEdit(search.codes, tuple(curve), search.best, interrupted)


def spread_of(codes: Tensor) -> Tensor:
    """Square root of the covariance [512, 512] of codes w [N, 512]."""
    return root_of(torch.cov(codes.double().T)).to(codes.dtype)


def root_of(covariance: Tensor) -> Tensor:
    """Symmetric square root of a covariance [N, N]."""
    variances, axes = torch.linalg.eigh(covariance)
    return (axes * variances.clamp(min=0).sqrt()) @ axes.T


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

STRENGTH = 7.0
"""Length of a text direction in standard deviations of the codes, all components together."""

COMPONENTS = 100
"""Principal components of the codes that text directions are made of."""


@dataclass(frozen=True, eq=False)
class Relevance:
    """How a text-image model's view of a face answers to its code (StyleCLIP measures it by channel)."""

    steps: Tensor
    """One standard deviation along each principal component of the codes, [K, 512]."""
    answers: Tensor
    """How the model's view moves with each step, [K, D]."""
    clip: str
    """Name of the model."""


def measure_relevance(codes: Tensor, views: Tensor, clip: str, ridge: float = 100.0) -> Relevance:
    """Relevance from faces' codes w [N, 512] and the model's views of their pictures [N, D]: a regression."""
    codes, views = codes.double(), views.double()
    centered = codes - codes.mean(0)
    _, lengths, axes = torch.linalg.svd(centered, full_matrices=False)
    count = min(COMPONENTS, len(lengths) - 1)
    steps = axes[:count] * lengths[:count, None] / math.sqrt(len(codes))
    scores = centered @ axes[:count].T / lengths[:count] * math.sqrt(len(codes))  # [N, K], unit variance
    answers = torch.linalg.solve(
        scores.T @ scores + ridge * torch.eye(count, dtype=torch.double), scores.T @ (views - views.mean(0))
    )
    return Relevance(steps.float(), answers.float(), clip)


def text_direction(
    relevance: Relevance, clip: Clip, text: str, options: TextOptions = DEFAULTS, loose: float = 0.3
) -> Linear:
    """A direction for a text (StyleCLIP's global method): an amount of 1 is a clear edit.

    It is the step of the codes that is predicted to move the model's view along the text's change, at the
    least movement across it and the least length.

    Args:
        relevance: of this model.
        clip: the model.
        text: what the face should be.
        options: its source, templates and layers count.
        loose: weight of the length; the larger, the less other changes are held back.

    Raises:
        InputError: as `text_change`; or the relevance is that of another model.
    """
    if relevance.clip != clip.name:
        raise InputError(f"The relevance was measured for {relevance.clip}, but the model is {clip.name}.")
    change = text_change(clip, text, options.source, options.templates).cpu()
    answers = relevance.answers
    if answers.shape[1] != len(change):
        raise InputError(
            f"The relevance was measured for another {clip.name} of {answers.shape[1]} dimensions, not "
            f"{len(change)}: take the file that came with the model, or measure it anew."
        )
    scale = answers.square().sum() / len(answers)  # a mean squared answer, so that `loose` has no unit
    weights = torch.linalg.solve(
        answers @ answers.T + loose * scale * torch.eye(len(answers)), answers @ change
    )
    vector = STRENGTH * F.normalize(weights, dim=0) @ relevance.steps
    return Linear(vector, options.free, (-1.5, 1.5), {"found": f"text {text!r} with {clip.name}"})


def relevance_name(clip: str) -> str:
    """Name of the file that holds the relevance of a model."""
    return f"{clip.replace('/', '-')}_relevance.safetensors"


def find_relevance(clip: str, folders: Sequence[str | Path] = ()) -> Relevance:
    """The relevance of a model; that of the pack's own model ships.

    Raises:
        WeightsMissingError: its file is in none of the folders; says how to make it.
        CheckpointError: the file is damaged or holds something else.
    """
    name = relevance_name(clip)
    path = located(name, *folders)
    if path is None:
        advice = (
            f"Measure it once: `python -m facemug_core directions relevance --clip {clip}=FILE -o FOLDER`. "
            "Or let the text be optimized for, which needs no measuring."
        )
        raise missing([name], *folders, advice={name: advice})
    return load_relevance(path)


def save_relevance(path: str | Path, relevance: Relevance) -> None:
    """Write a relevance file, in half precision."""
    tensors = {"steps": relevance.steps.half(), "answers": relevance.answers.half()}
    save_safetensors(path, tensors, {"kind": RELEVANCE_KIND, "clip": relevance.clip})


def load_relevance(path: str | Path) -> Relevance:
    """Read a relevance file.

    Raises:
        CheckpointError: the file is damaged or holds something else.
    """
    tensors, about = read_safetensors(path)
    if about.get("kind") != RELEVANCE_KIND:
        raise CheckpointError(
            f"{path} tells no relevance: it says of itself {about.get('kind', 'nothing')!r}."
        )
    return Relevance(tensors["steps"].float(), tensors["answers"].float(), about["clip"])
