"""Facts, captions and the training of the face text-image model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from facemug_core.checkpoints.reading import read_safetensors, save_safetensors
from facemug_core.checkpoints.weights import Weights
from facemug_core.config import LIGHT
from facemug_core.conventions import LABELS
from facemug_core.editing.clip import FACE_DIM, load_clip, words_of
from facemug_core.errors import InputError
from facemug_core.networks.face_tower import part_maps
from facemug_core.networks.mobilenet_v2 import MobileNetV2Features
from facemug_core.training.captions import (
    MOST,
    NAMES,
    NOUNS,
    UNSEEN,
    WORDINGS,
    agreement,
    caption,
    vocabulary,
)
from facemug_core.training.data import FaceShards
from facemug_core.training.draws import Draw
from facemug_core.training.facts import (
    ATTRIBUTES,
    OBSERVED,
    UNKNOWN,
    Limits,
    Toned,
    background_color,
    fact_codes,
    facts,
    hair_color,
    load_facts,
)
from facemug_core.training.loop import train
from facemug_core.training.options import Run, Settings
from facemug_core.training.run import STAGES, export
from facemug_core.training.stages.clip import (
    JUDGED,
    RIDGE,
    ClipStage,
    describe,
    fit_parts,
    fit_read_out,
    most_distinct,
    retrieval_at_1,
)

from .text_models import tiny_clip

SIZES = [len(attribute.limits) if isinstance(attribute, Limits) else 2 for attribute in ATTRIBUTES.values()]
levels_of_a_face = st.tuples(*(st.integers(UNKNOWN, size - 1) for size in SIZES)).map(np.array)


def test_every_level_has_wordings() -> None:
    for name, size in zip(NAMES, SIZES, strict=True):
        if name not in ("gender", "age"):
            assert len(WORDINGS[name]) == size
            assert all(wording.phrases and wording.unseen for wording in WORDINGS[name])
    assert len(NOUNS) == 15


@given(levels_of_a_face, st.integers(0, 1000), st.booleans())
def test_captions_state_true_facts_in_known_words(levels: np.ndarray, number: int, unseen: bool) -> None:
    said = caption(levels, Draw(0, number), unseen=unseen)
    stated = said.asserts != UNKNOWN
    assert (said.asserts[stated] == levels[stated]).all()
    assert stated.sum() <= MOST
    assert said.text
    assert set(words_of(said.text)) <= set(vocabulary())


def test_unseen_wordings_never_occur_in_training() -> None:
    levels = np.zeros(len(ATTRIBUTES), int)
    said = [caption((levels + number) % 2, Draw(0, number)).text for number in range(3000)]
    assert not [text for text in said if any(phrase in text for phrase in UNSEEN)]


def test_a_caption_fits_faces_that_show_all_it_states() -> None:
    asserts = np.array([[1, UNKNOWN], [0, 1]])
    levels = np.array([[1, 0], [0, UNKNOWN], [0, 1]])
    fits, unclear = agreement(asserts, levels)
    assert fits.tolist() == [[True, False, False], [False, False, True]]
    assert unclear.tolist() == [[False, False, False], [False, True, False]]


def test_nothing_is_said_between_limits() -> None:
    found = Limits("x", ((-np.inf, 3), (6, np.inf))).levels({"x": np.arange(9.0)})
    assert found.tolist() == [0, 0, 0, -1, -1, -1, 1, 1, 1]


def test_of_several_captions_the_one_that_fits_the_fewest_faces_is_told() -> None:
    levels = np.array([[1, 0], [1, 1]])
    asserts = np.array([[[1, UNKNOWN], [1, 0]], [[UNKNOWN, 1], [1, UNKNOWN]]])
    assert most_distinct(asserts, levels).tolist() == [1, 0]


def test_what_was_not_measured_is_unknown() -> None:
    names = {attribute.measured for attribute in ATTRIBUTES.values()}
    values = {name: np.array([0.0, 1.0, np.nan]) for name in names}
    assert (facts(values)[2] == UNKNOWN).all()


@pytest.mark.parametrize(
    ("color", "level"),
    [((15, 12, 10), 0), ((90, 62, 45), 1), ((200, 170, 120), 2), ((150, 70, 35), 3), ((120, 120, 120), 4),
     ((215, 213, 210), 5)],
)  # fmt: skip
def test_hair_is_named_in_everyday_words(color: tuple[int, int, int], level: int) -> None:
    assert hair_color(np.tile(np.uint8(color), (100, 1))) == level


@pytest.mark.parametrize(
    ("color", "level"),
    [((10, 10, 10), 0), ((240, 240, 240), 1), ((128, 128, 128), 2), ((40, 130, 50), 3), ((40, 80, 200), 4),
     ((120, 80, 40), 5)],
)  # fmt: skip
def test_backgrounds_are_named_in_everyday_words(color: tuple[int, int, int], level: int) -> None:
    assert background_color(np.tile(np.uint8(color), (100, 1))) == level


def test_opposite_facts_have_opposite_codes_and_the_unsaid_none() -> None:
    levels = np.full((3, len(ATTRIBUTES)), UNKNOWN)
    levels[0, 0], levels[1, 0] = 0, 1
    one, other, unsaid = fact_codes(levels)
    assert len(unsaid) == FACE_DIM
    assert torch.equal(one[:-1], -other[:-1])
    assert not unsaid[:-1].any()
    assert one[-1] == other[-1] == unsaid[-1] == 1


def test_the_read_out_is_the_ridge_regression() -> None:
    from sklearn.linear_model import Ridge

    torch.manual_seed(0)
    features, codes = 3 * torch.randn(40, 200) + 1, torch.randn(40, 5)
    head = torch.nn.Linear(200, 5)
    with torch.no_grad():
        read = fit_read_out(head, features, codes, ((150, 1.0), (50, 2.0)), judged=10)
    seen = features[:30].double()
    mean, scale = seen.mean(0), seen.std(0) + 1e-3
    scale[:150] *= 150**0.5
    scale[150:] *= 25**0.5
    reference = Ridge(alpha=RIDGE).fit((seen - mean) / scale, codes[:30].double())
    expected = reference.predict((features.double() - mean) / scale)
    torch.testing.assert_close(read, torch.from_numpy(expected).float(), rtol=1e-3, atol=1e-4)


def test_parts_are_found_where_the_parser_has_seen_them() -> None:
    clip, faces = tiny_clip(), HalfHair()
    fit_parts(clip, faces, range(len(faces)))
    tower = clip.network.visual
    with torch.no_grad():
        shares = tower.parts(part_maps(tower.trunk(clip.seen(faces.face(0)[0][None]))))[0]
    assert shares[LABELS.index("hair"), 2:6].mean() > 0.6
    assert shares[LABELS.index("hair"), 10:14].mean() < 0.4


class HalfHair:
    """Faces whose upper half is bright hair, over dark skin."""

    def __len__(self) -> int:
        return 3

    def face(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        labels = torch.full((256, 256), LABELS.index("skin"))
        labels[:128] = LABELS.index("hair")
        noise = torch.randn(3, 256, 256, generator=torch.Generator().manual_seed(index))
        return 0.2 * noise + (labels == LABELS.index("hair")) - 0.5, labels, torch.zeros(512)


# --- training -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces that are plain colors, with facts that were measured before."""
    folder = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    count = JUDGED + 4
    images = np.broadcast_to(rng.integers(0, 255, (count, 1, 1, 3), dtype=np.uint8), (count, 256, 256, 3))
    np.savez(folder / "0000.npz", images=images, w=rng.normal(size=(count, 512)).astype(np.float32))
    names = sorted({attribute.measured for attribute in ATTRIBUTES.values()})
    values = torch.from_numpy(rng.normal(size=(count, len(names)))).float()
    save_safetensors(folder / OBSERVED, {"values": values}, {"names": '["' + '", "'.join(names) + '"]'})
    return folder


