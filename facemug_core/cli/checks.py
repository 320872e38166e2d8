"""Rejects options without effect before the work starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..companions import picture_kind
from ..errors import InputError
from .declaring import declarations

NEEDS = {
    "grow": "region", "no_color": "color", "semantic_numbering": "semantic", "text_mode": "text",
    "text_strength": "text", "text_steps": "text", "text_layers": "text", "keep_geometry": "text",
    "clip": "text",
}  # fmt: skip
"""Options that qualify another one, and that one."""

EXCLUDES = (
    ("latent", "exemplar"), ("latent", "style"), ("latent", "inversion"), ("aligned", "box"),
    ("aligned", "landmarks"), ("aligned", "face"), ("aligned", "no_face"), ("box", "landmarks"),
    ("recipe", "model"), ("recipe", "steps"), ("recipe", "batch"), ("recipe", "seed"),
    ("recipe", "learning_rate"),
    ("recipe", "precision"), ("recipe", "drawn"), ("recipe", "adversarial_from"),
)  # fmt: skip
"""Pairs of options where the first makes the second useless."""

DRAWN = ("mask", "sketch", "semantic", "color", "box", "landmarks")
"""Options with coordinates or pictures on the photo's grid."""

PICTURES = ("OUT.png", "SHEET.png")
"""`metavar` of options that write pictures."""


def check_options(options: object, default: Callable[[str], Any]) -> None:
    """Check that every given option has an effect.

    Args:
        options: of a command.
        default: the default value of an option.

    Raises:
        InputError: an option has no effect.
    """
    values = vars(options)

    def given(name: str) -> bool:
        return name in values and values[name] != default(name)

    for folder in values.get("weights", ()):
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}. Give --weights an existing folder.")
    _check_pairs(values, given)
    folder = "photo" in values and values["photo"].is_dir()
    _check_folder(values, given, folder)
    if not folder:
        for name, declared in declarations(type(options)).items():
            if declared["how"].get("metavar") in PICTURES and values[name] is not None:
                _check_picture(_flag(name), values[name])


def _check_pairs(values: Mapping[str, Any], given: Callable[[str], bool]) -> None:
    """Check options that need or exclude others."""
    for name, needed in NEEDS.items():
        if needed in values and given(name) and not given(needed):
            raise InputError(f"{_flag(name)} has no effect without {_flag(needed)}: add it, or leave it out.")
    for first, second in EXCLUDES:
        if given(first) and given(second):
            raise InputError(f"{_flag(second)} has no effect with {_flag(first)}: leave one of them out.")
    if given("exemplar") and values["style"] not in (None, "exemplar"):
        raise InputError("--exemplar has no effect with another --style: leave one of them out.")
    if values.get("style") == "exemplar" and not given("exemplar"):
        raise InputError("--style exemplar needs an exemplar: add --exemplar FILE.")
    if given("inversion") and values["style"] == "random":
        raise InputError("--inversion has no effect with --style random: leave one of them out.")
    if given("fit") and values["style"] in ("projected", "photo") and not given("style_mix"):
        raise InputError(
            f"--fit has no effect with --style {values['style']}, the photo's style: leave one of them out."
        )
    if given("drawn_on") and not any(map(given, DRAWN)):
        raise InputError(
            f"--drawn-on has no effect without one of {', '.join(map(_flag, DRAWN))}: leave it out."
        )


def _check_folder(values: Mapping[str, Any], given: Callable[[str], bool], folder: bool) -> None:
    """Check options that are for folders alone, or for single photos alone."""
    for name in ("smooth", "workers"):
        if given(name) and not folder:
            raise InputError(f"--{name} is for a folder of photos, but {values['photo']} is not a folder.")
    if given("json") and folder:
        raise InputError("--json is for a single photo; for a folder, see facemug.csv in the results.")


def _check_picture(flag: str, path: Path) -> None:
    """Check that the name of an output picture is valid."""
    if path.is_dir():
        raise InputError(f"{path} is a folder, but {flag} names a file, such as out.png.")
    picture_kind(path)


def _flag(name: str) -> str:
    return "-o" if name == "output" else f"--{name.replace('_', '-')}"
