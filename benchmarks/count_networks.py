"""Parameters and multiply-adds of every network at both sizes, as the tables of docs/networks.md.

    python -m benchmarks.count_networks

Counts on the meta device, without weights or computation. The full size has further columns: numbers from the
paper, and from published files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from facemug_core.config import FULL, SIZES, ModelConfig
from facemug_core.conventions import CODE_DIM, ENCODER_CHANNELS, GUIDE_CHANNELS, NUM_CODES, WORKING_SIZE
from facemug_core.networks.aggregation import Aggregation
from facemug_core.networks.latent_warping import LatentWarping
from facemug_core.networks.mapping import MappingNetwork
from facemug_core.networks.mobile_stylegan import MobileStyleGAN
from facemug_core.networks.mobilenet_v2 import STRIDE_ENDS
from facemug_core.networks.part_reader import PartHead
from facemug_core.networks.picture_head import PictureHead
from facemug_core.networks.refinement import RefinementDecoder, RefinementEncoder
from facemug_core.networks.style_encoder import StyleEncoder
from facemug_core.networks.stylegan2 import StyleGAN2
from facemug_core.training.critics import Shown, build_critic
from tests import published

BANKS: dict[str, type[MobileStyleGAN] | type[StyleGAN2]] = {
    "mobile_stylegan": MobileStyleGAN,
    "stylegan2": StyleGAN2,
}


PAPER = {"latent warping": "10.5 M"}
"""The paper has no counts; this one follows from its layers of warping."""


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
        head, search_head = PictureHead(config.picture_head), PictureHead(config.search_head)
        part_head = PartHead(config.part_head)
        critic = build_critic(config.discriminator).to("meta")
        seen = {
            stride: torch.empty(1, channels, WORKING_SIZE // stride, WORKING_SIZE // stride)
            for stride, (_, channels) in STRIDE_ENDS.items()
        }

        stack = torch.empty(1, ENCODER_CHANNELS, WORKING_SIZE, WORKING_SIZE)
        finest, coarse = max(generator.bank_channels), search_head.resolution
        features = aggregation(**guides)
        encoded, g = refine_in(features)
        maps = bank.features(codes, finest)
        return {
            "style encoder": count(encoder, lambda: encoder(stack)),
            "mapping network": count(mapping, lambda: mapping(codes[:, 0])),
            "latent warping": count(warping, lambda: warping(codes, codes)),
            f"feature bank, maps to {coarse} px": count(bank, lambda: bank.features(codes, coarse)),
            f"feature bank, maps to {finest} px": count(bank, lambda: bank.features(codes, finest)),
            "feature bank, 1024 px picture": count(bank, lambda: bank(codes)),
            f"picture head, from {head.resolution} px": count(
                head, lambda: head(maps[head.resolution], codes)
            ),
            f"search head, from {coarse} px": count(search_head, lambda: search_head(maps[coarse], codes)),
            f"part head, from {part_head.resolution} px": count(part_head, lambda: part_head(maps)),
            "aggregation": count(aggregation, lambda: aggregation(**guides)),
            "refinement encoder": count(refine_in, lambda: refine_in(features)),
            "refinement decoder with fusion": count(refine_out, lambda: refine_out(encoded, maps, codes, g)),
            "discriminator (training)": count(critic, lambda: critic(Shown(picture, seen))),
        }


def count_published() -> dict[str, str]:
    """Parameters of the full size's networks in published files, by their names and shapes."""
    generator = published.stylegan2()
    mapping = {name: shape for name, shape in generator.items() if name.startswith("style.")}
    bank = {name: shape for name, shape in generator.items() if name not in mapping}
    shapes = {
        "style encoder": published.style_encoder(ENCODER_CHANNELS),
        "mapping network": mapping,
        "feature bank, maps to 256 px": bank,
        "feature bank, 1024 px picture": bank,
    }
    return {network: _millions(_trained(named)) for network, named in shapes.items()}


def _trained(shapes: published.Shapes) -> int:
    """Numbers that are trained: no statistics, filters or fixed noise."""
    fixed = ("running_mean", "running_var", "num_batches_tracked", "kernel")
    return sum(
        math.prod(shape)
        for name, shape in shapes.items()
        if not name.endswith(fixed) and not name.startswith("noises.")
    )


def _millions(number: int) -> str:
    return f"{number / 1e6:.2f} M"


def table(counts: dict[str, Count], beside: dict[str, dict[str, str]]) -> str:
    """One size as a Markdown table; `beside` has further columns by heading and network."""
    headings = ["network", "parameters", "multiply-adds", *beside]
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)]]
    for name, cost in counts.items():
        others = [column.get(name, "") for column in beside.values()]
        lines.append([name, _millions(cost.parameters), f"{cost.multiply_adds / 1e9:.2f} G", *others])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def columns_beside(config: ModelConfig) -> dict[str, dict[str, str]]:
    """Numbers from the paper and published files; none for the light size."""
    return {"paper": PAPER, "published file": count_published()} if config is FULL else {}


if __name__ == "__main__":
    for config in SIZES.values():
        print(f"### {config.name}\n\n{table(count_size(config), columns_beside(config))}\n")
