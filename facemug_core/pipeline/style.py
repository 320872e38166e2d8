"""Style codes of an edit: their source, and their changes by sliders.

Command, library and nodes make a `StylePlan`. Source of the codes, steps of descent, recipe and notices are
decided here alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .. import latents
from ..batches import UNWATCHED, Preview, Progress, Watch, common_batch, no_preview, no_progress, seeds_from
from ..choices import Style
from ..conditions import Conditions, whole_photo
from ..editing.clip import Clip
from ..editing.directions import Direction
from ..editing.inversion import INVERSION_STEPS
from ..editing.text import DEFAULTS, TextGoal, TextOptions, text_direction
from ..errors import InputError
from ..latents import Latent
from ..memory import Recall, afresh
from ..model import FaceMug
from .blackened import is_black_face

ENOUGH_VISIBLE = 0.2
"""Share of the photo that must be visible for its projection to be the default style (PAPER section 1)."""

SHAPE_CODES = 8
"""The first codes, of the bank's levels up to 32 px, decide on shapes; the others on colors and textures."""

FIT_STEPS = 6
"""Default steps of a fit; with more, the result is less like the exemplar."""

FEATURE_CODES = slice(3, 8)
"""Codes of a person's features. Earlier codes decide on pose and outline, later ones on light and colors: a
face beside visible hair and ears must share these with the photo."""

HAIR_PLACE = (slice(16, 56), slice(80, 176))
"""Rows and columns of an aligned face where its hair begins. If the mask covers them, the new person keeps
their own pose and colors."""

NO_INVERSION = "This model has no weights for inversion; the style codes are used as they are."
NO_WARPING = "The exemplar is not warped to the photo's pose: there are no warping weights."


class Move(NamedTuple):
    """A direction and its amount."""

    direction: Direction
    amount: float
    step: Mapping[str, Any]
    """Its step in the recipe: {"operation": name, …}."""


def slider_move(name: str, direction: Direction, amount: float) -> Move:
    """The move of an attribute slider."""
    return Move(direction, amount, {"operation": "attribute", "name": name, "amount": amount})


def text_move(clip: Clip, text: str, strength: float, options: TextOptions = DEFAULTS) -> Move:
    """The move along the direction of a text, in one pass.

    Raises:
        InputError, WeightsMissingError: as `text_direction`.
    """
    step = {"operation": "text", "text": text, "mode": "direction", "strength": strength}
    return Move(text_direction(clip, text, options), strength, step)


