"""The nodes of the pack, each thin: unpack the host's values, call the library once, pack the result."""

from __future__ import annotations

from .attributes import ApplyDirection, AttributeSliders, LoadDirection, SweepDirection
from .comparing import CompareFaces
from .conditions import Conditions
from .editing import Edit
from .examples import place_examples
from .faces import DetectFaces, ParseFace, PasteFaces, RegionMask
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
from .text import LoadClip, OptimizeText, TextDirection

NODES: tuple[type[io.ComfyNode], ...] = (
    LoadModel,
    Edit,
    DetectFaces,
    ParseFace,
    RegionMask,
    SemanticMap,
    Sketch,
    ColorMap,
    SplitPaint,
    Conditions,
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
    LoadDirection,
    ApplyDirection,
    SweepDirection,
    AttributeSliders,
    LoadClip,
    OptimizeText,
    TextDirection,
    SaveLatent,
    LoadLatent,
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
