"""Edits a folder of photos, or the frames of a video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ..companions import companion, in_order, results
from ..conditions.files import pictures_in
from ..conditions.foreign import PICTURES, how_to_read, is_foreign_photo
from ..conditions.masks import read_mask
from ..conditions.reading import read_beside
from ..errors import FacemugError, InputError, NothingToEditError
from ..folders import TABLE_FILE, Outcome, State, Table, Work, work_on
from ..photo import Photo
from ..pipeline.locate import AlignedFace, FacePlace, FaceQuery
from ..pipeline.video import Video, scan_frames
from .console import show_warning
from .guidance import latent_of
from .loading import load_editor
from .options import EditOptions
from .photo import edit_photo, places_of, request_of
from .pictures import numbered, save

MOST_CODES = 64
"""Largest number of results of a photo, if its latent file determines the number."""

STYLE_OF_THE_VIDEO: Mapping[str, Any] = {
    "landmarks": None, "latent": None, "exemplar": None, "style_mix": 0.0, "attribute": (), "text": None,
}  # fmt: skip
"""Options of a frame once places and codes of its faces are known."""


def edit_folder(options: EditOptions) -> None:
    """Edit the remaining photos of a folder; each gets a row of the table."""
    folder = _results_folder(options)
    sources = in_order(pictures_in(options.photo))
    others = list(_unread(options.photo, sources))
    if not sources and not others:
        raise InputError(f"There are no photos in {options.photo}.")
    outputs = results(sources, folder, MOST_CODES if options.latent is not None else options.variants)
    done = [source for source in sources if _is_done(options, source, outputs[source])]
    waiting = [source for source in sources if source not in done]
    table = Table(folder / TABLE_FILE, done=[source.name for source in done])
    states = Counter({"there already": len(done)} if done else {})
    for outcome in others:
        table.add(outcome)
        states[outcome.state] += 1
    video = None
    if options.smooth is not None and waiting:
        try:
            video = _scan_frames(options, sources, options.smooth)
        except FacemugError as error:
            for source in waiting:
                table.add(Outcome(source.name, "failed", message=f"No frame can be edited: {error}"))
            raise
        options = replace(options, **STYLE_OF_THE_VIDEO)
    work = work_on(waiting, partial(folder_work, options, outputs, video), options.workers)
    with tqdm(work, initial=len(done), total=len(sources), unit="photo") as bar:
        for outcome in bar:
            table.add(outcome)
            states[outcome.state] += 1
            bar.set_postfix(states)
    print(f"{', '.join(f'{count} {state}' for state, count in states.items())}: see {table.path}.")
    if states["failed"] or states["no face"]:
        missed, photos = states["failed"] + states["no face"], sum(states.values()) - states["not a photo"]
        raise FacemugError(f"{missed} of {photos} photos were not edited.")
    if not sources:
        raise InputError(f"There are no photos in {options.photo}.")


def _results_folder(options: EditOptions) -> Path:
    """Where the results go."""
    folder = options.output or options.photo.with_name(f"{options.photo.resolve().name}_edited")
    if folder.exists() and folder.samefile(options.photo):
        raise InputError(f"The results would be among the photos of {folder}; give another folder with -o.")
    return folder


def _is_done(options: EditOptions, source: Path, output: Path) -> bool:
    """Whether all results of a photo exist."""
    if all(path.exists() for path in numbered(output, options.variants)):
        return True
    with suppress(FacemugError):  # reported when the photo's turn comes
        latent = latent_of(options, source)
        return latent is not None and all(path.exists() for path in numbered(output, len(latent.codes)))
    return False


def _unread(folder: Path, sources: Sequence[Path]) -> Iterator[Outcome]:
    """Outcomes of the files of a folder that are not photos, except for hidden ones."""
    for path in in_order([path for path in folder.glob("[!.]*") if path.is_file()]):
        if path not in sources:
            state: State = "failed" if is_foreign_photo(path) else "not a photo"
            yield Outcome(path.name, state, message=how_to_read(path))


def _scan_frames(options: EditOptions, sources: Sequence[Path], reach: int) -> Video[Path]:
    """People's styles, and places of their faces, smoothed over `reach` frames before and after."""
    editor = load_editor(options)

    def find(source: Path) -> Sequence[AlignedFace]:
        photo = Photo.from_file(source)
        boxes, landmarks = places_of(options, source, photo)
        mask = None
        if options.mask is not None and options.face == "auto":
            size = photo.size[1], photo.size[0]
            path = companion(options.mask, source, PICTURES)
            mask = read_mask(read_beside(path, size, photo.orientation, options.drawn_on)[0], size)
        return editor.find_faces(photo, FaceQuery(options.face, options.aligned, boxes, landmarks), mask)

    def style(source: Path, places: Sequence[FacePlace]) -> Mapping[int, torch.Tensor]:
        photo = Photo.from_file(source)
        request = request_of(options, source, photo)
        result = editor.edit(photo, replace(request, places=places))
        for warning in result.warnings:
            show_warning(warning)
        return {face.person: latent.codes for face, latent in zip(result.faces, result.latents, strict=True)}

    with tqdm(total=len(sources), unit="frame", desc="find faces") as bar:
        return scan_frames(sources, find, style, reach, lambda done, _: bar.update(done - bar.n))


def folder_work(options: EditOptions, outputs: Mapping[Path, Path], video: Video[Path] | None) -> Work:
    """The work on each photo of a folder, with its own model."""
    editor = load_editor(options)

    def work(source: Path) -> Outcome:
        if _is_done(options, source, outputs[source]):  # by another process that works on the folder
            return Outcome(source.name, "there already")
        try:
            done = edit_photo(options, source, outputs[source], lambda: editor, video)
        except NothingToEditError as error:
            if video is None:
                raise
            _pass(options, source, outputs[source])
            return Outcome(source.name, "unchanged", message=str(error))
        return Outcome(
            source.name,
            "edited" if done["mask_pixels"] else "unchanged",
            len(done["faces"]),
            done["mask_pixels"],
            message=" ".join(done["warnings"]),
        )

    return work


def _pass(options: EditOptions, source: Path, output: Path) -> None:
    """Write a frame unchanged, so that the video stays complete."""
    photo = Photo.from_file(source)
    for path in numbered(output, options.variants):
        save(photo.to_image(options.keep_metadata), path)
