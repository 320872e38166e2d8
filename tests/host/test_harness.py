"""The harness itself, on the host's own nodes."""

from __future__ import annotations

import pytest

from .running import Host, Prompt


def prompt(width: int = 16) -> Prompt:
    return {
        "1": {"class_type": "EmptyImage",
              "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 0x336699}},
        "2": {"class_type": "ImageScale",
              "inputs": {"image": ["1", 0], "upscale_method": "nearest-exact", "width": width, "height": 16,
                         "crop": "disabled"}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }  # fmt: skip


def test_a_prompt_shows_its_picture(host: Host) -> None:
    picture = host.picture(host.run(prompt(20)), "3")
    assert picture.size == (20, 16)
    assert picture.getpixel((0, 0)) == (0x33, 0x66, 0x99)


def test_only_what_depends_on_a_change_runs_again(host: Host) -> None:
    host.run(prompt(21))
    again = host.run(prompt(22))
    assert (again.ran, again.cached) == ({"2", "3"}, {"1"})


def test_a_node_that_fails_says_why(host: Host) -> None:
    failing = prompt()
    del failing["3"]
    failing["2"] = {"class_type": "Watcher", "inputs": {"image": ["1", 0]}}
    failing["3"] = {"class_type": "Failing", "inputs": {"image": ["2", 0]}}
    assert host.run(failing).error == "on purpose"


def test_a_prompt_that_does_not_fit_is_refused(host: Host) -> None:
    wrong = prompt()
    wrong["1"]["class_type"] = "NoSuchNode"
    with pytest.raises(AssertionError, match="NoSuchNode"):
        host.run(wrong)
