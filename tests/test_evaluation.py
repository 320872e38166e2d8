"""The judge, the baseline, the faces and the report of the evaluation."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data, restoration
from torch import nn

from facemug_core.checkpoints.manifest import WEIGHTS
from facemug_core.checkpoints.reading import read_safetensors
from facemug_core.checkpoints.weights import Weights
from facemug_core.editing.direction_facts import DIRECTIONS_FILE
from facemug_core.editing.directions import Linear, save_directions
from facemug_core.editing.measuring import Measurer
from facemug_core.errors import DependencyError, InputError
from facemug_core.evaluation import SUITES, evaluate
from facemug_core.evaluation.attributes import DEVIATIONS, Observer
from facemug_core.evaluation.bars import BARS, above, at_least, at_most, nearer_by_half
from facemug_core.evaluation.efficientnet import EfficientNetLite0
from facemug_core.evaluation.faces import FIRST_SEED, MASK_KINDS, BankFaces, Faces, random_region_mask
from facemug_core.evaluation.inpainting import inpaint_biharmonic
from facemug_core.evaluation.metrics import (
    EfficientNetDistance,
    absolute_error,
    masked_mean,
    peak_signal_to_noise,
)
from facemug_core.evaluation.photos import FolderFaces
from facemug_core.evaluation.report import run_suites
from facemug_core.evaluation.suites import COMPLETION, PAIRS, ROWS, SOLID, reconstruction
from facemug_core.evaluation.suites.rows import as_scan, extremes, rows_of, spread
from facemug_core.evaluation.suites.subsets import PAIRS as MORE_BY_ONE
from facemug_core.evaluation.suites.subsets import SUBSETS
from facemug_core.evaluation.trials import Case, Judges, Trial, slow_faces
from facemug_core.faces.comparison import FaceComparer
from facemug_core.faces.parsing import Parser
from facemug_core.model import FaceMug
from facemug_core.networks.bisenet import BiSeNet
from facemug_core.networks.mapping import MappingNetwork
from facemug_core.networks.mobile_stylegan import MobileStyleGAN
from facemug_core.pipeline.editor import PhotoEditor

from .tiny import tiny_model

JUDGE_FILE = WEIGHTS / "fetched" / "efficientnet_lite0.safetensors"


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


pytestmark = pytest.mark.usefixtures("one_thread")


def random_picture(size: int, seed: int = 0, batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, 3, size, size, generator=seeded(seed)) * 2 - 1


def box_mask(size: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, size, size)
    mask[..., size // 4 : size // 2, size // 4 : 3 * size // 4] = 1
    return mask


class TinyMeasurer(Measurer):
    """Measures the picture's brightness, whatever is asked for."""

    def __init__(self) -> None:
        pass

    def measure(self, picture, labels=None, sources=()):
        return dict.fromkeys(DEVIATIONS, float(picture.mean()))


class TinyJudges(Judges):
    """Small networks; every picture shows the same face mesh, and there is one slider."""

    def __init__(self, perceptual: EfficientNetDistance, parser: Parser, folder: Path) -> None:
        super().__init__(Weights(folder))
        self.comparer = FaceComparer(nn.Sequential(nn.AvgPool2d(32), nn.Flatten()))
        self.perceptual = perceptual
        self.parser = parser
        self.observer = Observer(TinyMeasurer(), self.comparer, lambda x: (x.mean(1), x.mean(1)))
        save_directions(folder / DIRECTIONS_FILE, {"smile": Linear(torch.ones(512))})

    @property
    def clip(self):
        raise DependencyError("Here is no open_clip.")

    def mesh(self, picture):
        return np.random.default_rng(0).uniform(60, 200, (468, 2))


