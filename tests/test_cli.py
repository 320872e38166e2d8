"""The command line as a person uses it: what goes in, what comes out, and one clear line when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facemug_core.checkpoints.places import Places
from facemug_core.cli import main
from facemug_core.cli.commands import parse
from facemug_core.cli.guidance import style_of
from facemug_core.cli.options import GuidanceOptions
from facemug_core.latents import load_codes

from .commands import needs_model, needs_photo, run_command
from .full_disk import room_for


@needs_photo
def test_a_region_of_a_public_domain_photo_is_edited_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output, sheet = Places().path("astronaut.png"), tmp_path / "out.png", tmp_path / "sheet.png"
    command = ("edit", source, "--region", "mouth", "--grow", 4, "--style", "random", "--device", "cpu")
    code, out, err = run_command(capsys, *command, "-o", output, "--sheet", sheet, "--json")
    assert code == 0, err
    done = json.loads(out)
    before, after = np.array(Image.open(source)), np.array(Image.open(output))
    changed = (before != after).any(-1)
    assert after.shape == before.shape
    assert 0 < changed.sum() <= done["mask_pixels"] < 0.05 * changed.size
    assert Image.open(sheet).size[0] > 512


@pytest.mark.usefixtures("tiny_command")
def test_every_guide_at_once_keeps_all_pixels_outside_the_mask(
    photo: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.png"
    Image.fromarray(np.full((256, 256), 1, np.uint8)).save(labels)
    output = tmp_path / "out.png"
    code, _, err = run_command(
        capsys, "edit", photo, "--mask", mask, "--aligned", "--sketch", f"{mask}=0.5", "--semantic", labels,
        "--color", photo, "--style", "projected", "--style-mix", 0.3, "--feather", 4, "-o", output,
    )  # fmt: skip
    assert code == 0, err
    before, after = np.array(Image.open(photo)), np.array(Image.open(output))
    kept = np.array(Image.open(mask)) == 0
    assert (before[kept] == after[kept]).all()
    assert (before[~kept] != after[~kept]).any()


@pytest.mark.usefixtures("tiny_command")
def test_a_mask_drawn_on_a_photo_that_its_camera_turned_lands_where_it_was_drawn(
    photo: Path, tmp_path: Path
) -> None:
    drawn = np.zeros((192, 256), np.uint8)
    drawn[40:90, 150:230] = 255
    Image.fromarray(drawn).save(tmp_path / "drawn.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    source, output = tmp_path / "phone.png", tmp_path / "out.png"
    Image.open(photo).crop((0, 0, 256, 192)).save(source, exif=exif)
    command = ["edit", str(source), "--mask", str(tmp_path / "drawn.png"), "--aligned", "-o", str(output)]
    assert main(command) == 0
    before = np.array(Image.open(source).transpose(Image.Transpose.ROTATE_270))
    changed = (before != np.array(Image.open(output))).any(-1)
    assert changed.any()
    assert (np.rot90(drawn, -1)[changed] == 255).all()


@pytest.mark.usefixtures("tiny_command")
def test_a_guide_that_is_stretched_is_named_with_both_sizes(
    photo: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (300, 200), "red").save(tmp_path / "wide.png")
    command = ("edit", photo, "--mask", mask, "--aligned", "--color", tmp_path / "wide.png", "--json")
    code, out, err = run_command(capsys, *command, "-o", tmp_path / "out.png")
    assert code == 0, err
    assert any("wide.png is 300 × 200" in warning for warning in json.loads(out)["warnings"])


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif", "jp2"])
def test_no_room_for_the_last_byte_of_a_picture_is_told_and_leaves_nothing(
    ending: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out" / f"sketch.{ending}"
    assert run_command(capsys, "sketch", photo, "-o", output)[0] == 0
    room = output.stat().st_size - 1
    output.unlink()
    with room_for(room):
        code, _, err = run_command(capsys, "sketch", photo, "-o", output)
    assert code == 2
    assert f"{output} cannot be written: File too large. Free some space" in err
    assert not list(output.parent.iterdir())


@pytest.mark.usefixtures("tiny_command")
def test_the_same_seed_gives_the_same_bytes(photo: Path, mask: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / "a.png", tmp_path / "b.png"]
    for output in outputs:
        command = ["edit", str(photo), "--mask", str(mask), "--aligned", "--style", "random", "--seed", "3"]
        assert main([*command, "--device", "cpu", "-o", str(output)]) == 0
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


@pytest.mark.usefixtures("tiny_command")
def test_variants_are_numbered_and_a_saved_latent_makes_the_same_picture(
    photo: Path, mask: Path, tmp_path: Path
) -> None:
    common = ["edit", str(photo), "--mask", str(mask), "--aligned", "--device", "cpu"]
    latent = tmp_path / "face.safetensors"
    first = [*common, "--style", "random", "--seed", "3", "-o", str(tmp_path / "one.png")]
    assert main([*first, "--save-latent", str(latent)]) == 0
    assert main([*common, "--latent", str(latent), "-o", str(tmp_path / "again.png")]) == 0
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    assert main([*common, "--style", "random", "--variants", "2", "-o", str(tmp_path / "v.png")]) == 0
    assert (tmp_path / "v_1.png").is_file()
    assert (tmp_path / "v_2.png").is_file()


@pytest.mark.usefixtures("tiny_command")
def test_a_face_is_made_from_nothing(tmp_path: Path) -> None:
    output = tmp_path / "face.png"
    assert main(["generate", "--seed", "2", "--device", "cpu", "-o", str(output)]) == 0
    assert Image.open(output).size == (256, 256)


@pytest.mark.usefixtures("tiny_command")
def test_a_guide_for_a_new_face_that_is_not_square_is_named_with_its_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (300, 200), "red").save(tmp_path / "wide.png")
    code, _, err = run_command(
        capsys, "generate", "--color", tmp_path / "wide.png", "--device", "cpu", "-o", tmp_path / "face.png"
    )
    assert code == 0, err
    assert "wide.png is 300 × 200, but a new face is square" in err


@pytest.mark.usefixtures("tiny_command")
@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "LA"])
def test_photos_of_any_mode_keep_their_unmasked_pixels(
    mode: str, photo: Path, mask: Path, tmp_path: Path
) -> None:
    source = tmp_path / ("photo.tif" if mode == "CMYK" else "mode.png")
    Image.open(photo).convert(mode).save(source)
    output = tmp_path / "out.png"
    assert main(["edit", str(source), "--mask", str(mask), "--aligned", "-o", str(output)]) == 0
    before, after = Image.open(source), Image.open(output)
    if mode in ("L", "RGBA", "LA"):
        assert after.mode == mode
    kept = np.array(Image.open(mask)) == 0
    assert (np.array(before.convert(after.mode))[kept] == np.array(after)[kept]).all()


@needs_photo
@pytest.mark.usefixtures("tiny_command")
def test_no_face_is_an_error_or_skipped(
    tmp_path: Path, mask: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, output = tmp_path / "plain.png", tmp_path / "out.png"
    Image.new("RGB", (300, 200), "teal").save(plain)
    code, _, err = run_command(capsys, "edit", plain, "--mask", mask, "-o", output)
    assert code == 2
    assert "No face was found" in err
    assert not output.exists()
    code, _, err = run_command(capsys, "edit", plain, "--mask", mask, "--no-face", "skip", "-o", output)
    assert code == 0
    assert (np.array(Image.open(output)) == np.array(Image.open(plain))).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["edit", "absent.png", "--region", "hair"], "There is no file absent.png"),
        (["edit", "{text}", "--region", "hair"], "is not a picture"),
        (["edit", "{photo}", "--mask", "{empty}", "--aligned"], "empty"),
        (["edit", "{photo}", "--mask", "{mask}", "--model", "full"], "stylegan2_mapping.safetensors"),
        (["edit", "{photo}", "--mask", "{mask}", "--aligned", "--latent", "{text}"], "safetensors"),
        (["parse", "absent.png", "-o", "x.png"], "There is no file absent.png"),
    ],
)
def test_bad_input_gives_one_line_and_exit_code_2(
    arguments: list[str], message: str, photo: Path, mask: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    text, empty, output = tmp_path / "text.png", tmp_path / "empty.png", tmp_path / "kept.png"
    text.write_text("this is no picture")
    Image.new("L", (256, 256)).save(empty)
    output.write_bytes(b"before")
    places = {"photo": photo, "mask": mask, "text": text, "empty": empty}
    code, _, err = run_command(capsys, *(a.format(**places) for a in arguments), "-o", output)
    assert code == 2
    assert message in err
    assert output.read_bytes() == b"before"


@pytest.mark.parametrize(
    "option", [["--style", "odd"], ["--opacity", "2"], ["--variants", "0"], ["--sketch", "a.png=7"]]
)
def test_an_unknown_option_value_ends_with_code_2(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["edit", "photo.png", "--region", "hair", *option])
    assert ended.value.code == 2
    assert option[0] in capsys.readouterr().err


def test_other_systems_need_the_photos_that_they_have_edited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report"
    code, _, err = run_command(
        capsys, "evaluate", "solid", "--beside", f"other={tmp_path}", "--report", report
    )
    assert code == 2
    assert "--pairs" in err
    assert not report.exists()


def test_other_systems_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "solid", "--pairs", ".", "--beside", "no-folder", "--report", "report"])
    assert "NAME=DIR" in capsys.readouterr().err


def test_an_unknown_face_is_answered_with_those_that_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["edit", "photo.png", "--region", "hair", "--face", "biggest"])
    assert "largest" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("seed", [-1, 2**64 - 1, 10**30])
def test_seeds_go_round_as_in_the_host(seed: int) -> None:
    _, options = parse(["generate", f"--seed={seed}", "--variants=2"])
    assert isinstance(options, GuidanceOptions)
    assert style_of(options)["seeds"] == [seed % 2**64, (seed + 1) % 2**64]


def test_importing_the_library_changes_no_random_state() -> None:
    code = (
        "import torch; before = torch.get_rng_state(); import facemug_core.pipeline.editor; "
        "assert torch.equal(before, torch.get_rng_state())"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=True)


@needs_model
def test_a_folder_is_edited_and_what_is_done_is_not_done_again(
    photo: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, masks, results = tmp_path / "photos", tmp_path / "masks", tmp_path / "results"
    photos.mkdir()
    masks.mkdir()
    for name in ("a.png", "b.png", "b.webp"):
        Image.open(photo).save(photos / name, lossless=True)
        Image.open(mask).save(masks / f"{Path(name).stem}.png")
    (photos / "broken.png").write_text("this is no picture")
    command = (
        "edit",
        photos,
        "--mask",
        masks,
        "--aligned",
        "--inversion",
        0,
        "--device",
        "cpu",
        "-o",
        results,
    )
    code, out, err = run_command(capsys, *command)
    assert code == 2
    assert "1 of 4 photos" in err
    assert "3 edited" in out
    made = ["a.png", "b.png.png", "b.webp.png"]
    assert sorted(path.name for path in results.iterdir()) == [*made, "facemug.csv"]
    kept = np.array(Image.open(mask)) == 0
    for name in made:
        assert (np.array(Image.open(results / name))[kept] == np.array(Image.open(photo))[kept]).all()

    (photos / "broken.png").unlink()
    (results / "a.png").unlink()
    times = {name: (results / name).stat().st_mtime_ns for name in made[1:]}
    code, out, _ = run_command(capsys, *command)
    assert code == 0
    assert "2 there already, 1 edited" in out
    assert times == {name: (results / name).stat().st_mtime_ns for name in made[1:]}


@needs_model
def test_frames_have_one_style_and_those_without_the_face_or_a_mask_keep_their_bits(
    photo: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, places, masks, latents, results = (
        tmp_path / name for name in ("frames", "places", "masks", "latents", "out")
    )
    for folder in (frames, places, masks):
        folder.mkdir()
    for number in range(4):
        picture = Image.open(photo).rotate(90 * number)
        picture.save(frames / f"{number}.png")
        Image.open(mask).point(lambda v, n=number: v * (n != 3)).save(masks / f"{number}.png")
        if number != 1:
            points = [[96 + number, 112], [160, 112], [108, 172], [148, 172]]
            (places / f"{number}.json").write_text(json.dumps(points))
    command = (
        "edit", frames, "--mask", masks, "--landmarks", places, "--smooth", 3, "--attribute", "smile=0.5",
        "--inversion", 0, "--save-latent", latents, "-o", results,
    )  # fmt: skip
    code, out, err = run_command(capsys, *command)
    assert code == 0, err
    assert "2 edited" in out
    assert "2 unchanged" in out
    same = [
        (np.array(Image.open(results / f"{n}.png")) == np.array(Image.open(frames / f"{n}.png"))).all()
        for n in range(4)
    ]
    assert same == [False, True, False, True]
    codes = [load_codes(path) for path in sorted(latents.iterdir())]
    assert len(codes) == 2
    assert torch.equal(*codes)


def test_a_single_photo_is_no_video(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run_command(
        capsys, "edit", photo, "--region", "hair", "--smooth", 3, "-o", tmp_path / "results"
    )
    assert code == 2
    assert "not a folder" in err


def test_results_never_lie_among_the_photos(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run_command(capsys, "edit", photo.parent, "--region", "hair", "-o", photo.parent)
    assert code == 2
    assert "among the photos" in err


def test_a_folder_without_photos_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run_command(capsys, "edit", tmp_path, "--region", "hair", "-o", tmp_path / "out")
    assert code == 2
    assert "no photos" in err
