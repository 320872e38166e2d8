"""Parameters and multiply-adds of every network at both sizes, as the table of docs/networks.md.

    python -m benchmarks.count_networks

Counted on the meta device: nothing is computed, no weights are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from facemug_core.config import SIZES, ModelConfig
from facemug_core.conventions import CODE_DIM, ENCODER_CHANNELS, GUIDE_CHANNELS, NUM_CODES, WORKING_SIZE
from facemug_core.networks.aggregation import Aggregation
from facemug_core.networks.detail import Detail, Enlarging
from facemug_core.networks.latent_warping import LatentWarping
from facemug_core.networks.mapping import MappingNetwork
from facemug_core.networks.mobile_stylegan import MobileStyleGAN
from facemug_core.networks.mobilenet_v2 import STRIDE_ENDS
from facemug_core.networks.picture_head import PictureHead
from facemug_core.networks.refinement import RefinementDecoder, RefinementEncoder
from facemug_core.networks.style_encoder import StyleEncoder
from facemug_core.networks.stylegan2 import StyleGAN2
from facemug_core.training.critics import Shown, build_critic

BANKS: dict[str, type[MobileStyleGAN] | type[StyleGAN2]] = {
    "mobile_stylegan": MobileStyleGAN,
    "stylegan2": StyleGAN2,
}


class Count(NamedTuple):
    """Cost of one network for one picture."""

    parameters: int
    multiply_adds: int


def count(net: nn.Module, run: Callable[[], object]) -> Count:
    """Parameters of `net`, and multiply-adds of convolutions and matrix products in `run`."""
    with FlopCounterMode(display=False) as counter:
        run()
    return Count(sum(p.numel() for p in net.parameters()), counter.get_total_flops() // 2)


def count_size(config: ModelConfig) -> dict[str, Count]:
    """Every network of one size of the model, for one picture."""
    with torch.no_grad(), torch.device("meta"):
        codes = torch.empty(1, NUM_CODES, CODE_DIM)
        picture = torch.empty(1, 3, WORKING_SIZE, WORKING_SIZE)
        guides = {
            name: torch.empty(1, channels, WORKING_SIZE, WORKING_SIZE)
            for name, channels in {**GUIDE_CHANNELS, "mask": 1}.items()
        }
        generator = config.generator
        mapping, bank = MappingNetwork(), BANKS[config.bank]()
        encoder, warping = StyleEncoder(config.encoder), LatentWarping(config.warp_rank)
        aggregation = Aggregation(generator)
        refine_in, refine_out = RefinementEncoder(generator), RefinementDecoder(generator)
        head = PictureHead(config.picture_head)
        detail, side = Detail(config.detail), config.detail.factor * WORKING_SIZE
        larger = Enlarging(picture, torch.empty(1, 3, side, side), guides["mask"])
        critic = build_critic(config.discriminator).to("meta")
        seen = {
            stride: torch.empty(1, channels, WORKING_SIZE // stride, WORKING_SIZE // stride)
            for stride, (_, channels) in STRIDE_ENDS.items()
        }

        stack = torch.empty(1, ENCODER_CHANNELS, WORKING_SIZE, WORKING_SIZE)
        finest = max(generator.bank_channels)
        features = aggregation(**guides)
        encoded, g = refine_in(features)
        maps = bank.features(codes, finest)
        return {
            "style encoder": count(encoder, lambda: encoder(stack)),
            "mapping network": count(mapping, lambda: mapping(codes[:, 0])),
            "latent warping": count(warping, lambda: warping(codes, codes)),
            f"feature bank, maps to {finest} px": count(bank, lambda: bank.features(codes, finest)),
            "feature bank, 1024 px picture": count(bank, lambda: bank(codes)),
            f"picture head, from {head.resolution} px": count(
                head, lambda: head(maps[head.resolution], codes)
            ),
            "aggregation": count(aggregation, lambda: aggregation(**guides)),
            "refinement encoder": count(refine_in, lambda: refine_in(features)),
            "refinement decoder with fusion": count(refine_out, lambda: refine_out(encoded, maps, codes, g)),
            f"detail stage, to {side} px": count(detail, lambda: detail(larger)),
            "discriminator (training)": count(critic, lambda: critic(Shown(picture, seen))),
        }


def table(counts: dict[str, Count]) -> str:
    """One size as a Markdown table."""
    rows = [
        f"| {name} | {cost.parameters / 1e6:.2f} M | {cost.multiply_adds / 1e9:.2f} G |"
        for name, cost in counts.items()
    ]
    return "\n".join(["| network | parameters | multiply-adds |", "|---|---:|---:|", *rows])


if __name__ == "__main__":
    for config in SIZES.values():
        print(f"### {config.name}\n\n{table(count_size(config))}\n")
