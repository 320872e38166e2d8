"""What is seen of a run while it works, what is not made again, and how soon it stops."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from .listening import Listener, Message
from .running import Host, Prompt
from .test_kinds import edit, graph, loaded, pixels, ran
from .workflows import MOUTH_MASK

CLIENT = "facemug-tests"


def inverted(file: str = MOUTH_MASK, **values: Any) -> Prompt:
    """An edit whose style is searched for."""
    return graph(
        photo=loaded(file),
        **edit("photo", ["photo", 1], **{"style": "photo", "inversion_steps": 6} | values),
    )


@pytest.fixture
def listener(host: Host) -> Iterator[Listener]:
    with Listener(host.port, CLIENT) as listening:
        yield listening


def told(host: Host, listener: Listener, prompt: Prompt) -> list[Message]:
    """All that the host says of a prompt."""
    host.queue(prompt, CLIENT)
    return list(listener.until_the_end())


def texts(messages: list[Message]) -> list[str]:
    return [message.data for message in messages if message.kind == "text"]


def test_an_edit_tells_its_stages_and_shows_the_first_picture_before_the_last_step(
    host: Host, listener: Listener
) -> None:
    picture = Image.open(host.folder / "input" / MOUTH_MASK)
    picture.putpixel((0, 0), (1, 2, 3, 255))  # a photo of which nothing is known from other tests
    picture.save(host.folder / "input" / "never_seen.png")
    messages = told(host, listener, inverted("never_seen.png", aligned=False))
    assert messages[-1].kind == "execution_success"
    said = texts(messages)
    stages = [text.split()[0] for text in said if text]
    assert list(dict.fromkeys(stages)) == ["faces", "mask", "style", "picture", "paste"]
    kinds = [message.data if message.kind == "text" else message.kind for message in messages]
    assert kinds.index("preview") < kinds.index("style 1/6")
    preview = next(message.data for message in messages if message.kind == "preview")
    assert Image.open(io.BytesIO(preview)).size == (256, 256)


def test_a_seed_that_the_style_does_not_touch_makes_nothing_again(host: Host, listener: Listener) -> None:
    first = ran(host, inverted(feather=1))
    again = inverted(feather=1, seed=5)
    said = texts(told(host, listener, again))
    assert "reused: style, picture" in said
    assert not any(text.startswith("style") for text in said)
    shown = ran(host, again)
    assert (pixels(host, shown) == pixels(host, first)).all()


def test_another_strength_of_the_mask_searches_for_nothing(host: Host, listener: Listener) -> None:
    ran(host, inverted(feather=2))
    said = texts(told(host, listener, inverted(feather=2, opacity=0.5)))
    assert not any(text.startswith("style") for text in said)


def test_a_node_shows_the_photo_before_and_after(host: Host) -> None:
    run = ran(host, inverted(feather=3))
    before, after = (pixels(host, run, "edit", index) for index in (0, 1))
    assert before.shape == after.shape
    assert (before != after).any()
    assert (before == after).any()


def test_a_run_stops_at_its_next_step_and_leaves_nothing_half_done(host: Host, listener: Listener) -> None:
    prompt = inverted(inversion_steps=200)
    host.queue(prompt, CLIENT)
    said: list[Message] = []
    for message in listener.until_the_end():
        said.append(message)
        if texts([message]) == ["style 3/200"]:
            host.interrupt()
    assert said[-1].kind == "execution_interrupted"
    assert texts(said)[-1] in ("style 3/200", "style 4/200")
    said = texts(told(host, listener, inverted(inversion_steps=2)))
    assert any(text.startswith("style") for text in said)
