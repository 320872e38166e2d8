"""Style encoders in the names of e4e: e4e itself, the 26-channel encoder of FACEMUG's authors, and pSp.

All have the same layers. In e4e codes 1 to 17 are offsets from code 0; in pSp all are absolute. Only the
options in the file distinguish them. Both add a mean code, `latent_avg`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ...config import EncoderConfig
from ...conventions import CODE_DIM, ENCODER_CHANNELS, NUM_CODES
from ..stored import Checkpoint, StoredTensor
from .base import Found, Part, prefixes_of
from .stylegan2 import MEAN_CODE

if TYPE_CHECKING:
    from torch import Tensor

KEYS = (
    "input_layer.0.weight",
    "input_layer.2.weight",
    "body.0.res_layer.1.weight",
    "body.23.res_layer.5.fc2.weight",
    "latlayer1.weight",
    "latlayer2.weight",
    "styles.0.convs.0.weight",
    "styles.1.convs.0.weight",
    "styles.0.linear.weight",
)
TYPE = "opts.encoder_type"
FROM_MEAN = "opts.start_from_latent_avg"
RELATIVE = {"Encoder4Editing": True, "GradualStyleEncoder": False}
"""Whether codes 1 to 17 are offsets, by the type in the options."""


def find(checkpoint: Checkpoint) -> Found | None:
    """The encoder of a file."""
    for prefix in prefixes_of(checkpoint, KEYS):
        tensors = checkpoint.under(prefix)
        stem = tensors[KEYS[0]]
        channels, codes = stem.shape[1], sum(name.endswith(".linear.bias") for name in tensors)
        relative = RELATIVE.get(str(checkpoint.values.get(TYPE)))
        facts = {
            "input channels": channels,
            "codes": f"{codes} of {tensors['styles.0.linear.weight'].shape[0]}",
        }
        kind = {True: "e4e style encoder", False: "pSp style encoder", None: "style encoder"}[relative]
        lacks = []
        mean = checkpoint.tensors.get(MEAN_CODE)
        if mean is None:
            lacks.append(f"{MEAN_CODE}, the mean code, without which all faces would be wrong")
        if relative is None:
            lacks.append(f"{TYPE}, which distinguishes e4e from pSp ({', '.join(RELATIVE)} are known)")
        if channels not in (3, ENCODER_CHANNELS):
            lacks.append(f"an input of 3 or {ENCODER_CHANNELS} channels")
        if lacks or relative is None or mean is None:
            return Found(kind, facts, "style encoder of the full model", lacks=lacks)
        from torch import zeros_like

        from ...networks.style_encoder import StyleEncoder, widen_stem

        if checkpoint.values.get(FROM_MEAN) is False:
            mean = mean.mapped(mean.shape, zeros_like)
        wide = stem.mapped((stem.shape[0], ENCODER_CHANNELS, *stem.shape[2:]), widen_stem)
        build = partial(StyleEncoder, _config(tensors, relative))
        part = Part(tensors | {KEYS[0]: wide}, build, mean.mapped((NUM_CODES, CODE_DIM), _rows))
        use = "style encoder of the full model"
        if channels == 3:
            use += " (guides have no effect until it is trained on; training starts from it)"
        return Found(kind, facts, use, {"full_encoder": part})
    return None


def _config(tensors: dict[str, StoredTensor], relative: bool) -> EncoderConfig:
    return EncoderConfig(
        "ir_se50",
        pyramid_channels=tensors["latlayer1.weight"].shape[0],
        head_channels=tensors["styles.1.convs.0.weight"].shape[0],
        base_channels=tensors["styles.0.convs.0.weight"].shape[0],
        equalized=False,
        relative=relative,
    )


def _rows(mean: Tensor) -> Tensor:
    """`[18, 512]` from `[512]`, `[1, 512]` or `[18, 512]`."""
    return mean.reshape(-1, CODE_DIM).expand(NUM_CODES, CODE_DIM)
