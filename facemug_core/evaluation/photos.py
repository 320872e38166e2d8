"""Evaluation faces from a folder of photos."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from ..conditions.reading import picture_files, read_mask
from ..conventions import WORKING_SIZE
from ..editing.measuring import find_mesh
from ..editing.pose import pose_from_mesh
from ..errors import InputError
from ..faces.parsing import Parser
from ..photo import Photo
from ..pictures import from_bytes, to_bytes, to_pixels
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

    def one_by_one(
        self, count: int, draw_mask: Callable[[Tensor, int], tuple[str, Tensor]]
    ) -> Iterator[tuple[str, Faces]]:
        """At most `count` photos with their names, each in one mask: the one beside it, or one that is drawn.

        A photo without an exemplar beside it gets the other photo whose pose is the most similar.

        Args:
            count: of photos.
            draw_mask: classes `[H, W]` and the photo's number → kind and mask `[1, H, W]`.

        Raises:
            InputError: another system has no edit of a photo.
        """
        own = {f"exemplar_{_stem(name)}" for name in self.names if name.startswith("photo_")}
        names = [name for name in self.names if name not in own][:count]
        similar = self._similar_poses(names)
        for number, name in enumerate(names):
            stem = _stem(name)
            if f"mask_{stem}" in self.files:
                kind, mask = GIVEN, self._mask(stem)
            else:
                kind, mask = draw_mask(self._face(name)[1], number)
            exemplar = f"exemplar_{stem}"
            photo, _ = self._face(exemplar if exemplar in self.files else similar[name])
            faces = self._assembled([(name, kind)], number, [mask], [photo])
            yield stem, replace(faces, peers={peer: self._results(peer, [stem]) for peer in self.peers})

    def _similar_poses(self, names: list[str]) -> dict[str, str]:
        """For each photo the other one with the nearest yaw and pitch; the next one where no face mesh is
        found; itself where there is only one."""
        poses = {}
        for name in names:
            mesh = find_mesh(self.editor.detector, to_pixels(self._face(name)[0]))
            if mesh is not None:
                poses[name] = pose_from_mesh(mesh)

        def nearest(name: str) -> str:
            others = [other for other in poses if other != name]
            if name not in poses or not others:
                return names[(names.index(name) + 1) % len(names)]
            mine = poses[name]
            return min(others, key=lambda o: math.hypot(poses[o].yaw - mine.yaw, poses[o].pitch - mine.pitch))

        return {name: nearest(name) for name in names}

    def _results(self, name: str, stems: list[str]) -> Tensor:
        """Another system's edits `[B, 3, 256, 256]`."""
        files = {path.stem: path for path in picture_files(self.peers[name])}
        missing = [f"result_{stem}" for stem in stems if f"result_{stem}" not in files]
        if missing:
            raise InputError(f"{self.peers[name]} has no picture called {', '.join(missing)}.")
        return torch.stack([self._crop(files[f"result_{stem}"]) for stem in stems])

    def _faces(self, places: list[tuple[str, str]], start: int) -> Faces:
        masks, exemplars = [], []
        for i, (name, kind) in enumerate(places):
            photo, labels = self._face(name)
            generator = torch.Generator().manual_seed(FIRST_SEED + start + i)
            if kind == GIVEN:
                masks.append(self._mask(_stem(name)))
                exemplars.append(self._face(f"exemplar_{_stem(name)}")[0])
            else:
                masks.append(MASK_KINDS[kind](labels, generator))
                exemplars.append(_in_another_tone(photo, generator))
        return self._assembled(places, start, masks, exemplars)

    def _assembled(
        self, places: list[tuple[str, str]], start: int, masks: list[Tensor], exemplars: list[Tensor]
    ) -> Faces:
        """A batch of photos, names with kinds of masks, numbered from `start`."""
        photos, labels = self._batch([name for name, _ in places])
        biharmonic = [inpaint_biharmonic(photo, mask) for photo, mask in zip(photos, masks, strict=True)]
        following = [self.names[(self.names.index(name) + 1) % len(self.names)] for name, _ in places]
        other_photos, other_labels = self._batch(following)
        return Faces(
            seeds=tuple(FIRST_SEED + start + i for i in range(len(places))),
            kinds=tuple(kind for _, kind in places),
            photo=photos,
            exemplar=torch.stack(exemplars),
            biharmonic=from_bytes(to_bytes(torch.stack(biharmonic))),
            mask=torch.stack(masks).float(),
            labels=labels,
            other_photo=other_photos,
            other_labels=other_labels,
        )

    def _mask(self, stem: str) -> Tensor:
        """The mask `[1, 256, 256]` in {0, 1} beside a photo."""
        mask = read_mask(self.files[f"mask_{stem}"], (WORKING_SIZE, WORKING_SIZE))[0]
        return (mask >= 0.5).float()

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


def _stem(name: str) -> str:
    return name.removeprefix("photo_")


def _in_another_tone(photo: Tensor, generator: torch.Generator) -> Tensor:
    return from_bytes(to_bytes(in_random_tone(photo, generator)))
