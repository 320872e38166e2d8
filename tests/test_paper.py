"""The paper's evaluation: its masks, its methods, and a report that goes on where it was interrupted."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from facemug_core.conventions import LABELS
from facemug_core.editing.pose import Pose
from facemug_core.errors import InputError
from facemug_core.evaluation.faces import FIRST_SEED, Faces
from facemug_core.evaluation.memory import peak_megabytes, restart_peak
from facemug_core.evaluation.metrics import EfficientNetDistance
from facemug_core.evaluation.paper import faces as paper_faces
from facemug_core.evaluation.paper.curves import Curves, curve_svg
from facemug_core.evaluation.paper.faces import CHANGED, FaceRecord, FaceWork
from facemug_core.evaluation.paper.masks import IRREGULAR_BINS, TURNS, irregular_mask, paper_mask
from facemug_core.evaluation.paper.methods import (
    Method,
    all_methods,
    encoder_pasted,
    filled,
    given_by,
    inpaint_telea,
    name_of,
    ours,
    w_plus_pasted,
)
from facemug_core.evaluation.paper.networks import MetricNetworks
from facemug_core.evaluation.paper.report import ALL, Report, write_report
from facemug_core.evaluation.paper.run import run_paper
from facemug_core.evaluation.photos import GIVEN, FolderFaces
from facemug_core.evaluation.trials import Judges, Trial
from facemug_core.faces.comparison import FaceComparer
from facemug_core.faces.parsing import Parser
from facemug_core.model import FaceMug
from facemug_core.networks.bisenet import BiSeNet
from facemug_core.pipeline.editor import PhotoEditor

from .tiny import tiny_inverter, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")

PHOTO, SKETCHED = ("photo",), ("photo", "sketch")


def some_labels() -> torch.Tensor:
    """A face of skin with hair above it and a mouth."""
    labels = torch.zeros(256, 256, dtype=torch.int64)
    labels[80:220, 70:190] = LABELS.index("skin")
    labels[40:80, 60:200] = LABELS.index("hair")
    labels[170:190, 110:150] = LABELS.index("mouth")
    return labels


def face(seed: int = 0, kind: str = "center") -> Faces:
    generator = torch.Generator().manual_seed(seed)
    photo, other = (torch.randint(256, (1, 3, 256, 256), generator=generator) / 127.5 - 1 for _ in range(2))
    labels = some_labels()
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 64:192, 64:192] = 1
    return Faces(
        seeds=(FIRST_SEED + seed,),
        kinds=(kind,),
        photo=photo,
        exemplar=other,
        biharmonic=photo,
        mask=mask,
        labels=labels[None],
        other_photo=other,
        other_labels=labels[None],
    )


def kept(picture: torch.Tensor, faces: Faces) -> bool:
    outside = (faces.mask == 0).expand_as(picture)
    return torch.equal(picture[outside], faces.photo[outside])


def work(folder: Path, judges: Judges, *methods: Method, extras: int = 0) -> FaceWork:
    return FaceWork(folder, methods, MetricNetworks.load(judges), None, extras)


def two_faces(kind: str = "center") -> list[tuple[str, Faces]]:
    return [("a", face(0, kind)), ("b", face(1, kind))]


# Masks


@pytest.mark.parametrize(("low", "high"), IRREGULAR_BINS)
def test_irregular_masks_have_the_size_that_is_asked_for(low: int, high: int) -> None:
    mask = irregular_mask(torch.Generator().manual_seed(0), low, high)
    assert low <= mask.mean() * 100 < high
    assert set(mask.unique().tolist()) == {0, 1}


def test_kinds_and_sizes_of_masks_take_turns() -> None:
    kinds = [paper_mask(some_labels(), index)[0] for index in range(2 * len(TURNS))]
    assert kinds == [
        "hair", "face", "foreground", "irregular 10-20 %", "center",
        "hair", "face", "foreground", "irregular 20-30 %", "center",
    ]  # fmt: skip


def test_a_bald_head_gets_another_mask_than_that_of_hair() -> None:
    labels = some_labels()
    labels[labels == LABELS.index("hair")] = 0
    kind, mask = paper_mask(labels, 0)
    assert kind.startswith("irregular")
    assert mask.any()


def test_the_center_is_a_quarter() -> None:
    assert paper_mask(some_labels(), TURNS.index("center"))[1].mean() == 0.25


# Photos


@pytest.fixture
def folder_faces(tmp_path: Path, model: FaceMug, monkeypatch) -> Callable[..., FolderFaces]:
    """Photos of a folder whose poses are told by the brightness of their pictures."""

    photos = "facemug_core.evaluation.photos"
    monkeypatch.setattr(f"{photos}.find_mesh", lambda detector, pixels: float(pixels.mean()))
    monkeypatch.setattr(f"{photos}.pose_from_mesh", Pose)
    monkeypatch.setattr(PhotoEditor, "detector", None)

    def made(peers: dict[str, Path] | None = None, **pictures: int) -> FolderFaces:
        for name, brightness in pictures.items():
            pixels = np.full((256, 256, 3), brightness, np.uint8)
            pixels[:64] = 0  # masks keep something
            Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        with torch.random.fork_rng():
            torch.manual_seed(0)
            parser = Parser(BiSeNet().eval())
        return FolderFaces(tmp_path, PhotoEditor(model), parser, peers or {})

    return made


def test_a_photo_gets_the_exemplar_with_the_most_similar_pose(folder_faces) -> None:
    faces = dict(folder_faces(a=10, b=100, c=30).one_by_one(3, paper_mask))
    assert torch.equal(faces["a"].exemplar, faces["c"].photo)
    assert torch.equal(faces["b"].exemplar, faces["c"].photo)


def test_masks_and_exemplars_beside_a_photo_are_its_own(folder_faces) -> None:
    photos = folder_faces(photo_a=10, mask_a=255, exemplar_a=200, photo_b=20)
    faces = dict(photos.one_by_one(9, paper_mask))
    assert list(faces) == ["a", "b"]
    assert faces["a"].kinds == (GIVEN,)
    assert faces["a"].mask.mean() == 0.75
    assert faces["a"].exemplar.max() == pytest.approx(200 / 127.5 - 1)
    assert faces["b"].kinds != (GIVEN,)


def test_results_of_other_systems_are_called_after_the_photo(folder_faces, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    Image.new("RGB", (256, 256), "red").save(results / "result_a.png")
    photos = folder_faces({"other": results}, a=10, b=20)
    found = photos.one_by_one(2, paper_mask)
    name, first = next(found)
    assert name == "a"
    assert first.peers["other"][0, 0].min() == 1
    with pytest.raises(InputError, match="result_b"):
        next(found)


# Methods


def test_combinations_have_the_papers_names() -> None:
    assert name_of(("photo", "sketch", "exemplar")) == "FACEMUG +Ma+Sk+Ex"
    assert name_of(()) == "FACEMUG None"


def test_every_method_gives_a_picture(judges, model: FaceMug, monkeypatch) -> None:
    monkeypatch.setattr("facemug_core.evaluation.paper.methods.W_PLUS_STEPS", (2,))
    model = replace(tiny_model(), inverter=tiny_inverter(model))
    trial = Trial(model, face(), judges)
    with torch.no_grad():
        for method in all_methods(model, judges):
            picture = method.draw(trial)
            assert picture.shape == (1, 3, 256, 256)
            assert not method.of_photo or kept(picture, trial.faces)


def test_steps_of_optimization_change_the_face_in_the_hole(judges, model: FaceMug) -> None:
    model = replace(tiny_model(), inverter=tiny_inverter(model))
    trial = Trial(model, face(), judges)
    few, more = w_plus_pasted(1, trial), w_plus_pasted(3, trial)
    assert not torch.equal(few, more)


def test_telea_keeps_the_photo(judges, model: FaceMug) -> None:
    pytest.importorskip("cv2")
    trial = Trial(model, face(), judges)
    picture = filled(trial, inpaint_telea)
    assert kept(picture, trial.faces)
    assert not torch.equal(picture, trial.faces.photo)


def test_another_system_cannot_have_the_name_of_a_method(judges, model: FaceMug) -> None:
    with pytest.raises(InputError, match="biharmonic"):
        all_methods(model, judges, ["biharmonic"])


# Run and report


def test_edits_keep_pixels_and_are_measured(judges, model: FaceMug, tmp_path: Path) -> None:
    methods = (Method("ours", ours(PHOTO)), Method("pasted", encoder_pasted))
    report = run_paper(model, judges, iter(two_faces()), work(tmp_path, judges, *methods))
    for row in report.methods_table():
        assert row[CHANGED] == 0
        assert row["faces"] == 2
        assert 0 < row["SSIM"] < 1
        assert row[EfficientNetDistance.name] > 0


def test_memory_is_measured_on_the_first_face(judges, model: FaceMug, tmp_path: Path) -> None:
    if not restart_peak():
        pytest.skip("this system does not tell")
    report = run_paper(model, judges, iter(two_faces()), work(tmp_path, judges, Method("ours", ours(PHOTO))))
    assert [paper_faces.MEMORY in record.edits["ours"] for record in report.records] == [True, False]


def test_an_interrupted_run_goes_on(judges, model: FaceMug, tmp_path: Path) -> None:
    drawn = []

    def draw(trial: Trial) -> torch.Tensor:
        drawn.append(trial.faces.seeds)
        return trial.faces.photo

    task = work(tmp_path, judges, Method("mine", draw))
    first = run_paper(model, judges, iter(two_faces()[:1]), task)
    again = run_paper(model, judges, iter(two_faces()), task)
    assert len(drawn) == 2
    assert again.records[0].edits == first.records[0].edits
    np.testing.assert_array_equal(again.records[0].features["mine"], first.records[0].features["mine"])


def test_other_methods_make_a_record_anew(judges, model: FaceMug, tmp_path: Path) -> None:
    run_paper(model, judges, iter(two_faces()), work(tmp_path, judges, Method("one", ours(PHOTO))))
    report = run_paper(model, judges, iter(two_faces()), work(tmp_path, judges, Method("two", ours(PHOTO))))
    assert list(report.records[0].edits) == ["two"]


def test_a_face_without_truth_is_compared_to_its_exemplar_alone(
    judges, model: FaceMug, tmp_path: Path
) -> None:
    exact = Method("exact", lambda trial: trial.faces.exemplar)
    report = run_paper(model, judges, iter(two_faces(GIVEN)), work(tmp_path, judges, exact))
    (row, _) = report.methods_table()
    assert row[FaceComparer.name] == pytest.approx(1)
    assert not {"PSNR", report.networks.crowd.fid} & row.keys()
    assert row[CHANGED] > 0.9


def test_another_system_that_changes_kept_pixels_is_seen(judges, model: FaceMug, tmp_path: Path) -> None:
    changed = face().photo.clone()
    changed[..., 0, :] = 0
    other = Method("other", lambda trial: given_by("other", trial))
    faces = replace(face(), peers={"other": changed})
    report = run_paper(model, judges, iter([("a", faces)]), work(tmp_path, judges, other))
    assert report.methods_table()[0][CHANGED] == pytest.approx(256 / (256 * 256 - 128 * 128), rel=0.02)


def test_the_report_has_tables_curves_and_sheets(judges, model: FaceMug, tmp_path: Path, monkeypatch) -> None:
    for module in ("faces", "report"):
        monkeypatch.setattr(f"facemug_core.evaluation.paper.{module}.ROUNDS", 2)
    methods = (Method(name_of(PHOTO), ours(PHOTO)), Method(name_of(SKETCHED), ours(SKETCHED), slow=True))
    report = run_paper(model, judges, iter(two_faces()), work(tmp_path, judges, *methods, extras=1))
    write_report(tmp_path, report)
    with (tmp_path / "methods.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["method"], row["faces"]) for row in rows if row["mask"] == ALL] == [
        (name_of(PHOTO), "2"),
        (name_of(SKETCHED), "1"),
    ]
    content = json.loads((tmp_path / "report.json").read_text())
    assert [row[CHANGED] for row in content["chain"]] == [0, 0]
    page = (tmp_path / "index.html").read_text()
    assert page.count("<svg") == 3
    for sheet in ("methods", "chain", "subsets_a"):
        assert f"{sheet}.jpg" in page
        assert Image.open(tmp_path / f"{sheet}.jpg").width > 256
    assert "FID," in page
    assert ">FID<" not in page


def test_records_survive_their_file(tmp_path: Path) -> None:
    record = FaceRecord("settings", "a", "hair", {"ours": {"PSNR": 1.5}}, features={"photo": np.ones(3)})
    record.save(tmp_path / "a.npz")
    loaded = FaceRecord.load(tmp_path / "a.npz")
    assert loaded.edits == record.edits
    assert loaded.features["photo"].tolist() == [1, 1, 1]


def test_a_report_without_extras_has_no_chain() -> None:
    assert Report([], None, [], 0.0).rounds_table() == []  # type: ignore[arg-type]


def test_curves_are_valid_svg() -> None:
    text = curve_svg(Curves("seconds < 1", "batch", [1, 2, 4], {"one": [0.5, 0.7, 0.9], "two": [1, 1, 1]}))
    tree = ElementTree.fromstring(text)
    assert [child.tag.rpartition("}")[2] for child in tree].count("polyline") == 2


def test_the_peak_of_memory_begins_anew() -> None:
    if not restart_peak():
        pytest.skip("this system does not tell")
    before = peak_megabytes()
    block = torch.ones(30_000_000)
    assert peak_megabytes() > before + 100
    del block
    restart_peak()
    assert peak_megabytes() < before + 100
