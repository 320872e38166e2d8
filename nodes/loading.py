"""Load FACEMUG Model."""

from __future__ import annotations

from functools import cache, cached_property

import torch
from torch import nn

from ..facemug_core.checkpoints.weights import SHIPPED, Weights
from ..facemug_core.config import SIZES
from ..facemug_core.editing.clip import Clip, load_clip
from ..facemug_core.faces.comparison import FaceComparer
from ..facemug_core.faces.parsing import Parser
from ..facemug_core.memory import Memory
from ..facemug_core.model import FaceMug
from ..facemug_core.pipeline.editor import PhotoEditor
from . import host
from .host import io

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class HostedEditor:
    """What a FACEMUG_MODEL is: all networks, brought to the device by the host when a node needs them."""

    def __init__(self, model: FaceMug, weights: Weights = SHIPPED) -> None:
        self._editor = PhotoEditor(model, weights)
        self._networks = host.managed(nn.ModuleList(model.networks))

    def editor(self, *, parses: bool = False) -> PhotoEditor:
        """For whole photos, ready to run; with the parser too where faces are parsed."""
        self.model()
        if parses:
            self.parser()
        return self._editor

    def model(self, *beside: host.ModelPatcher) -> FaceMug:
        """The stages, ready to run, and other networks beside them."""
        device = host.bring(self._networks, *beside)
        if self._editor.model.device != device:
            with torch.inference_mode(False):
                self._editor.model.to(device)
        return self._editor.model

    def parser(self) -> Parser:
        """The face parser, ready to run."""
        host.bring(self._managed_parser)
        return self._editor.parser

    def finder(self) -> PhotoEditor:
        """For finding faces, which needs none of the managed networks."""
        return self._editor

    @property
    def memory(self) -> Memory:
        """What earlier runs of nodes have found."""
        return self._editor.memory

    @cached_property
    def text_model(self) -> Clip:
        """The small text model that ships, on the CPU."""
        return load_clip(weights=Weights(*host.clip_folders()))

    def comparer(self) -> tuple[FaceComparer, torch.device]:
        """What tells people apart, ready to run, and where it runs."""
        comparer, network = self._comparer
        return comparer, host.bring(network)

    @cached_property
    def _comparer(self) -> tuple[FaceComparer, host.ModelPatcher]:
        with torch.inference_mode(False):
            comparer = FaceComparer.load(self._editor.weights)
        return comparer, host.managed(comparer.network)

    @cached_property
    def _managed_parser(self) -> host.ModelPatcher:
        return host.managed(self._editor.parser.network)


def loaded(size: str, precision: torch.dtype) -> HostedEditor:
    """A model from the host's folders of weights.

    Raises:
        WeightsMissingError: its weights are missing; says what to put where.
    """
    weights = Weights(*host.weight_folders())
    return HostedEditor(FaceMug.load(size, weights=weights, precision=precision), weights)


@cache
def light_model() -> HostedEditor:
    """The light model, loaded once for all nodes that do without Load FACEMUG Model."""
    return loaded("light", torch.float32)


class LoadModel(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_LoadModel",
            category="start here",
            search_aliases=["facemug loader", "face edit model", "load face model"],
            inputs=[
                io.Combo.Input(
                    "size",
                    options=list(SIZES),
                    default="light",
                ),
                host.advanced(
                    io.Combo.Input(
                        "precision",
                        options=list(PRECISIONS),
                        default="float32",
                    )
                ),
            ],
            outputs=[host.Model.Output(display_name="model")],
        )

    @classmethod
    def execute(cls, size: str, precision: str) -> io.NodeOutput:
        return io.NodeOutput(loaded(size, PRECISIONS[precision]))
