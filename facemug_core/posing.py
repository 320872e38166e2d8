"""People drawn anew in another pose, by measuring and moving (what the paper uses warping for, section 5)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .batches import Progress, no_progress
from .editing.directions import Linear, shipped_directions
from .editing.measuring import find_mesh
from .editing.pose import Pose, pose_from_mesh, turn_to
from .errors import FaceNotFoundError
from .photo import Photo
from .pictures import to_pixels
from .pipeline.editor import PhotoEditor


@dataclass(frozen=True, eq=False)
class Posed:
    """A person in another pose."""

    picture: Tensor
    """The bank's picture `[1, 3, 256, 256]` in [-1, 1]."""
    codes: Tensor
    """`[1, 18, 512]`"""
    pose: Pose
    """What the picture shows."""


class Poser:
    """Reads poses off pictures, and turns people.

    Args:
        editor: the model with face detection.

    Raises:
        WeightsMissingError: there are no directions of yaw and pitch.
    """

    def __init__(self, editor: PhotoEditor) -> None:
        self.editor = editor
        directions = shipped_directions(editor.weights)
        self.yaw: Linear = directions["yaw"]
        self.pitch: Linear = directions["pitch"]

    def read(self, picture: Tensor) -> Pose | None:
        """Pose of an aligned face `[1, 3, 256, 256]` in [-1, 1]; None where no face is seen."""
        mesh = find_mesh(self.editor.detector, to_pixels(picture[0]))
        return None if mesh is None else pose_from_mesh(mesh)

    def pose_of(self, photo: Photo) -> Pose:
        """Pose of the largest face of a photo.

        Raises:
            FaceNotFoundError: there is none.
        """
        pose = self.read(self.editor.find_exemplar(photo).crop)
        if pose is None:
            raise FaceNotFoundError("No face was found in the photo whose pose was asked for.")
        return pose

    @torch.no_grad()
    def turn(self, codes: Tensor, wanted: Pose, progress: Progress = no_progress) -> Posed:
        """The person of the codes `[1, 18, 512]` as the bank draws it, in the wanted pose as far as it can.

        `progress` is called for every move towards it.

        Raises:
            FaceNotFoundError: the bank's picture shows no face.
        """
        model = self.editor.model
        codes = codes.to(model.device)
        seen: list[Posed] = []

        def measure(moved: Tensor) -> Pose | None:
            picture = model.render(moved)
            pose = self.read(picture)
            if pose is not None:
                seen.append(Posed(picture, moved, pose))
            return pose

        turned = turn_to(codes, wanted, measure, self.yaw, self.pitch, progress)
        for posed in seen:
            if posed.codes is turned:
                return posed
        raise FaceNotFoundError(
            "What the bank draws of this person is not seen as a face, so it cannot be turned; "
            "try a photo that shows more of the face."
        )
