"""What users of face-editing packs report, kind by kind: no kind may happen here.

`COVERED` names the tests that prove it for kinds that other modules look after; the rest is below. What only
the genuine host can show is tested in `tests/host`.
"""

from __future__ import annotations

import ast
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode

from facemug_core.conditions.reading import read_photo
from facemug_core.faces.alignment import resample
from facemug_core.latents import load_codes, save_codes
from facemug_core.model import FaceMug
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import EditRequest, PhotoEditor

from .test_cli import needs_model
from .tiny import edited, random_conditions, tiny_model

TESTS = Path(__file__).parent
ROOT = TESTS.parent
NODES = list(ROOT.glob("nodes/*.py"))
SOURCES = [ROOT / "__init__.py", *NODES, *ROOT.glob("facemug_core/**/*.py")]

COVERED = {
    "numpy's binary interface breaks": "test_pack.py::test_requirements_have_no_upper_bounds",
    "a runtime removes its old interface": (
        "test_detection.py::test_a_missing_runtime_is_named_with_the_line_that_installs_it"
    ),
    "an optional package is absent": (
        "test_pack.py::test_the_pack_imports_without_a_host_and_without_optional_packages"
    ),
    "torch.load becomes safe": "test_checkpoint_safety.py::test_whole_networks_are_refused_with_the_way_out",
    "a hostile pickle runs": "test_checkpoint_safety.py::test_a_hostile_pickle_never_runs",
    "folder keys are not registered": "host/test_pack.py::test_every_node_is_listed_with_its_category",
    "an archive is unpacked one level too deep": "test_fetching.py::test_a_misplaced_file_is_pointed_at",
    "a checkpoint is one folder too deep": (
        "test_checkpoint_formats.py::test_a_file_one_folder_too_deep_is_pointed_at"
    ),
    "a page is saved as weights": "test_checkpoint_safety.py::test_a_page_under_a_weights_name_is_refused",
    "weights are cut short": "test_reading.py::test_any_truncation_of_a_safetensors_file_is_reported",
    "the install folder has another name": (
        "host/test_publishing.py::test_it_loads_from_a_folder_of_another_name_without_what_it_may_lack"
    ),
    "a download breaks off": "test_fetching.py::test_an_interruption_leaves_nothing_half_made",
    "the network is asked at run time": "host/test_workflows.py::test_nothing_has_asked_for_the_network",
    "a picture has four channels": "test_photos.py::test_alpha_is_passed_through",
    "the host's empty mask has 64 pixels": (
        "test_nodes.py::test_without_a_mask_the_picture_comes_back_with_its_bits"
    ),
    "a batch of masks is no batch of pictures": (
        "test_nodes.py::test_masks_that_do_not_fit_the_photos_are_refused_with_both_numbers"
    ),
    "one mask for many pictures": "test_nodes.py::test_one_mask_serves_all_photos_and_one_photo_all_masks",
    "no face is in the picture": "test_detection.py::test_a_photo_without_a_face_gives_none",
    "a picture without a face may be skipped": (
        "test_photos.py::test_a_frame_without_a_face_passes_with_its_bits_and_that_is_said"
    ),
    "the face is too close": (
        "test_detection.py::test_a_face_that_fills_the_photo_is_framed_as_in_the_wide_photo"
    ),
    "padding moves the frame": "test_detection.py::test_a_padded_photo_gives_the_same_frame",
    "landmarks are missing or not numbers": "test_alignment.py::test_landmarks_that_are_nowhere_are_refused",
    "landmarks by hand are not taken": "test_photos.py::test_eyes_and_mouth_given_by_hand_are_enough",
    "the way back to the photo shifts": (
        "test_pasting.py::test_an_unedited_crop_neither_shifts_nor_blurs_smooth_content"
    ),
    "colors drift at the border": "test_pasting.py::test_a_flat_picture_stays_as_bright_as_it_was",
    "pixels outside the mask change": (
        "test_pasting.py::test_kept_pixels_keep_their_bits_over_a_chain_of_edits"
    ),
    "quality decays over repeated edits": (
        "test_chain.py::test_what_no_mask_touched_has_the_bits_of_the_first_photo_after_every_edit"
    ),
    "sliders at zero change the picture": "test_directions.py::test_amount_zero_returns_the_very_codes",
    "sliders jump at zero": "test_directions.py::test_response_is_continuous_at_zero",
    "an opacity of zero changes the picture": (
        "test_photos.py::test_an_opacity_of_zero_returns_the_photos_bits"
    ),
    "a text without weight changes the picture": "test_text.py::test_weight_0_returns_the_bits",
    "a text does nothing": "test_text.py::test_the_loss_falls_and_the_best_codes_are_kept",
    "half precision": "test_batches.py::test_lower_precision_keeps_the_kept_pixels_and_gives_float32",
    "optimization dies under inference mode": (
        "test_text.py::test_it_works_where_everything_was_made_in_inference_mode"
    ),
    "everything runs again after a slider": (
        "host/test_workflows.py::test_after_a_slider_only_what_depends_on_it_runs_again"
    ),
    "weights are loaded again": "host/test_workflows.py::test_a_second_workflow_loads_no_weights_again",
    "nodes always run again": "test_nodes.py::test_only_nodes_that_read_files_have_fingerprints",
    "inputs are changed in place": "test_nodes.py::test_inputs_stay_as_they_were",
    "global random states change": "test_nodes.py::test_global_random_states_stay_as_they_were",
    "a seed depends on its batch": "test_nodes.py::test_a_style_does_not_depend_on_the_other_variants",
    "an update breaks saved workflows": (
        "host/test_pack.py::test_saved_workflows_find_all_that_they_rely_on"
    ),
    "the mask editor blackens the photo": "test_photos.py::test_black_under_the_mask_is_a_warning",
    "what lies beside the state dict is dropped": (
        "test_checkpoint_safety.py::test_what_is_beside_the_state_dict_is_kept"
    ),
    "another face than the one under the mask is edited": (
        "test_under_mask.py::test_the_face_under_the_mask_is_edited_and_not_the_largest"
    ),
    "strokes of some colors are dropped": (
        "test_guides_that_people_bring.py::test_strokes_are_what_stands_out_from_its_ground_in_whatever_colors"
    ),
    "alpha of a color map is cut at half": (
        "test_guides_that_people_bring.py::test_the_alpha_of_a_color_map_is_its_strength"
    ),
    "a label map was smoothed": (
        "test_guides_that_people_bring.py::"
        "test_label_numbers_that_were_smoothed_are_refused_with_the_reason_in_all_modes"
    ),
    "a guide says nothing": "test_guides_that_people_bring.py::test_a_guide_that_says_nothing_is_named",
    "soft masks are cut at half": (
        "test_soft_masks.py::test_between_0_and_1_the_edit_is_laid_over_the_photo_in_that_share"
    ),
    "a mask of a turned photo is guessed": (
        "test_orientation.py::test_what_nothing_tells_is_asked_for_and_never_guessed"
    ),
    "a result cannot be read again": (
        "test_photo_files.py::test_a_result_can_be_read_whatever_the_size_of_its_profile"
    ),
    "another file's mask is taken": (
        "test_companions.py::test_companions_have_the_photos_exact_name_and_are_pictures"
    ),
    "a table loses rows": "test_folders.py::test_two_runs_on_one_folder_lose_no_row",
    "a command ends with a traceback": (
        "test_no_tracebacks.py::test_what_the_system_has_against_it_is_one_sentence"
    ),
    "an option has no effect": (
        "test_no_tracebacks.py::test_options_without_effect_are_refused_before_the_work"
    ),
    "strength 0 is something": ("test_strength_0.py::test_strength_0_has_the_bits_of_the_edit_without_it"),
    "several codes are in a file": (
        "test_several_codes.py::test_a_file_of_three_codes_makes_three_variants_in_the_command"
    ),
    "command and node differ": "test_parity.py::test_the_command_and_the_node_give_the_same_pictures",
    "a mask has channels": "test_soft_masks.py::test_masks_with_channels_are_refused_and_never_striped",
    "landmarks have marks and headers": (
        "test_landmark_files.py::test_landmarks_are_read_in_any_encoding_and_form"
    ),
    "a hostile pickle runs, in the host": (
        "host/test_kinds.py::test_a_hostile_pickle_is_refused_and_never_runs"
    ),
    "a picture has four channels, in the host": (
        "host/test_kinds.py::test_a_picture_with_four_channels_has_the_colors_of_one_with_three_and_keeps_its_alpha"
    ),
    "the host's empty mask has 64 pixels, in the host": (
        "host/test_kinds.py::test_the_hosts_empty_mask_of_64_pixels_leaves_the_photos_bits_and_is_named"
    ),
    "several masks for one picture, in the host": (
        "host/test_kinds.py::test_a_batch_of_masks_gives_one_photo_a_picture_for_each"
    ),
    "a batch of masks is no batch of pictures, in the host": (
        "host/test_kinds.py::test_a_batch_of_masks_that_is_no_batch_of_pictures_is_refused_with_both_numbers"
    ),
    "batches are squeezed, in the host": (
        "host/test_kinds.py::test_batches_and_sides_of_one_pixel_are_not_squeezed"
    ),
    "the face is too close, in the host": (
        "host/test_kinds.py::test_a_face_that_is_too_close_is_found_where_it_is_in_a_wider_photo"
    ),
    "landmarks are missing, in the host": (
        "host/test_kinds.py::test_landmarks_that_are_missing_are_refused_with_the_way_out"
    ),
    "boxes by hand are not taken, in the host": (
        "host/test_kinds.py::test_a_box_by_hand_tells_where_the_face_is"
    ),
    "a preview's record lacks a field, in the host": (
        "host/test_kinds.py::test_every_preview_says_its_file_folder_and_type"
    ),
    "the mask editor blackens the photo, in the host": (
        "host/test_kinds.py::test_a_photo_that_the_mask_editor_has_blackened_is_completed_with_a_warning"
    ),
}
"""Kinds, and the test that each is impossible."""

