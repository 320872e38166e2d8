"""Style codes of an edit: where they come from, and what sliders change in them.

Command, library and nodes make a `StylePlan`; the source of the codes, the steps of descent, the recipe and
what a person should know are decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .. import latents
from ..batches import Progress, common_batch, no_progress, seeds_from
from ..choices import Style
from ..conditions import Conditions, whole_photo
from ..editing.directions import Direction
from ..editing.inversion import INVERSION_STEPS
from ..editing.text import TextGoal
from ..errors import InputError
from ..latents import Latent
from ..model import FaceMug
from .blackened import is_black_face

ENOUGH_VISIBLE = 0.2
"""Share of the photo that must be visible for its projection to be the default style (PAPER section 1)."""

SHAPE_CODES = 8
"""The first codes, up to 32 px of the bank's levels, decide on shapes, the others on colors and textures."""

FIT_STEPS = 6
"""Steps of descent by which codes of another person fit a photo; with more, an exemplar is less alike."""

FEATURE_CODES = slice(3, 8)
"""The codes that make a person's features. Those before decide on pose and outline, those after on light and
colors: a face beside visible hair and ears has to share them with the photo."""

HAIR_PLACE = (slice(16, 56), slice(80, 176))
"""Rows and columns of an aligned face in which its hair begins. Where the edit is to make the hair, too, a
person brings pose and colors of their own."""

NO_INVERSION = "This model has no weights for inversion; the style codes are used as they are."
NO_WARPING = "The exemplar is not warped to the photo's pose: there are no warping weights."


class Move(NamedTuple):
    """A direction, and how far codes go along it."""

    direction: Direction
    amount: float
    step: Mapping[str, Any]
    """What the recipe says of it: {"operation": name, …}."""


@dataclass(frozen=True)
class StylePlan:
    """What the style codes of an edit are to be."""

    style: Style | None = None
    """Where they come from; None for what suits the edit (`default_style`)."""
    style_mix: float = 0.0
    """λ from these codes towards random ones."""
    seeds: Sequence[int] = (0,)
    """Of the random codes. One variant is made for each."""
    latent: Latent | None = None
    """Use these codes instead, [B, 18, 512]: one for all, one for each variant, or those of all variants of
    each face that is edited, one face after the other. If one variant is asked for, there is one for each
    code. Their recipe goes on."""
    inversion: int | None = None
    """Steps of descent by which codes of the photo or the exemplar come nearer to it; None for as many as
    suit."""
    fit: int | None = None
    """Steps of descent by which codes of another source than the photo come nearer to what is visible of it,
    and to the guides; None for as many as suit, which are none for a `latent`: sliders may have changed it on
    purpose. A new face is not fitted."""
    directions: Sequence[Move] = ()
    """What to change in the codes, in this order."""
    text: TextGoal | None = None
    """What the codes are then optimized for."""

    @property
    def variants(self) -> int:
        """Pictures that are made of one face."""
        if self.latent is not None and len(self.seeds) == 1:
            return len(self.latent.codes)
        return len(self.seeds)

    @property
    def moves(self) -> bool:
        """Whether sliders or a text change a person: those without strength are as if not given."""
        by_text = self.text is not None and self.text.options.weight != 0
        return by_text or any(move.amount != 0 for move in self.directions)

    def of_faces(self, count: int) -> list[StylePlan]:
        """The plan of each face: with its share of the latent, and a seed for each variant.

        Raises:
            ShapeError: there are neither as many codes as variants, nor as many as variants of all faces.
        """
        if self.latent is None:
            return [self] * count
        seeds, codes = self.seeds, len(self.latent.codes)
        if count > 1 and codes == count * len(seeds):
            rows = [slice(i, i + len(seeds)) for i in range(0, codes, len(seeds))]
            return [replace(self, latent=self.latent[own]) for own in rows]
        common_batch({"variants": self.variants, "style codes": codes})
        return [replace(self, seeds=seeds_from(seeds[0], codes) if len(seeds) == 1 else seeds)] * count


class Styled(NamedTuple):
    """Style codes of an edit."""

    latent: Latent
    """Codes of one face or of all variants, [1 or seeds, 18, 512], with their recipe."""
    notices: list[str]
    """What a person should know, in sentences."""


@torch.no_grad()
def styled(
    model: FaceMug,
    conditions: Conditions,
    plan: StylePlan,
    exemplar: Tensor | None = None,
    progress: Progress = no_progress,
) -> Styled:
    """The codes of a plan, all but its text.

    Args:
        model: that draws the edit.
        conditions: photo, mask and guides of one edit (batch 1), on the model's device.
        plan: what is asked for.
        exemplar: aligned exemplar photo [1, 3, 256, 256].
        progress: told about every step of descent.

    Raises:
        InputError: the style is that of an exemplar, and there is none; or codes are beyond those of faces.
        ShapeError: the codes given are none.
    """
    notices: list[str] = []
    latent, of_photo = _begun(model, conditions, plan, exemplar, progress, notices)
    codes = latents.check_codes(latent.codes).to(model.device)
    if plan.style_mix != 0:
        codes = model.interpolate(codes, model.random_codes(plan.seeds), plan.style_mix)
        latent = latent.then(codes.cpu(), "interpolate", seed=plan.seeds[0], amount=plan.style_mix)
        of_photo = False
    if not of_photo and conditions.image.any():
        usual = FIT_STEPS if plan.latent is None else 0
        if steps := possible_steps(model, plan.fit, usual, notices):
            # One by one: every seed has the bits that it has alone.
            codes = torch.cat([fitted(model, one, conditions, steps, progress) for one in codes.split(1)])
            latent = latent.then(codes.cpu(), "fit", steps=steps)
    if plan.latent is None:  # what new codes are made of is no step that could be undone
        latent = model.as_latent(codes)
    for direction, amount, step in plan.directions:
        codes = direction.apply(codes, amount)
        latent = latent.then(codes.cpu(), **step)
    return Styled(latent, list(dict.fromkeys(notices)))


