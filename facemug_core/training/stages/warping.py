"""Training of latent warping (Algorithm 2, PAPER 5.3) on faces and their mirror images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...conditions import whole_photo
from ...config import ModelConfig
from ...latents import broadcast
from ...networks.banks import FeatureBank
from ...networks.latent_warping import LatentWarping
from ...networks.mapping import MappingNetwork
from ...networks.picture_head import PictureHead
from ..data import FaceShards
from ..losses import detached, weighted_sum
from ..options import Run, Settings
from ..samples import PosePairs
from .stage import Batch, Stage, StageEntry, freeze

WEIGHTS = {
    "attributes": 1.0,  # squared distance of the warped codes to the photo's
}

POSE_CODES = 4
"""Number of the first codes, of levels up to 16 px, which hold the pose."""


class WarpStage(Stage):
    """Latent warping: from codes mixed with those of the mirror image back to the photo's.

    The reference should carry the pose and nothing else. In half of the samples it is the paper's, the code
    of the disturbed photo. In the other half it is a stranger's in the photo's pose: the encoder's code of a
    bank picture that shares only the pose codes with the photo. The loss is L_attr (Eq. 13) between codes,
    relative to their variance; no picture of the warped codes is drawn.

    Args:
        bank, mapping, encoder, picture_head: frozen.
    """

    name = "warping"

    def __init__(
        self, config: ModelConfig, faces: FaceShards, bank: FeatureBank, mapping: MappingNetwork,
        encoder: nn.Module, picture_head: PictureHead, *, seed: int = 0,
    ) -> None:  # fmt: skip
        self.model: nn.Module = LatentWarping(config.warp_rank)
        self.dataset = PosePairs(faces, seed)
        self.bank = freeze(bank)
        self.mapping = freeze(mapping)
        self.encoder = freeze(encoder)
        self.picture_head = freeze(picture_head)
        self.variance = faces.code_variance
        self.frozen = [self.bank, self.mapping, self.encoder, self.picture_head]

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        source, reference, wanted = self._codes(batch)
        warped = source + model(source, reference)
        parts = {
            "attributes": (warped - wanted).square().mean() / self.variance,
            "unwarped": (source - wanted).square().mean() / self.variance,
        }
        return weighted_sum(parts, WEIGHTS), detached(parts), None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: photo, and the bank's pictures of source, reference, warped and wanted codes."""
        source, reference, wanted = self._codes(batch)
        shown = (source, reference, source + model(source, reference), wanted)
        return torch.stack([batch["image"], *(self._picture(codes) for codes in shown)], 1)

    @torch.no_grad()
    def _codes(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Source, reference and wanted codes, each `[B, 18, 512]`."""
        image = batch["image"]
        wanted, mirrored = self._encoded(image), self._encoded(image.flip(-1))
        source = torch.lerp(wanted, mirrored, batch["turned"][..., None])  # Eq. 9
        twin = batch["twin"][:, 0]
        seen = batch["disturbed"].clone()
        seen[twin] = self._in_pose(batch["w"][twin], batch["z"][twin])
        return source, self._encoded(seen), wanted

    def _in_pose(self, w: Tensor, z: Tensor) -> Tensor:
        """Pictures of strangers `[B, 3, 256, 256]` in the pose of the people with the codes w `[B, 512]`."""
        codes = broadcast(self.mapping(z).float()).clone()
        codes[:, :POSE_CODES] = w[:, None]
        return self._picture(codes)

    def _picture(self, codes: Tensor) -> Tensor:
        return self.picture_head.picture(self.bank, codes).clamp(-1, 1)

    def _encoded(self, image: Tensor) -> Tensor:
        return self.mapping.mean_code + self.encoder(whole_photo(image).stack)


def _build(config: ModelConfig, faces: FaceShards, settings: Settings, run: Run) -> Stage:
    mapping, bank = run.weights.mapping(config), run.weights.bank(config)
    encoder = run.weights.encoder(config, mapping.mean_code)
    head = run.weights.picture_head(config)
    return WarpStage(config, faces, bank, mapping, encoder, head, seed=settings.seed)


ENTRY = StageEntry(_build, needs_codes=True, grid=PosePairs)