ALLOWED = {
    "accelerate", "ai_edge_litert", "comfy", "comfy_api", "folder_paths", "numpy",
    "open_clip", "PIL", "safetensors", "scipy", "skimage", "sklearn", "torch", "tqdm",
}  # fmt: skip
"""Packages that the code may import: the host's, and those that pyproject.toml names."""


@pytest.mark.parametrize("kind", COVERED)
def test_the_test_of_the_kind_is_there(kind: str) -> None:
    file, name = COVERED[kind].split("::")
    assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8")


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
            yield node


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in SOURCES:
        yield path, ast.parse(path.read_text(encoding="utf-8"))


# Installing and importing


def test_no_package_is_imported_that_breaks_installs_or_hides_another_pack() -> None:
    """No OpenCV in any flavour, insightface, dlib or mediapipe; no absolute import of modules of our own."""
    for path, tree in _trees():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                package = name.partition(".")[0]
                assert package in ALLOWED or package in sys.stdlib_module_names, f"{path} imports {name}"


def test_nothing_is_compiled() -> None:
    assert not [path for path in SOURCES if "cpp_extension" in path.read_text(encoding="utf-8")]


def test_no_module_touches_the_import_path_or_names_of_others() -> None:
    for path, tree in _trees():
        attributes = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        assert not {"sys.path", "sys.modules"} & set(attributes), path


