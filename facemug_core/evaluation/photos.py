"""Evaluation faces from a folder of photos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

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
"""Kind of masks that come as files with their photos."""


class FolderFaces:
    """The photos of a folder. Square ones are aligned crops; of others the largest face is used.

    A file `photo_NAME` can have a mask `mask_NAME` and a second photo of the person `exemplar_NAME`. All
    files but masks are photos.

    Args:
        folder: with picture files.
        editor: finds faces.
        parser: of the crops.
        peers: folders with other systems' edits of the photos with masks, by the system's name. The edit of
            `photo_NAME` is called `result_NAME`.

    Raises:
        InputError: the folder has no photos, or a file cannot be read.
    """

    def __init__(
        self,
        folder: str | Path,
        editor: PhotoEditor,
        parser: Parser,
        peers: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        self.folder = folder
        self.peers = peers
        self.files = {path.stem: path for path in picture_files(folder)}
        self.editor = editor
        self.parser = parser
        self._seen: dict[str, tuple[Tensor, Tensor]] = {}
        self.names = [name for name in self.files if not name.startswith("mask_")]
        if not self.names:
            raise InputError(f"There are no photos in {folder}.")

    def batches(self, count: int, size: int) -> Iterator[Faces]:
        """Each photo with one mask of every kind, at most `count` faces, in batches of at most `size`."""
        places = [(name, kind) for name in self.names for kind in MASK_KINDS][:count]
        for start in range(0, len(places), size):
            yield self._faces(places[start : start + size], start)

    def portraits(self, count: int) -> Iterator[Faces]:
        """Each photo once, at most `count` of them, one at a time."""
        kind = next(iter(MASK_KINDS))
        for start, name in enumerate(self.names[:count]):
            yield self._faces([(name, kind)], start)

    def pairs(self, size: int) -> Iterator[Faces]:
        """Photos with a mask and an exemplar. Under the mask, they are no truth.

        Raises:
            InputError: there are none, or another system's edit is missing.
        """
        stems = [name.removeprefix("photo_") for name in self.names if name.startswith("photo_")]
        whole = [stem for stem in stems if {f"mask_{stem}", f"exemplar_{stem}"} <= self.files.keys()]
        if not whole:
            raise InputError(
                f"No photo in {self.folder} has a mask and an exemplar. "
                "Name the files photo_X, mask_X, exemplar_X."
            )
        for start in range(0, len(whole), size):
            some = whole[start : start + size]
            faces = self._faces([(f"photo_{stem}", GIVEN) for stem in some], start)
            yield replace(faces, peers={name: self._results(name, some) for name in self.peers})

    def _results(self, name: str, stems: list[str]) -> Tensor:
        """Another system's edits `[B, 3, 256, 256]`."""
        files = {path.stem: path for path in picture_files(self.peers[name])}
        missing = [f"result_{stem}" for stem in stems if f"result_{stem}" not in files]
        if missing:
            raise InputError(f"{self.peers[name]} has no picture called {', '.join(missing)}.")
        return torch.stack([self._crop(files[f"result_{stem}"]) for stem in stems])

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
        """A photo's face `[3, 256, 256]` in [-1, 1], of 8-bit depth, and its classes `[256, 256]`."""
        if name not in self._seen:
            crop = self._crop(self.files[name])
            self._seen[name] = crop, self.parser.parse(crop[None])[0]
        return self._seen[name]

    def _crop(self, path: Path) -> Tensor:
        """A file's face `[3, 256, 256]` in [-1, 1], of 8-bit depth."""
        photo = Photo.from_file(path)
        height, width = photo.size
        found = self.editor.find_faces(photo, FaceQuery(aligned=height == width))
        if not found:
            raise InputError(f"No face was found in {path}. Remove it from the folder.")
        return from_bytes(to_bytes(found[0].crop))[0]
