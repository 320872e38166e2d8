"""The node Edit, and what holds for it and for the stages wired together."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from facemug_core.errors import FaceNotFoundError, InputError, ShapeError
from facemug_core.pipeline.editor import EditRequest, PhotoEditor

from ..tiny import tiny_model
from .running import center_mask, image, loading, photo, run, tensors, wired


@settings(max_examples=4, deadline=None)
@given(
    st.integers(1, 2),
    st.integers(40, 300),
    st.integers(40, 300),
    st.sampled_from([1, 2, 3, 4]),
    st.integers(0, 9),
)
def test_kept_pixels_keep_the_bits_of_the_host(
    batch: int, height: int, width: int, channels: int, feather: int
) -> None:
    model, pictures = loading.HostedEditor(tiny_model()), image(batch, height, width, channels)
    mask = center_mask(1, height, width)
    edited, changed, _ = run("Edit", model=model, image=pictures, mask=mask, aligned=True, feather=feather)
    kept = (mask == 0).expand(batch, -1, -1)
    assert torch.equal(edited[kept], pictures[kept])
    assert not changed[kept].any()
    assert edited.dtype == torch.float32
    assert 0 <= edited.min() <= edited.max() <= 1


def test_wired_stages_give_the_bits_of_the_one_node_and_of_the_library(model: Any) -> None:
    pictures, mask = photo(), center_mask()
    edited, changed, _ = run("Edit", model=model, image=pictures, mask=mask, aligned=True)
    stages, stages_changed = wired(model, pictures, mask)
    request = EditRequest(mask=mask[None], aligned=True)
    library = PhotoEditor(tiny_model()).edit(tensors.Photos(pictures)[0], request)
    assert torch.equal(stages, edited)
    assert torch.equal(stages_changed, changed)
    assert torch.equal((edited * 255).round().byte().permute(0, 3, 1, 2), library.photos[0].pixels)


def test_a_chain_of_edits_keeps_all_that_no_mask_touches(model: Any) -> None:
    first = pictures = photo()
    mask = center_mask()
    for seed in range(4):
        pictures = run(
            "Edit", model=model, image=pictures, mask=mask, aligned=True, style="random", seed=seed
        )[0]
    assert torch.equal(pictures[mask == 0], first[mask == 0])


@pytest.mark.parametrize("mask", [None, torch.zeros(1, 64, 64), torch.zeros(1, 200, 240)])
def test_without_a_mask_the_picture_comes_back_with_its_bits(model: Any, mask: Tensor | None) -> None:
    pictures = image()
    assert torch.equal(run("Edit", model=model, image=pictures, mask=mask, aligned=True)[0], pictures)


def test_inputs_stay_as_they_were(model: Any) -> None:
    pictures, mask = image(), center_mask()
    before = pictures.clone(), mask.clone()
    wired(model, pictures, mask)
    run("Edit", model=model, image=pictures, mask=mask, aligned=True)
    assert torch.equal(pictures, before[0])
    assert torch.equal(mask, before[1])


def test_global_random_states_stay_as_they_were(model: Any) -> None:
    before, python = torch.get_rng_state(), random.getstate()
    run("Edit", model=model, image=image(), mask=center_mask(), aligned=True, style="random")
    run("RandomStyle", model=model, seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    assert random.getstate() == python


def test_a_style_does_not_depend_on_the_other_variants(model: Any) -> None:
    pictures, mask = photo(), center_mask()
    several = run(
        "Edit", model=model, image=pictures, mask=mask, aligned=True, style="random", seed=7, variants=3
    )[0]
    alone = run("Edit", model=model, image=pictures, mask=mask, aligned=True, style="random", seed=8)[0]
    assert torch.equal(several[1:2], alone)


def test_seeds_go_round_at_the_end_of_the_hosts_range(model: Any) -> None:
    assert run("RandomStyle", model=model, seed=2**64 - 1, variants=2)[0].shape == (2, 18, 512)


def test_any_seed_leaves_a_photo_without_a_mask_alone(model: Any) -> None:
    pictures = photo()
    assert torch.equal(run("Edit", model=model, image=pictures, seed=2**70)[0], pictures)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_kept_pixels_keep_their_bits_in_the_hosts_dtype_also_outside_0_to_1(
    model: Any, dtype: torch.dtype
) -> None:
    pictures, mask = (image() * 3 - 1).to(dtype), center_mask()
    edited, stages = (
        run("Edit", model=model, image=pictures, mask=mask, aligned=True)[0],
        wired(model, pictures, mask)[0],
    )
    assert edited.dtype == dtype
    assert torch.equal(edited[mask == 0], pictures[mask == 0])
    assert not torch.equal(edited, pictures)
    assert torch.equal(stages, edited)


def test_results_go_to_the_hosts_intermediate_device(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device, which every machine has."""
    management = sys.modules["comfy.model_management"]
    monkeypatch.setattr(management, "intermediate_device", lambda: torch.device("meta"))
    results = [
        *run("Edit", model=model, image=image(), mask=center_mask(), aligned=True),
        *run("DetectFaces", model=model, image=image(), aligned=True)[1:4],
    ]
    assert all(result.is_meta for result in results)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no second device")
