"""Training losses, all measured inside the edit mask (PAPER section 13, LIGHT.md)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.perceptual import masked_mean


def pixel_loss(image: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """L1 over the mask."""
    return masked_mean((image - truth).abs(), mask)


def tone_loss(image: Tensor, truth: Tensor, mask: Tensor, factor: int = 16) -> Tensor:
    """L1 of pictures pooled by `factor`, over the cells that the mask touches: fights seams of tone."""
    touched = (F.max_pool2d(mask, factor) > 0).to(image.dtype)
    return masked_mean((F.avg_pool2d(image - truth, factor)).abs(), touched)


def discriminator_loss(real: Sequence[Tensor], fake: Sequence[Tensor], mask: Tensor) -> Tensor:
    """Non-saturating logistic loss of the discriminator's score maps (logits) over the mask."""
    pairs = zip(real, fake, strict=True)
    return torch.stack([_score_mean(F.softplus(-r) + F.softplus(f), mask) for r, f in pairs]).mean()


def adversarial_loss(fake: Sequence[Tensor], mask: Tensor) -> Tensor:
    """Non-saturating logistic loss of the generator over the mask."""
    return torch.stack([_score_mean(F.softplus(-f), mask) for f in fake]).mean()


def _score_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean of a map [B, 1, h, w] over the cells that the mask touches."""
    return masked_mean(x, F.adaptive_max_pool2d(mask, x.shape[-2:]))
