"""The host: the only module that imports the host's modules."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import comfy.model_management
import comfy.utils
import folder_paths
import numpy as np
import torch
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import ComfyExtension, io
from comfy_execution.utils import get_executing_context
from numpy.typing import NDArray
from PIL import Image
from server import PromptServer
from torch import Tensor, nn

from ..facemug_core.batches import MAX_SEED
from ..facemug_core.batches import Watch as CoreWatch
from ..facemug_core.errors import InputError
from ..facemug_core.sheets import crop_image

__all__ = ["ComfyExtension", "io"]

CATEGORY = "image/face/FACEMUG"
SHOWN = 16
"""Most pictures of a batch that a node shows on itself."""
MODEL_FOLDER = "facemug"
CLIP_FOLDERS = ("clip_vision", "text_encoders")
"""The host's kinds of models among which open_clip's weights may lie."""

LATENT_FOLDER = "facemug"
"""Folder of ours within the host's input and output folders."""

SHOWN_FOLDER = "facemug"
"""Folder of ours within the host's temporary folder."""

SHOWN_SIZE = 1024
"""Longer side in pixels at which nodes show pictures: the pictures themselves are their outputs."""


Model = io.Custom("FACEMUG_MODEL")
Faces = io.Custom("FACEMUG_FACES")
Semantic = io.Custom("FACEMUG_SEMANTIC")
Sketch = io.Custom("FACEMUG_SKETCH")
Color = io.Custom("FACEMUG_COLOR")
Conditions = io.Custom("FACEMUG_CONDITIONS")
Features = io.Custom("FACEMUG_FEATURES")
Latent = io.Custom("FACEMUG_LATENT")
Direction = io.Custom("FACEMUG_DIRECTION")
Clip = io.Custom("FACEMUG_CLIP")
Boxes = io.Custom("BOUNDING_BOX")
"""The host's own boxes: for each picture a list of {x, y, width, height}."""
Landmarks = io.Custom("FACE_LANDMARKS")
"""The host's own face meshes: {"frames": for each picture a list of {"landmarks_xy": …}, …}."""

log = logging.getLogger("facemug")


TEXTS: dict[str, Any] = json.loads(
    Path(__file__).parents[1].joinpath("locales", "en", "nodeDefs.json").read_text(encoding="utf-8")
)
"""What nodes, inputs and outputs are called and say, by node id, in the form that hosts translate by."""


def schema(node_id: str, *, category: str, inputs: list[Any], outputs: list[Any], **fields: Any) -> io.Schema:
    """A node's schema with its English texts, of those fields that this host knows: later hosts know more."""
    texts = TEXTS[node_id]
    for socket in inputs:
        socket.tooltip = texts["inputs"][socket.id]["tooltip"]
    for number, socket in enumerate(outputs):
        socket.tooltip = texts["outputs"][str(number)]["tooltip"]
    known = {field.name for field in dataclasses.fields(io.Schema)}
    return io.Schema(
        node_id=node_id,
        display_name=texts["display_name"],
        description=texts["description"],
        category=f"{CATEGORY}/{category}",
        inputs=inputs,
        outputs=outputs,
        **{name: value for name, value in fields.items() if name in known},
    )


def advanced(socket: Any) -> Any:
    """An input that hosts which can do so fold away."""
    socket.extra_dict = {"advanced": True}
    return socket


def linked(socket: Any) -> Any:
    """An input that takes links only, also where the front end has fields for its type."""
    socket.extra_dict = {"forceInput": True}
    return socket


def checked(socket: Any, check: Callable[[Any], object]) -> Any:
    """A value whose mistakes the check raises before anything runs."""
    socket.check = check
    return socket


def checking(node: type[io.ComfyNode]) -> type[io.ComfyNode]:
    """The node, made to refuse unknown choices and wrong `checked` values before anything runs.

    Early hosts do not check choices by themselves. The error is raised: one that is returned is repeated
    for each value. A node that has a check of its own keeps that.
    """
    if "validate_inputs" in vars(node):
        return node

    def validate_inputs(cls: type[io.ComfyNode], **values: Any) -> bool:
        for socket in cls.define_schema().inputs:
            if values.get(socket.id) is not None:
                _check(socket, values[socket.id])
        return True

    # Hosts give the values that the signature names, and check no ranges of these.
    names = [socket.id for socket in node.define_schema().inputs if _is_checked(socket)]
    parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in ("cls", *names)]
    validate_inputs.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    node.validate_inputs = classmethod(validate_inputs)  # type: ignore[assignment]
    return node


def _is_checked(socket: Any) -> bool:
    return isinstance(socket, io.Combo.Input) or hasattr(socket, "check")


def _check(socket: Any, value: Any) -> None:
    if hasattr(socket, "check"):
        socket.check(value)
    elif isinstance(socket, io.Combo.Input) and value not in socket.options:
        names = ", ".join(map(str, socket.options))
        raise InputError(f"`{socket.id}` is {value!r:.100}, which is none of its choices: {names}.")


