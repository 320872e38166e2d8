"""What the painter's panel asks the host's server: the faces of a photo, and a preview of the edit."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import torch
from PIL import Image

from ..facemug_core.batches import Watch
from ..facemug_core.config import SIZES
from ..facemug_core.errors import FacemugError, InputError
from ..facemug_core.faces.alignment import inverse
from ..facemug_core.pipeline.editor import EditResult
from ..facemug_core.pipeline.locate import FaceQuery
from .host import Answer, is_running, serve
from .loading import PRECISIONS, HostedEditor, loaded
from .painting import EDITING, MOST_CHARACTERS, Painting, edited, photo_of, read_painting

PREFIX = "/facemug/painter"
MOST_BYTES = 2 * MOST_CHARACTERS
"""Of a request: a painting and little else."""

MOST_WAITING = 8
"""Requests that wait for their turn."""

POLL_SECONDS = 0.05
"""Between two questions whether a waiting request is still needed."""


class StoppedError(Exception):
    """Nobody waits for the answer any more, or the host runs a workflow."""


class CrowdedError(Exception):
    """Too many requests wait."""


class Needed(Watch):
    """Stops work that is not needed any more.

    Args:
        gone: tells whether nobody waits for the answer.
    """

    def __init__(self, gone: Callable[[], bool]) -> None:
        self._gone = gone

    def check(self) -> None:
        """Raise `StoppedError` if the work is not needed, or has to wait for a workflow."""
        if self._gone() or is_running():
            raise StoppedError

    def stage(self, name: str) -> None:
        self.check()

    def __call__(self, done: int, total: int) -> None:
        self.check()


class Turns:
    """Lets one request work at a time."""

    def __init__(self) -> None:
        self._waiting = 0

    @contextmanager
    def turn(self, watch: Needed) -> Iterator[None]:
        """Waits for a request's turn.

        Raises:
            StoppedError: as `Needed.check`.
            CrowdedError: too many wait already.
        """
        self._wait(watch.check)
        try:
            watch.check()
            yield
        finally:
            EDITING.release()

    def _wait(self, check: Callable[[], None]) -> None:
        if self._waiting >= MOST_WAITING:
            raise CrowdedError
        self._waiting += 1
        try:
            while not EDITING.acquire(timeout=POLL_SECONDS):
                check()
        finally:
            self._waiting -= 1


TURNS = Turns()


def add_routes() -> None:
    """Have the host's server answer the panel."""
    for name, work in (("faces", _faces), ("preview", _preview)):
        serve(f"{PREFIX}/{name}", partial(_answered, work), MOST_BYTES)


class Request(NamedTuple):
    """What a panel asks for."""

    model: HostedEditor
    painting: Painting
    draft: bool


Work = Callable[[Request, Watch], Mapping[str, Any]]


def _answered(work: Work, headers: Mapping[str, str], body: bytes, gone: Callable[[], bool]) -> Answer:
    """The answer to a request, with what went wrong as a sentence."""
    if not _same_origin(headers):
        return Answer(403, {"error": "The painter answers its own page only."})
    watch = Needed(gone)
    try:
        with torch.inference_mode(), TURNS.turn(watch):
            return Answer(200, work(_request(body), watch))
    except StoppedError:
        return Answer(409, {"error": "A workflow runs. Ask again when it is done."})
    except CrowdedError:
        return Answer(429, {"error": "Too many previews are waiting. Try again in a moment."})
    except FacemugError as error:
        return Answer(400, {"error": str(error)})


def _same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from the host's own page, or from no page at all."""
    if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("Host", "").lower()


def _request(body: bytes) -> Request:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The request is not JSON: {error}.") from error
    if not isinstance(asked, dict):
        raise InputError("The request should be a JSON object.")
    size, precision = asked.get("size", "light"), asked.get("precision", "float32")
    if size not in list(SIZES) or precision not in list(PRECISIONS):
        raise InputError(f"There is no model of size {size!r:.60} and precision {precision!r:.60}.")
    painting = asked.get("painting")
    if not isinstance(painting, str):
        raise InputError("`painting` should be a painter's text.")
    return Request(loaded(size, precision), read_painting(painting), asked.get("draft") is True)


def _faces(asked: Request, watch: Watch) -> dict[str, Any]:
    """The faces of the photo, from left to right, and their parts."""
    photo, editor = photo_of(asked.painting), asked.model.editor(parses=True)
    found = []
    for face in editor.find_faces(photo, FaceQuery("left to right")):
        watch(len(found), 0)
        labels = editor.parser.parse(face.crop)[0].byte().numpy()
        to_crop = inverse(face.matrix)[:2].tolist()
        found.append({"box": face.box, "matrix": to_crop, "labels": _png(Image.fromarray(labels))})
    return {"width": photo.size[1], "height": photo.size[0], "faces": found}


def _preview(asked: Request, watch: Watch) -> dict[str, Any]:
    """The part of the photo that the edit may have changed, as the node would give it."""
    result = edited(asked.model, asked.painting, watch, draft=asked.draft)
    x, y, width, height = _bounds(result)
    part = result.photos[0].rgb[0, :, y : y + height, x : x + width].permute(1, 2, 0).contiguous()
    return {
        "x": x,
        "y": y,
        "picture": _png(Image.fromarray(part.numpy())),
        "warnings": list(result.warnings),
    }


def _bounds(result: EditResult) -> tuple[int, int, int, int]:
    """Left, top, width and height of what was edited."""
    rows, columns = (result.mask[0, 0].any(axis).nonzero() for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    return left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top


def _png(picture: Image.Image) -> str:
    """A picture as a data URL, without loss."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
