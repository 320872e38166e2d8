"""What is compared: edits by combinations of modalities, and other ways to fill a hole."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from ... import latents
from ...editing.clip import Clip
from ...editing.directions import Linear
from ...editing.inversion import Goal
from ...editing.text import text_direction
from ...errors import InputError
from ...model import FaceMug
from ...pictures import from_bytes, to_pixels
from ..inpainting import inpaint_biharmonic
from ..suites.rows import TEXTS
from ..suites.subsets import drawn_by
from ..trials import Judges, Trial

SHORT = {"photo": "Ma", "sketch": "Sk", "semantic": "Se", "color": "Co", "exemplar": "Ex"}
"""The paper's abbreviations."""

COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("photo",),
    ("photo", "sketch"),
    ("photo", "semantic"),
    ("photo", "color"),
    ("photo", "exemplar"),
    ("photo", "sketch", "color"),
    ("photo", "semantic", "color"),
    ("photo", "sketch", "semantic", "color"),
    ("photo", "sketch", "semantic", "color", "exemplar"),
    (),
    ("sketch",),
    ("semantic",),
    ("sketch", "color"),
    ("semantic", "color"),
)
"""Combinations that all faces are edited by."""

TELEA_RADIUS = 3
"""Pixels around a pixel that fill it."""

W_PLUS_STEPS = (100, 500)
W_PLUS_RATE = 0.01
"""Step size of Adam."""


@dataclass(frozen=True)
class Method:
    """One way to edit a face."""

    name: str
    draw: Callable[[Trial], Tensor]
    """A trial of one face → picture `[1, 3, 256, 256]` in [-1, 1]."""
    of_photo: bool = True
    """Whether pixels outside the mask are to stay."""
    slow: bool = False
    """Whether it takes minutes, so that only a few faces have it."""
    timed: bool = True
    """Whether the picture is made here, so that its time and memory count."""


def all_methods(model: FaceMug, judges: Judges, peers: Collection[str] = ()) -> list[Method]:
    """Methods that can run here, ours first; `peers` are systems whose results are given.

    Raises:
        InputError: a system has the name of a method.
    """
    methods = [Method(name_of(chosen), ours(chosen), "photo" in chosen) for chosen in COMBINATIONS]
    methods.append(Method("FACEMUG +Ma+Te", partial(by_text, directions(judges.clip))))
    methods.append(Method("biharmonic", lambda trial: filled(trial, inpaint_biharmonic)))
    if find_spec("cv2") is not None:
        methods.append(Method("Telea", lambda trial: filled(trial, inpaint_telea)))
    methods.append(Method("encoder, pasted", encoder_pasted))
    if model.inverter is not None:
        methods += [
            Method(f"W+ in {steps} steps, pasted", partial(w_plus_pasted, steps), slow=True)
            for steps in W_PLUS_STEPS
        ]
    if taken := {method.name for method in methods} & set(peers):
        raise InputError(f"{', '.join(taken)} is compared already: give the other system another name.")
    return methods + [Method(name, partial(given_by, name), timed=False) for name in peers]


def name_of(chosen: Sequence[str]) -> str:
    """A combination in the paper's abbreviations."""
    return "FACEMUG " + ("".join(f"+{SHORT[name]}" for name in chosen) or "None")


def ours(chosen: Sequence[str]) -> Callable[[Trial], Tensor]:
    """Edits by a combination of modalities."""
    return lambda trial: drawn_by(trial, chosen)


def by_text(direction: Callable[[str], Linear], trial: Trial) -> Tensor:
    """The completion with its codes moved along a text, one of `TEXTS` by the face's seed."""
    text = TEXTS[trial.faces.seeds[0] % len(TEXTS)]
    return trial.edit(trial.unguided, direction(text).apply(trial.completion_codes, 1.0), trial.unguided_maps)


def directions(clip: Clip) -> Callable[[str], Linear]:
    """Directions of texts, each computed once."""
    return cache(partial(text_direction, clip))


def filled(trial: Trial, inpaint: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The hole filled by a method for any picture: picture and mask → picture."""
    faces = trial.faces
    filled = inpaint(faces.photo[0].cpu(), faces.mask[0].cpu())
    return filled[None].to(faces.photo)


def inpaint_telea(image: Tensor, mask: Tensor) -> Tensor:
    """Telea's fast marching (2004), by OpenCV; shapes as `inpaint_biharmonic`."""
    cv2 = import_module("cv2")
    hole = (mask[0] > 0).numpy().astype(np.uint8)
    pixels = cv2.inpaint(to_pixels(image), hole, TELEA_RADIUS, cv2.INPAINT_TELEA)
    return from_bytes(torch.from_numpy(pixels)).permute(2, 0, 1)


def encoder_pasted(trial: Trial) -> Tensor:
    """What the encoder makes of the visible photo, drawn by the bank and pasted into the hole."""
    return _pasted(trial, trial.render(trial.model.project(trial.unguided)))


def w_plus_pasted(steps: int, trial: Trial) -> Tensor:
    """Codes optimized by Adam from the mean face, as photos are usually projected into W+, and pasted.

    Distance and drawing are those of our inversion, without its encoder and its preconditioner.
    """
    model = trial.model
    assert model.inverter is not None
    start = latents.broadcast(model.mapping.mean_code[None])
    with torch.inference_mode(False), torch.enable_grad():
        conditions = trial.unguided.to(model.device).cloned()
        goal = Goal(model.inverter, conditions, torch.zeros_like(conditions.mask))
        codes = start.clone().requires_grad_()
        optimizer = torch.optim.Adam([codes], W_PLUS_RATE)
        for _ in range(steps):
            optimizer.zero_grad()
            goal.distances(model.inverter.head.picture(model.bank, codes)).sum().backward()
            optimizer.step()
    return _pasted(trial, trial.bank_picture(codes.detach()))


def given_by(name: str, trial: Trial) -> Tensor:
    """The result of another system."""
    return trial.faces.peers[name]


def _pasted(trial: Trial, picture: Tensor) -> Tensor:
    return torch.where(trial.faces.mask > 0, picture, trial.faces.photo)