def seed_input() -> Any:
    return io.Int.Input("seed", default=0, min=0, max=MAX_SEED, control_after_generate=True)


def warn(message: str) -> None:
    """Tell the person something that is no error: in the log, and on the running node (`web/warnings.js`)."""
    log.warning("FACEMUG: %s", message)
    for server, node in _listening():
        server.send_sync("facemug.warning", {"node": node, "message": message}, server.client_id)


def say(message: str) -> None:
    """Show a text on the running node, in place of the one before."""
    for server, node in _listening():
        server.send_progress_text(message, node, sid=server.client_id)


def _listening() -> Iterator[tuple[Any, str]]:
    """The host's server and the id of the running node, if there are both."""
    running = get_executing_context()
    server = getattr(PromptServer, "instance", None)  # other programs run nodes without one
    if running is not None and server is not None:
        yield server, running.node_id


def say_reused(stages: Iterable[str]) -> None:
    """Tell on the running node what it has not made again."""
    named = ", ".join(dict.fromkeys(stages))
    say(f"reused: {named}" if named else "")


class Watch(CoreWatch):
    """Shows stage, progress and pictures on the running node, and stops it when the person stops the run."""

    def __init__(self) -> None:
        self._bar = comfy.utils.ProgressBar(1)
        self._at = (0, 1)
        self._stage = ""

    def stage(self, name: str) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        self._stage = name
        say(name)

    def __call__(self, done: int, total: int) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        self._at = (done, total)
        self._bar.update_absolute(done, total)
        if self._stage:
            say(f"{self._stage} {done}/{total}")

    def show(self, picture: Tensor) -> None:
        self._bar.update_absolute(*self._at, ("JPEG", crop_image(picture[0]), None))


Item = TypeVar("Item")


def watched(items: Sequence[Item]) -> Iterator[Item]:
    """The items, with progress on the running node, until the person stops the run."""
    watch = Watch()
    for done, one in enumerate(items):
        watch(done, len(items))
        yield one
    watch(len(items), len(items))


def managed(network: nn.Module) -> ModelPatcher:
    """A network whose memory the host looks after."""
    return ModelPatcher(
        network,
        load_device=comfy.model_management.get_torch_device(),
        offload_device=comfy.model_management.unet_offload_device(),
    )


def bring(*networks: ModelPatcher) -> torch.device:
    """Have the host bring networks, all together, to where they compute; tells where that is."""
    # Parameters that move in inference mode could never be optimized through.
    with torch.inference_mode(False):
        comfy.model_management.load_models_gpu(list(networks), force_full_load=True)
    return networks[0].load_device


def hand_over(values: Tensor) -> Tensor:
    """A result on the device where the host keeps results."""
    return values.to(comfy.model_management.intermediate_device())


def weight_folders() -> list[str]:
    """Where people may keep weights: models/facemug and what the host's configuration adds to it."""
    own = str(Path(folder_paths.models_dir, MODEL_FOLDER))
    folders, extensions = folder_paths.folder_names_and_paths.get(MODEL_FOLDER, ([], set()))
    merged = [*folders, *([] if own in folders else [own])]
    folder_paths.folder_names_and_paths[MODEL_FOLDER] = (merged, {*extensions, ".safetensors", ".tflite"})
    return merged


def clip_folders() -> list[str]:
    """Where people may keep weights of text-image models: with ours, or in the host's folders for them."""
    known = folder_paths.folder_names_and_paths
    hosts = [known[kind][0] for kind in CLIP_FOLDERS if kind in known]
    return [*weight_folders(), *(folder for folders in hosts for folder in folders)]


