"""Edits one photo, or one frame of a video."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from ..companions import TEXTS, companion
from ..conditions.foreign import PICTURES
from ..conditions.masks import is_soft, read_mask
from ..conditions.orientation import boxes_along, points_along
from ..conditions.reading import read_beside
from ..faces.detection import Box
from ..faces.landmark_files import read_landmarks
from ..latents import Latent, save_latent
from ..photo import Photo
from ..pipeline.editor import EditRequest, PhotoEditor
from ..pipeline.video import Video
from ..sheets import edit_sheet
from ..writing import fitted, save_picture
from .guidance import guides_of, style_of
from .options import EditOptions
from .pictures import numbered, save


def beside_photo(photo: Path) -> Path:
    """Default path of the edit of a photo."""
    return fitted(photo.with_name(f"{photo.stem}_edited.png"))


def edit_photo(
    options: EditOptions,
    source: Path,
    output: Path,
    editor: Callable[[], PhotoEditor],
    video: Video[Path] | None = None,
) -> dict[str, Any]:
    """Edit one photo, or frame of a video, write its files, and return what was done."""
    start = time.perf_counter()
    photo = Photo.from_file(source)
    request = request_of(options, source, photo)
    if video is not None:
        request = video.request(source, request)
    read = time.perf_counter()
    ready = editor()
    loaded = time.perf_counter()
    result = ready.edit(photo, request)
    if options.sheet is not None:
        save(edit_sheet(photo, request, result), _of_photo(options, options.sheet, output, ".png"))
    if options.save_latent is not None and result.latents:
        path = _of_photo(options, options.save_latent, output, ".safetensors")
        save_latent(path, Latent.cat(result.latents))
    outputs = numbered(output, len(result.photos))
    losses: list[str] = []
    for path, edited in zip(outputs, result.photos, strict=True):
        losses = save_picture(edited.to_image(options.keep_metadata), path)
    seconds = {"read": read - start, "load model": loaded - read, **result.seconds}
    return {
        "output": [str(path) for path in outputs],
        "faces": [face.box for face in result.faces],
        "mask_pixels": int(result.mask.sum()),
        "mask_share": round(int(result.mask.sum()) / result.mask.numel(), 4),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "warnings": [*result.warnings, *losses],
    }


def request_of(options: EditOptions, source: Path, photo: Photo) -> EditRequest:
    """The edit request for the photo of a file."""
    size = photo.size[1], photo.size[0]
    misfits: list[str] = []

    def beside(path: Path) -> Image.Image:
        image, found = read_beside(
            companion(path, source, PICTURES), size, photo.orientation, options.drawn_on
        )
        misfits.extend(found)
        return image

    mask = None if options.mask is None else read_mask(beside(options.mask), size, misfits.append)
    guides = guides_of(options, size, beside, misfits.append)
    boxes, landmarks = places_of(options, source, photo)
    exemplar = None if options.exemplar is None else companion(options.exemplar, source, PICTURES)
    return EditRequest(
        mask=mask if mask is None or is_soft(mask) else mask.bool(),
        regions=options.region,
        grow=options.grow,
        exemplar=None if exemplar is None else Photo.from_file(exemplar),
        fit=options.fit,
        which=options.face,
        aligned=options.aligned,
        boxes=boxes,
        landmarks=landmarks,
        size=options.size,
        skip_without_face=options.no_face == "skip",
        feather=options.feather,
        opacity=options.opacity,
        warnings=misfits,
        **style_of(options, source),
        **guides,  # type: ignore[arg-type]
    )


def places_of(options: EditOptions, source: Path, photo: Photo) -> tuple[list[Box] | None, list[Any] | None]:
    """The given boxes and landmarks of a file's photo, in pixels of the upright photo."""
    how = (photo.size[1], photo.size[0]), photo.orientation, options.drawn_on
    boxes = None if options.box is None else boxes_along(options.box, *how)
    if options.landmarks is None:
        return boxes, None
    path = companion(options.landmarks, source, TEXTS)
    return boxes, [points_along(points, str(path), *how) for points in read_landmarks(path)]


def _of_photo(options: EditOptions, path: Path, output: Path, ending: str) -> Path:
    """Path of a photo's further file: the given path, or one in it if a folder of photos is edited."""
    return path / f"{output.stem}{ending}" if options.folder else path
