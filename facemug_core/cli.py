"""The command line: `python -m facemug_core COMMAND …`."""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from .batches import seeds_from
from .checkpoints.manifest import GROUPS
from .companions import LATENTS, PICTURES, TEXTS, companion, in_order, results
from .config import SIZES
from .console import Parser, ended
from .conventions import NUM_CODES, REGIONS
from .errors import FacemugError, InputError, NothingToEditError
from .options import check_options
from .writing import fitted, save_picture

if TYPE_CHECKING:
    from .editing.clip import Clip
    from .editing.directions import Linear
    from .editing.text import TextGoal, TextOptions
    from .faces.detection import Box
    from .folders import Outcome, State, Work
    from .frames import Video
    from .guides import Guide
    from .latents import Latent
    from .photos import EditRequest, Photo, PhotoEditor, Size
    from .pipeline.style import Move

Parsed = argparse.Namespace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, or 2 after one clear line on what was wrong."""
    return ended(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> None:
    parsed = build_parser().parse_args(arguments)
    command = vars(parsed).pop("command")
    vars(parsed)["pictures"] = [
        option.dest for option in command._actions if option.metavar in ("OUT.png", "SHEET.png")
    ]
    check_options(parsed, command.get_default)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        parsed.run(parsed)


def _show_warning(message: Warning | str, *_: Any) -> None:
    print(f"facemug: {message}", file=sys.stderr)


def build_parser() -> argparse.ArgumentParser:
    """All commands and options."""
    parser = Parser(
        prog="facemug", description="Edit faces locally with sketch, semantic map, color map and exemplar."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_edit(commands)
    _add_generate(commands)
    _add_guides(commands)
    _add_directions(commands)
    _add_latent(commands)
    _add_pose(commands)
    _add_fetch(commands)
    _add_files(commands)
    _add_demo(commands)
    _add_training(commands)
    _add_evaluate(commands)
    return parser


def _command(
    commands: Any, name: str, run: Callable[[Parsed], None], help_text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help_text, description=help_text)
    command.set_defaults(run=run, command=command)
    return command


# --- edit and generate --------------------------------------------------------------------------------------


def _add_edit(commands: Any) -> None:
    edit = _command(commands, "edit", _edit, "Edit a photo inside a mask; all other pixels keep their bits.")
    edit.add_argument("photo", type=Path, help="or a folder of photos; -o and all files given can be folders "
                      "then, with a file of the photo's name in each")  # fmt: skip
    edit.add_argument("--workers", type=_at_least_one, default=1, metavar="N",
                      help="processes that share a folder, each with its own model")  # fmt: skip
    edit.add_argument("--smooth", type=_at_least_zero, metavar="FRAMES",
                      help="the folder is a video's frames, in the order of their names: one style for all, "
                      "the face's place smoothed over so many frames before and after (0: not)")  # fmt: skip
    where = edit.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--mask",
        type=Path,
        metavar="FILE",
        help="white (or transparent) = edit; gray = lay the edit over the photo in that share",
    )
    where.add_argument("--region", metavar="NAMES", help=f"face regions joined by +: {', '.join(REGIONS)}")
    edit.add_argument("--grow", type=int, default=0, metavar="PX", help="grow the regions (negative: shrink)")
    edit.add_argument(
        "--feather", type=_at_least_zero, default=0, metavar="PX", help="soft edge, inwards only"
    )
    edit.add_argument("--opacity", type=_share, default=1.0, metavar="0..1")
    edit.add_argument("--face", type=_which, default="auto", metavar="FACE",
                      help=f"{', '.join(FACES)}, or an index counted from the left, from 0; auto: those "
                      "under the mask, or without a mask the largest")  # fmt: skip
    edit.add_argument("--box", type=_box, action="append", metavar="X,Y,W,H",
                      help="look for a face here, in pixels of the photo")  # fmt: skip
    edit.add_argument("--landmarks", type=Path, metavar="FILE",
                      help="where the eyes and the corners of the mouth are, or 5, 68 or 468 landmarks: "
                      "JSON, or lines of x and y")  # fmt: skip
    edit.add_argument("--drawn-on", choices=("turned", "raw"),
                      help="if the camera says that the photo has to be turned: what mask, guides, boxes and "
                      "landmarks were made on, the turned photo or the file's own pixels")  # fmt: skip
    edit.add_argument("--aligned", action="store_true", help="the photo is an aligned face crop already")
    edit.add_argument("--size", type=_size, default="auto", metavar="auto|256|512|1024",
                      help="pixels of the edited face crop; auto: as fine as the photo")  # fmt: skip
    edit.add_argument("--no-face", choices=("error", "skip"), default="error")
    edit.add_argument("--fit", type=_at_least_zero, metavar="STEPS",
                      help="fit another person's style to photo and guides (default: mostly 6)")  # fmt: skip
    edit.add_argument("--keep-metadata", action="store_true", help="write EXIF, XMP and resolution as well")
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
    command.add_argument("--style", choices=("projected", "photo", "exemplar", "random"))
    command.add_argument(
        "--style-mix", type=_share, default=0.0, metavar="0..1", help="towards a random style"
    )
    command.add_argument("--inversion", type=_at_least_zero, metavar="STEPS",
                         help="bring codes nearer to exemplar or photo (default: mostly 12)")  # fmt: skip
    command.add_argument("--attribute", type=_amount, action="append", default=[], metavar="NAME=AMOUNT",
                         help="move a slider, mostly from -1 to 1: `directions list`; or a FILE")  # fmt: skip
    command.add_argument("--text", metavar="TEXT", help='what the face should be: "curly blond hair"')
    command.add_argument("--text-mode", choices=("optimize", "direction"), default="optimize",
                         help="search for seconds, or move along a measured direction at once")  # fmt: skip
    command.add_argument("--text-strength", type=_at_least_zero_float, default=1.0, metavar="AMOUNT")
    command.add_argument("--text-steps", type=_at_least_one, default=50, metavar="N")
    command.add_argument("--text-layers", type=_layers, default=(0, NUM_CODES), metavar="START:END",
                         help="codes that a text may change")  # fmt: skip
    command.add_argument("--keep-geometry", action="store_true", help="a text changes no shapes")
    _add_clip(command)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--variants", type=_at_least_one, default=1, metavar="N")
    command.add_argument("--latent", type=Path, metavar="FILE", help="use saved style codes")
    command.add_argument("--save-latent", type=Path, metavar="FILE")
    command.add_argument("-o", "--output", type=Path, metavar="OUT.png")
    command.add_argument("--sheet", type=Path, metavar="SHEET.png", help="inputs and results side by side")
    _add_model(command)


def _add_clip(command: argparse.ArgumentParser) -> None:
    command.add_argument("--clip", type=_clip_file, default=("face", None), metavar="NAME[=FILE]",
                         help="text-image model: face, or one of open_clip's with its weights")  # fmt: skip


DEVICES = ("auto", "cpu", "cuda", "mps")


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", choices=tuple(SIZES), default="light")
    command.add_argument("--device", choices=DEVICES, default="auto")
    command.add_argument("--weights", type=Path, action="append", default=[], metavar="FOLDER",
                         help="look for weights here first")  # fmt: skip


def _edit(parsed: Parsed) -> None:
    if parsed.photo.is_dir():
        _edit_folder(parsed)
        return
    output = parsed.output or fitted(parsed.photo.with_name(f"{parsed.photo.stem}_edited.png"))
    done = _edit_photo(parsed, parsed.photo, output, lambda: _editor(parsed))
    for warning in done["warnings"]:
        print(f"facemug: {warning}", file=sys.stderr)
    if parsed.json:
        print(json.dumps(done, indent=2))


def _edit_photo(
    parsed: Parsed,
    source: Path,
    output: Path,
    editor: Callable[[], PhotoEditor],
    video: Video[Path] | None = None,
) -> dict[str, Any]:
    """Edit one photo, or frame of a video, write all that is asked for, and tell what was done."""
    from .conditions.reading import read_photo
    from .latents import Latent, save_latent
    from .photos import Photo
    from .sheets import edit_sheet

    start = time.perf_counter()
    photo = Photo.from_image(read_photo(source))
    request = _request(parsed, source, photo)
    if video is not None:
        request = video.request(source, request)
    read = time.perf_counter()
    ready = editor()
    loaded = time.perf_counter()
    result = ready.edit(photo, request)
    if parsed.sheet is not None:
        _save(edit_sheet(photo, request, result), _of_photo(parsed, parsed.sheet, output, ".png"))
    if parsed.save_latent is not None and result.latents:
        path = _of_photo(parsed, parsed.save_latent, output, ".safetensors")
        save_latent(path, Latent.cat(result.latents))
    outputs = _numbered(output, len(result.photos))
    losses: list[str] = []
    for path, edited in zip(outputs, result.photos, strict=True):
        losses = save_picture(edited.to_image(parsed.keep_metadata), path)
    seconds = {"read": read - start, "load model": loaded - read, **result.seconds}
    return {
        "output": [str(path) for path in outputs],
        "faces": [face.box for face in result.faces],
        "mask_pixels": int(result.mask.sum()),
        "mask_share": round(int(result.mask.sum()) / result.mask.numel(), 4),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "warnings": [*result.warnings, *losses],
    }


def _request(parsed: Parsed, source: Path, photo: Photo) -> EditRequest:
    """What is asked for, for the photo of a file."""
    from .conditions.masks import is_soft, read_mask
    from .conditions.reading import read_beside, read_photo
    from .photos import EditRequest, Photo

    size = photo.size[1], photo.size[0]
    misfits: list[str] = []

    def beside(path: Path) -> Image.Image:
        image, found = read_beside(companion(path, source, PICTURES), size, photo.lies, parsed.drawn_on)
        misfits.extend(found)
        return image

    mask = None if parsed.mask is None else read_mask(beside(parsed.mask), size, misfits.append)
    guides = _guides(parsed, size, beside, misfits.append)
    boxes, landmarks = _places(parsed, source, photo)
    exemplar = None if parsed.exemplar is None else read_photo(companion(parsed.exemplar, source, PICTURES))
    return EditRequest(
        mask=mask if mask is None or is_soft(mask) else mask.bool(),
        regions=parsed.region,
        grow=parsed.grow,
        exemplar=None if exemplar is None else Photo.from_image(exemplar),
        style=parsed.style,
        style_mix=parsed.style_mix,
        inversion=parsed.inversion,
        fit=parsed.fit,
        seeds=_seeds(parsed),
        latent=_latent(parsed, source),
        directions=_moves(parsed),
        text=_text_goal(parsed),
        which=parsed.face,
        aligned=parsed.aligned,
        boxes=boxes,
        landmarks=landmarks,
        size=parsed.size,
        skip_without_face=parsed.no_face == "skip",
        feather=parsed.feather,
        opacity=parsed.opacity,
        warnings=misfits,
        **guides,  # type: ignore[arg-type]
    )


def _places(parsed: Parsed, source: Path, photo: Photo) -> tuple[list[Box] | None, list[Any] | None]:
    """The boxes and landmarks given for the photo of a file, in pixels of the upright photo."""
    from .conditions.orientation import boxes_along, points_along
    from .faces.landmark_files import read_landmarks

    how = (photo.size[1], photo.size[0]), photo.lies, parsed.drawn_on
    boxes = None if parsed.box is None else boxes_along(parsed.box, *how)
    if parsed.landmarks is None:
        return boxes, None
    path = companion(parsed.landmarks, source, TEXTS)
    return boxes, [points_along(points, str(path), *how) for points in read_landmarks(path)]


def _edit_folder(parsed: Parsed) -> None:
    """Edit what is not done yet of a folder, a row of the table for each photo."""
    from tqdm import tqdm

    from .conditions.reading import picture_files
    from .folders import TABLE_FILE, Table, work_on

    folder = parsed.output or parsed.photo.with_name(f"{parsed.photo.resolve().name}_edited")
    if folder.exists() and folder.samefile(parsed.photo):
        raise InputError(f"The results would lie among the photos of {folder}; name another folder with -o.")
    sources = in_order(picture_files(parsed.photo))
    outputs = results(sources, folder, MOST_CODES if parsed.latent is not None else parsed.variants)
    done = [source for source in sources if _is_done(parsed, source, outputs[source])]
    table = Table(folder / TABLE_FILE, done=[source.name for source in done])
    states = Counter({"there already": len(done)} if done else {})
    waiting = [source for source in sources if source not in done]
    for outcome in _unread(parsed.photo, sources):
        table.add(outcome)
        states[outcome.state] += 1
    video = None
    if parsed.smooth is not None and waiting:
        video = _look_through(parsed, sources)
        parsed = Parsed(**{**vars(parsed), **STYLE_OF_THE_VIDEO})
    work = work_on(waiting, partial(_folder_work, parsed, outputs, video), parsed.workers)
    with tqdm(work, initial=len(done), total=len(sources), unit="photo") as bar:
        for outcome in bar:
            table.add(outcome)
            states[outcome.state] += 1
            bar.set_postfix(states)
    print(f"{', '.join(f'{count} {state}' for state, count in states.items())}: see {table.path}.")
    if states["failed"] or states["no face"]:
        missed, photos = states["failed"] + states["no face"], sum(states.values()) - states["not a photo"]
        raise FacemugError(f"{missed} of {photos} photos were not edited.")


MOST_CODES = 64
"""Results that a photo may have where its latent file tells their number."""


def _is_done(parsed: Parsed, source: Path, output: Path) -> bool:
    """Whether all results of a photo are there."""
    if all(path.exists() for path in _numbered(output, parsed.variants)):
        return True
    with suppress(FacemugError):  # that is said when it is the photo's turn
        latent = _latent(parsed, source)
        return latent is not None and all(path.exists() for path in _numbered(output, len(latent.codes)))
    return False


def _unread(folder: Path, sources: Sequence[Path]) -> Iterator[Outcome]:
    """What to say of the files of a folder that are not read as photos; hidden ones are left out."""
    from .conditions.foreign import how_to_read, is_foreign_photo
    from .folders import Outcome

    for path in in_order([path for path in folder.glob("[!.]*") if path.is_file()]):
        if path not in sources:
            state: State = "failed" if is_foreign_photo(path) else "not a photo"
            yield Outcome(path.name, state, message=how_to_read(path))


STYLE_OF_THE_VIDEO: Mapping[str, Any] = {
    "landmarks": None, "latent": None, "exemplar": None, "style_mix": 0.0, "attribute": [], "text": None,
}  # fmt: skip
"""What is asked for of a frame once it is known where its face lies and what its codes are."""


def _look_through(parsed: Parsed, sources: Sequence[Path]) -> Video[Path]:
    """Where the face of each frame lies, and the style of all."""
    from tqdm import tqdm

    from .conditions.masks import read_mask
    from .conditions.reading import read_beside, read_photo
    from .frames import look_through
    from .photos import AlignedFace, FacePlace, Photo

    if parsed.face == "all" and parsed.latent is None:
        raise InputError(
            "With --smooth all frames have one style: that of one person. Name one face, such as --face "
            "leftmost, instead of all, or give the style with --latent."
        )
    editor = _editor(parsed)

    def find(source: Path) -> Sequence[AlignedFace]:
        photo = Photo.from_image(read_photo(source))
        boxes, landmarks = _places(parsed, source, photo)
        mask = None
        if parsed.mask is not None and parsed.face == "auto":
            size = photo.size[1], photo.size[0]
            path = companion(parsed.mask, source, PICTURES)
            mask = read_mask(read_beside(path, size, photo.lies, parsed.drawn_on)[0], size)
        found = editor.find_faces(photo, parsed.face, parsed.aligned, boxes, landmarks, mask)
        return found if parsed.latent is not None else found[:1]  # one style is that of one person

    def style(source: Path, places: Sequence[FacePlace]) -> torch.Tensor:
        photo = Photo.from_image(read_photo(source))
        request = _request(parsed, source, photo)
        result = editor.edit(photo, replace(request, places=places))
        for warning in result.warnings:
            _show_warning(warning)
        return result.latents[0].codes

    with tqdm(total=len(sources), unit="frame", desc="find faces") as bar:
        return look_through(
            sources, find, style, parsed.smooth, progress=lambda done, _: bar.update(done - bar.n)
        )


def _folder_work(parsed: Parsed, outputs: Mapping[Path, Path], video: Video[Path] | None) -> Work:
    """What to do to each photo of a folder, with a model of its own."""
    from .folders import Outcome

    editor = _editor(parsed)

    def work(source: Path) -> Outcome:
        if _is_done(parsed, source, outputs[source]):  # by another process that works on the folder
            return Outcome(source.name, "there already")
        try:
            done = _edit_photo(parsed, source, outputs[source], lambda: editor, video)
        except NothingToEditError as error:
            if video is None:
                raise
            _pass(parsed, source, outputs[source])
            return Outcome(source.name, "unchanged", message=str(error))
        return Outcome(
            source.name,
            "edited" if done["mask_pixels"] else "unchanged",
            len(done["faces"]),
            done["mask_pixels"],
            message=" ".join(done["warnings"]),
        )

    return work


def _pass(parsed: Parsed, source: Path, output: Path) -> None:
    """Write a frame as it is: a video has no holes."""
    from .conditions.reading import read_photo
    from .photos import Photo

    photo = Photo.from_image(read_photo(source))
    for path in _numbered(output, parsed.variants):
        _save(photo.to_image(parsed.keep_metadata), path)


def _editor(parsed: Parsed) -> PhotoEditor:
    from .model import FaceMug
    from .photos import PhotoEditor

    return PhotoEditor(FaceMug.load(parsed.model, _device(parsed.device), parsed.weights), parsed.weights)


def _of_photo(parsed: Parsed, path: Path, output: Path, ending: str) -> Path:
    """Where to write what belongs to a photo: the path itself, or in it if a folder of photos is edited."""
    return path / f"{output.stem}{ending}" if parsed.photo.is_dir() else path


def _generate(parsed: Parsed) -> None:
    from .conditions.reading import fit_warnings, read_photo
    from .guides import new_face_conditions, silent_guides
    from .latents import save_latent
    from .model import FaceMug
    from .photos import Photo, PhotoEditor, exemplar_warnings
    from .pipeline.crop import edit_crop
    from .pipeline.style import StylePlan
    from .sheets import conditions_sheet, crop_image

    def whole(path: Path) -> Image.Image:
        image = read_photo(path)
        for warning in fit_warnings(str(path), image.size):
            _show_warning(warning)
        return image

    guides = _guides(parsed, None, whole, _show_warning)
    conditions = new_face_conditions(guides)
    for warning in silent_guides(guides, [conditions]):
        _show_warning(warning)
    model = FaceMug.load(parsed.model, _device(parsed.device), parsed.weights)
    exemplar = None
    if parsed.exemplar is not None:
        editor = PhotoEditor(model, parsed.weights)
        photo = Photo.from_image(read_photo(parsed.exemplar))
        face = editor.find_exemplar(photo)
        for warning in exemplar_warnings(face):
            _show_warning(warning)
        exemplar = face.crop
    plan = StylePlan(
        style=parsed.style,
        style_mix=parsed.style_mix,
        seeds=_seeds(parsed),
        latent=_latent(parsed),
        inversion=parsed.inversion,
        directions=_moves(parsed),
        text=_text_goal(parsed),
    )
    pictures, latent, notices = edit_crop(model, conditions, plan.of_faces(1)[0], exemplar)
    for notice in notices:
        _show_warning(notice)
    for path, picture in zip(
        _numbered(parsed.output or Path("face.png"), len(pictures)), pictures, strict=True
    ):
        _save(crop_image(picture), path)
    if parsed.save_latent is not None:
        save_latent(parsed.save_latent, latent)
    if parsed.sheet is not None:
        _save(conditions_sheet(conditions, exemplar, pictures), parsed.sheet)


def _guides(
    parsed: Parsed,
    size: tuple[int, int] | None,
    opened: Callable[[Path], Image.Image],
    say: Callable[[str], None],
) -> dict[str, Guide]:
    """The guides given, as `opened` opens their files, brought to (width, height), with their strengths.

    Without a size each keeps its own. `say` hears what of them was changed.
    """
    from .conditions.reading import read_color, read_opacity, read_semantic, read_sketch
    from .guides import Guide

    readers: dict[str, Callable[[Image.Image], Guide]] = {
        "sketch": lambda image: Guide(read_sketch(image, size)),
        "semantic": lambda image: Guide(read_semantic(image, size, parsed.semantic_numbering, say)),
        "color": lambda image: Guide(
            read_color(image, size, parsed.no_color), opacity=read_opacity(image, size)
        ),
    }
    return {
        name: replace(read(opened(given[0])), strength=given[1])
        for name, read in readers.items()
        if (given := getattr(parsed, name)) is not None
    }


def _seeds(parsed: Parsed) -> list[int]:
    return seeds_from(parsed.seed, parsed.variants)


def _latent(parsed: Parsed, source: Path | None = None) -> Latent | None:
    """The latent file given, or that of the photo in a folder of them."""
    from .latents import load_latent

    if parsed.latent is None:
        return None
    return load_latent(parsed.latent if source is None else companion(parsed.latent, source, LATENTS))


def _moves(parsed: Parsed) -> list[Move]:
    """The directions to go along, with what the recipe says of each."""
    from .editing.directions import shipped_directions
    from .editing.foreign import parse_direction
    from .pipeline.style import Move

    asked = [
        Move(
            parse_direction(name, lambda: shipped_directions(parsed.weights)),
            amount,
            {"operation": "attribute", "name": name, "amount": amount},
        )
        for name, amount in parsed.attribute
    ]
    if parsed.text is not None and parsed.text_mode == "direction":
        from .editing.text import text_direction

        direction = text_direction(_clip(parsed), parsed.text, _text_options(parsed))
        step = {"operation": "text", "text": parsed.text, "mode": "direction"}
        asked.append(Move(direction, parsed.text_strength, {**step, "strength": parsed.text_strength}))
    return asked


def _text_goal(parsed: Parsed) -> TextGoal | None:
    """What codes are to be optimized for, with a bar that shows the steps; Ctrl+C keeps the best so far."""
    if parsed.text is None or parsed.text_mode != "optimize":
        return None
    from tqdm import tqdm

    from .editing.text import TextGoal

    # Drawn with the first step: what is wrong with the text or its model is told on a line of its own.
    bar = cache(lambda: tqdm(unit="step", desc=parsed.text, leave=False))

    def progress(done: int, total: int) -> None:
        bar().total, bar().n = total, done
        bar().refresh()

    return TextGoal(parsed.text, _clip(parsed), _text_options(parsed), progress)


def _text_options(parsed: Parsed) -> TextOptions:
    from .editing.text import TextOptions

    return TextOptions(
        weight=parsed.text_strength,
        steps=parsed.text_steps,
        layers=parsed.text_layers,
        keep_geometry=parsed.keep_geometry,
    )


def _clip(parsed: Parsed) -> Clip:
    return _loaded_clip(*parsed.clip, tuple(parsed.weights), _device(parsed.device))


@lru_cache(1)
def _loaded_clip(name: str, file: Path | None, folders: tuple[Path, ...], device: str) -> Clip:
    """Loaded once, also where a folder of photos is edited."""
    from .editing.clip import load_clip

    return load_clip(name, file, folders).to(device)


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


# --- directions and latents ---------------------------------------------------------------------------------


def _add_directions(commands: Any) -> None:
    about = "List, find and show the directions that attribute sliders move along."
    kinds = commands.add_parser("directions", help=about, description=about).add_subparsers(
        required=True, metavar="ACTION"
    )
    listed = _command(
        kinds, "list", _directions_list, "Show each direction's range, effect and side effects."
    )
    listed.add_argument("--weights", type=Path, action="append", default=[], metavar="FOLDER")
    find = _command(kinds, "find", _directions_find, "Find a direction, and add it to a file.")
    find.add_argument("name", help="of the direction; of several, they are numbered")
    find.add_argument("--data", type=Path, metavar="FOLDER",
                      help="faces made by prepare, on which the attribute NAME is measured")  # fmt: skip
    find.add_argument("--with", dest="with_it", type=Path, metavar="FOLDER", help="photos that show it")
    find.add_argument("--without", type=Path, metavar="FOLDER", help="photos that do not")
    find.add_argument("--components", type=_at_least_one, metavar="N", help="principal components of codes")
    find.add_argument("--factors", type=_at_least_one, metavar="N", help="factors of the bank's modulation")
    find.add_argument("--layers", type=_layers, default=(0, NUM_CODES), metavar="START:END")
    find.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.safetensors")
    _add_model(find)
    relevance = _command(
        kinds, "relevance", _directions_relevance, "Measure what text directions of a text-image model need."
    )
    _add_clip(relevance)
    relevance.add_argument("--faces", type=_at_least_one, default=500, metavar="N", help="that are drawn")
    relevance.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    _add_model(relevance)
    sheet = _command(kinds, "sheet", _directions_sheet, "Draw rows of faces from -1 to +1.")
    sheet.add_argument("names", nargs="*", metavar="NAME", help="names or files; all that ship by default")
    sheet.add_argument("--seed", type=int, default=100_000, help="of the face")
    sheet.add_argument("-o", "--output", type=Path, required=True, metavar="SHEET.png")
    _add_model(sheet)


def _directions_list(parsed: Parsed) -> None:
    from .editing.directions import describe, shipped_directions

    for name, direction in shipped_directions(parsed.weights).items():
        print(describe(name, direction))


def _directions_find(parsed: Parsed) -> None:
    from .editing.directions import load_directions, save_directions

    ways = (parsed.with_it and parsed.without, parsed.data, parsed.components, parsed.factors)
    if sum(way is not None for way in ways) != 1:
        raise InputError(
            "Say how to find it: give --with and --without, or --data, or --components, or --factors."
        )
    found = _found_in_model(parsed) if parsed.data is None else [_found_in_data(parsed)]
    names = [parsed.name] if len(found) == 1 else [f"{parsed.name}_{i}" for i in range(len(found))]
    known = load_directions(parsed.output) if parsed.output.exists() else {}
    save_directions(parsed.output, known | dict(zip(names, found, strict=True)))
    print(f"{parsed.output} holds {', '.join(names)}.")


def _found_in_data(parsed: Parsed) -> Linear:
    from .editing.finding import find_attribute
    from .training.data import FaceShards
    from .training.facts import load_observed

    faces = FaceShards(parsed.data, coded=True)
    return find_attribute(
        parsed.name, faces.codes.astype(float), load_observed(parsed.data, faces), parsed.layers
    )


def _found_in_model(parsed: Parsed) -> list[Linear]:
    from .editing.finding import find_components, find_factors, find_from_examples
    from .model import FaceMug
    from .photos import PhotoEditor

    model = FaceMug.load(parsed.model, _device(parsed.device), parsed.weights)
    if parsed.components is not None:
        codes = model.random_codes(range(max(2000, parsed.components)), psi=1)[:, 0].cpu()
        return find_components(codes, parsed.components, parsed.layers)
    if parsed.factors is not None:
        weights = [weight for code in range(*parsed.layers) for weight in model.bank.modulation(code)]
        return find_factors(weights, parsed.factors, parsed.layers)
    editor = PhotoEditor(model, parsed.weights)
    with_it, without = (_folder_codes(editor, folder) for folder in (parsed.with_it, parsed.without))
    return [find_from_examples(with_it, without, parsed.layers)]


def _folder_codes(editor: PhotoEditor, folder: Path) -> torch.Tensor:
    """Codes [N, 18, 512] of the largest face of each photo in a folder."""
    from .conditions.reading import picture_files, read_photo
    from .photos import Photo

    photos = (Photo.from_image(read_photo(path)) for path in picture_files(folder))
    crops = (editor.find_exemplar(photo).crop for photo in photos)
    return torch.cat([editor.model.encode(crop).cpu() for crop in crops])


def _directions_sheet(parsed: Parsed) -> None:
    from .editing.directions import shipped_directions
    from .editing.foreign import parse_direction
    from .model import FaceMug
    from .sheets import direction_sheet

    def shipped() -> Mapping[str, Linear]:
        return shipped_directions(parsed.weights)

    names = parsed.names or list(shipped())
    model = FaceMug.load(parsed.model, _device(parsed.device), parsed.weights)
    directions = {name: parse_direction(name, shipped) for name in names}
    _save(direction_sheet(model, directions, model.random_codes([parsed.seed])), parsed.output)


def _directions_relevance(parsed: Parsed) -> None:
    from tqdm import trange

    from .editing.relevance import measure_relevance, relevance_name, save_relevance
    from .model import FaceMug

    clip = _clip(parsed)
    model = FaceMug.load(parsed.model, _device(parsed.device), parsed.weights)
    codes, views = [], []
    with torch.no_grad():
        for seed in trange(parsed.faces, unit="face"):
            codes.append(model.random_codes([seed], psi=0.8))
            views.append(clip.images(model.render(codes[-1])))
    relevance = measure_relevance(torch.cat(codes)[:, 0].cpu(), torch.cat(views).cpu(), clip.name)
    path = parsed.output / relevance_name(clip.name)
    save_relevance(path, relevance)
    print(f"Text directions of {clip.name} work where {path} is found: in a folder named by --weights.")


def _add_latent(commands: Any) -> None:
    about = "Combine saved style codes, and undo what was done to them."
    kinds = commands.add_parser("latent", help=about, description=about).add_subparsers(
        required=True, metavar="ACTION"
    )
    show = _command(kinds, "show", _latent_show, "Tell what a latent file holds and how it was made.")
    show.add_argument("latent", type=Path)
    blend = _command(kinds, "blend", _latent_blend, "Mix several people by weight.")
    blend.add_argument("latents", type=_latent_weight, nargs="+", metavar="FILE[=WEIGHT]")
    mix = _command(kinds, "mix", _latent_mix, "Take the coarse codes of one face, the fine ones of another.")
    mix.add_argument("--crossover", type=_at_least_zero, default=8, metavar="CODE")
    for name, verb in (("add", "Add"), ("subtract", "Take away")):
        text = f"{verb} what sets another person apart from the mean face."
        command = _command(kinds, name, _latent_add, text)
        command.set_defaults(operation=name)
        command.add_argument("--amount", type=float, default=1.0)
        command.add_argument("latent", type=Path)
        command.add_argument("other", type=Path)
    mix.add_argument("latent", type=Path)
    mix.add_argument("other", type=Path)
    undo = _command(kinds, "undo", _latent_undo, "Go back to the codes before the last operations.")
    undo.add_argument("latent", type=Path)
    undo.add_argument("--steps", type=_at_least_one, default=1)
    for name in ("blend", "mix", "add", "subtract", "undo"):
        kinds.choices[name].add_argument("-o", "--output", type=Path, required=True, metavar="FILE")


def _latent_show(parsed: Parsed) -> None:
    from .latents import load_latent

    latent = load_latent(parsed.latent)
    print(f"{len(latent.codes)} face(s), made with the {latent.size or 'unknown'} model")
    for i, step in enumerate(latent.recipe, 1):
        print(f"{i}. {json.dumps(step)}")


def _load_latents(paths: Sequence[Path]) -> list[Latent]:
    """Latents that can be put together: of as many faces each, or of one."""
    from .batches import common_batch
    from .latents import load_latent

    found = [load_latent(path) for path in paths]
    common_batch({path.name: len(latent.codes) for path, latent in zip(paths, found, strict=True)})
    return found


def _latent_blend(parsed: Parsed) -> None:
    from .latents import blend, save_latent

    paths, weights = zip(*parsed.latents, strict=True)
    people = _load_latents(paths)
    codes = blend([person.codes for person in people], weights)
    recipe = {path.name: weight for path, weight in parsed.latents}
    save_latent(parsed.output, people[0].then(codes, "blend", people=recipe))


def _latent_mix(parsed: Parsed) -> None:
    from .latents import mix_layers, save_latent

    latent, other = _load_latents((parsed.latent, parsed.other))
    codes = mix_layers(latent.codes, other.codes, parsed.crossover)
    save_latent(parsed.output, latent.then(codes, "mix", other=parsed.other.name, crossover=parsed.crossover))


def _latent_add(parsed: Parsed) -> None:
    from .latents import add, save_latent

    latent, other = _load_latents((parsed.latent, parsed.other))
    if other.mean_code is None:
        raise InputError(f"{parsed.other} does not tell the mean face; save it again with --save-latent.")
    amount = parsed.amount if parsed.operation == "add" else -parsed.amount
    codes = add(latent.codes, other.codes, amount, other.mean_code)
    step = {"other": parsed.other.name, "amount": parsed.amount}
    save_latent(parsed.output, latent.then(codes, parsed.operation, **step))


def _latent_undo(parsed: Parsed) -> None:
    from .latents import load_latent, save_latent

    save_latent(parsed.output, load_latent(parsed.latent).undone(parsed.steps))


# --- weights, training, evaluation --------------------------------------------------------------------------


def _add_pose(commands: Any) -> None:
    command = _command(commands, "pose", _pose, "Draw a person in another pose.")
    command.add_argument("source", type=Path, metavar="PHOTO")
    command.add_argument("--target", type=Path, metavar="PHOTO", help="take the pose of this photo's face")
    command.add_argument("--frontal", action="store_true", help="look straight ahead")
    command.add_argument(
        "--yaw", type=float, metavar="DEG", help="turn right in the picture (negative: left)"
    )
    command.add_argument("--pitch", type=float, metavar="DEG", help="look up (negative: down)")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.png")
    _add_model(command)


def _pose(parsed: Parsed) -> None:
    from .conditions.reading import read_photo
    from .editing.pose import Pose
    from .model import FaceMug
    from .photos import Photo, PhotoEditor
    from .pictures import to_pixels
    from .posing import Poser

    angles = parsed.yaw is not None or parsed.pitch is not None
    if (parsed.target is not None) + parsed.frontal + angles != 1:
        raise InputError("Say which pose: give --target PHOTO, or --frontal, or --yaw and --pitch.")
    model = FaceMug.load(parsed.model, _device(parsed.device), parsed.weights)
    poser = Poser(PhotoEditor(model, parsed.weights))
    wanted = Pose(parsed.yaw or 0.0, parsed.pitch or 0.0)
    if parsed.target is not None:
        wanted = poser.pose_of(Photo.from_image(read_photo(parsed.target)))
    source = poser.editor.find_exemplar(Photo.from_image(read_photo(parsed.source)))
    posed = poser.turn(model.encode(source.crop.to(model.device)), wanted)
    _save(Image.fromarray(to_pixels(posed.picture[0])), parsed.output)
    print(f"asked for {wanted}, drawn {posed.pose}")


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


def _add_files(commands: Any) -> None:
    info = _command(commands, "info", _info, "Say what weights files are, by their content.")
    info.add_argument("files", type=Path, nargs="+", metavar="FILE")
    convert = _command(commands, "convert", _convert, "Write a weights file's tensors as safetensors.")
    convert.add_argument("file", type=Path)
    convert.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.safetensors")


def _info(parsed: Parsed) -> None:
    from .checkpoints.recognising import describe

    for path in parsed.files:
        print(describe(path))


def _convert(parsed: Parsed) -> None:
    from .checkpoints.recognising import convert

    convert(parsed.file, parsed.output)


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
    prepare = _command(
        commands, "prepare", _prepare, "Make training faces from the light feature bank, or from photos."
    )
    prepare.add_argument("folder", type=Path)
    prepare.add_argument("--faces", type=_at_least_one, default=5000, help="how many bank faces")
    prepare.add_argument("--photos", type=Path, metavar="DIR",
                         help="the largest face of each photo in this folder, instead")  # fmt: skip
    prepare.add_argument("--aligned", action="store_true",
                         help="the photos are aligned crops already, as FFHQ's and CelebA-HQ's")  # fmt: skip
    prepare.add_argument("--device", choices=DEVICES, default="auto")
    train = _command(
        commands, "train", _train, "Train a part of the model; a run found in the folder goes on."
    )
    stages = (
        "clip",
        "encoder",
        "generator",
        "part_head",
        "part_reader",
        "picture_head",
        "search_head",
        "warping",
    )
    train.add_argument("stage", choices=stages)
    train.add_argument("--data", type=Path, required=True, help="folder made by prepare")
    train.add_argument("--drawn", type=_at_least_zero, default=0, metavar="N",
                       help="encoder: N new bank faces join every batch")  # fmt: skip
    train.add_argument("--run", type=Path, required=True, dest="folder", help="folder of the run")
    train.add_argument("--init", type=Path, metavar="PATH",
                       help="start from the weights in this folder, or from a published file")  # fmt: skip
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

    from .checkpoints.assembling import load_parser
    from .checkpoints.manifest import locate
    from .conditions.reading import picture_files
    from .faces.detection import LANDMARK_FILE, Detector
    from .faces.parsing import Parser
    from .training.prepare import prepare_bank_faces, prepare_photos

    device = _device(parsed.device)
    if parsed.photos is None:
        with tqdm(total=parsed.faces, unit="face") as bar:
            prepare_bank_faces(parsed.folder, parsed.faces, device, progress=bar.update)
        return
    parser = Parser(load_parser().to(device))
    detector = None if parsed.aligned else Detector(locate(LANDMARK_FILE).parent)
    refused: list[str] = []
    with tqdm(total=len(picture_files(parsed.photos, nested=True)), unit="photo") as bar:

        def refuse(why: str) -> None:
            refused.append(why)
            bar.write(why, file=sys.stderr)

        prepare_photos(parsed.folder, parsed.photos, parser, detector, bar.update, refuse)
    if refused:
        print(f"{len(refused)} photos could not be used.")


def _train(parsed: Parsed) -> None:
    from .training.run import run_stage

    run_stage(parsed)


def _add_evaluate(commands: Any) -> None:
    evaluate = _command(
        commands, "evaluate", _evaluate, "Measure the model, and write a report with pictures."
    )
    evaluate.add_argument("suites", nargs="*", metavar="SUITE", help="see docs/evaluation.md; all by default")
    evaluate.add_argument("--report", type=Path, required=True, metavar="DIR")
    evaluate.add_argument("--limit", type=_at_least_one, default=300, metavar="N", help="number of faces")
    evaluate.add_argument("--faces", type=Path, metavar="DIR", help="evaluate on these real photos as well")
    evaluate.add_argument("--cache", type=Path, metavar="DIR",
                          help="keep the rendered faces here (by default in your cache folder)")  # fmt: skip
    _add_model(evaluate)


def _evaluate(parsed: Parsed) -> None:
    from tqdm import tqdm

    from .evaluation import SUITES, evaluate
    from .model import FaceMug

    model = FaceMug.load(parsed.model, _device(parsed.device), parsed.weights)
    with tqdm(unit="face") as bar:
        report = evaluate(
            model, parsed.suites or list(SUITES), limit=parsed.limit, report_dir=parsed.report,
            cache_dir=parsed.cache, faces_dir=parsed.faces, folders=parsed.weights,
            progress=lambda done: bar.update(done - bar.n),
        )  # fmt: skip
    for name, value in report.values.items():
        print(f"{name:48} {value:.4g}")
    for name, reason in report.missing.items():
        print(f"{name:48} {reason}")
    missed = [f"{bar.key} {bar.text}" for bar, holds in report.verdicts() if holds is False]
    print(f"Bars missed: {', '.join(missed) or 'none'}.")


# --- options and files --------------------------------------------------------------------------------------


def _device(name: str) -> str:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, is_there in there.items() if is_there)
    if not there[name]:
        raise InputError(
            f"There is no device {name} that this torch can use; leave out --device, or give cpu."
        )
    return name


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


def _amount(text: str) -> tuple[str, float]:
    """NAME=AMOUNT."""
    name, separator, amount = text.rpartition("=")
    try:
        value = float(amount)
    except ValueError:
        value = math.nan
    if not (name and separator and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"expected NAME=AMOUNT, such as smile=0.5, not {text}")
    return name, value


def _latent_weight(text: str) -> tuple[Path, float]:
    """FILE or FILE=WEIGHT."""
    if "=" not in text:
        return Path(text), 1.0
    name, weight = _amount(text)
    return Path(name), weight


def _clip_file(text: str) -> tuple[str, Path | None]:
    """NAME or NAME=FILE."""
    name, separator, file = text.partition("=")
    return name, Path(file) if separator else None


def _layers(text: str) -> tuple[int, int]:
    """START:END."""
    try:
        first, end = map(int, text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected START:END, such as 0:8, not {text}") from None
    return first, end


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, not {text}") from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, not {text}") from None


def _share(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must lie between 0 and 1, not {text}")
    return value


def _at_least_one(text: str) -> int:
    value = _whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return value


def _at_least_zero_float(text: str) -> float:
    value = _number(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return value


def _at_least_zero(text: str) -> int:
    value = _whole(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return value


FACES = ("auto", "largest", "smallest", "leftmost", "rightmost", "all")


def _size(text: str) -> Size:
    sizes: dict[str, Size] = {"auto": "auto", "256": 256, "512": 512, "1024": 1024}
    if text not in sizes:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(sizes)}, not {text}")
    return sizes[text]


def _which(text: str) -> str | int:
    if text not in FACES and not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f"must be an index from 0 on, or one of {', '.join(FACES)}, not {text}"
        )
    return text if text in FACES else int(text)


def _box(text: str) -> tuple[float, float, float, float]:
    """X,Y,W,H → left, top, right, bottom."""
    try:
        x, y, width, height = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected X,Y,W,H, such as 120,80,200,240, not {text}") from None
    if not (width > 0 and height > 0):
        raise argparse.ArgumentTypeError(f"width and height must be more than 0, not {text}")
    return x, y, x + width, y + height


def _numbered(path: Path, count: int) -> list[Path]:
    """The path, or one numbered path for each variant."""
    if count == 1:
        return [path]
    return [fitted(path.with_name(f"{path.stem}_{i + 1}{path.suffix}")) for i in range(count)]


def _save(image: Image.Image, path: Path) -> None:
    """Write a picture, and say what is lost."""
    for loss in save_picture(image, path):
        _show_warning(loss)