def shown(pictures: Sequence[Image.Image]) -> dict[str, Any]:
    """The first of these pictures as what a node shows on itself, made small; changes them."""
    folder = Path(folder_paths.get_temp_directory(), SHOWN_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for image in pictures[:SHOWN]:
        image.thumbnail((SHOWN_SIZE, SHOWN_SIZE))
        # Named by content: the host's PreviewImage would draw a random name from the global state.
        name = f"{hashlib.sha256(image.tobytes()).hexdigest()[:24]}.png"
        image.save(folder / name, compress_level=1)
        entries.append({"filename": name, "subfolder": SHOWN_FOLDER, "type": "temp"})
    return {"images": entries}


def user_file(name: str) -> Path:
    """A file of ours in the folder where the host keeps what belongs to its users."""
    return Path(folder_paths.get_user_directory(), name)


def new_output_path(prefix: str, suffix: str) -> Path:
    """A file that is not there yet in the host's output folder."""
    folder, name, counter, _, _ = folder_paths.get_save_image_path(
        prefix, folder_paths.get_output_directory()
    )
    path = Path(folder, f"{name}_{counter:05}{suffix}")
    while path.exists():
        counter += 1
        path = Path(folder, f"{name}_{counter:05}{suffix}")
    return path


def latent_files() -> list[str]:
    """Latent files in the host's input folder, and in the folder of ours within its output folder."""
    inputs, outputs = Path(folder_paths.get_input_directory()), Path(folder_paths.get_output_directory())
    found = [*inputs.glob("*.safetensors"), *inputs.glob(f"{LATENT_FOLDER}/*.safetensors")]
    names = [path.relative_to(inputs).as_posix() for path in sorted(found)]
    saved = sorted(outputs.glob(f"{LATENT_FOLDER}/*.safetensors"))
    return names + [f"{path.relative_to(outputs).as_posix()} [output]" for path in saved]


def latent_path(name: str) -> Path:
    """The file that a name of `latent_files` stands for."""
    return Path(folder_paths.get_annotated_filepath(name))


def direction_files(endings: Sequence[str]) -> dict[str, Path]:
    """Files that may hold directions, by name: in models/facemug, the input folder and ours in there."""
    inputs = Path(folder_paths.get_input_directory())
    found: dict[str, Path] = {}
    for folder in (*map(Path, weight_folders()), inputs, inputs / LATENT_FOLDER):
        for path in sorted(folder.glob("*")):
            if path.suffix in endings:
                found.setdefault(path.name, path)
    return found


def input_file(name: str) -> Path:
    """A file of the host's input folder, by its path within it.

    Raises:
        InputError: the name leads elsewhere, or there is no such file.
    """
    folder = Path(folder_paths.get_input_directory()).resolve()
    try:
        path = (folder / name).resolve()
        if path.is_relative_to(folder) and path.is_file():
            return path
    except (OSError, ValueError):  # no file can have such a name
        pass
    raise InputError(f"There is no file {name[:200]!r} in the input folder: put it there, or choose another.")


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) that a picture file says it has.

    Raises:
        InputError: it is no picture.
    """
    try:
        with Image.open(path) as picture:
            return picture.size
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path.name} cannot be read as a picture: {error}.") from error


class Answer(NamedTuple):
    """An answer to a request, as JSON."""

    status: int
    value: Mapping[str, Any]


def serve(
    path: str, answer: Callable[[Mapping[str, str], bytes, Callable[[], bool]], Answer], most_bytes: int
) -> None:
    """Have the host's server answer POST requests, each in a thread of its own.

    Args:
        path: of the requests.
        answer: takes headers, body, and what tells whether nobody waits for the answer any more.
        most_bytes: of a body.
    """
    server = getattr(PromptServer, "instance", None)
    if server is None:  # other programs load the nodes without a server
        return
    from aiohttp import web  # comes with the server

    async def handle(request: web.Request) -> web.Response:
        if (request.content_length or 0) > most_bytes:
            return web.json_response({"error": f"A request has at most {most_bytes} bytes."}, status=413)
        try:
            body = await request.content.readexactly(most_bytes)
        except asyncio.IncompleteReadError as ended:  # a shorter body; `read` would stop at its first packet
            body = ended.partial
        status, value = await asyncio.to_thread(answer, request.headers, body, lambda: _is_closed(request))
        return web.json_response(value, status=status)

    server.routes.post(path)(handle)


def _is_closed(request: Any) -> bool:
    """Whether the connection of a request is closed."""
    return request.transport is None or bool(request.transport.is_closing())


def is_running() -> bool:
    """Whether the host runs a workflow."""
    return bool(PromptServer.instance.prompt_queue.currently_running)


def content_hash(path: Path) -> str:
    """Changes when the file does."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def bounding_boxes(boxes: Any) -> list[list[tuple[float, float, float, float]]]:
    """The host's boxes as (left, top, right, bottom), a list for each picture.

    Raises:
        InputError: they have another form.
    """
    frames = boxes if isinstance(boxes, Sequence) else [boxes]
    frames = [frame if isinstance(frame, Sequence) else [frame] for frame in frames]
    with _expecting("`boxes`", "a list of {x, y, width, height} for each picture", boxes):
        return [
            [(box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]) for box in frame]
            for frame in frames
        ]


def face_landmarks(landmarks: Any) -> list[list[NDArray[np.float64]]]:
    """The points (x, y) of the host's face meshes, a list of faces for each picture.

    Raises:
        InputError: they have another form.
    """
    with _expecting("`landmarks`", '{"frames": for each picture a list of {"landmarks_xy": …}}', landmarks):
        return [
            [np.asarray(face["landmarks_xy"], np.float64) for face in frame] for frame in landmarks["frames"]
        ]


@contextmanager
def _expecting(name: str, form: str, value: Any) -> Iterator[None]:
    """Says of a value whose form no socket checks what was expected and what came."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{name} should be {form}, but is {repr(value)[:200]}.") from error


def to_bounding_boxes(frames: Sequence[Sequence[tuple[float, float, float, float]]]) -> list[list[dict]]:
    """The other way round."""
    return [
        [
            {"x": round(x0), "y": round(y0), "width": round(x1 - x0), "height": round(y1 - y0)}
            for x0, y0, x1, y1 in frame
        ]
        for frame in frames
    ]
