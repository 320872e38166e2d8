"""The painter in the genuine host, by its API: the panel's preview, and the node without a panel."""

from __future__ import annotations

import base64
import io
import json
import socket
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from facemug_core.conditions.reading import read_color, read_mask, read_opacity
from facemug_core.modalities import Guide
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import EditRequest, EditResult

from .example_inputs import FOLDER
from .library_results import Library, assert_same, kept, shown
from .running import Host, Prompt, Run
from .test_kinds import graph
from .workflows import MOUTH_MASK, PHOTO

PAINT = "facemug_make_up_paint.png"
LAYERS = {"mask": {"file": MOUTH_MASK}, "color": {"file": PAINT, "strength": 0.6}}


def painted(**fields: Any) -> str:
    return json.dumps({"version": 1, "photo": PHOTO, "layers": LAYERS, "style": "projected", **fields})


def post(host: Host, route: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    """Status and value of the answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{host.url}/facemug/painter/{route}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def picture(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))


def painter(text: str) -> Prompt:
    return graph(
        painter=("FACEMUG_Painter", {"size": "light", "precision": "float32", "painting": text}),
        shown=("PreviewImage", {"images": ["painter", 0]}),
        mask=("Keep", {"image": ["painter", 1]}),
        model=("FACEMUG_LoadModel", {"size": "light", "precision": "float32"}),
        features=("FACEMUG_Aggregate", {"model": ["model", 0], "conditions": ["painter", 2]}),
        crops=(
            "FACEMUG_Generate",
            {"model": ["model", 0], "features": ["features", 0], "latent": ["painter", 3]},
        ),
        drawn=("PreviewImage", {"images": ["crops", 0]}),
    )


@pytest.fixture(scope="module")
def run(host: Host) -> Run:
    return host.run(painter(painted()))


@pytest.fixture(scope="module")
def expected(library: Library) -> EditResult:
    paint = FOLDER / PAINT
    request = EditRequest(
        mask=read_mask(FOLDER / MOUTH_MASK),
        color=Guide(read_color(paint), 0.6, opacity=read_opacity(paint)),
        style="projected",
    )
    return library.editor.edit(Photo.from_file(FOLDER / PHOTO), request)


def test_the_node_shows_what_the_library_makes(host: Host, run: Run, expected: EditResult) -> None:
    assert run.error == ""
    assert_same(host.pictures(run, "shown"), [shown(expected.photos[0])])


def test_the_node_tells_what_it_changed(host: Host, run: Run, expected: EditResult) -> None:
    changed: Tensor = kept(host, run, "mask")
    assert (changed > 0).equal(expected.mask[:, 0])


def test_the_stages_go_on_from_the_node(host: Host, run: Run) -> None:
    assert [crop.shape for crop in host.pictures(run, "drawn")] == [(256, 256, 3)]


def test_the_preview_is_what_the_node_gives(host: Host, expected: EditResult) -> None:
    status, value = post(host, "preview", {"painting": painted()})
    assert status == 200
    assert value["warnings"] == list(expected.warnings)
    whole = expected.photos[0].rgb[0].permute(1, 2, 0).numpy()
    part = np.asarray(picture(value["picture"]))
    x, y = value["x"], value["y"]
    np.testing.assert_array_equal(part, whole[y : y + part.shape[0], x : x + part.shape[1]])
    outside = expected.mask[0, 0].clone()
    outside[y : y + part.shape[0], x : x + part.shape[1]] = False
    assert not outside.any()


def test_a_draft_is_another_picture_of_the_same_place(host: Host) -> None:
    whole = post(host, "preview", {"painting": painted()})[1]
    draft = post(host, "preview", {"painting": painted(), "draft": True})[1]
    assert (draft["x"], draft["y"]) == (whole["x"], whole["y"])
    assert picture(draft["picture"]).size == picture(whole["picture"]).size
    assert draft["picture"] != whole["picture"]


def test_the_faces_come_with_their_parts(host: Host, library: Library) -> None:
    status, value = post(host, "faces", {"painting": painted()})
    assert status == 200
    photo = Photo.from_file(FOLDER / PHOTO)
    (face,) = library.editor.find_faces(photo)
    (found,) = value["faces"]
    assert (value["height"], value["width"]) == photo.size
    assert found["box"] == pytest.approx(face.box)
    labels = np.asarray(picture(found["labels"]))
    np.testing.assert_array_equal(labels, library.editor.parser.parse(face.crop)[0].numpy())


def test_sliders_and_exemplar_change_the_preview(host: Host) -> None:
    plain = post(host, "preview", {"painting": painted(), "draft": True})[1]
    for fields in ({"attributes": {"smile": 1}}, {"style": "exemplar", "exemplar": "facemug_exemplar_1.jpg"}):
        status, value = post(host, "preview", {"painting": painted(**fields), "draft": True})
        assert status == 200
        assert value["picture"] != plain["picture"]


def test_nobody_waits_for_a_preview_that_was_given_up(host: Host) -> None:
    body = json.dumps({"painting": painted(style="random", style_mix=0.5)}).encode()
    with socket.create_connection(("127.0.0.1", host.port)) as given_up:
        head = f"POST /facemug/painter/preview HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        given_up.sendall(head.encode() + body)
    assert post(host, "preview", {"painting": painted(), "draft": True})[0] == 200


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"photo": ""}, "no photo"),
        ({"photo": "../output/x.png"}, "input folder"),
        ({"photo": "facemug_face.safetensors"}, "picture"),
        ({"layers": {}}, "Nothing is marked"),
        ({"layers": {"mask": {"file": "/etc/passwd"}}}, "input folder"),
        ({"seed": -5}, "seed"),
    ],
)
def test_hostile_paintings_are_refused_in_a_sentence(fields: dict[str, Any], says: str, host: Host) -> None:
    status, value = post(host, "preview", {"painting": painted(**fields)})
    assert status == 400
    assert says in value["error"]


def test_requests_that_are_too_large_are_refused(host: Host) -> None:
    assert post(host, "preview", b" " * 2**18)[0] == 413


def test_other_pages_are_refused(host: Host) -> None:
    body = {"painting": painted()}
    assert post(host, "preview", body, **{"Sec-Fetch-Site": "cross-site"})[0] == 403


def test_the_host_refuses_to_queue_a_painting_without_its_files(host: Host) -> None:
    with pytest.raises(AssertionError, match="input folder"):
        host.run(painter(painted(photo="missing.png")))


def test_a_request_may_come_in_several_packets(host: Host) -> None:
    body = json.dumps({"painting": painted(), "draft": True}).encode()
    head = f"POST /facemug/painter/faces HTTP/1.1\r\nHost: {urlsplit(host.url).netloc}\r\n"
    with socket.create_connection((urlsplit(host.url).hostname, urlsplit(host.url).port), 60) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
        for part in (body[:20], body[20:]):
            time.sleep(0.3)
            connection.sendall(part)
        answer = b"".join(iter(lambda: connection.recv(2**16), b""))
    assert answer.startswith(b"HTTP/1.1 200"), answer[:300]
