"""The frames of a video: faces that are followed through them, and one style for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batches import Progress, no_progress
from ..errors import FacemugError
from ..faces.smoothing import smooth_alignment
from ..latents import Latent
from .editor import EditRequest
from .locate import AlignedFace, FacePlace

Frame = TypeVar("Frame")
"""What frames are told apart by, such as their files."""


@dataclass(frozen=True, eq=False)
class Video(Generic[Frame]):
    """What must be known of all frames to edit one; small, whatever their size."""

    places: Mapping[Frame, Sequence[FacePlace]]
    """Where the faces of each frame lie, smoothed over time; none where there are none."""
    codes: NDArray[np.float32] | None
    """Style codes of all frames [N, 18, 512]; None if no frame can be edited."""

    def request(self, frame: Frame, request: EditRequest) -> EditRequest:
        """A request, which asks for no style, for one frame; a frame without a face will keep its bits."""
        latent = None if self.codes is None else Latent(torch.from_numpy(self.codes))
        return replace(request, places=self.places[frame], latent=latent, fit=0, skip_without_face=True)


def look_through(
    frames: Sequence[Frame],
    find: Callable[[Frame], Sequence[AlignedFace]],
    style: Callable[[Frame, Sequence[FacePlace]], Tensor],
    reach: int,
    progress: Progress = no_progress,
) -> Video[Frame]:
    """Look at all frames, one after the other, before the first is edited.

    Args:
        frames: in the order of time.
        find: the faces of a frame. A frame that cannot be read counts as one without a face.
        style: the codes [N, 18, 512] that a frame with faces at these places is edited with. Those of the
            first frame that can be edited serve all.
        reach: frames before and after that count in `smooth_alignment`.
        progress: told about every frame.

    Raises:
        FacemugError: what was raised for the first frame, if the same step failed for all.
    """
    found: list[list[FacePlace]] = []
    errors: list[FacemugError] = []
    for done, frame in enumerate(frames):
        progress(done, len(frames))
        try:
            found.append([face.place for face in find(frame)])
        except FacemugError as error:
            found.append([])
            errors.append(error)
    progress(len(frames), len(frames))
    if errors and len(errors) == len(frames):
        raise errors[0]
    smoothed = smooth_alignment([[place.matrix for place in places] for places in found], reach)
    places = {
        frame: [FacePlace(matrix, place.box) for matrix, place in zip(matrices, before, strict=True)]
        for frame, matrices, before in zip(frames, smoothed, found, strict=True)
    }
    return Video(places, _first_style(places, style))


def _first_style(
    places: Mapping[Frame, Sequence[FacePlace]], style: Callable[[Frame, Sequence[FacePlace]], Tensor]
) -> NDArray[np.float32] | None:
    errors: list[FacemugError] = []
    for frame, faces in places.items():
        if faces:
            try:
                return style(frame, faces).numpy()
            except FacemugError as error:
                errors.append(error)
    if errors:
        raise errors[0]
    return None