def _begun(
    model: FaceMug,
    conditions: Conditions,
    plan: StylePlan,
    exemplar: Tensor | None,
    progress: Progress,
    notices: list[str],
) -> tuple[Latent, bool]:
    """What an edit begins with, and whether that is the person of the photo."""
    if plan.latent is not None:
        known = model.as_latent(plan.latent.codes)
        return replace(known, recipe=plan.latent.recipe, before=plan.latent.before), False
    style = plan.style or default_style(conditions, exemplar, moves=plan.moves)
    if style == "random":
        return model.as_latent(random_style(model, conditions, plan.seeds)), False
    steps = possible_steps(model, plan.inversion, INVERSION_STEPS, notices)
    seen = _seen(style, conditions, exemplar, model.device)
    codes = model.invert(model.project(seen), seen, steps, progress)
    if style == "exemplar" and enough_visible(conditions):
        if model.warping is None:
            notices.append(NO_WARPING)
        codes = in_pose(model, codes, conditions)
    return model.as_latent(codes), style != "exemplar"


def _seen(style: Style, conditions: Conditions, exemplar: Tensor | None, device: torch.device) -> Conditions:
    """What the encoder is shown for a style."""
    if style == "projected":
        return conditions
    if style == "photo":
        return whole_photo(conditions.image)
    if exemplar is None:
        raise InputError("The style 'exemplar' needs an exemplar: give a photo of a face.")
    return whole_photo(exemplar.to(device))


def default_style(conditions: Conditions, exemplar: Tensor | None, *, moves: bool = False) -> Style:
    """The style of an edit for which none is asked; `moves` if sliders or a text are to change a person.

    Who is changed by them, or by colors alone, should be the one of the photo, but nobody under black paint.
    """
    if exemplar is not None:
        return "exemplar"
    colors_alone = conditions.color_weight.any() and not conditions.tells_shape
    if (moves or colors_alone) and conditions.image.any():
        return "projected" if is_black_face(conditions.image) else "photo"
    return "projected" if enough_visible(conditions) else "random"


def enough_visible(conditions: Conditions) -> bool:
    """Whether so much of the photo is visible that it tells who is in it, and in which pose."""
    return bool(1 - conditions.mask.mean() >= ENOUGH_VISIBLE)


@torch.no_grad()
def random_style(model: FaceMug, conditions: Conditions, seeds: Sequence[int]) -> Tensor:
    """Codes [seeds, 18, 512] of random people who fit an edit.

    Guides tell shapes: the codes of shapes are then what the encoder sees in the conditions, the others
    random. Without guides random people are turned to the photo's pose, if enough of it is visible, and take
    its outline, light and colors as far as the place of the hair is visible.

    Args:
        model: that draws the edit.
        conditions: of one edit for all seeds, or of one for each.
        seeds: of the random codes.
    """
    codes = model.random_codes(seeds)
    if conditions.guided:
        return latents.mix_layers(model.project(conditions), codes, SHAPE_CODES)
    if not enough_visible(conditions):
        return codes
    return _shared(in_pose(model, codes, conditions), model.project(conditions), conditions, FEATURE_CODES)


def in_pose(model: FaceMug, codes: Tensor, conditions: Conditions) -> Tensor:
    """Codes of other people, turned to the photo's pose (Eq. 2) where there are weights for that."""
    if model.warping is None:
        return codes
    return model.warp(codes, model.project(conditions).expand(len(codes), -1, -1))


@torch.no_grad()
def fitted(
    model: FaceMug, codes: Tensor, conditions: Conditions, steps: int, progress: Progress = no_progress
) -> Tensor:
    """Codes of another person, fitted to the photo that they are drawn into.

    Without guides, light and colors become those that the photo shows, as far as the place of the hair is
    visible; shapes stay. Then all codes descend to what is visible, and to the guides.

    Args:
        model: that draws the edit.
        codes: of the person, [B, 18, 512].
        conditions: of the edits.
        steps: of descent; 0 returns the codes' bits.
        progress: told about every step.
    """
    if steps == 0:
        return codes
    conditions = conditions.to(model.device)
    if not conditions.guided:
        codes = _shared(codes, model.project(conditions), conditions, slice(0, SHAPE_CODES))
    return model.invert(codes, conditions, steps, progress)


def _shared(codes: Tensor, photos: Tensor, conditions: Conditions, own: slice) -> Tensor:
    """A person's codes [B, 18, 512], but for their `own` ones those of the photo as far as the place of its
    hair is visible."""
    rows, columns = HAIR_PLACE
    visible = 1 - conditions.mask[:, 0, rows, columns].mean((1, 2))
    shared = torch.lerp(codes, photos.expand_as(codes), visible[:, None, None])
    shared[:, own] = codes[:, own]
    return shared


def possible_steps(model: FaceMug, asked: int | None, usual: int, notices: list[str]) -> int:
    """Steps of descent: those asked for, or the usual ones; none where there are no weights for it, which is
    added to the notices if steps were asked for."""
    if asked and model.inverter is None:
        notices.append(NO_INVERSION)
        return 0
    return usual_steps(model, usual) if asked is None else asked


def usual_steps(model: FaceMug, usual: int) -> int:
    """Steps of descent that nobody has asked for; none where there are no weights for it."""
    return 0 if model.inverter is None else usual
