"""Several codes in a latent file: with one variant and with several, of one face and of several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from facemug_core.editing.directions import Linear
from facemug_core.errors import ShapeError
from facemug_core.latents import Latent, load_latent, save_latent
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.pipeline.style import StylePlan

from .commands import run_command
from .nodes.running import host, loading, run
from .nodes.running import photo as pictures
from .test_under_mask import CHILD, CHILD_MOUTH, PARENT, PARENT_MOUTH, noise
from .test_under_mask import mask as mask_of
from .tiny import tiny_model


def codes(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 18, 512, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("count", "variants", "faces", "made"),
    [(1, 1, 1, 1), (3, 1, 1, 3), (3, 3, 1, 3), (1, 3, 2, 3), (3, 3, 2, 3)],
)
def test_one_code_for_all_or_one_for_each_variant(count: int, variants: int, faces: int, made: int) -> None:
    given = codes(count)
    plans = StylePlan(latent=Latent(given), seeds=range(variants)).of_faces(faces)
    assert [len(plan.seeds) for plan in plans] == [made] * faces
    assert all(plan.latent is not None and torch.equal(plan.latent.codes, given) for plan in plans)


@pytest.mark.parametrize("variants", [1, 2])
def test_codes_of_several_faces_go_to_their_faces(variants: int) -> None:
    given = Latent(codes(2 * variants)).then(codes(2 * variants, 1), "mix")
    plans = StylePlan(latent=given, seeds=range(variants)).of_faces(2)
    assert [len(plan.seeds) for plan in plans] == [variants] * 2
    joined = Latent.cat([plan.latent for plan in plans if plan.latent is not None])
    assert torch.equal(joined.codes, given.codes)
    assert torch.equal(joined.before[0], given.before[0])


def test_codes_that_fit_neither_variants_nor_faces_are_refused_with_both_numbers() -> None:
    with pytest.raises(ShapeError, match=r"2 .* 3|3 .* 2"):
        StylePlan(latent=Latent(codes(3)), seeds=range(2)).of_faces(1)


def test_what_an_edit_of_several_faces_has_used_makes_the_same_picture_again() -> None:
    editor = PhotoEditor(tiny_model())
    request = {"mask": mask_of(PARENT_MOUTH, CHILD_MOUTH), "landmarks": [PARENT, CHILD], "size": 256}
    first = editor.edit(noise(), EditRequest(**request, style="random"))  # type: ignore[arg-type]
    again = editor.edit(noise(), EditRequest(**request, latent=Latent.cat(first.latents)))  # type: ignore[arg-type]
    assert len(again.photos) == 1
    assert torch.equal(again.photos[0].pixels, first.photos[0].pixels)


def test_two_variants_of_two_faces_by_one_latent_are_four_codes_of_its_recipe() -> None:
    given = Latent(codes(2)).then(codes(2, 1), "mix")
    request = EditRequest(
        mask=mask_of(PARENT_MOUTH, CHILD_MOUTH),
        landmarks=[PARENT, CHILD],
        size=256,
        latent=given,
        seeds=(0, 1),
    )
    used = Latent.cat(PhotoEditor(tiny_model()).edit(noise(), request).latents)
    assert used.recipe == given.recipe
    assert torch.equal(used.codes, given.codes.repeat(2, 1, 1))
    assert torch.equal(used.undone().codes, given.before[0].repeat(2, 1, 1))


def test_a_photo_without_a_face_passes_in_as_many_variants_as_there_are_codes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda *_: [])
    request = EditRequest(mask=mask_of(PARENT_MOUTH), latent=Latent(codes(3)), skip_without_face=True)
    assert len(PhotoEditor(tiny_model()).edit(noise(), request).photos) == 3


@pytest.mark.usefixtures("tiny_command")
def test_a_file_of_three_codes_makes_three_variants_in_the_command(
    photo: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_latent(tmp_path / "three.safetensors", Latent(codes(3)))
    command = ["edit", photo, "--mask", mask, "--aligned", "--latent", tmp_path / "three.safetensors"]
    assert (
        run_command(capsys, *command, "-o", tmp_path / "out.png", "--sheet", tmp_path / "sheet.png")[0] == 0
    )
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out_1.png", "out_2.png", "out_3.png"]
    code, _, said = run_command(capsys, *command, "--variants", 2, "-o", tmp_path / "other.png")
    assert code == 2
    assert "Traceback" not in said


def test_a_latent_of_three_codes_makes_three_pictures_in_the_node() -> None:
    mask = torch.zeros(1, 96, 96)
    mask[:, 30:60, 30:60] = 1
    inputs = {"model": loading.HostedEditor(tiny_model()), "image": pictures(1, 96, 96), "aligned": True}
    assert len(run("Edit", **inputs, mask=mask, latent=codes(3))[0]) == 3
    assert len(run("Edit", **inputs, latent=codes(3))[0]) == 3


# --- recipes ------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Saves codes by the node, and reads the file."""
    monkeypatch.setattr(host, "new_output_path", lambda prefix, suffix: tmp_path / f"saved{suffix}")

    def save(latent: torch.Tensor) -> Latent:
        run("SaveLatent", latent=latent, filename_prefix="face")
        return load_latent(tmp_path / "saved.safetensors")

    return save