@dataclass(frozen=True)
class StylePlan:
    """How the style codes of an edit are made."""

    style: Style | None = None
    """Source of the codes; None: `default_style`."""
    style_mix: float = 0.0
    """λ from these codes towards random ones."""
    seeds: Sequence[int] = (0,)
    """Seeds of random codes; one variant each."""
    latent: Latent | None = None
    """Codes to use instead, `[B, 18, 512]`: one for all variants, one for each, or those of all variants of
    each edited face, face by face. With a single seed there is a variant for each code. Their recipe is
    continued."""
    inversion: int | None = None
    """Steps of inversion of the photo's or the exemplar's codes; None: the default."""
    fit: int | None = None
    """Steps of the fit of another source's codes to the visible photo and the guides; None: the default. The
    default for a `latent` is 0, because sliders may have changed it on purpose. A new face is not fitted."""
    directions: Sequence[Move] = ()
    """Changes of the codes, in this order."""
    text: TextGoal | None = None
    """Text that the codes are optimized for afterwards."""

    @property
    def variants(self) -> int:
        """Number of results for each face."""
        if self.latent is not None and len(self.seeds) == 1:
            return len(self.latent.codes)
        return len(self.seeds)

    @property
    def moves(self) -> bool:
        """Whether sliders or a text change a person. Those with strength 0 do not count."""
        by_text = self.text is not None and self.text.options.weight != 0
        return by_text or any(move.amount != 0 for move in self.directions)

    def of_faces(self, count: int) -> list[StylePlan]:
        """The plan of each face: with its share of the latent, and a seed for each variant.

        Raises:
            ShapeError: the number of codes is neither that of variants, nor that of all faces' variants.
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
    watch: Watch = UNWATCHED,
    recall: Recall = afresh,
) -> Styled:
    """The codes of a plan; its text is not applied yet.

    Args:
        model: of the edit.
        conditions: photo, mask and guides of one edit (batch 1), on the model's device.
        plan: how the codes are made.
        exemplar: aligned exemplar photo `[1, 3, 256, 256]`.
        watch: told of every step of descent, and shown the face so far.
        recall: knows codes that were found before.

    Raises:
        InputError: the style is that of an exemplar, and there is none; or codes are beyond those of faces.
        ShapeError: the codes given are none.
    """
    notices: list[str] = []
    latent, of_photo = _begun(model, conditions, plan, exemplar, watch, recall, notices)
    codes = latents.check_codes(latent.codes).to(model.device)
    if plan.style_mix != 0:
        codes = model.interpolate(codes, model.random_codes(plan.seeds), plan.style_mix)
        latent = latent.then(codes.cpu(), "interpolate", seed=plan.seeds[0], amount=plan.style_mix)
        of_photo = False
    if not of_photo and conditions.image.any():
        usual = FIT_STEPS if plan.latent is None else 0
        if steps := possible_steps(model, plan.fit, usual, notices):
            # One by one: every seed has the bits that it has alone.
            fits = [fitted_codes(model, one, conditions, steps, watch, recall) for one in codes.split(1)]
            codes = torch.cat(fits)
            latent = latent.then(codes.cpu(), "fit", steps=steps)
    if plan.latent is None:  # the steps that made new codes cannot be undone
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
    watch: Watch,
    recall: Recall,
    notices: list[str],
) -> tuple[Latent, bool]:
    """The first codes of an edit, and whether they are of the photo's person."""
    if plan.latent is not None:
        known = model.as_latent(plan.latent.codes)
        return replace(known, recipe=plan.latent.recipe, before=plan.latent.before), False
    style = plan.style or default_style(conditions, exemplar, moves=plan.moves)
    if style == "random":
        return model.as_latent(random_style(model, conditions, plan.seeds)), False
    steps = possible_steps(model, plan.inversion, INVERSION_STEPS, notices)
    seen = _seen(style, conditions, exemplar, model.device)
    codes = seen_codes(model, seen, steps, watch, recall)
    if style == "exemplar" and enough_visible(conditions):
        if model.warping is None:
            notices.append(NO_WARPING)
        codes = in_pose(model, codes, conditions)
    return model.as_latent(codes), style != "exemplar"


def seen_codes(
    model: FaceMug, seen: Conditions, steps: int, watch: Watch = UNWATCHED, recall: Recall = afresh
) -> Tensor:
    """Codes [1, 18, 512] of what one edit's conditions tell: the encoder's, after some steps of descent."""

    def find() -> Tensor:
        watch.stage("style")
        return model.invert(model.project(seen), seen, steps, watch, _under_mask(seen, watch))

    return recall("style", (seen, steps), find)


def fitted_codes(
    model: FaceMug,
    codes: Tensor,
    conditions: Conditions,
    steps: int,
    watch: Watch = UNWATCHED,
    recall: Recall = afresh,
) -> Tensor:
    """`fitted` codes [1, 18, 512] of one edit."""

    def fit() -> Tensor:
        watch.stage("fit")
        return fitted(model, codes, conditions, steps, watch, _under_mask(conditions, watch))

    return recall("fit", (codes, conditions, steps), fit)


def _under_mask(conditions: Conditions, watch: Watch) -> Preview:
    """Shows pictures of codes in place of what the mask hides; whole where it hides nothing."""
    if not conditions.mask.any():
        return watch.show
    return lambda picture: watch.show(
        torch.where(conditions.mask.to(picture.device) > 0, picture, conditions.image.to(picture.device))
    )


