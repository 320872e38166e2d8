"""The command line: `python -m facemug_core COMMAND …`."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from .checkpoints.manifest import GROUPS
from .config import SIZES
from .conventions import REGIONS
from .errors import FacemugError, InputError

Parsed = argparse.Namespace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, or 2 after one clear line on what was wrong."""
    parser = build_parser()
    parsed = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        parsed.run(parsed)
    except FacemugError as error:
        print(f"facemug: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("facemug: stopped", file=sys.stderr)
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All commands and options."""
    parser = argparse.ArgumentParser(
        prog="facemug", description="Edit faces locally with sketch, semantic map, color map and exemplar."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_edit(commands)
    _add_generate(commands)
    _add_guides(commands)
    _add_fetch(commands)
    _add_demo(commands)
    _add_training(commands)
    _add_evaluate(commands)
    return parser


def _command(
    commands: Any, name: str, run: Callable[[Parsed], None], help_text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help_text, description=help_text)
    command.set_defaults(run=run)
    return command


# --- edit and generate --------------------------------------------------------------------------------------


def _add_edit(commands: Any) -> None:
    edit = _command(commands, "edit", _edit, "Edit a photo inside a mask; all other pixels keep their bits.")
    edit.add_argument("photo", type=Path)
    where = edit.add_mutually_exclusive_group(required=True)
    where.add_argument("--mask", type=Path, metavar="FILE", help="white (or transparent) = edit")
    where.add_argument("--region", metavar="NAMES", help=f"face regions joined by +: {', '.join(REGIONS)}")
    edit.add_argument("--grow", type=int, default=0, metavar="PX", help="grow the regions (negative: shrink)")
    edit.add_argument(
        "--feather", type=_at_least_zero, default=0, metavar="PX", help="soft edge, inwards only"
    )
    edit.add_argument("--opacity", type=_share, default=1.0, metavar="0..1")
    edit.add_argument("--face", type=_which, default="largest", metavar="largest|all|INDEX")
    edit.add_argument("--aligned", action="store_true", help="the photo is an aligned face crop already")
    edit.add_argument("--no-face", choices=("error", "skip"), default="error")
    edit.add_argument("--json", action="store_true", help="print what was done")
    _add_guidance(edit)


def _add_generate(commands: Any) -> None:
    generate = _command(commands, "generate", _generate, "Make a face from guides alone, without a photo.")
    _add_guidance(generate)


def _add_guidance(command: argparse.ArgumentParser) -> None:
    for name in ("sketch", "semantic", "color"):
        command.add_argument(f"--{name}", type=_weighted_file, metavar="FILE[=STRENGTH]")
    command.add_argument(
        "--semantic-numbering", choices=("auto", "labels", "palette", "celebamask"), default="auto"
    )
    command.add_argument("--no-color", choices=("none", "black", "white"), default="none",
                         help="which color of a color map without alpha means: no color here")  # fmt: skip
    command.add_argument("--exemplar", type=Path, metavar="FILE")
    command.add_argument("--style", choices=("projected", "exemplar", "random"))
    command.add_argument(
        "--style-mix", type=_share, default=0.0, metavar="0..1", help="towards a random style"
    )
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--variants", type=_at_least_one, default=1, metavar="N")
    command.add_argument("--latent", type=Path, metavar="FILE", help="use saved style codes")
    command.add_argument("--save-latent", type=Path, metavar="FILE")
    command.add_argument("-o", "--output", type=Path, metavar="OUT.png")
    command.add_argument("--sheet", type=Path, metavar="SHEET.png", help="inputs and results side by side")
    _add_model(command)


DEVICES = ("auto", "cpu", "cuda", "mps")


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", choices=tuple(SIZES), default="light")
    command.add_argument("--device", choices=DEVICES, default="auto")
    command.add_argument("--weights", type=Path, action="append", default=[], metavar="FOLDER",
                         help="look for weights here first")  # fmt: skip


def _edit(parsed: Parsed) -> None:
    from .conditions.reading import read_mask, read_photo
    from .model import FaceMug
    from .photos import EditRequest, Guide, Photo, PhotoEditor
    from .sheets import edit_sheet

    output = parsed.output or parsed.photo.with_name(f"{parsed.photo.stem}_edited.png")
    start = time.perf_counter()
    photo = Photo.from_image(read_photo(parsed.photo))
    size = (photo.size[1], photo.size[0])
    guides = {name: Guide(*given) for name, given in _guides(parsed, size).items()}
    request = EditRequest(
        mask=None if parsed.mask is None else read_mask(parsed.mask, size),
        regions=parsed.region,
        grow=parsed.grow,
        exemplar=None if parsed.exemplar is None else Photo.from_image(read_photo(parsed.exemplar)),
        style=parsed.style,
        style_mix=parsed.style_mix,
        seeds=_seeds(parsed),
        codes=_latent(parsed),
        which=parsed.face,
        aligned=parsed.aligned,
        skip_without_face=parsed.no_face == "skip",
        feather=parsed.feather,
        opacity=parsed.opacity,
        **guides,
    )
    read = time.perf_counter()
    model = FaceMug.load(parsed.model, _device(parsed.device), parsed.weights)
    loaded = time.perf_counter()
    result = PhotoEditor(model, parsed.weights).edit(photo, request)
    outputs = _numbered(output, len(result.photos))
    for path, edited in zip(outputs, result.photos, strict=True):
        _save(edited.to_image(), path)
    _save_latent(parsed, result.codes)
    if parsed.sheet is not None:
        _save(edit_sheet(photo, request, result), parsed.sheet)
    for warning in result.warnings:
        print(f"facemug: {warning}", file=sys.stderr)
    if parsed.json:
        seconds = {"read": read - start, "load model": loaded - read, **result.seconds}
        done = {
            "output": [str(path) for path in outputs],
            "faces": [face.box for face in result.faces],
            "mask_pixels": int(result.mask.sum()),
            "mask_share": round(float(result.mask.mean()), 4),
            "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
            "warnings": result.warnings,
        }
        print(json.dumps(done, indent=2))


def _generate(parsed: Parsed) -> None:
    from .conditions import Conditions, one_hot
    from .conditions.reading import read_photo
    from .conventions import WORKING_SIZE
    from .model import FaceMug
    from .photos import Photo, PhotoEditor
    from .sheets import conditions_sheet, crop_image

    given: dict[str, Any] = {}
    for name, (values, strength) in _guides(parsed, (WORKING_SIZE, WORKING_SIZE)).items():
        given[name] = one_hot(values) if name == "semantic" else values
        given[f"{name}_strength"] = strength
    conditions = Conditions.build(**given)
    model = FaceMug.load(parsed.model, _device(parsed.device), parsed.weights)
    exemplar = None
    if parsed.exemplar is not None:
        editor = PhotoEditor(model, parsed.weights)
        photo = Photo.from_image(read_photo(parsed.exemplar))
        exemplar = editor.find_exemplar(photo).crop
    pictures, codes = model.edit(
        conditions, exemplar=exemplar, style=parsed.style, style_mix=parsed.style_mix,
        seeds=_seeds(parsed), codes=_latent(parsed),
    )  # fmt: skip
    for path, picture in zip(
        _numbered(parsed.output or Path("face.png"), len(pictures)), pictures, strict=True
    ):
        _save(crop_image(picture), path)
    _save_latent(parsed, [codes])
    if parsed.sheet is not None:
        _save(conditions_sheet(conditions, exemplar, pictures), parsed.sheet)


def _guides(parsed: Parsed, size: tuple[int, int]) -> dict[str, tuple[torch.Tensor, float]]:
    """The guides given, read at (width, height), with their strengths."""
    from .conditions.reading import read_color, read_semantic, read_sketch

    readers: dict[str, Callable[[Path], torch.Tensor]] = {
        "sketch": lambda path: read_sketch(path, size),
        "semantic": lambda path: read_semantic(path, size, numbering=parsed.semantic_numbering),
        "color": lambda path: read_color(path, size, no_color=parsed.no_color),
    }
    return {
        name: (read(given[0]), given[1])
        for name, read in readers.items()
        if (given := getattr(parsed, name)) is not None
    }


def _seeds(parsed: Parsed) -> list[int]:
    return list(range(parsed.seed, parsed.seed + parsed.variants))


def _latent(parsed: Parsed) -> torch.Tensor | None:
    from .latents import load_codes

    return None if parsed.latent is None else load_codes(parsed.latent)


def _save_latent(parsed: Parsed, codes: Sequence[torch.Tensor]) -> None:
    from .latents import save_codes

    if parsed.save_latent is not None and codes:
        save_codes(parsed.save_latent, codes[0].cpu(), parsed.model)


# --- guides from photos -------------------------------------------------------------------------------------


def _add_guides(commands: Any) -> None:
    for name, run, text in (
        ("parse", _parse, "Draw a photo's semantic map, in the display palette."),
        ("sketch", _sketch, "Draw a photo's sketch, dark on white."),
        ("color", _color, "Draw a photo's color map: the mean color of each face part."),
    ):
        command = _command(commands, name, run, text)
        command.add_argument("photo", type=Path)
        command.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.png")
        command.add_argument("--weights", type=Path, action="append", default=[], metavar="FOLDER")


def _parsed_photo(parsed: Parsed) -> tuple[torch.Tensor, torch.Tensor]:
    """The photo [1, 3, H, W] in [-1, 1], and its labels, drawn on the photo's own grid."""
    from .checkpoints.assembling import load_parser
    from .faces.parsing import Parser

    image = _photo(parsed)
    return image, Parser(load_parser(parsed.weights)).parse(image)


def _photo(parsed: Parsed) -> torch.Tensor:
    from .conditions.reading import read_photo
    from .photos import Photo

    return Photo.from_image(read_photo(parsed.photo)).rgb / 127.5 - 1


def _parse(parsed: Parsed) -> None:
    from .conditions import labels_to_palette

    _, labels = _parsed_photo(parsed)
    _save(Image.fromarray(labels_to_palette(labels)[0].numpy()), parsed.output)


def _sketch(parsed: Parsed) -> None:
    from .conditions import pencil_sketch

    strokes = pencil_sketch(_photo(parsed))[0, 0]
    _save(Image.fromarray(((1 - strokes) * 255).byte().numpy()), parsed.output)


def _color(parsed: Parsed) -> None:
    from .conditions import region_means
    from .sheets import crop_image

    _save(crop_image(region_means(*_parsed_photo(parsed))[0]), parsed.output)


# --- weights, training, evaluation --------------------------------------------------------------------------


def _add_fetch(commands: Any) -> None:
    fetch = _command(commands, "fetch", _fetch, "Bring third-party weights, each checked by its hash.")
    fetch.add_argument("groups", nargs="*", default=["run"], metavar="GROUP", help=", ".join(GROUPS))


def _fetch(parsed: Parsed) -> None:
    from tqdm import tqdm

    from .checkpoints.fetching import fetch

    with tqdm(unit="B", unit_scale=True) as bar:

        def progress(message: str, done: int, total: int) -> None:
            bar.set_description_str(message, refresh=False)
            bar.total, bar.n = total or None, done
            bar.refresh()

        report = fetch(parsed.groups, progress=progress)
    print(f"Fetched {len(report.fetched)} files, {len(report.present)} were there already.")


def _add_demo(commands: Any) -> None:
    demo = _command(commands, "demo", _demo, "Edit a public-domain photo in several ways, on one sheet.")
    demo.add_argument("-o", "--output", type=Path, default=Path("demo"), metavar="FOLDER")
    _add_model(demo)


def _demo(parsed: Parsed) -> None:
    from .checkpoints.manifest import locate
    from .conditions.reading import read_photo
    from .demo import demonstrate
    from .model import FaceMug
    from .photos import Photo, PhotoEditor

    editor = PhotoEditor(FaceMug.load(parsed.model, _device(parsed.device), parsed.weights), parsed.weights)
    photo = Photo.from_image(read_photo(locate("astronaut.png", *parsed.weights)))
    sheet = demonstrate(editor, photo, progress=print)
    parsed.output.mkdir(parents=True, exist_ok=True)
    path = parsed.output / "demo.png"
    _save(sheet, path)
    print(f"Look at {path}: every pixel outside the masks has its own bits.")


def _add_training(commands: Any) -> None:
    prepare = _command(commands, "prepare", _prepare, "Make training faces from the light feature bank.")
    prepare.add_argument("folder", type=Path)
    prepare.add_argument("--faces", type=_at_least_one, default=5000)
    prepare.add_argument("--device", choices=DEVICES, default="auto")
    train = _command(
        commands, "train", _train, "Train a part of the model; a run found in the folder goes on."
    )
    train.add_argument("stage", choices=("encoder", "generator", "picture_head"))
    train.add_argument("--data", type=Path, required=True, help="folder made by prepare")
    train.add_argument("--run", type=Path, required=True, dest="folder", help="folder of the run")
    train.add_argument("--init", type=Path, metavar="FOLDER", help="start from the weights there")
    train.add_argument("--steps", type=_at_least_one, default=20_000)
    train.add_argument("--minutes", type=float, help="stop after so long; the same command goes on")
    train.add_argument("--batch", type=_at_least_one, default=8)
    train.add_argument("--learning-rate", type=float, default=2e-3)
    train.add_argument("--adversarial-from", type=int, metavar="STEP")
    train.add_argument("--precision", choices=("no", "bf16", "fp16"), default="no")
    train.add_argument("--save-minutes", type=float, default=5.0)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--workers", type=int, default=0, help="processes that prepare samples")
    train.add_argument(
        "--export", type=Path, metavar="FOLDER", help="write the averaged weights there in fp16"
    )
    train.add_argument("--model", choices=tuple(SIZES), default="light")


def _prepare(parsed: Parsed) -> None:
    from tqdm import tqdm

    from .training.prepare import prepare_bank_faces

    with tqdm(total=parsed.faces, unit="face") as bar:
        prepare_bank_faces(parsed.folder, parsed.faces, _device(parsed.device), progress=bar.update)


def _train(parsed: Parsed) -> None:
    from .training.run import run_stage

    run_stage(parsed)


def _add_evaluate(commands: Any) -> None:
    evaluate = _command(
        commands, "evaluate", _evaluate, "Measure the model, and write a report with pictures."
    )
    evaluate.add_argument("suites", nargs="*", metavar="SUITE", help="completion, guided; all by default")
    evaluate.add_argument("--report", type=Path, required=True, metavar="DIR")
    evaluate.add_argument("--limit", type=_at_least_one, default=300, metavar="N", help="number of faces")
    evaluate.add_argument("--cache", type=Path, metavar="DIR", help="keep the rendered faces here")
    _add_model(evaluate)


def _evaluate(parsed: Parsed) -> None:
    from tqdm import tqdm

    from .evaluation import SUITES, evaluate
    from .model import FaceMug

    model = FaceMug.load(parsed.model, _device(parsed.device), parsed.weights)
    with tqdm(total=parsed.limit, unit="face") as bar:
        keys = evaluate(
            model, parsed.suites or list(SUITES), limit=parsed.limit, report_dir=parsed.report,
            cache_dir=parsed.cache or parsed.report / "faces", folders=parsed.weights,
            progress=lambda done: bar.update(done - bar.n),
        )  # fmt: skip
    for name, value in keys.items():
        print(f"{name:48} {value:.4g}")


# --- options and files --------------------------------------------------------------------------------------


def _device(name: str) -> str:
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _weighted_file(text: str) -> tuple[Path, float]:
    """FILE or FILE=STRENGTH."""
    path, separator, strength = text.rpartition("=")
    if not separator:
        return Path(text), 1.0
    try:
        value = float(strength)
    except ValueError:
        return Path(text), 1.0  # an equals sign in the file's own name
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"the strength must lie between 0 and 1, not {strength}")
    return Path(path), value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must lie between 0 and 1, not {text}")
    return value


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return value


def _at_least_zero(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return value


def _which(text: str) -> str | int:
    if text in ("largest", "all"):
        return text
    return _at_least_zero(text)


def _numbered(path: Path, count: int) -> list[Path]:
    """The path, or one numbered path for each variant."""
    if count == 1:
        return [path]
    return [path.with_name(f"{path.stem}_{i + 1}{path.suffix}") for i in range(count)]


def _save(image: Image.Image, path: Path) -> None:
    """Write a picture: it is there whole, or as it was before."""
    from .checkpoints.reading import replacing

    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path} has no ending that tells a picture format; call it {path.stem}.png.")
    try:
        with replacing(path) as temporary:
            image.save(temporary, format=kind)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}.") from error
