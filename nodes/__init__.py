"""The nodes of the pack, each thin: unpack the host's values, call the library once, pack the result."""

from __future__ import annotations

from .attributes import ApplyDirection, AttributeSliders, LoadDirection, SweepDirection
from .comparing import CompareFaces
from .conditions import Conditions
from .editing import Edit
from .examples import place_examples
from .faces import DetectFaces, ParseFace, PasteFaces, RefineMask, RegionMask
from .generation import AddDetail, Aggregate, Generate
from .guides import ColorMap, SemanticMap, Sketch, SplitPaint
from .host import ComfyExtension, checking, io
from .latents import (
    AddLatents,
    BlendLatents,
    EncodeExemplar,
    FitLatent,
    InterpolateLatents,
    LoadLatent,
    MixLatents,
    ProjectConditions,
    RandomStyle,
    SaveLatent,
    WarpLatent,
)
from .loading import LoadModel
from .posing import Pose
from .sliders import PortraitSliders
from .text import LoadClip, OptimizeText, TextDirection

NODES: tuple[type[io.ComfyNode], ...] = (
    PortraitSliders,
    Edit,
    LoadModel,
    ParseFace,
    RegionMask,
    RefineMask,
    Sketch,
    SemanticMap,
    ColorMap,
    SplitPaint,
    EncodeExemplar,
    ProjectConditions,
    RandomStyle,
    InterpolateLatents,
    BlendLatents,
    AddLatents,
    MixLatents,
    WarpLatent,
    FitLatent,
    Pose,
    AttributeSliders,
    LoadDirection,
    ApplyDirection,
    SweepDirection,
    SaveLatent,
    LoadLatent,
    LoadClip,
    OptimizeText,
    TextDirection,
    DetectFaces,
    Conditions,
    Aggregate,
    Generate,
    AddDetail,
    PasteFaces,
    CompareFaces,
)


class Extension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        place_examples()  # here, since older hosts never call on_load
        return [checking(node) for node in NODES]
