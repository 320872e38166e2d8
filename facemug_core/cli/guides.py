"""`parse`, `sketch` and `color`: guides drawn from photos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .declaring import add_command, argument
from .options import OUTPUT, WeightsOptions

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class GuideOptions(WeightsOptions):
    """Arguments of `parse`, `sketch` and `color`."""

    photo: Path = argument(type=Path)
    output: Path = argument(*OUTPUT, type=Path, required=True, metavar="OUT.png")


def add_commands(commands: Any) -> None:
    """Add the commands that draw guides."""
    for name, run, about in (
        ("parse", parse, "Draw a photo's semantic map, in the display palette."),
        ("sketch", sketch, "Draw a photo's sketch, dark on white."),
        ("color", color, "Draw a photo's color map: the mean color of each face part."),
    ):
        add_command(commands, name, about, GuideOptions, run)


def parse(options: GuideOptions) -> None:
    """Write the semantic map."""
    from PIL import Image

    from ..conditions import labels_to_palette
    from .pictures import save

    labels = _labels(options, _photo(options))
    save(Image.fromarray(labels_to_palette(labels)[0].numpy()), options.output)


def sketch(options: GuideOptions) -> None:
    """Write the sketch."""
    from PIL import Image

    from ..conditions import pencil_sketch
    from .pictures import save

    strokes = pencil_sketch(_photo(options))[0, 0]
    save(Image.fromarray(((1 - strokes) * 255).byte().numpy()), options.output)


def color(options: GuideOptions) -> None:
    """Write the color map."""
    from ..conditions import region_means
    from ..sheets import crop_image
    from .pictures import save

    photo = _photo(options)
    save(crop_image(region_means(photo, _labels(options, photo))[0]), options.output)


def _photo(options: GuideOptions) -> Tensor:
    """The photo `[1, 3, H, W]` in [-1, 1]."""
    from ..photo import Photo

    return Photo.from_file(options.photo).rgb / 127.5 - 1


def _labels(options: GuideOptions, photo: Tensor) -> Tensor:
    """The photo's labels on its own grid."""
    from ..faces.parsing import Parser

    return Parser.load(options.all_weights()).parse(photo)