@pytest.fixture(scope="module")
def judges(judge, bank_faces, tmp_path_factory) -> TinyJudges:
    return TinyJudges(judge, bank_faces.parser, tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def bank_faces(tmp_path_factory) -> BankFaces:
    """Tiny networks of random weights: the pictures are noise, all else is as in a full evaluation."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        channels = {4 << k: 8 for k in range(6)}
        mapping, bank = MappingNetwork(16, 2), MobileStyleGAN(channels, code_dim=16).eval()
        return BankFaces(mapping, bank, Parser(BiSeNet().eval()), tmp_path_factory.mktemp("cache"))


# Judge


def test_levels_have_the_strides_2_to_32():
    levels = EfficientNetLite0().eval()(random_picture(65))
    assert [tuple(level.shape[1:]) for level in levels] == [
        (16, 33, 33), (24, 17, 17), (40, 9, 9), (112, 5, 5), (320, 3, 3),
    ]  # fmt: skip


def test_judge_recognizes_what_imagenet_weights_should():
    if not JUDGE_FILE.is_file():
        pytest.skip("needs the weights that `python -m facemug_core fetch evaluate` brings")
    network = EfficientNetLite0().eval()
    network.load_state_dict(read_safetensors(JUDGE_FILE)[0])
    photo = torch.from_numpy(data.cat()[:, 75:375].copy()).permute(2, 0, 1)[None] / 127.5 - 1
    photo = F.interpolate(photo, (224, 224), mode="bilinear", antialias=True)
    probabilities = network.logits(photo).softmax(1)[0]
    assert probabilities[281:288].sum() > 0.7  # the cats among the ImageNet classes


def test_distance_of_equal_pictures_is_zero(judge):
    picture = random_picture(64)
    assert judge(picture, picture.clone(), box_mask(64)).item() == 0


def test_distance_grows_with_the_difference(judge):
    picture, noise = random_picture(64), random_picture(64, seed=1)
    near, far = (judge(picture, picture + share * noise, box_mask(64)).item() for share in (0.05, 0.5))
    assert 0 < near < far


def test_distance_does_not_depend_on_the_batch(judge):
    first, second = random_picture(64, 0, 3), random_picture(64, 1, 3)
    mask = box_mask(64).expand(3, -1, -1, -1)
    together = judge(first, second, mask)
    alone = torch.cat([judge(first[i : i + 1], second[i : i + 1], mask[:1]) for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_feature_differences_outside_the_mask_do_not_count(judge):
    first, mask = judge.features(random_picture(64)), box_mask(64)
    weights = [F.adaptive_avg_pool2d(mask, level.shape[-2:]) for level in first]
    second = [torch.where(weight > 0, level, -level) for weight, level in zip(weights, first, strict=True)]
    assert judge.between(first, second, mask).item() == 0


def test_judge_has_a_name_of_its_own():
    assert "EfficientNet" in EfficientNetDistance.name
    assert "LPIPS" not in EfficientNetDistance.name


def test_masked_mean_ignores_what_is_outside():
    values, mask = random_picture(8), box_mask(8)
    changed = torch.where(mask > 0, values, 99.0)
    assert torch.equal(masked_mean(values, mask), masked_mean(changed, mask))
    assert absolute_error(values, changed, mask).item() == 0


def test_signal_to_noise_of_a_known_error():
    black = torch.full((1, 3, 8, 8), -1.0)
    assert peak_signal_to_noise(black, black + 0.2, box_mask(8)).item() == pytest.approx(20, abs=1e-3)
    assert peak_signal_to_noise(black, black, box_mask(8)).item() == pytest.approx(100, abs=1e-3)


# Baseline


def test_biharmonic_agrees_with_scikit_image():
    mask = torch.zeros(1, 24, 20)
    mask[:, 5:18, 0:13] = 1  # touches the left border
    mask[:, 20:24, 8:] = 1  # touches a corner
    picture = torch.rand(3, 24, 20, generator=seeded())
    ours = inpaint_biharmonic(picture, mask)
    theirs = restoration.inpaint_biharmonic(picture.double().numpy(), mask[0].bool().numpy(), channel_axis=0)
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(slope_x=st.floats(-1, 1), slope_y=st.floats(-1, 1), left=st.integers(2, 8), top=st.integers(2, 8))
def test_biharmonic_continues_a_ramp(slope_x, slope_y, left, top):
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    ramp = (slope_x * x + slope_y * y).expand(3, -1, -1)
    mask = torch.zeros(1, 20, 20)
    mask[:, top : top + 9, left : left + 9] = 1
    torch.testing.assert_close(inpaint_biharmonic(ramp, mask), ramp, atol=1e-4, rtol=0)


def test_biharmonic_keeps_the_bits_and_never_reads_the_hole():
    picture, mask = random_picture(24)[0], box_mask(24)[0]
    filled = inpaint_biharmonic(picture, mask)
    assert torch.equal(filled[:, mask[0] == 0], picture[:, mask[0] == 0])
    hidden = torch.where(mask > 0, torch.nan, picture)
    assert torch.equal(filled, inpaint_biharmonic(hidden, mask))


# Faces


def test_faces_follow_from_their_seeds_alone(bank_faces):
    first, again = bank_faces._make(1), bank_faces._make(1)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["photo"], bank_faces._make(2)["photo"])


def test_cached_faces_are_not_made_again(bank_faces):
    made = next(bank_faces.batches(3, 3))
    without_bank = BankFaces(bank_faces.mapping, None, None, bank_faces.folder.parent)
    cached = torch.cat([faces.photo for faces in without_bank.batches(3, 2)])
    assert torch.equal(cached, made.photo)


def test_faces_take_their_mask_kinds_in_turn_from_reserved_seeds(bank_faces):
    faces = next(bank_faces.batches(3, 6))
    assert faces.kinds == tuple(MASK_KINDS)
    assert faces.seeds == (FIRST_SEED, FIRST_SEED + 1, FIRST_SEED + 2)


def test_faces_keep_the_photo_outside_the_hole_of_the_baseline(bank_faces):
    faces = next(bank_faces.batches(3, 6))
    kept = (faces.mask == 0).expand_as(faces.photo)
    assert torch.equal(faces.biharmonic[kept], faces.photo[kept])
    assert not torch.equal(faces.exemplar, faces.photo)
    assert faces.photo.abs().max() <= 1


def test_neighbors_are_each_others_other_person(bank_faces):
    faces = next(bank_faces.batches(3, 6))
    assert torch.equal(faces.other_photo[0], faces.photo[1])
    assert torch.equal(faces.other_labels[1], faces.labels[0])
    assert not torch.equal(faces.other_photo[2], faces.photo[2])


def test_region_masks_leave_something_to_keep_and_to_edit():
    labels = torch.zeros(64, 64, dtype=torch.long)
    labels[8:56, 12:52], labels[4:14, 10:54], labels[30:40, 28:36] = 1, 17, 10
    for seed in range(20):
        mask = random_region_mask(labels, seeded(seed))
        assert mask.shape == (1, 64, 64)
        assert 0.01 <= mask.mean() <= 0.9


# Suites and report


def case(kind: str, ours: float, biharmonic: float, paste: float) -> Case:
    numbers = {"distance": ours, "biharmonic_distance": biharmonic, "paste_distance": paste}
    return Case("a face", kind, ours / biharmonic, numbers, {})


def test_ratios_are_ratios_of_means_in_all_and_by_kind():
    cases = [case("regions", 1, 2, 4), case("regions", 1, 6, 4), case("strokes", 4, 4, 2)]
    summary = COMPLETION.summary(cases)
    assert summary["completion.perceptual_ratio"] == pytest.approx(6 / 12)
    assert summary["completion.paste_ratio"] == pytest.approx(6 / 10)
    assert summary["completion.regions.perceptual_ratio"] == pytest.approx(2 / 8)
    assert summary["completion.strokes.paste_ratio"] == pytest.approx(2)
    assert "completion.generator.perceptual_ratio" not in summary


def test_pasting_is_compared_on_the_faces_that_were_pasted():
    pasted, other = case("regions", 1, 2, 4), case("regions", 9, 18, 4)
    del other.numbers["paste_distance"]
    summary = COMPLETION.summary([pasted, other])
    assert summary["completion.paste_ratio"] == pytest.approx(1 / 4)
    assert summary["completion.perceptual_ratio"] == pytest.approx(10 / 20)


def test_the_banks_own_picture_is_drawn_for_the_first_faces_only(bank_faces, judges, monkeypatch):
    monkeypatch.setattr(reconstruction, "PASTED", 1)
    first, second = (
        COMPLETION.run(Trial(tiny_model(), faces, judges))[0] for faces in bank_faces.batches(2, 1)
    )
    assert "paste_distance" in first.numbers
    assert "paste_distance" not in second.numbers


@pytest.fixture(scope="module")
def whole_report(bank_faces, judges, tmp_path_factory):
    """A report of all suites on two faces, of the slow ones on one, and its folder."""
    folder = tmp_path_factory.mktemp("reports") / "report"
    slow = {"subsets", "detail"}
    suites = [replace(suite, max_faces=1) if name in slow else suite for name, suite in SUITES.items()]
    batches, portraits = bank_faces.batches(2, 1), bank_faces.batches(1, 1)
    return run_suites(tiny_model(), suites, batches, judges, folder, portraits=portraits), folder


def test_report_has_a_value_or_a_reason_for_every_bar(whole_report):
    report, _ = whole_report
    known = report.values.keys() | report.missing.keys()
    keys = {key for bar in BARS for key in (bar.key, *bar.others) if not key.startswith("real.")}
    kinds_without_faces = {key for key in keys if ".generator." in key}
    assert keys - kinds_without_faces <= known
    assert all(math.isfinite(value) for value in report.values.values())
    assert report.values["faces"] == 2
    assert report.values["kept_pixels_changed"] == 0


def test_solid_edits_each_photo_in_every_mask_and_kind(whole_report):
    report, _ = whole_report
    for edit in ("completion", "guided", "random"):
        assert {f"solid.{edit}.contrast_mid", f"solid.{edit}.half_face.contrast_fine"} <= report.values.keys()
        assert report.missing[f"solid.{edit}.told_apart"] == "needs 10 people, not 1"


def test_no_faces_are_made_that_no_suite_looks_at(bank_faces, judges, tmp_path):
    def once():
        yield next(bank_faces.batches(1, 1))
        raise AssertionError("A second face was asked for.")

    suite = replace(SUITES["seam"], max_faces=1)
    assert run_suites(tiny_model(), [suite], once(), judges, tmp_path).values["faces"] == 1
    assert run_suites(tiny_model(), [SOLID], once(), judges, tmp_path).values["faces"] == 0


def test_slow_suites_look_at_each_sixth_face(bank_faces):
    faces = next(bank_faces.batches(2, 2))
    later = replace(faces, seeds=(FIRST_SEED + 11, FIRST_SEED + 12))
    assert slow_faces(faces) == {0: 0}
    assert slow_faces(later) == {1: 2}


def test_report_says_why_a_value_is_missing(whole_report):
    report, _ = whole_report
    assert "warping weights" in report.missing["warp.pose_ratio"]
    assert "open_clip" in report.missing["text.success.optimize"]
    assert report.missing["completion.frechet_ratio"] == "needs 100 faces, not 2"


def test_report_folder_holds_values_verdicts_and_every_sheet(whole_report):
    report, folder = whole_report
    written = json.loads((folder / "report.json").read_text())
    assert {name: value for name, value in written.items() if isinstance(value, float)} == report.values
    assert sum(len(bars) for bars in written["bars"].values()) == len(BARS)
    left_out = {"warp", "text", "retrieval", "rows"}
    sheets = {f"{n}_{t}.jpg" for n in SUITES if n not in left_out for t in ("best", "median", "worst")}
    texts = {"report.json", "seconds.json", "index.html"}
    assert {path.name for path in folder.iterdir()} == texts | sheets
    page = (folder / "index.html").read_text()
    assert all(f'src="{sheet}"' in page for sheet in sheets)
    assert all(bar.key in page for bar in BARS)


def test_the_same_command_gives_the_same_report(bank_faces, judges, tmp_path):
    suites = [SUITES["sketch"], SUITES["color"]]
    reports = []
    for name in ("first", "second"):
        run_suites(tiny_model(), suites, bank_faces.batches(2, 2), judges, tmp_path / name)
        reports.append((tmp_path / name / "report.json").read_bytes())
    assert reports[0] == reports[1]


def test_two_batches_at_a_time_give_the_report_of_one(bank_faces, judges, tmp_path):
    reports = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        run_suites(tiny_model(), [SUITES["seam"]], bank_faces.batches(3, 1), judges, tmp_path / str(threads))
        assert torch.get_num_threads() == threads
        reports.append((tmp_path / str(threads) / "report.json").read_bytes())
    torch.set_num_threads(1)
    assert reports[0] == reports[1]


def test_progress_counts_faces(bank_faces, judges, tmp_path):
    done: list[int] = []
    batches = bank_faces.batches(3, 2)
    run_suites(tiny_model(), [SUITES["seam"]], batches, judges, tmp_path, progress=done.append)
    assert done == [2, 3]


def test_a_changed_kept_pixel_is_counted(bank_faces, judges):
    class Leaking(FaceMug):
        def generate(self, features, codes):
            return super().generate(features, codes) + 1e-6

    trial = Trial(Leaking(**vars(tiny_model())), next(bank_faces.batches(1, 1)), judges)
    SUITES["seam"].run(trial)
    assert trial.kept_pixels_changed > 0


def test_completion_is_told_photo_and_mask_alone(bank_faces, judges):
    trial = Trial(tiny_model(), next(bank_faces.batches(1, 1)), judges)
    trial.faces = replace(trial.faces, photo=trial.faces.photo + 0.01)
    assert trial.unguided.present == ("image",)


def test_warping_is_judged_where_there_are_weights_for_it(bank_faces, judges):
    model = replace(tiny_model(), warping=lambda codes, target: torch.zeros_like(codes))
    (found,) = SUITES["warp"].run(Trial(model, next(bank_faces.batches(1, 1)), judges))
    summary = SUITES["warp"].summary([replace(found, numbers={**found.numbers, "unwarped_pose": 1.0})])
    assert found.numbers["warped_cosine"] == found.numbers["unwarped_cosine"]
    assert summary["warp.identity_ratio"] == pytest.approx(1)


def test_a_hundred_faces_give_frechet_ratios_and_ranks():
    rng = np.random.default_rng(0)
    cases = []
    for _ in range(100):
        truth = rng.normal(size=320)
        arrays = {
            "truth": truth, "rendered": truth, "edits": np.stack([truth] * 4), "random": truth[None] + 0.1,
            "projected": truth[None], "biharmonic": truth[None] + 1,
        }  # fmt: skip
        numbers = {"seeds": 1.0, "people": 2.0, "rendered": 1.0, "same_cosine": 1.0, "different_cosine": 0.5}
        cases.append(Case("a face", "regions", 0.0, numbers, {}, arrays))
    keys = {key: value for name in ("frechet", "diversity", "encoder") for key, value in
            SUITES[name].summary(cases).items()}  # fmt: skip
    assert keys["completion.frechet_ratio"] == pytest.approx(0, abs=1e-6)
    assert 0 < keys["diversity.frechet_ratio"] < 0.2
    assert keys["diversity"] == 0.5
    assert keys["encoder.rank1_of_100"] == 1


def test_there_are_32_subsets_and_80_ways_to_add_one_modality():
    assert len(set(SUBSETS)) == 32
    assert len(set(MORE_BY_ONE)) == 80
    assert all(set(SUBSETS[fewer]) < set(SUBSETS[more]) for fewer, more in MORE_BY_ONE)


# Bars


@pytest.mark.parametrize(
    ("bar", "values", "verdict"),
    [
        (at_most("a", 1), {"a": 1.0}, True),
        (at_most("a", 1), {"a": 1.1}, False),
        (at_least("a", 1), {"b": 1.0}, None),
        (above("a", "b", 0.25), {"a": 0.5, "b": 0.2}, True),
        (above("a", "b", 0.25), {"a": 0.5}, None),
        (nearer_by_half("a", "b", "c"), {"a": 0.75, "b": 1.0, "c": 0.1}, True),
        (nearer_by_half("a", "b", "c"), {"a": 0.6, "b": 1.0, "c": 0.1}, False),
    ],
)
def test_bars_hold_are_missed_or_cannot_be_told(bar, values, verdict):
    assert bar.verdict(values) is verdict


# Real photos


@pytest.fixture
def folder_faces(tmp_path, bank_faces):
    """Two square photos, one of which has a mask and an exemplar beside it."""
    for seed, name in enumerate(("photo_1", "exemplar_1", "someone")):
        pixels = (random_picture(256, seed)[0].permute(1, 2, 0) + 1) * 127.5
        Image.fromarray(pixels.byte().numpy()).save(tmp_path / f"{name}.png")
    mask = np.zeros((256, 256), np.uint8)
    mask[64:128, 64:192] = 255
    Image.fromarray(mask).save(tmp_path / "mask_1.png")
    return FolderFaces(tmp_path, PhotoEditor(tiny_model()), bank_faces.parser)


def test_every_photo_of_a_folder_gets_a_mask_of_every_kind(folder_faces):
    (faces,) = folder_faces.batches(4, 6)
    assert faces.kinds == (*MASK_KINDS, next(iter(MASK_KINDS)))
    assert torch.equal(faces.photo[0], faces.photo[2])
    assert torch.equal(faces.photo[3], faces.other_photo[0])


def test_portraits_are_each_photo_once(folder_faces):
    first, second = folder_faces.portraits(2)
    assert len(first) == len(second) == 1
    assert not torch.equal(first.photo, second.photo)
    assert second.seeds == (FIRST_SEED + 1,)


def test_photos_with_mask_and_exemplar_are_pairs(folder_faces, judges):
    (faces,) = folder_faces.pairs(6)
    assert faces.mask[0, 0, 64:128, 64:192].all()
    assert faces.mask.sum() == 64 * 128
    summary = PAIRS.summary(PAIRS.run(Trial(tiny_model(), faces, judges)))
    names = {"solid.exemplar.likeness", "solid.exemplar.photo.likeness", "solid.exemplar.without.likeness"}
    assert names | {"solid.exemplar.rim_delta_e", "solid.exemplar.untouched.rim_delta_e"} <= set(summary)


def test_edits_of_other_systems_are_judged_beside_ours(folder_faces, judges, tmp_path):
    shutil.copy(folder_faces.files["exemplar_1"], tmp_path / "result_1.png")
    peers = FolderFaces(folder_faces.folder, folder_faces.editor, folder_faces.parser, {"other": tmp_path})
    (faces,) = peers.pairs(6)
    (case,) = PAIRS.run(Trial(tiny_model(), faces, judges))
    assert torch.equal(case.panels["other"], faces.exemplar[0])
    assert PAIRS.summary([case])["solid.exemplar.other.likeness"] == pytest.approx(1)


def test_a_missing_edit_of_another_system_is_named(folder_faces):
    folder = FolderFaces(
        folder_faces.folder, folder_faces.editor, folder_faces.parser, {"other": folder_faces.folder}
    )
    with pytest.raises(InputError, match="result_1"):
        next(folder.pairs(6))


def test_keys_of_real_photos_say_so(folder_faces, bank_faces, judges, tmp_path):
    real, pairs = folder_faces.batches(2, 2), folder_faces.pairs(2)
    report = run_suites(
        tiny_model(),
        [COMPLETION],
        bank_faces.batches(2, 2),
        judges,
        tmp_path / "report",
        real=real,
        pairs=pairs,
    )
    assert {"completion.perceptual_ratio", "real.completion.perceptual_ratio"} <= report.values.keys()
    assert "real.solid.exemplar.likeness" in report.values
    assert (tmp_path / "report" / "real.completion_best.jpg").is_file()


def test_rows_show_the_portraits_that_were_picked(folder_faces, bank_faces, judges, tmp_path):
    rows = rows_of(folder_faces.portraits(3), judges)
    report = run_suites(
        tiny_model(), [ROWS], bank_faces.batches(1, 1), judges, tmp_path / "report", real_rows=rows
    )
    assert report.values["kept_pixels_changed"] == 0
    with Image.open(tmp_path / "report" / "real.rows_all.jpg") as sheet:
        pictures = 5 * 3 * 256  # rows but the one of texts, for which open_clip is missing here
        assert pictures < sheet.height < 1.1 * pictures
        assert sheet.width == 3 * 256


def test_portraits_of_a_row_are_spread_evenly_over_what_is_measured():
    ages = [50.0, 20.0, math.nan, 80.0, 60.0, 30.0, 40.0, 70.0, 31.0]
    assert spread(ages) == [1, 5, 6, 0, 7, 3]


def test_the_row_of_extremes_begins_with_the_most_extreme():
    assert extremes([0.1, -0.9, math.nan, 0.5]) == [1, 3, 0]


def test_gray_scans_have_no_color():
    scan = as_scan(random_picture(64))
    assert (scan - scan.mean(1, keepdim=True)).abs().max() < 0.02


def test_batches_can_be_joined(bank_faces):
    parts = list(bank_faces.batches(3, 1))
    joined = Faces.cat(parts)
    assert joined.seeds == tuple(part.seeds[0] for part in parts)
    assert torch.equal(joined.photo[2:], parts[2].photo)


def test_a_folder_without_pairs_is_refused(tmp_path, bank_faces):
    Image.new("RGB", (256, 256)).save(tmp_path / "someone.png")
    folder = FolderFaces(tmp_path, PhotoEditor(tiny_model()), bank_faces.parser)
    with pytest.raises(InputError, match="exemplar_X"):
        next(folder.pairs(6))


def test_a_folder_without_photos_is_refused(tmp_path, bank_faces):
    with pytest.raises(InputError, match="no photos"):
        FolderFaces(tmp_path, PhotoEditor(tiny_model()), bank_faces.parser)


@pytest.mark.parametrize(("suites", "limit"), [(["beauty"], 3), ([], 3), (["completion"], 0)])
def test_what_cannot_be_evaluated_is_said(suites, limit, tmp_path):
    with pytest.raises(InputError):
        evaluate(tiny_model(), suites, limit=limit, report_dir=tmp_path / "report", cache_dir=tmp_path)
    assert not (tmp_path / "report").exists()
