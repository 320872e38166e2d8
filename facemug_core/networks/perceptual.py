"""Perceptual distances by features of an ImageNet network."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ..conventions import IMAGENET_MEAN, IMAGENET_STD

Features = Mapping[int, Tensor]
"""Feature maps `[B, C, H / stride, W / stride]` by stride."""


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean of x `[B, C, H, W]` over the mask `[B, 1, H, W]`; each picture has the same weight."""
    weight = mask / mask.sum((1, 2, 3), keepdim=True).clamp(min=1e-6)
    return (x.mean(1, keepdim=True) * weight).sum() / len(x)


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """A copy of a network in eval mode with each batch norm that follows a convolution folded into it."""
    network = deepcopy(network)
    for parent in [m for m in network.modules() if isinstance(m, nn.Sequential)]:
        for (_, conv), (name, norm) in pairwise(list(parent.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                assert norm.running_mean is not None and norm.running_var is not None  # noqa: PT018
                statistics = norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
                conv.weight, conv.bias = fuse_conv_bn_weights(conv.weight, conv.bias, *statistics)
                setattr(parent, name, nn.Identity())
    return network


class PerceptualLoss(nn.Module):
    """LPIPS-like distance on a feature network of strides 2 … 32: unit-normalized features, squared
    difference, mean over the mask at each level, mean over the levels.

    Args:
        network: maps ImageNet-normalized pictures to {stride: features}; frozen, in eval mode.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = fold_batch_norms(network.eval()).requires_grad_(False)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[:, None, None], persistent=False)

    def features(self, image: Tensor) -> Features:
        """Normalized features of `[B, 3, H, W]` in [-1, 1]."""
        maps = self.network(((image + 1) / 2 - self.mean) / self.std)
        return {stride: F.normalize(x, dim=1) for stride, x in maps.items()}

    def forward(self, image: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.features(truth)
        return feature_distance(self.features(image), wanted, mask)


def feature_distance(features: Features, wanted: Features, mask: Tensor) -> Tensor:
    """Squared distance of unit-normalized features over the mask, mean over the levels."""
    terms = []
    for stride, x in features.items():
        difference = (x - wanted[stride]).square().sum(1, keepdim=True)
        terms.append(masked_mean(difference, F.avg_pool2d(mask, stride)))
    return torch.stack(terms).mean()


def feature_distances(features: Features, wanted: Features) -> Tensor:
    """Squared distances `[B]` of unit-normalized features, means over the pixels and then over the levels."""
    levels = [(x - wanted[stride]).square().sum(1).mean((1, 2)) for stride, x in features.items()]
    return torch.stack(levels).mean(0)