def test_torch_never_unpickles_freely() -> None:
    for path, tree in _trees():
        for call in _calls(tree, "torch.load"):
            safe = [k.value for k in call.keywords if k.arg == "weights_only"]
            assert safe, path
            assert ast.unparse(safe[0]) == "True", path
        assert not list(_calls(tree, "pickle.load")), path


def test_no_text_runs_as_code() -> None:
    for path, tree in _trees():
        assert not [call for name in ("eval", "exec") for call in _calls(tree, name)], path


def test_only_a_command_fetches_and_no_node_runs_commands() -> None:
    """No node downloads anything or starts a program; training asks git for the revision."""
    importing = {"fetching": set(), "subprocess": set(), "cli": set()}
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules = {(node.module or "").rpartition(".")[2], *(alias.name for alias in node.names)}
            else:
                continue
            for name in importing.keys() & modules:
                importing[name].add(path.name)
    assert importing == {
        "fetching": {"weights.py"},
        "subprocess": {"fetching.py", "run.py"},
        "cli": {"__main__.py"},
    }


def test_paths_may_hold_spaces_and_any_script(tmp_path: Path) -> None:
    folder = tmp_path / "模型 é"
    folder.mkdir()
    picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    picture.save(folder / "фото 1.png")
    assert np.array_equal(np.asarray(read_photo(folder / "фото 1.png")), np.asarray(picture))
    codes = torch.randn(1, 18, 512, generator=torch.Generator().manual_seed(0))
    save_codes(folder / "私.safetensors", codes)
    assert torch.equal(load_codes(folder / "私.safetensors"), codes)