def test_pictures_on_another_device_are_edited_as_on_the_processor(model: Any) -> None:
    pictures, mask = image(), center_mask()
    here = run("Edit", model=model, image=pictures, mask=mask, aligned=True)[0]
    there = run("Edit", model=model, image=pictures.cuda(), mask=mask.cuda(), aligned=True)[0]
    assert torch.equal(there.cpu(), here)


def test_a_run_that_is_stopped_stops_between_items(model: Any) -> None:
    management = sys.modules["comfy.model_management"]
    management.interrupt_current_processing(True)
    with pytest.raises(management.InterruptProcessingException):
        run("Edit", model=model, image=image(), mask=center_mask(), aligned=True)


@pytest.mark.parametrize(
    "picture", [image()[:0], image()[:, :0], (image() * 255).byte()], ids=["no picture", "no rows", "bytes"]
)
def test_a_picture_without_pixels_or_of_whole_numbers_is_refused(model: Any, picture: Tensor) -> None:
    with pytest.raises(InputError, match="Expected an IMAGE"):
        run("Edit", model=model, image=picture, mask=center_mask(), aligned=True)


@pytest.mark.parametrize(("pictures", "masks"), [(1, 1), (3, 1), (1, 3), (3, 3)])
def test_one_mask_serves_all_photos_and_one_photo_all_masks(model: Any, pictures: int, masks: int) -> None:
    edited, _, _ = run("Edit", model=model, image=image(pictures), mask=center_mask(masks), aligned=True)
    assert len(edited) == max(pictures, masks)


def test_masks_that_do_not_fit_the_photos_are_refused_with_both_numbers(model: Any) -> None:
    with pytest.raises(ShapeError, match=r"masks is 2 .* photos is 3"):
        run("Edit", model=model, image=image(3), mask=center_mask(2), aligned=True)


def test_variants_and_saved_styles_must_agree(model: Any) -> None:
    (latent,) = run("RandomStyle", model=model, variants=2)
    with pytest.raises(ShapeError, match=r"3 .* 2|2 .* 3"):
        run("Edit", model=model, image=image(), mask=center_mask(), latent=latent, variants=3, aligned=True)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mask": center_mask()}, "connect a photo to `image`"),
        (
            {"image": image(), "mask": center_mask(), "regions": "hair"},
            "disconnect `mask`, or clear `regions`",
        ),
        ({"image": image() * float("nan"), "mask": center_mask()}, "not finite"),
        ({"image": image()[0], "mask": center_mask()}, "Expected an IMAGE"),
        (
            {"image": image(), "mask": center_mask(), "aligned": True, "style": "exemplar"},
            "needs an exemplar: give a photo of a face",
        ),
        ({"exemplar": image(), "latent": torch.zeros(1, 18, 512)}, "disconnect `exemplar` or `latent`"),
    ],
)
def test_an_impossible_edit_says_what_to_do(model: Any, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run("Edit", model=model, **values)


def test_an_edit_without_a_face_names_its_inputs(model: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda *arguments, **options: [])
    with pytest.raises(FaceNotFoundError, match=r"`aligned`.*`no_face`"):
        run("Edit", model=model, image=photo(), mask=center_mask())
