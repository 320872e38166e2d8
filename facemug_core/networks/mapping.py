"""Mapping network of the StyleGAN2 family: normal noise z to a style code w.

StyleGAN2 and MobileStyleGAN share it. Weights and biases are the effective ones: a checkpoint's learning-rate
multiplier and activation gain are folded in by its reader (LeakyReLU is positively homogeneous, so a gain
after it is the same as a gain before it).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MappingNetwork(nn.Module):
    """Pixel norm, then fully connected layers with LeakyReLU 0.2 (StyleGAN2, section 2).

    `mean_code` is the average of w over many z: the center that truncation pulls towards. It is zero until
    weights are loaded.
    """

    mean_code: Tensor  # [code_dim]

    def __init__(self, code_dim: int = 512, layers: int = 8) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_linear(code_dim) for _ in range(layers))
        self.register_buffer("mean_code", torch.zeros(code_dim))

    def forward(self, z: Tensor) -> Tensor:
        """Map noise z `[B, code_dim]`, standard normal, to codes w `[B, code_dim]`."""
        w = z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)
        for layer in self.layers:
            w = F.leaky_relu(layer(w), 0.2)
        return w

    def average_code(self, samples: int, generator: torch.Generator) -> Tensor:
        """Average w over `samples` draws from a CPU generator. Returns `[code_dim]`."""
        total = torch.zeros_like(self.mean_code)
        for z in torch.randn(samples, len(total), generator=generator).to(total).split(4096):
            total += self(z).sum(dim=0)
        return total / samples


def _linear(code_dim: int) -> nn.Linear:
    layer = nn.Linear(code_dim, code_dim)
    nn.init.kaiming_normal_(layer.weight, a=0.2)
    nn.init.zeros_(layer.bias)
    return layer
