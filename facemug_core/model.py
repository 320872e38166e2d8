"""The model object: one public method per stage of an edit, in the order of the data flow.

    codes = model.encode(exemplar) or model.project(conditions) or model.random_codes(seeds)
    codes = model.invert(codes, exemplar)
    codes = model.interpolate(codes, other, amount)
    codes = model.warp(codes, model.project(conditions))
    codes = model.apply_direction(codes, direction, amount)
    features = model.aggregate(conditions)
    codes = model.optimize_text(features, codes, text, clip).codes
    picture = model.generate(features, codes)
    picture = model.add_detail(picture, larger_photo, mask)

Every stage is pure, tensors in and tensors out, and is computed once: when only the codes change, nothing but
`generate` runs again. `pipeline/crop.py` is all of it in one call; `pipeline/style.py` decides on the default
codes of an edit, and on the steps of inversion.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import latents
from .batches import Preview, Progress, common_batch, no_preview, no_progress
from .checkpoints.weights import SHIPPED, Weights
from .conditions import Conditions, whole_photo
from .config import SIZES, ModelConfig
from .conventions import CODE_DIM
from .editing.clip import Clip
from .editing.directions import Direction
from .editing.inversion import BOUND, INVERSION_STEPS, Goal, descend
from .editing.relevance import principal_steps
from .editing.text import DEFAULTS, TextEdit, TextOptions, optimize
from .errors import InputError, ShapeError, WeightsMissingError
from .faces.fine_band import with_fine_band
from .faces.grain import match_grain
from .networks.banks import FeatureBank
from .networks.generator import Features, Generator, PriorHeads, draw_prior
from .networks.inverter import Inverter
from .networks.layers import place
from .networks.mapping import MappingNetwork
from .networks.part_reader import PhotoParts
from .pictures import at_working_size

DETAIL_SIZES = (512, 1024)
"""Sides of a crop that the detail stage can give."""

SPREAD_FACES = 2048
"""Random faces from which the spread of codes is measured."""


@dataclass
class FaceMug:
    """All networks of one size of the model, on one device, in eval mode.

    Attributes:
        config: the size's tables.
        mapping, bank: frozen mapping network and feature bank.
        encoder: style encoder.
        generator: aggregation and refinement.
        heads: read the bank's picture and its parts off its features; None without weights.
        photo_parts: reads the parts of the photo; None without weights.
        warping: latent warping network; None without weights.
        inverter: frozen parts of inversion; None without weights.
    """

    config: ModelConfig
    mapping: MappingNetwork
    bank: FeatureBank
    encoder: nn.Module
    generator: Generator
    heads: PriorHeads | None = None
    photo_parts: PhotoParts | None = None
    warping: nn.Module | None = None
    inverter: Inverter | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: torch.dtype = torch.float32
    """Of the matrix products and convolutions; weights and results are float32."""

    @classmethod
    def load(
        cls,
        size: str = "light",
        device: str | torch.device = "cpu",
        weights: Weights = SHIPPED,
        precision: torch.dtype = torch.float32,
    ) -> FaceMug:
        """Build a size of the model from its weights.

        Published files of the full size are recognized by their content, not their names.

        Raises:
            InputError: no such size.
            WeightsMissingError: files are missing; the message lists the folders searched and how to get each
                file.
        """
        if size not in SIZES:
            raise InputError(f"There is no model called {size!r}; the sizes are {', '.join(SIZES)}.")
        config = SIZES[size]
        # The host runs nodes in inference mode; parameters made there could never be optimized through.
        with torch.inference_mode(False):
            weights.require(config)
            mapping, bank = weights.mapping(config), weights.bank(config)
            encoder = weights.encoder(config, mapping.mean_code)
            model = cls(config, mapping, bank, encoder, weights.generator(config))
            with suppress(WeightsMissingError):
                model.warping = weights.warping(config)
            with suppress(WeightsMissingError):
                model.heads = weights.prior_heads(config)
            with suppress(WeightsMissingError):
                model.photo_parts = weights.photo_parts()
                model.inverter = weights.inverter(config, model.photo_parts)
            model.precision = precision
            return model.to(device)

    def to(self, device: str | torch.device) -> FaceMug:
        """Move all networks; returns the model."""
        self.device = torch.device(device)
        for network in self.networks:
            place(network, self.device)
        return self

    @property
    def networks(self) -> list[nn.Module]:
        """All networks that there are."""
        parts = (
            self.mapping, self.bank, self.encoder, self.generator, self.heads, self.photo_parts, self.warping,
            self.inverter,
        )  # fmt: skip
        return [part for part in parts if part is not None]

    @torch.no_grad()
    def encode(self, exemplar: Tensor) -> Tensor:
        """Aligned exemplar photos `[B, 3, 256, 256]` in [-1, 1] → codes `[B, 18, 512]` (PAPER section 2)."""
        return self.project(whole_photo(exemplar))

    @torch.no_grad()
    def project(self, conditions: Conditions) -> Tensor:
        """Photo, mask and guides → codes of the face `[B, 18, 512]` (w_prj).

        The photo's background is hidden from the encoder, because it is not part of the person.
        """
        conditions = conditions.to(self.device)
        if self.photo_parts is not None:
            conditions = self.photo_parts.without_background(conditions)
        return self._encoded(conditions.stack)

    def invert(
        self,
        codes: Tensor,
        conditions: Conditions,
        steps: int = INVERSION_STEPS,
        progress: Progress = no_progress,
        preview: Preview = no_preview,
    ) -> Tensor:
        """Moves codes `[B, 18, 512]` by gradient descent: their pictures come nearer to the visible part of
        aligned photos, and under the mask nearer to the guides.

        The encoder's codes resemble a person; a few steps find the person. Codes of another person take over
        pose, light and skin of the photo in a few steps, and follow sketch, map and colors as far as faces
        can. Works inside inference mode; the same inputs give the same bits.

        Args:
            codes: to start from, such as those of `encode` or `project`; they come back with their bits
                for 0 steps, and if there are neither visible pixels nor guides.
            conditions: of the edit; for an exemplar, `whole_photo` makes them.
            steps: of descent, each about as long as one style change.
            progress: called for every step; may raise `Interrupted` to end with the codes so far.
            preview: shown the picture of the codes, and of every step that comes nearer.

        Raises:
            WeightsMissingError: this size has no weights for inversion.
        """
        if steps == 0 or not (conditions.mask.min() < 1 or conditions.guided):
            return codes
        inverter = self.inverter
        if inverter is None:
            size = self.config.name
            raise WeightsMissingError(
                f"The {size} model has no weights for inversion ({size}_search_head.safetensors, "
                f"{size}_inverter.safetensors, part_reader.safetensors and mobilenet_v2.safetensors); use 0 "
                f"steps, or train the first two: `python -m facemug_core train search_head --model {size}`."
            )
        with torch.inference_mode(False), torch.enable_grad():
            start = codes.to(self.device, copy=True)
            conditions = conditions.to(self.device).cloned()
            with torch.no_grad():
                background = self._parts(conditions)[:, :1]
            goal = Goal(inverter, conditions, background)
            draw = partial(inverter.head.picture, self.bank)
            return descend(draw, start, inverter.steps, goal, steps, self._bounded, progress, preview)

    @torch.no_grad()
    def random_codes(self, seeds: Sequence[int], psi: float = 0.7) -> Tensor:
        """One random face per seed → codes [len(seeds), 18, 512]; ψ = 0 is the mean face, 1 the full variety.

        A face depends on its seed alone, not on its place in the batch.
        """
        z = torch.stack([torch.randn(CODE_DIM, generator=torch.Generator().manual_seed(s)) for s in seeds])
        w = self.mapping(z.to(self.device))
        return latents.broadcast(torch.lerp(self.mapping.mean_code, w, psi))

    def as_latent(self, codes: Tensor) -> latents.Latent:
        """Codes `[B, 18, 512]` as a latent: with this model's size and mean code, as files keep them."""
        return latents.Latent(codes.cpu(), self.config.name, self.mapping.mean_code.cpu())

    def interpolate(self, codes: Tensor, other: Tensor, amount: float) -> Tensor:
        """codes + λ (other − codes), `[B, 18, 512]` (PAPER section 4); λ = 0 returns the codes' bits."""
        return latents.interpolate(codes, other, amount)

    def apply_direction(self, codes: Tensor, direction: Direction, amount: float = 1.0) -> Tensor:
        """Codes `[B, 18, 512]` moved along a direction (PAPER section 6); an amount of 0 returns their
        bits."""
        return direction.apply(codes, amount)

    def optimize_text(
        self,
        features: Features,
        codes: Tensor,
        text: str,
        clip: Clip,
        options: TextOptions = DEFAULTS,
        progress: Progress = no_progress,
        preview: Preview = no_preview,
    ) -> TextEdit:
        """Codes of one face `[1, 18, 512]`, optimized for a text (PAPER section 7).

        Only bank and decoder run again at every step. Works inside inference mode; the same inputs give the
        same bits.

        Args:
            features: of one edit.
            codes: to start from.
            text: what the face should be, such as "curly blond hair".
            clip: text-image model, on the model's device.
            options: weights, steps and layers; with a weight of 0 the codes keep their bits.
            progress: called for every step; may raise `Interrupted` to end with the best so far.
            preview: shown the best picture every few steps.

        Raises:
            InputError: the text is empty, or no layers are free.
            ShapeError: the codes are not those of one face.
        """
        with torch.inference_mode(False):
            features = features.cloned()

        def draw(moved: Tensor) -> Tensor:
            return self.generate(features, moved)

        codes = latents.check_codes(codes).to(self.device)
        return optimize(draw, codes, self._steps, text, clip, options, progress, preview)

    @torch.no_grad()
    def warp(self, codes: Tensor, target: Tensor) -> Tensor:
        """Codes of the same person in the pose of the target's codes, `[B, 18, 512]` (PAPER section 5).

        Raises:
            WeightsMissingError: this size has no warping weights.
        """
        if self.warping is None:
            raise WeightsMissingError(
                f"The {self.config.name} model has no warping weights "
                f"({self.config.name}_warping.safetensors); use the codes unwarped."
            )
        codes, target = latents.check_codes(codes), latents.check_codes(target)
        with self._autocast():
            return codes + self.warping(codes, target).float()

    @torch.no_grad()
    def aggregate(self, conditions: Conditions) -> Features:
        """The half of the generator that does not depend on codes (PAPER sections 8, 10.1)."""
        conditions = conditions.to(self.device)
        with self._autocast():
            return self.generator.aggregate(conditions, self._parts(conditions))

    def generate(self, features: Features, codes: Tensor) -> Tensor:
        """The edited crop `[B, 3, 256, 256]`; only masked pixels are new (PAPER sections 9-11).

        Features of one edit serve any number of codes, and one code any number of edits. Differentiable with
        respect to the codes.

        Raises:
            InputError: the features are another model's, or the codes are none of a face.
            ShapeError: the codes have another shape, or there are not as many as features.
        """
        if {r: x.shape[1] for r, x in features.encoded.items()} != self.config.generator.channels:
            raise InputError(
                f"The features come from another model than this one, which is the {self.config.name} one: "
                "aggregate and generate with the same."
            )
        codes = latents.check_codes(codes)
        batch = common_batch({"features": len(features), "style codes": len(codes)})
        features = features if len(features) == batch else features.repeated(batch)
        codes = codes.expand(batch, -1, -1)
        with self._autocast():
            finest = max(self.config.generator.bank_channels)
            heads = self.heads if self.config.generator.bank_picture else None
            prior = draw_prior(self.bank, heads, codes, finest)
            edited = self.generator.decode(features, prior, codes).float()
        # The clamp must not touch kept pixels, whatever their range.
        return torch.where(features.mask > 0, edited.clamp(-1, 1), features.image)

    @torch.no_grad()
    def add_detail(self, edited: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
        """The edited crop at the photo's size, as sharp and as grainy as its kept pixels: `[B, 3, S, S]`.

        Args:
            edited: result of `generate`, `[B, 3, 256, 256]`.
            photo: larger aligned crops of the same faces, [B or 1, 3, S, S] in [-1, 1], S one of
                `DETAIL_SIZES`; kept pixels come back with their bits.
            mask: of the edit, [B or 1, 1, 256, 256].

        Raises:
            ShapeError: the photo has another size.
        """
        side = photo.shape[-1]
        if side not in DETAIL_SIZES or photo.shape[-2] != side:
            raise ShapeError(
                f"The detail stage works at {' or '.join(map(str, DETAIL_SIZES))} pixels, but the photo's "
                f"crop is {side} × {photo.shape[-2]}."
            )
        batch = len(edited)
        photo = photo.to(self.device).expand(batch, -1, -1, -1)
        mask = mask.to(self.device).expand(batch, -1, -1, -1)
        drawn = with_fine_band(edited.to(self.device), photo, mask)
        here = F.interpolate(mask, (side, side)) > 0
        return torch.where(here, match_grain(drawn, photo, here).clamp(-1, 1), photo)

    def render(self, codes: Tensor) -> Tensor:
        """The bank's own picture of the codes, averaged down to `[B, 3, 256, 256]`."""
        return at_working_size(self.bank(latents.check_codes(codes)))

    @cached_property
    def _steps(self) -> Tensor:
        """One standard deviation along each principal component of faces' codes, `[100, 512]`."""
        with torch.inference_mode(False), torch.no_grad():
            return principal_steps(self._some_codes.cpu()).to(self.device)

    @cached_property
    def _deviations(self) -> Tensor:
        """Matrix `[512, rank]`: offset from the mean code → coordinates of the descent, in standard
        deviations of faces."""
        assert self.inverter is not None
        with torch.inference_mode(False), torch.no_grad():
            to_coordinates = torch.linalg.pinv(self.inverter.steps).T  # [512, rank]
            return to_coordinates / (self._some_codes @ to_coordinates).std(0)

    @cached_property
    def _some_codes(self) -> Tensor:
        """Codes w `[2048, 512]` of random faces."""
        z = torch.randn(SPREAD_FACES, CODE_DIM, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode(False), torch.no_grad():
            return self.mapping(z.to(self.device))

    def _bounded(self, codes: Tensor) -> Tensor:
        """Codes `[B, 18, 512]` within `BOUND` of the mean code."""
        apart = codes - self.mapping.mean_code
        far = (apart @ self._deviations).norm(dim=-1, keepdim=True)
        return self.mapping.mean_code + apart * (BOUND / far.clamp(min=1e-6)).clamp(max=1)

    def _parts(self, conditions: Conditions) -> Tensor:
        """Shares of the classes in the visible photo, `[B, 19, h, w]`; zeros without weights for them."""
        if self.photo_parts is None:
            return conditions.semantic.new_zeros(conditions.semantic.shape)
        return self.photo_parts(conditions.masked_image)

    def _encoded(self, guides: Tensor) -> Tensor:
        guides = guides.to(self.device, memory_format=torch.channels_last)
        with self._autocast():
            return self.mapping.mean_code + self.encoder(guides).float()

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32)
