"""The paper's metrics: on cases with known answers, and with files in the published form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facemug_core.checkpoints.files import sha256_of
from facemug_core.checkpoints.reading import save_safetensors
from facemug_core.errors import InputError
from facemug_core.evaluation.metrics import EfficientNetDistance
from facemug_core.evaluation.paper import networks
from facemug_core.evaluation.paper.networks import (
    LPIPS_NAMES,
    MetricNetworks,
    PublishedFile,
    arcface_vectors,
    inception_features,
    load_arcface,
    lpips_distance,
)
from facemug_core.evaluation.paper.sets import discriminability, fid

from . import published
from .text_models import torchvision

pytestmark = pytest.mark.usefixtures("one_thread")


def pictures(batch: int = 2, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, 256, 256, generator=generator) * 2 - 1


# Sets of pictures


def test_fid_of_shifted_and_stretched_normal_distributions_is_the_closed_form() -> None:
    drawn = np.random.default_rng(0).normal(size=(500, 4))
    # Whitened: the sample's own mean is 0 and its covariance the unit matrix.
    centered = drawn - drawn.mean(0)
    white = centered @ np.linalg.inv(np.linalg.cholesky(np.cov(centered, rowvar=False))).T
    shift, stretch = np.array([1.0, -2.0, 0.5, 0.0]), np.array([1.0, 2.0, 3.0, 0.5])
    expected = (shift**2).sum() + ((stretch - 1) ** 2).sum()
    assert fid(white, white * stretch + shift) == pytest.approx(expected, rel=1e-9)


def test_fid_of_equal_sets_is_zero() -> None:
    features = np.random.default_rng(0).normal(size=(50, 8))
    assert fid(features, features) == pytest.approx(0, abs=1e-9)


def test_fid_is_that_of_torch_fidelity() -> None:
    torchvision()
    metric = pytest.importorskip("torch_fidelity.metric_fid")
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(60, 6)), 1.5 * generator.normal(size=(80, 6)) + 1
    moments = [{"mu": x.mean(0), "sigma": np.cov(x, rowvar=False)} for x in (first, second)]
    expected = metric.fid_statistics_to_metric(*moments, verbose=False)["frechet_inception_distance"]
    assert fid(first, second) == pytest.approx(expected, rel=1e-6)


def test_sets_that_a_plane_parts_are_always_told_apart() -> None:
    photos = np.random.default_rng(0).normal(size=(200, 3))
    assert discriminability(photos, photos + np.array([20.0, 0, 0])) == (0, 0)


def test_a_classifier_guesses_between_sets_of_one_distribution() -> None:
    generator = np.random.default_rng(0)
    u_ids, p_ids = discriminability(*generator.normal(size=(2, 2000, 2)))
    assert u_ids == pytest.approx(0.5, abs=0.03)
    assert p_ids == pytest.approx(0.5, abs=0.03)


def test_p_ids_compares_each_edit_with_its_own_photo() -> None:
    # Two clusters of photos, and each edit a little beyond its photo: the sets are alike, but no edit looks
    # more like a photo than its own one.
    photos = np.repeat([[0.0], [100.0]], 50, axis=0) + np.linspace(0, 1, 100)[:, None]
    u_ids, p_ids = discriminability(photos, photos + 0.5)
    assert u_ids > 0.4
    assert p_ids == 0


# Networks


def test_stand_ins_do_not_carry_the_names_of_published_metrics(judges) -> None:
    networks = MetricNetworks.load(judges)
    names = {networks.distance.name, *networks.crowd[:3], networks.identity.name}
    assert not names & {"FID", "U-IDS", "P-IDS", "CSIM", *LPIPS_NAMES.values()}


def test_equal_pictures_have_no_distance_by_the_stand_in(judges) -> None:
    between = MetricNetworks.load(judges).distance.between
    assert between(pictures(), pictures()).tolist() == [0, 0]
    assert (between(pictures(), pictures(seed=1)) > 0).all()


def test_a_folder_without_published_files_is_refused(judges, tmp_path: Path) -> None:
    (tmp_path / "vgg16-397923af.pth").write_bytes(b"something else")
    with pytest.raises(InputError, match="known by their content"):
        MetricNetworks.load(judges, tmp_path)


def test_files_are_known_by_their_hash_whatever_their_name(judges, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "somebody's.pth"
    save_safetensors(path, published.random(published.ir_se50()))
    file = PublishedFile("model_ir_se50.pth", sha256_of(path))
    monkeypatch.setattr(networks, "PUBLISHED", {"ir_se50": file})
    loaded = MetricNetworks.load(judges, tmp_path)
    assert loaded.identity.name == "CSIM"
    assert loaded.distance.name == EfficientNetDistance.name
    vectors = loaded.identity.embed(pictures())
    assert vectors.shape == (2, 512)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_arcface_compares_the_face_alone(tmp_path: Path) -> None:
    path = tmp_path / "ir_se50.safetensors"
    save_safetensors(path, published.random(published.ir_se50()))
    network = load_arcface(path)
    changed = pictures()
    changed[..., :30, :] = 0
    assert torch.equal(arcface_vectors(network, pictures()), arcface_vectors(network, changed))


@pytest.mark.parametrize("net", LPIPS_NAMES)
def test_lpips_runs_on_torchvisions_file(net: str, tmp_path: Path) -> None:
    models = torchvision().models
    pytest.importorskip("lpips")
    build = {"vgg": models.vgg16, "alex": models.alexnet}[net]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = build().features.state_dict()
    path = tmp_path / "weights.pth"
    torch.save({f"features.{name}": tensor for name, tensor in weights.items()}, path)
    state = torch.get_rng_state()
    between = lpips_distance(net, path, "cpu")
    assert torch.equal(torch.get_rng_state(), state)
    small = pictures()[..., :64, :64]
    assert between(small, small).tolist() == [0, 0]
    assert (between(small, small.flip(-1)) > 0).all()


def test_inception_features_have_the_length_of_fids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torchvision()
    extractor = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        with monkeypatch.context() as patch:
            patch.setattr(extractor, "load_state_dict_from_url", lambda *_, **__: {})
            patch.setattr(nn.Module, "load_state_dict", lambda *_: None)
            network = extractor.FeatureExtractorInceptionV3("inception", ["2048"])
    path = tmp_path / "inception.pth"
    torch.save(network.state_dict(), path)
    features = inception_features(path, "cpu")(pictures(1))
    assert features.shape == (1, 2048)