def test_an_edit_asks_for_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("something asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    edited(tiny_model(), random_conditions())


# Input tensors


@pytest.fixture(scope="module")
def editor() -> PhotoEditor:
    return PhotoEditor(tiny_model())


def _noise(width: int, height: int, mode: str = "RGB") -> Photo:
    shape = (height, width, len(mode))
    return Photo.from_image(Image.fromarray(np.random.default_rng(0).integers(0, 255, shape, np.uint8), mode))


def test_a_fourth_channel_changes_no_color(editor: PhotoEditor) -> None:
    photo = _noise(256, 256)
    clear = Photo.from_image(photo.to_image().convert("RGBA"))
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 90:150, 80:160] = 1
    plain = editor.edit(photo, EditRequest(mask=mask, aligned=True, exemplar=photo))
    alpha = editor.edit(clear, EditRequest(mask=mask, aligned=True, exemplar=clear))
    assert torch.equal(alpha.photos[0].pixels[:, :3], plain.photos[0].pixels)


@settings(max_examples=6, deadline=None)
@given(width=st.sampled_from([1, 2, 255, 1025]), height=st.sampled_from([1, 3, 64, 257]))
def test_sides_of_one_pixel_and_odd_sides_keep_their_shape(width: int, height: int) -> None:
    photo = _noise(width, height)
    request = EditRequest(mask=torch.ones(1, 1, height, width), aligned=True)
    edited = PhotoEditor(tiny_model()).edit(photo, request).photos[0]
    assert edited.pixels.shape == photo.pixels.shape


def test_views_without_memory_of_their_own_are_edited() -> None:
    model, conditions = tiny_model(), random_conditions()
    gray = conditions.image[:, :1].contiguous()
    flat = type(conditions).build(image=gray.expand(-1, 3, -1, -1), mask=conditions.mask)
    whole = type(conditions).build(image=gray.repeat(1, 3, 1, 1), mask=conditions.mask)
    assert torch.equal(edited(model, flat)[0], edited(model, whole)[0])


# Alignment


@needs_model
def test_a_crop_that_is_slightly_off_gives_the_same_person() -> None:
    """By two degrees and two pixels: codes move by far less than the way to another person."""
    model = FaceMug.load("light")
    faces = model.render(model.random_codes([1, 2]))
    cos, sin = np.cos(np.radians(2)), np.sin(np.radians(2))
    turned = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    shifted, back = np.eye(3), np.eye(3)
    shifted[:2, 2], back[:2, 2] = (130, 126), -128
    off = resample(faces[:1], shifted @ turned @ back, (256, 256))
    person, other = model.encode(faces).split(1)
    assert (model.encode(off) - person).norm() < 0.15 * (other - person).norm()


# Device and precision


class _Types(TorchDispatchMode):
    """Notes the types of all tensors that operations give."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.dtype] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(value, torch.Tensor):
                self.seen.add(value.dtype)
        return result


def test_an_edit_makes_no_numbers_that_some_devices_lack() -> None:
    model: FaceMug = tiny_model()
    with _Types() as types:
        edited(model, random_conditions(), exemplar=torch.zeros(1, 3, 256, 256))
    assert torch.float32 in types.seen
    assert torch.float64 not in types.seen


def test_border_padding_that_some_devices_lack_is_not_asked_for() -> None:
    for path in (*ROOT.glob("facemug_core/networks/*.py"), *ROOT.glob("facemug_core/faces/*.py")):
        assert not re.search(r"padding_mode=.border", path.read_text(encoding="utf-8")), path


# Preview


def test_previews_are_left_to_the_host() -> None:
    """Records of preview files written by hand lacked fields that later hosts read."""
    for path in NODES:
        assert "subfolder" not in path.read_text(encoding="utf-8"), path