def _seen(style: Style, conditions: Conditions, exemplar: Tensor | None, device: torch.device) -> Conditions:
    """The encoder's input for a style."""
    if style == "projected":
        return conditions
    if style == "photo":
        return whole_photo(conditions.image)
    if exemplar is None:
        raise InputError("The style 'exemplar' needs an exemplar: give a photo of a face.")
    return whole_photo(exemplar.to(device))


def default_style(conditions: Conditions, exemplar: Tensor | None, *, moves: bool = False) -> Style:
    """The style of an edit without a given style; `moves`: sliders or a text change a person.

    They, and colors alone, change the person of the photo, unless its face is painted black.
    """
    if exemplar is not None:
        return "exemplar"
    colors_alone = conditions.color_weight.any() and not conditions.tells_shape
    if (moves or colors_alone) and conditions.image.any():
        return "projected" if is_black_face(conditions.image) else "photo"
    return "projected" if enough_visible(conditions) else "random"


def enough_visible(conditions: Conditions) -> bool:
    """Whether enough of the photo is visible to show the person and their pose."""
    return bool(1 - conditions.mask.mean() >= ENOUGH_VISIBLE)


@torch.no_grad()
def random_style(model: FaceMug, conditions: Conditions, seeds: Sequence[int]) -> Tensor:
    """Codes `[seeds, 18, 512]` of random people who fit an edit.

    With guides the codes of shapes are encoded from the conditions, and the others are random. Without guides
    random people are turned to the photo's pose, if enough of it is visible, and take its outline, light and
    colors by the visible share of the place of the hair.

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
    """Codes of other people, turned to the photo's pose (Eq. 2); unchanged without warping weights."""
    if model.warping is None:
        return codes
    return model.warp(codes, model.project(conditions).expand(len(codes), -1, -1))


@torch.no_grad()
def fitted(
    model: FaceMug,
    codes: Tensor,
    conditions: Conditions,
    steps: int,
    progress: Progress = no_progress,
    preview: Preview = no_preview,
) -> Tensor:
    """Fit of another person's codes to the photo that they are drawn into.

    Without guides the codes of light and colors move to the photo's, by the visible share of the place of the
    hair; those of shapes stay. Then all codes descend to the visible photo and the guides.

    Args:
        model: that draws the edit.
        codes: of the person, `[B, 18, 512]`.
        conditions: of the edits.
        steps: of descent; 0 returns the codes' bits.
        progress: called for every step.
        preview: shown the picture of every step that comes nearer.
    """
    if steps == 0:
        return codes
    conditions = conditions.to(model.device)
    if not conditions.guided:
        codes = _shared(codes, model.project(conditions), conditions, slice(0, SHAPE_CODES))
    return model.invert(codes, conditions, steps, progress, preview)


def _shared(codes: Tensor, photos: Tensor, conditions: Conditions, own: slice) -> Tensor:
    """A person's codes `[B, 18, 512]`, all but the `own` ones moved to the photo's, by the visible share of
    the place of its hair."""
    rows, columns = HAIR_PLACE
    visible = 1 - conditions.mask[:, 0, rows, columns].mean((1, 2))
    shared = torch.lerp(codes, photos.expand_as(codes), visible[:, None, None])
    shared[:, own] = codes[:, own]
    return shared


def possible_steps(model: FaceMug, asked: int | None, usual: int, notices: list[str]) -> int:
    """Steps of descent: the given number, or the default. 0 without weights for inversion; a notice is added
    if steps were given."""
    if asked and model.inverter is None:
        notices.append(NO_INVERSION)
        return 0
    return usual_steps(model, usual) if asked is None else asked


def usual_steps(model: FaceMug, usual: int) -> int:
    """Default steps of descent; 0 without weights for inversion."""
    return 0 if model.inverter is None else usual
