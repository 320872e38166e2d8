"""Text-image models: loading them, how they see pictures, and how they read words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from facemug_core.checkpoints.weights import Weights
from facemug_core.conventions import IMAGENET_MEAN, IMAGENET_STD
from facemug_core.editing.clip import CONTEXT, FACE_DIM, WordTokenizer, load_clip
from facemug_core.errors import CheckpointError, DependencyError, InputError, WeightsMissingError
from facemug_core.networks.face_tower import part_colors

from .text_models import WORDS, open_clip, tiny_clip

SMALL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    """A small model that open_clip knows by the name of `Small/1`."""
    factory = sys.modules[open_clip().create_model.__module__]
    monkeypatch.setitem(factory._MODEL_CONFIGS, "Small-1", SMALL)
    with torch.random.fork_rng():
        return open_clip().create_model("Small-1")


def test_a_model_of_open_clips_is_found_by_its_name(small: torch.nn.Module, tmp_path: Path) -> None:
    save_file(small.state_dict(), tmp_path / "Small-1.safetensors")
    clip = load_clip("Small-1", weights=Weights(tmp_path))
    assert clip.size == (32, 32)
    vectors = clip.images(torch.zeros(2, 3, 256, 256)), clip.texts(["a face"])
    assert [vector.shape for vector in vectors] == [(2, 16), (1, 16)]


def test_torch_files_of_weights_serve_as_well(small: torch.nn.Module, tmp_path: Path) -> None:
    torch.save({"state_dict": small.state_dict()}, tmp_path / "mine.pt")
    clip = load_clip("Small-1", tmp_path / "mine.pt")
    assert torch.equal(clip.network.token_embedding.weight, small.token_embedding.weight)


def test_preprocessing_is_that_of_open_clip(small: torch.nn.Module, tmp_path: Path) -> None:
    from PIL import Image
    from torchvision.transforms import Normalize

    save_file(small.state_dict(), tmp_path / "Small-1.safetensors")
    clip = load_clip("Small-1", weights=Weights(tmp_path))
    pixels = torch.randint(0, 256, (64, 64, 3), generator=torch.Generator().manual_seed(0)).byte()
    smooth = Image.fromarray(pixels.numpy()).resize((256, 256), Image.Resampling.BICUBIC)
    values = torch.frombuffer(bytearray(smooth.tobytes()), dtype=torch.uint8).view(1, 256, 256, 3)
    seen = clip.seen(values.permute(0, 3, 1, 2) / 127.5 - 1)
    transform = open_clip().image_transform(32, is_train=False)
    assert any(isinstance(step, Normalize) for step in transform.transforms)
    torch.testing.assert_close(seen[0], transform(smooth), atol=0.03, rtol=0)


def test_loading_leaves_the_global_random_state(small: torch.nn.Module, tmp_path: Path) -> None:
    save_file(small.state_dict(), tmp_path / "Small-1.safetensors")
    state = torch.random.get_rng_state()
    load_clip("Small-1", weights=Weights(tmp_path))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_missing_weights_say_which_file_to_put_where(small: torch.nn.Module, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match=r"Small-1\.safetensors") as raised:
        load_clip("Small-1", weights=Weights(tmp_path))
    assert str(tmp_path) in str(raised.value)
    assert "open_clip_model.safetensors" in str(raised.value)


def test_weights_of_another_model_are_refused(small: torch.nn.Module, tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(1)}, tmp_path / "Small-1.safetensors")
    with pytest.raises(CheckpointError, match="Small-1"):
        load_clip("Small-1", weights=Weights(tmp_path))


def test_unknown_names_are_refused() -> None:
    open_clip()
    with pytest.raises(InputError, match="ViT-B-32"):
        load_clip("hf-hub:someone/something")


def test_models_that_need_a_hub_are_refused() -> None:
    open_clip()
    with pytest.raises(InputError, match="hub"):
        load_clip("xlm-roberta-base-ViT-B-32")


def test_without_open_clip_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(DependencyError, match="pip install open_clip_torch"):
        load_clip("ViT-B-32")


def test_the_face_model_needs_no_open_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    assert load_clip().texts(["blond hair"]).shape == (1, FACE_DIM)


def test_the_face_models_text_side_is_open_clips() -> None:
    clip = tiny_clip()
    theirs = open_clip().CLIP(
        embed_dim=FACE_DIM,
        vision_cfg={"image_size": 32, "patch_size": 32, "width": 32, "head_width": 32, "layers": 1},
        text_cfg={
            "context_length": CONTEXT,
            "vocab_size": len(WORDS) + 2,
            "width": 96,
            "heads": 3,
            "layers": 2,
        },
    )
    theirs.eval().requires_grad_(False)
    theirs.load_state_dict(clip.network.state_dict(), strict=False)
    numbers = clip.tokenizer(["a blond beard", "", "old face " * CONTEXT])
    assert torch.equal(clip.network.encode_text(numbers), theirs.encode_text(numbers))


def test_the_model_imports_without_open_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    code = (
        "import sys; sys.modules['open_clip'] = sys.modules['torchvision'] = None; import facemug_core.model"
    )
    root = Path(__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_colors_are_averaged_over_the_parts_that_have_them() -> None:
    shares = torch.zeros(1, 2, 16, 16)
    shares[0, 0, :8], shares[0, 1, 8:] = 1.0, 1.0
    faces = torch.zeros(1, 3, 128, 128)
    faces[0, 0, :64], faces[0, 2, 64:] = 1.0, -1.0
    upper, lower = part_colors(shares, faces)[0, :8].view(2, 4)
    assert upper[0] == lower[0] == 128  # cells
    torch.testing.assert_close(upper[1:4], torch.tensor([1.0, 0.0, 0.0]), atol=0.01, rtol=0)
    torch.testing.assert_close(lower[1:4], torch.tensor([0.0, 0.0, -1.0]), atol=0.01, rtol=0)


def test_the_nearest_anchor_is_that_of_the_parts_color() -> None:
    red = torch.tensor([1.0, 0.0, 0.0])
    face = ((red - torch.tensor(IMAGENET_MEAN)) / torch.tensor(IMAGENET_STD))[:, None, None].expand(
        3, 128, 128
    )
    near = part_colors(torch.ones(1, 1, 16, 16), face[None])[0, 4:]
    assert near.argmax() == 3 * 16  # of 4 × 4 × 4, the last red, no green and no blue
    assert near.max() > 0.99


def test_gradients_reach_the_picture() -> None:
    picture = torch.zeros(1, 3, 256, 256, requires_grad=True)
    tiny_clip().images(picture).sum().backward()
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0


def test_words_become_numbers_and_the_end_is_the_largest() -> None:
    tokens = WordTokenizer(WORDS, context=6)(["Blond hair!"])
    assert tokens.tolist() == [[3, 5, 8, 0, 0, 0]]


def test_unknown_words_are_left_out_and_named_once() -> None:
    tokenizer = WordTokenizer(WORDS, context=4)
    assert tokenizer(["purple hair, purple"]).tolist() == [[5, 8, 0, 0]]
    assert tokenizer.unknown("purple hair, purple") == ["purple"]


def test_long_texts_are_cut_before_the_end() -> None:
    assert WordTokenizer(WORDS, context=4)(["a " * 9]).tolist() == [[1, 1, 1, 8]]
