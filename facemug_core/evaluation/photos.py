"""Real faces to evaluate on, from a folder of photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ..conditions.reading import picture_files, read_mask
from ..conventions import WORKING_SIZE
from ..errors import InputError
from ..faces.parsing import Parser
from ..photo import Photo
from ..pictures import from_bytes, to_bytes
from ..pipeline.editor import PhotoEditor
from ..pipeline.locate import FaceQuery
from .faces import FIRST_SEED, MASK_KINDS, Faces, in_random_tone
from .inpainting import inpaint_biharmonic

GIVEN = "given"
"""Kind of the masks that lie beside their photos."""


class FolderFaces:
    """The photos of a folder. Square ones count as aligned face crops; in others the largest face is taken.

    A file `photo_NAME` can have a mask `mask_NAME` and a second photo of the person `exemplar_NAME` beside
    it. Masks are not photos; all else is.

    Args:
        folder: with picture files.
        editor: finds faces.
        parser: reads classes.

    Raises:
        InputError: no photo is there, or a file cannot be read.
    """

    def __init__(self, folder: str | Path, editor: PhotoEditor, parser: Parser) -> None:
        self.files = {path.stem: path for path in picture_files(folder)}
        self.editor = editor
        self.parser = parser
        self._seen: dict[str, tuple[Tensor, Tensor]] = {}
        self.names = [name for name in self.files if not name.startswith("mask_")]
        if not self.names:
            raise InputError(f"There are no photos in {folder}.")

    def batches(self, count: int, size: int) -> Iterator[Faces]:
        """Each photo in one mask of every kind, at most `count` faces, in batches of at most `size`."""
        places = [(name, kind) for name in self.names for kind in MASK_KINDS][:count]
        for start in range(0, len(places), size):
            yield self._faces(places[start : start + size], start)

    def portraits(self, count: int) -> Iterator[Faces]:
        """Each photo once, at most `count` of them, one at a time."""
        kind = next(iter(MASK_KINDS))
        for start, name in enumerate(self.names[:count]):
            yield self._faces([(name, kind)], start)

    def pairs(self, size: int) -> Iterator[Faces]:
        """Photos that come with a mask and an exemplar; of what the mask hides there is no truth."""
        stems = [name.removeprefix("photo_") for name in self.names if name.startswith("photo_")]
        whole = [stem for stem in stems if {f"mask_{stem}", f"exemplar_{stem}"} <= self.files.keys()]
        for start in range(0, len(whole), size):
            yield self._faces([(f"photo_{stem}", GIVEN) for stem in whole[start : start + size]], start)

    def _faces(self, places: list[tuple[str, str]], start: int) -> Faces:
        seeds = tuple(FIRST_SEED + start + i for i in range(len(places)))
        photos, labels = self._batch([name for name, _ in places])
        masks, exemplars = [], []
        for (name, kind), seed, photo, classes in zip(places, seeds, photos, labels, strict=True):
            generator = torch.Generator().manual_seed(seed)
            stem = name.removeprefix("photo_")
            if kind == GIVEN:
                mask = read_mask(self.files[f"mask_{stem}"], (WORKING_SIZE, WORKING_SIZE))[0]
                masks.append((mask >= 0.5).float())
                exemplars.append(self._face(f"exemplar_{stem}")[0])
            else:
                masks.append(MASK_KINDS[kind](classes, generator))
                exemplars.append(from_bytes(to_bytes(in_random_tone(photo, generator))))
        biharmonic = [inpaint_biharmonic(photo, mask) for photo, mask in zip(photos, masks, strict=True)]
        following = [self.names[(self.names.index(name) + 1) % len(self.names)] for name, _ in places]
        other_photos, other_labels = self._batch(following)
        return Faces(
            seeds=seeds,
            kinds=tuple(kind for _, kind in places),
            photo=photos,
            exemplar=torch.stack(exemplars),
            biharmonic=from_bytes(to_bytes(torch.stack(biharmonic))),
            mask=torch.stack(masks).float(),
            labels=labels,
            other_photo=other_photos,
            other_labels=other_labels,
        )

    def _batch(self, names: list[str]) -> tuple[Tensor, Tensor]:
        photos, labels = zip(*(self._face(name) for name in names), strict=True)
        return torch.stack(photos), torch.stack(labels)

    def _face(self, name: str) -> tuple[Tensor, Tensor]:
        """A photo's face [3, 256, 256] in [-1, 1], of 8-bit depth, and its classes [256, 256]."""
        if name not in self._seen:
            photo = Photo.from_file(self.files[name])
            height, width = photo.size
            found = self.editor.find_faces(photo, FaceQuery(aligned=height == width))
            if not found:
                raise InputError(f"{self.files[name]} shows no face; take it out of the folder.")
            crop = from_bytes(to_bytes(found[0].crop))
            self._seen[name] = crop[0], self.parser.parse(crop)[0]
        return self._seen[name]