def test_training_writes_a_model_that_loads(folder: Path, tmp_path: Path) -> None:
    faces = FaceShards(folder)
    levels = load_facts(folder, faces)
    torch.manual_seed(0)
    stage = ClipStage(faces, levels, MobileNetV2Features())
    trunk = stage.model.visual.trunk.features[0][0].weight.clone()  # type: ignore[union-attr, index]
    batch = torch.utils.data.default_collate([stage.dataset[i] for i in range(4)])
    train(stage, Settings("clip", steps=2, batch=4), Run(tmp_path / "run", folder), batch)
    export(tmp_path / "run", tmp_path / "face_clip.safetensors", describe())
    clip = load_clip(weights=Weights(tmp_path))
    assert clip.tokenizer.words == tuple(vocabulary())  # type: ignore[attr-defined]
    assert torch.equal(stage.model.visual.trunk.features[0][0].weight, trunk)  # type: ignore[union-attr, index]
    assert 0 <= retrieval_at_1(clip, faces, levels) <= 1
    assert "words" in read_safetensors(tmp_path / "face_clip.safetensors")[1]


def test_too_few_faces_are_an_error(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "0.npz", images=np.zeros((2, 256, 256, 3), np.uint8), w=np.zeros((2, 512), np.float32)
    )
    with pytest.raises(InputError, match="100"):
        ClipStage(FaceShards(tmp_path), np.zeros((2, len(NAMES)), np.int64), MobileNetV2Features())


def test_faces_in_other_tones_keep_their_labels_and_codes(folder: Path) -> None:
    faces = FaceShards(folder)
    toned = Toned(faces, 2)
    assert len(toned) == 2
    image, labels, w = toned.face(1)
    assert not torch.equal(image, faces.face(1)[0])
    assert torch.equal(image, toned.face(1)[0])
    assert torch.equal(labels, faces.face(1)[1])
    assert torch.equal(w, faces.face(1)[2])


def test_too_few_faces_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    images, codes = np.zeros((2, 256, 256, 3), np.uint8), np.zeros((2, 512), np.float32)
    np.savez(tmp_path / "0000.npz", images=images, w=codes)
    with pytest.raises(InputError, match=r"more than 100 faces.*got 2"):
        STAGES["clip"].build(LIGHT, FaceShards(tmp_path), Settings("clip"), Run(tmp_path, tmp_path))
    assert not (tmp_path / OBSERVED).exists()
