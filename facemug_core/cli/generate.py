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
    """Make a face, and write all that is asked for."""
    from ..photos import shared_codes
    from ..sheets import conditions_sheet, crop_image
    from .guidance import directions_of, seeds_of, text_goal_of
    from .loading import load_model
    from .pictures import numbered, save
    from .saved import begun, save_edited, saved_codes

    conditions = _conditions(options)
    model = load_model(options)
    exemplar = None if options.exemplar is None else _exemplar(options, options.exemplar, model)
    directions, text = directions_of(options), text_goal_of(options)
    seeds, (codes,) = shared_codes(saved_codes(options), seeds_of(options), 1)
    styles = model.style_codes(
        conditions, exemplar=exemplar, style=options.style, style_mix=options.style_mix,
        seeds=seeds, codes=codes, inversion=options.inversion,
    )  # fmt: skip
    pictures, codes = model.edit(conditions, seeds=seeds, codes=styles, directions=directions, text=text)
    outputs = numbered(options.output or Path("face.png"), len(pictures))
    for path, picture in zip(outputs, pictures, strict=True):
        save(crop_image(picture), path)
    if options.save_latent is not None:
        first = begun(options, model, styles.expand_as(codes))
        save_edited(options, options.save_latent, first, codes.cpu(), directions)
    if options.sheet is not None:
        save(conditions_sheet(conditions, exemplar, pictures), options.sheet)


def _conditions(options: GuidanceOptions) -> Conditions:
    """The guides on the grid of a new face."""
    from ..conditions.reading import fit_warnings, read_photo
    from ..guides import new_face_conditions, silent_guides
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
    """The crop [1, 3, 256, 256] of the exemplar's face."""
    from ..conditions.reading import read_photo
    from ..photos import Photo, PhotoEditor, exemplar_warnings

    face = PhotoEditor(model, options.weights).find_exemplar(Photo.from_image(read_photo(path)))
    for warning in exemplar_warnings(face):
        show_warning(warning)
    return face.crop
