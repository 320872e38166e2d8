"""`pose`: turns a person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from . import values
from .declaring import add_command, argument
from .options import OUTPUT, ModelOptions


@dataclass(frozen=True)
class PoseOptions(ModelOptions):
    """Arguments of `pose`."""

    source: Path = argument(type=Path, metavar="PHOTO")
    target: Path | None = argument(
        "--target", type=Path, metavar="PHOTO", help="take the pose of this photo's face"
    )
    frontal: bool = argument("--frontal", action="store_true", help="look straight ahead")
    yaw: float | None = argument(
        "--yaw", type=values.number, metavar="DEG", help="turn right in the picture (negative: left)"
    )
    pitch: float | None = argument(
        "--pitch", type=values.number, metavar="DEG", help="look up (negative: down)"
    )
    output: Path = argument(*OUTPUT, type=Path, required=True, metavar="OUT.png")


def add_commands(commands: Any) -> None:
    """Add `pose`."""
    add_command(commands, "pose", "Draw a person in another pose.", PoseOptions, pose)


def pose(options: PoseOptions) -> None:
    """Draw the person, and print the resulting pose."""
    from PIL import Image

    from ..editing.pose import Pose
    from ..photo import Photo
    from ..pictures import to_pixels
    from ..posing import Poser
    from .loading import load_editor
    from .pictures import save

    angles = options.yaw is not None or options.pitch is not None
    if (options.target is not None) + options.frontal + angles != 1:
        raise InputError("Give a pose: --target PHOTO, or --frontal, or --yaw and --pitch.")
    poser = Poser(load_editor(options))
    model = poser.editor.model
    wanted = Pose(options.yaw or 0.0, options.pitch or 0.0)
    if options.target is not None:
        wanted = poser.pose_of(Photo.from_file(options.target))
    source = poser.editor.find_exemplar(Photo.from_file(options.source))
    posed = poser.turn(model.encode(source.crop.to(model.device)), wanted)
    save(Image.fromarray(to_pixels(posed.picture[0])), options.output)
    print(f"asked for {wanted}, drawn {posed.pose}")
