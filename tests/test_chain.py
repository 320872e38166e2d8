"""Twenty edits of different kinds in a row on one photo."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image

from facemug_core.modalities import Guide
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.pipeline.locate import FaceQuery

from .tiny import tiny_model

SIZE = (310, 280)
STEPS = 20


def requests(seed: int = 0) -> Iterator[EditRequest]:
    """Edits with every kind of guide and style, in masks of their own place and shape."""
    generator = torch.Generator().manual_seed(seed)
    for step in range(STEPS):
        noise = torch.rand(1, 3, *SIZE, generator=generator)
        top, left = 10 + 11 * (step % 4), 12 + 9 * step
        mask = torch.zeros(1, 1, *SIZE)
        mask[..., top : top + 40, left : left + 30] = noise[:, :1, top : top + 40, left : left + 30] > 0.2
        kinds = (
            {"sketch": Guide((noise[:, :1] > 0.95).float())},
            {"semantic": Guide((noise[:, 0] * 19).long())},
            {"color": Guide(noise * 2 - 1)},
            {"style": "random", "seeds": [step]},
            {"style": "exemplar", "exemplar": Photo((noise * 255).byte(), "RGB")},
            {"style_mix": 0.5, "feather": 5},
            {"opacity": 0.6},
        )
        yield EditRequest(mask=mask, which="largest", aligned=True, **kinds[step % len(kinds)])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def chain() -> list[tuple[Photo, torch.Tensor]]:
    """The photo before and after every edit, each with the mask of all edits so far."""
    editor = PhotoEditor(tiny_model())
    editor.find_exemplar = lambda photo, *_: editor.find_faces(photo, FaceQuery(aligned=True))[0]  # type: ignore[method-assign]
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    photo, touched = Photo.from_image(Image.fromarray(pixels)), torch.zeros(1, 1, *SIZE, dtype=torch.bool)
    states = [(photo, touched)]
    for request in requests():
        result = editor.edit(photo, request)
        photo, touched = result.photos[0], touched | result.mask
        states.append((photo, touched))
    return states


def test_what_no_mask_touched_has_the_bits_of_the_first_photo_after_every_edit(
    chain: list[tuple[Photo, torch.Tensor]],
) -> None:
    first = chain[0][0].pixels
    for photo, touched in chain:
        kept = ~touched.expand_as(first)
        assert torch.equal(photo.pixels[kept], first[kept])


def test_every_edit_changes_its_own_mask_only(chain: list[tuple[Photo, torch.Tensor]]) -> None:
    for (before, _), (after, _), request in zip(chain, chain[1:], requests(), strict=False):
        changed = (before.pixels != after.pixels).any(1, keepdim=True)
        assert changed.any()
        assert not changed[request.mask == 0].any()


def test_every_edit_can_be_undone_by_keeping_the_photo_before(
    chain: list[tuple[Photo, torch.Tensor]],
) -> None:
    editor = PhotoEditor(tiny_model())
    *_, request = requests()
    again = editor.edit(chain[-2][0], request).photos[0]
    assert torch.equal(again.pixels, chain[-1][0].pixels)


def test_a_chain_does_not_grow(chain: list[tuple[Photo, torch.Tensor]]) -> None:
    first, last = chain[0][0], chain[-1][0]
    assert last.pixels.untyped_storage().nbytes() == first.pixels.untyped_storage().nbytes()
    assert (last.mode, last.metadata, last.lost) == (first.mode, first.metadata, first.lost)
