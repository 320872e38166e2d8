"""Networks whose published names are ours: BiSeNet, and the networks of this project's own files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from torch import nn

from ...config import SIZES
from ...networks.bisenet import BiSeNet
from ...networks.generator import Generator
from ...networks.latent_warping import LatentWarping
from ...networks.mapping import MappingNetwork
from ...networks.mobile_stylegan import MobileStyleGAN
from ...networks.part_reader import PartHead, PartReader
from ...networks.picture_head import PictureHead
from ...networks.style_encoder import StyleEncoder
from ...networks.stylegan2 import StyleGAN2
from ..stored import Checkpoint
from .base import Found, Part

BISENET_KEYS = ("cp.resnet.conv1.weight", "ffm.convblk.conv.weight", "conv_out.conv_out.weight")

_ALL = tuple(SIZES.values())

OWN: Mapping[str, tuple[str, Callable[[], nn.Module]]] = MappingProxyType(
    {
        "stylegan2": ("input.input", StyleGAN2),
        "mobile_stylegan": ("to_image.conv.weight", MobileStyleGAN),
        "part_reader": ("entries.2.weight", PartReader),
    }
    | {f"{c.name}_encoder": ("styles.0.linear.weight", partial(StyleEncoder, c.encoder)) for c in _ALL}
    | {f"{c.name}_generator": ("decoder.first.bias", partial(Generator, c.generator)) for c in _ALL}
    | {f"{c.name}_warping": ("output_scale", partial(LatentWarping, c.warp_rank)) for c in _ALL}
    | {f"{c.name}_picture_head": ("linear.bias", partial(PictureHead, c.picture_head)) for c in _ALL}
    | {f"{c.name}_part_head": ("entries.128.weight", partial(PartHead, c.part_head)) for c in _ALL}
    | {f"{c.name}_search_head": ("linear.bias", partial(PictureHead, c.search_head)) for c in _ALL}
)
"""Networks of this project's files, by the names of these files, with one of their keys."""

MAPPING_KEY = "mean_code"


def find_bisenet(checkpoint: Checkpoint) -> Found | None:
    """The face parser."""
    tensors = checkpoint.tensors
    if not all(key in tensors for key in BISENET_KEYS):
        return None
    labels = tensors["conv_out.conv_out.weight"].shape[0]
    part = Part(partial(BiSeNet, labels), tensors)
    return Found("BiSeNet face parser", {"labels": labels}, "face parts of a photo", {"bisenet": part})


def own_part(checkpoint: Checkpoint, name: str) -> Part | None:
    """A network of this project, if the file has its key; `Part.misfit` tells whether it is it."""
    key, build = OWN.get(name, (None, None))
    return Part(build, checkpoint.tensors) if build is not None and key in checkpoint.tensors else None


def find_own(checkpoint: Checkpoint) -> Found | None:
    """A network of this project, by its names and shapes."""
    for name in OWN:
        part = own_part(checkpoint, name)
        if part is not None and part.misfit() is None:
            use = name.replace("_", " ")
            return Found(f"{name}.safetensors of this project", {}, use, {name: part})
    if MAPPING_KEY in checkpoint.tensors and Part(MappingNetwork, checkpoint.tensors).misfit() is None:
        # Which bank's it is does not show, and it must not be taken for another's.
        return Found("mapping network", {}, "random faces, with the bank that it was trained with")
    return None
