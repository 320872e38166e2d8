"""Options that several commands or modules share; each class adds some to those it inherits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from ..choices import DrawnOn, NamedFaces, NoColor, Numbering, Size, Style, TextMode
from ..config import SIZES
from ..conventions import NUM_CODES, REGIONS
from . import values
from .declaring import argument

if TYPE_CHECKING:
    from ..faces.detection import Box

Device = Literal["auto", "cpu", "cuda", "mps"]

if TYPE_CHECKING:
    from ..checkpoints.weights import Weights

NoFace = Literal["error", "skip"]

OUTPUT = ("-o", "--output")

WeightedFile = tuple[Path, float]


@dataclass(frozen=True)
class WeightsOptions:
    """Folders of weights."""

    weights: Sequence[Path] = argument(
        "--weights", type=Path, action="append", default=[], metavar="FOLDER",
        help="search here for weights first",
    )  # fmt: skip

    def all_weights(self) -> Weights:
        """Weights in these folders, then those of the pack."""
        from ..checkpoints.weights import Weights

        return Weights(*self.weights)


@dataclass(frozen=True)
class ModelOptions(WeightsOptions):
    """Size of the model, and its device."""

    model: str = argument("--model", choices=tuple(SIZES), default="light")
    device: Device = argument("--device", choices=get_args(Device), default="auto")


@dataclass(frozen=True)
class ClipOptions(ModelOptions):
    """Text-image model."""

    clip: tuple[str, Path | None] = argument(
        "--clip", type=values.clip_file, default=("face", None), metavar="NAME[=FILE]",
        help="text-image model: face, or one of open_clip's with its weights",
    )  # fmt: skip


@dataclass(frozen=True)
class GuidanceOptions(ClipOptions):
    """Guides, style, sliders, text and output of an edit or a new face."""

    sketch: WeightedFile | None = argument("--sketch", type=values.weighted_file, metavar="FILE[=STRENGTH]")
    semantic: WeightedFile | None = argument(
        "--semantic", type=values.weighted_file, metavar="FILE[=STRENGTH]"
    )
    color: WeightedFile | None = argument("--color", type=values.weighted_file, metavar="FILE[=STRENGTH]")
    semantic_numbering: Numbering = argument(
        "--semantic-numbering", choices=get_args(Numbering), default="auto"
    )
    no_color: NoColor = argument(
        "--no-color", choices=get_args(NoColor), default="none",
        help='the color that means "no color" in a color map without alpha',
    )  # fmt: skip
    exemplar: Path | None = argument("--exemplar", type=Path, metavar="FILE")
    style: Style | None = argument("--style", choices=get_args(Style))
    style_mix: float = argument(
        "--style-mix", type=values.share, default=0.0, metavar="0..1", help="towards a random style"
    )
    inversion: int | None = argument(
        "--inversion", type=values.at_least_zero, metavar="STEPS",
        help="bring codes nearer to exemplar or photo (default: mostly 12)",
    )  # fmt: skip
    attribute: Sequence[tuple[str, float]] = argument(
        "--attribute", type=values.named_amount, action="append", default=[], metavar="NAME=AMOUNT",
        help="move a slider, mostly from -1 to 1: `directions list`; or a FILE",
    )  # fmt: skip
    text: str | None = argument("--text", metavar="TEXT", help='what the face should be: "curly blond hair"')
    text_mode: TextMode = argument(
        "--text-mode", choices=get_args(TextMode), default="optimize",
        help="search for seconds, or move along a measured direction at once",
    )  # fmt: skip
    text_strength: float = argument("--text-strength", type=values.strength, default=1.0, metavar="AMOUNT")
    text_steps: int = argument("--text-steps", type=values.at_least_one, default=50, metavar="N")
    text_layers: tuple[int, int] = argument(
        "--text-layers", type=values.layers, default=(0, NUM_CODES), metavar="START:END",
        help="codes that a text may change",
    )  # fmt: skip
    keep_geometry: bool = argument("--keep-geometry", action="store_true", help="a text changes no shapes")
    seed: int = argument("--seed", type=values.whole, default=0)
    variants: int = argument("--variants", type=values.at_least_one, default=1, metavar="N")
    latent: Path | None = argument("--latent", type=Path, metavar="FILE", help="use saved style codes")
    save_latent: Path | None = argument("--save-latent", type=Path, metavar="FILE")
    output: Path | None = argument(*OUTPUT, type=Path, metavar="OUT.png")
    sheet: Path | None = argument(
        "--sheet", type=Path, metavar="SHEET.png", help="inputs and results side by side"
    )


@dataclass(frozen=True)
class EditOptions(GuidanceOptions):
    """Photo, face, mask and composition of an edit."""

    photo: Path = argument(
        type=Path,
        help="or a folder of photos; -o and all other files can then be folders, with a file of the photo's "
        "name in each",
    )
    workers: int = argument(
        "--workers", type=values.at_least_one, default=1, metavar="N",
        help="processes that share a folder, each with its own model",
    )  # fmt: skip
    smooth: int | None = argument(
        "--smooth", type=values.at_least_zero, metavar="FRAMES",
        help="the folder has a video's frames in the order of their names: use one style per person, and "
        "smooth the places of faces over this many frames before and after (0: not)",
    )  # fmt: skip
    mask: Path | None = argument(
        "--mask", either=True, type=Path, metavar="FILE",
        help="white (or transparent) = edit; gray = blend edit and photo",
    )  # fmt: skip
    region: str | None = argument(
        "--region", either=True, metavar="NAMES", help=f"face regions joined by +: {', '.join(REGIONS)}"
    )
    grow: int = argument(
        "--grow", type=values.whole, default=0, metavar="PX", help="grow the regions (negative: shrink)"
    )
    feather: int = argument(
        "--feather", type=values.at_least_zero, default=0, metavar="PX", help="soft edge, inwards only"
    )
    opacity: float = argument("--opacity", type=values.share, default=1.0, metavar="0..1")
    face: NamedFaces | int = argument(
        "--face", type=values.which, default="auto", metavar="FACE",
        help=f"{', '.join(get_args(NamedFaces))}, or an index counted from the left, from 0; auto: those "
        "under the mask, or without a mask the largest",
    )  # fmt: skip
    box: Sequence[Box] | None = argument(
        "--box", type=values.box, action="append", metavar="X,Y,W,H",
        help="look for a face here, in pixels of the photo",
    )  # fmt: skip
    landmarks: Path | None = argument(
        "--landmarks", type=Path, metavar="FILE",
        help="eyes and corners of the mouth, or 5, 68 or 468 landmarks: JSON, or lines of x and y",
    )  # fmt: skip
    drawn_on: DrawnOn | None = argument(
        "--drawn-on", choices=get_args(DrawnOn),
        help="for photos with an EXIF rotation: whether mask, guides, boxes and landmarks were made on the "
        "rotated photo or on the file's pixels",
    )  # fmt: skip
    aligned: bool = argument(
        "--aligned", action="store_true", help="the photo is an aligned face crop already"
    )
    size: Size = argument(
        "--size", type=values.size, default="auto", metavar="|".join(map(str, get_args(Size))),
        help="side of the edited face crop in pixels; auto: as fine as the photo",
    )  # fmt: skip
    no_face: NoFace = argument("--no-face", choices=get_args(NoFace), default="error")
    fit: int | None = argument(
        "--fit", type=values.at_least_zero, metavar="STEPS",
        help="fit another person's style to photo and guides (default: mostly 6)",
    )  # fmt: skip
    keep_metadata: bool = argument(
        "--keep-metadata", action="store_true", help="write EXIF, XMP and resolution as well"
    )
    json: bool = argument("--json", action="store_true", help="print what was done")

    @property
    def folder(self) -> bool:
        """Whether a folder of photos is edited."""
        return self.photo.is_dir()
