"""The frames of a video: faces that are followed through them, and one style for each person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batches import Progress, no_progress, seeds_from
from ..errors import FacemugError, InputError
from ..faces.smoothing import number_people, smooth_alignment
from .editor import EditRequest
from .locate import AlignedFace, FacePlace

Frame = TypeVar("Frame")
"""What frames are told apart by, such as their files."""


@dataclass(frozen=True, eq=False)
class Video(Generic[Frame]):
    """What must be known of all frames to edit one; small, whatever their size."""

    places: Mapping[Frame, Sequence[FacePlace]]
    """Where the faces of each frame lie, smoothed over time; none where there are none."""
    codes: Mapping[int, NDArray[np.float32]]
    """Style codes of each person `[N, 18, 512]`; of nobody if no frame can be edited."""

    def request(self, frame: Frame, request: EditRequest) -> EditRequest:
        """A request, which asks for no style, for one frame; a frame without a face will keep its bits."""
        people = {person: torch.from_numpy(codes) for person, codes in self.codes.items()}
        variants = len(next(iter(people.values()), request.seeds))
        return replace(
            request, places=[place for place in self.places[frame] if place.person in people], people=people,
            seeds=seeds_from(request.seeds[0], variants), fit=0, skip_without_face=True,
        )  # fmt: skip


def scan_frames(
    frames: Sequence[Frame],
    find: Callable[[Frame], Sequence[AlignedFace]],
    style: Callable[[Frame, Sequence[FacePlace]], Mapping[int, Tensor]],
    reach: int,
    progress: Progress = no_progress,
) -> Video[Frame]:
    """Find the faces and codes of all frames, one after the other, before the first is edited.

    Args:
        frames: in the order of time.
        find: the faces of a frame. A frame that cannot be read counts as one without a face.
        style: the codes `[N, 18, 512]` of each person whose face at one of these places is edited in a frame.
            A person has those of the first frame where this can be done.
        reach: frames before and after that count in `smooth_alignment`.
        progress: called for every frame.

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
    before = [[place.matrix for place in places] for places in found]
    smoothed, people = smooth_alignment(before, reach), number_people(before)
    places = {
        frame: [
            FacePlace(matrix, place.box, person)
            for matrix, place, person in zip(smoothed[i], found[i], people[i], strict=True)
        ]
        for i, frame in enumerate(frames)
    }
    return Video(places, _first_styles(places, style))


def _first_styles(
    places: Mapping[Frame, Sequence[FacePlace]],
    style: Callable[[Frame, Sequence[FacePlace]], Mapping[int, Tensor]],
) -> dict[int, NDArray[np.float32]]:
    found: dict[int, NDArray[np.float32]] = {}
    errors: list[FacemugError] = []
    for frame, faces in places.items():
        new = [place for place in faces if place.person not in found]
        if new:
            try:
                found |= {person: codes.numpy() for person, codes in style(frame, new).items()}
            except FacemugError as error:
                errors.append(error)
    if errors and not found:
        raise errors[0]
    if len({len(codes) for codes in found.values()}) > 1:
        raise InputError(
            "The style codes given are those of several people, who are not all in the first frame that can "
            "be edited. Give codes that serve everybody."
        )
    return found
