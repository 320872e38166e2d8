"""`generate`: a face without a photo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .console import show_warning
from .declaring import add_command
from .options import GuidanceOptions

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from ..conditions import Conditions
    from ..model import FaceMug


def add_commands(commands: Any) -> None:
    """Add `generate`."""
    about = "Make a face from guides alone, without a photo."
    add_command(commands, "generate", about, GuidanceOptions, generate)


def generate(options: GuidanceOptions) -> None:
    """Make a face, and write its files."""
    from ..latents import save_latent
    from ..pipeline.crop import edit_crop
    from ..pipeline.style import StylePlan
    from ..sheets import conditions_sheet, crop_image
    from .guidance import style_of
    from .loading import load_model
    from .pictures import numbered, save

    conditions = _conditions(options)
    model = load_model(options)
    exemplar = None if options.exemplar is None else _exemplar(options, options.exemplar, model)
    (plan,) = StylePlan(**style_of(options)).of_faces(1)
    pictures, latent, notices = edit_crop(model, conditions, plan, exemplar)
    for notice in notices:
        show_warning(notice)
    outputs = numbered(options.output or Path("face.png"), len(pictures))
    for path, picture in zip(outputs, pictures, strict=True):
        save(crop_image(picture), path)
    if options.save_latent is not None:
        save_latent(options.save_latent, latent)
    if options.sheet is not None:
        save(conditions_sheet(conditions, exemplar, pictures), options.sheet)


def _conditions(options: GuidanceOptions) -> Conditions:
    """The guides on the grid of a new face."""
    from ..conditions.reading import fit_warnings, read_photo
    from ..pipeline.guides import new_face_conditions, silent_guides
    from .guidance import guides_of

    def whole(path: Path) -> Image.Image:
        image = read_photo(path)
        for warning in fit_warnings(str(path), image.size):
            show_warning(warning)
        return image

    guides = guides_of(options, None, whole, show_warning)
    conditions = new_face_conditions(guides)
    for warning in silent_guides(guides, [conditions]):
        show_warning(warning)
    return conditions


def _exemplar(options: GuidanceOptions, path: Path, model: FaceMug) -> Tensor:
    """The crop `[1, 3, 256, 256]` of the exemplar's face."""
    from ..photo import Photo
    from ..pipeline.editor import PhotoEditor
    from ..pipeline.locate import exemplar_warnings

    face = PhotoEditor(model, options.all_weights()).find_exemplar(Photo.from_file(path))
    for warning in exemplar_warnings(face):
        show_warning(warning)
    return face.crop
