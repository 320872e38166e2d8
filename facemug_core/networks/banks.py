"""Feature banks: generators whose maps an edit draws on; both have the same interface."""

from __future__ import annotations

from .mobile_stylegan import MobileStyleGAN
from .stylegan2 import StyleGAN2

FeatureBank = MobileStyleGAN | StyleGAN2