def test_recipes_travel_through_the_nodes_into_the_file(
    saved: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_latent(tmp_path / "a.safetensors", Latent(codes(1)).then(codes(1, 1), "mix", crossover=8))
    monkeypatch.setattr(host, "latent_path", lambda name: tmp_path / name)
    (loaded,) = run("LoadLatent", file="a.safetensors")
    (mixed,) = run("InterpolateLatents", latent=loaded, other=codes(1, 2), amount=0.25)
    (slid,) = run("AttributeSliders", latent=mixed, smile=0.5)
    kept = saved(slid)
    assert [step["operation"] for step in kept.recipe] == ["mix", "interpolate", "attribute"]
    assert kept.recipe[-1] == {"operation": "attribute", "name": "smile", "amount": 0.5}
    assert torch.equal(kept.undone(3).codes, codes(1))
    assert [step["operation"] for step in saved(loaded).recipe] == ["mix"]


def test_an_operation_that_changes_nothing_leaves_the_recipe_of_what_went_in(saved: Any) -> None:
    (first,) = run("MixLatents", coarse=codes(1), fine=codes(1, 1), crossover=8)
    run("InterpolateLatents", latent=first, other=codes(1, 2), amount=0.0)
    assert len(saved(first).recipe) == 1


def test_an_edit_goes_on_with_the_recipe_of_its_latent(saved: Any) -> None:
    (first,) = run("MixLatents", coarse=codes(1), fine=codes(1, 1), crossover=8)
    inputs = {"model": loading.HostedEditor(tiny_model()), "image": pictures(1, 96, 96), "aligned": True}
    mask = torch.zeros(1, 96, 96)
    mask[:, 30:60, 30:60] = 1
    slider = {"direction": Linear(torch.ones(512) * 0.1), "direction_amount": 0.5}
    for what in (inputs | {"mask": mask}, {"model": inputs["model"]}):
        kept = saved(run("Edit", **what, latent=first, **slider)[2])
        assert [step["operation"] for step in kept.recipe] == ["mix", "direction"]
        assert torch.equal(kept.undone().codes, first)


def test_new_codes_keep_the_size_and_the_mean_face_of_their_model(saved: Any) -> None:
    model = tiny_model()
    kept = saved(run("RandomStyle", model=loading.HostedEditor(model), seed=1)[0])
    assert kept.size == "light"
    assert kept.mean_code is not None
    assert torch.equal(kept.mean_code, model.mapping.mean_code)


def test_codes_of_another_pack_begin_a_recipe(saved: Any) -> None:
    assert saved(codes(2)).recipe == ()
