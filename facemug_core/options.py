"""Options of the command line that have no effect: refused before the work starts."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from .errors import InputError

NEEDS = {
    "grow": "region", "no_color": "color", "semantic_numbering": "semantic", "text_mode": "text",
    "text_strength": "text", "text_steps": "text", "text_layers": "text", "keep_geometry": "text",
    "clip": "text",
}  # fmt: skip
"""Options that say how another one is meant, and that one."""

EXCLUDES = (
    ("latent", "exemplar"), ("latent", "style"), ("latent", "inversion"), ("aligned", "box"),
    ("aligned", "landmarks"), ("aligned", "face"), ("box", "landmarks"), ("recipe", "model"),
    ("recipe", "steps"), ("recipe", "batch"), ("recipe", "seed"), ("recipe", "learning_rate"),
    ("recipe", "precision"), ("recipe", "drawn"), ("recipe", "adversarial_from"),
)  # fmt: skip
"""Pairs of options of which the first leaves the second without effect."""


def check_options(parsed: Namespace, default: Callable[[str], Any]) -> None:
    """Raise `InputError` for the first option that is given and could not have an effect.

    Args:
        parsed: of a command.
        default: the value that its options have where they are not given.
    """
    options = vars(parsed)

    def given(name: str) -> bool:
        return name in options and options[name] != default(name)

    for folder in options.get("weights", ()):
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}, which --weights names.")
    for name, needed in NEEDS.items():
        if needed in options and given(name) and not given(needed):
            raise InputError(f"{_flag(name)} has no effect without {_flag(needed)}: add it, or leave it out.")
    for first, second in EXCLUDES:
        if given(first) and given(second):
            raise InputError(f"{_flag(second)} has no effect with {_flag(first)}: leave one of them out.")
    if given("exemplar") and options["style"] not in (None, "exemplar"):
        raise InputError("--exemplar has no effect with another --style: leave one of them out.")
    if options.get("style") == "exemplar" and not given("exemplar"):
        raise InputError("--style exemplar needs an exemplar: add --exemplar FILE.")
    folder = "photo" in options and parsed.photo.is_dir()
    for name in ("smooth", "workers"):
        if given(name) and not folder:
            raise InputError(f"--{name} is for a folder of photos, but {parsed.photo} is no folder.")
    if given("json") and folder:
        raise InputError("--json is for a single photo; of a folder, facemug.csv tells what was done.")
    if not folder:
        _check_pictures(options)


def _check_pictures(options: dict[str, Any]) -> None:
    """Raise `InputError` if a picture is to be written under a name that no picture can have."""
    for name in options["pictures"]:
        path = options[name]
        if path is not None:
            if path.is_dir():
                raise InputError(f"{path} is a folder, but {_flag(name)} names a file, such as out.png.")
            picture_kind(path)


def picture_kind(path: Path) -> str:
    """The picture format that a name's ending stands for.

    Raises:
        InputError: it stands for none that can be written.
    """
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise InputError(
            f"{path} has no ending of a picture format that can be written; call it {path.stem}.png."
        )
    return str(kind)


def _flag(name: str) -> str:
    return "-o" if name == "output" else f"--{name.replace('_', '-')}"
