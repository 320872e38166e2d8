from __future__ import annotations

import torch
from torch import nn


class ModelPatcher:
    def __init__(self, model: nn.Module, load_device: torch.device, offload_device: torch.device) -> None:
        self.model, self.load_device = model, load_device
