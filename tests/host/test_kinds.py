"""Kinds of failures that users of face-editing packs report, with inputs that the genuine host makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from facemug_core.conditions.reading import read_mask, read_photo
from facemug_core.pipeline.blackened import BLACKENED

from .example_inputs import FOLDER
from .running import Host, Prompt, Run
from .workflows import MOUTH_MASK, PHOTO


class Touching:
    """Leaves a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def graph(**nodes: tuple[str, dict[str, Any]]) -> Prompt:
    """A prompt of nodes by id: their class and inputs."""
    return {key: {"class_type": kind, "inputs": inputs} for key, (kind, inputs) in nodes.items()}


def edit(image: str, mask: list[Any] | None, **values: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """The model, the one node that edits the picture of the node `image`, and what shows its bits."""
    inputs: dict[str, Any] = {
        "model": ["model", 0], "image": [image, 0], "regions": "", "grow": 0, "sketch_strength": 1.0,
        "semantic_strength": 1.0, "color_strength": 1.0, "style": "random", "style_mix": 0.0, "seed": 0,
        "variants": 1, "which": "largest", "index": 0, "aligned": True, "no_face": "error", "feather": 0,
        "opacity": 1.0, "size": "256",
    }  # fmt: skip
    if mask is not None:
        inputs["mask"] = mask
    return {
        "model": ("FACEMUG_LoadModel", {"size": "light", "precision": "float32"}),
        "edit": ("FACEMUG_Edit", inputs | values),
        "shown": ("PreviewImage", {"images": ["edit", 0]}),
    }


def loaded(file: str) -> tuple[str, dict[str, Any]]:
    return "LoadImage", {"image": file}


def masks(count: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """A batch of masks that ask for everything, from the node `masks`."""
    return {
        "white": ("SolidMask", {"value": 1.0, "width": 64, "height": 64}),
        "picture": ("MaskToImage", {"mask": ["white", 0]}),
        "pictures": ("RepeatImageBatch", {"image": ["picture", 0], "amount": count}),
        "masks": ("ImageToMask", {"image": ["pictures", 0], "channel": "red"}),
    }


def pixels(host: Host, run: Run, node: str = "shown", index: int = 0) -> np.ndarray:
    return np.asarray(host.picture(run, node, index))


def ran(host: Host, prompt: Prompt) -> Run:
    run = host.run(prompt)
    assert run.error == ""
    return run


def test_a_hostile_pickle_is_refused_and_never_runs(host: Host) -> None:
    touched = host.folder / "touched"
    torch.save({"direction": Touching(touched)}, host.folder / "input" / "hostile.pt")
    prompt = graph(
        load=("FACEMUG_LoadDirection", {"direction": "hostile.pt", "component": ""}),
        shown=("PreviewAny", {"source": ["load", 0]}),
    )
    assert "hostile.pt" in host.run(prompt).error
    assert not touched.exists()


def test_a_picture_with_four_channels_has_the_colors_of_one_with_three_and_keeps_its_alpha(
    host: Host,
) -> None:
    prompt = graph(
        photo=loaded(MOUTH_MASK),
        clear=("JoinImageWithAlpha", {"image": ["photo", 0], "alpha": ["photo", 1]}),
        **edit("clear", ["photo", 1]),
    )
    clear = pixels(host, ran(host, prompt))
    plain = pixels(host, ran(host, graph(photo=loaded(MOUTH_MASK), **edit("photo", ["photo", 1]))))
    alpha = np.asarray(Image.open(FOLDER / MOUTH_MASK).getchannel("A"))
    np.testing.assert_array_equal(clear[..., :3], plain[..., :3])
    np.testing.assert_array_equal(clear[..., 3], alpha)


def test_the_hosts_empty_mask_of_64_pixels_leaves_the_photos_bits_and_is_named(host: Host) -> None:
    prompt = graph(
        photo=loaded(PHOTO),
        before=("Watcher", {"image": ["photo", 0]}),
        after=("Watcher", {"image": ["edit", 0]}),
        **edit("photo", ["photo", 1]),
    )
    run = ran(host, prompt)
    assert run.outputs["after"]["image"] == run.outputs["before"]["image"]
    assert "The mask is empty" in host.log


def test_a_batch_of_masks_gives_one_photo_a_picture_for_each(host: Host) -> None:
    run = ran(host, graph(photo=loaded(PHOTO), **masks(3), **edit("photo", ["masks", 0])))
    assert len(run.outputs["shown"]["images"]) == 3


def test_a_batch_of_masks_that_is_no_batch_of_pictures_is_refused_with_both_numbers(host: Host) -> None:
    photos = ("RepeatImageBatch", {"image": ["photo", 0], "amount": 3})
    run = host.run(graph(photo=loaded(PHOTO), photos=photos, **masks(2), **edit("photos", ["masks", 0])))
    assert "3" in run.error
    assert "2" in run.error


@pytest.mark.parametrize(("width", "height", "batch"), [(1, 257, 2), (255, 1, 1)])
def test_batches_and_sides_of_one_pixel_are_not_squeezed(
    width: int, height: int, batch: int, host: Host
) -> None:
    image = {"width": width, "height": height, "batch_size": batch, "color": 0x8090A0}
    run = ran(host, graph(photo=("EmptyImage", image), **masks(1), **edit("photo", ["masks", 0])))
    assert len(run.outputs["shown"]["images"]) == batch
    assert host.picture(run, "shown").size == (width, height)


def test_a_face_that_is_too_close_is_found_where_it_is_in_a_wider_photo(host: Host) -> None:
    pad = {"left": 256, "top": 256, "right": 256, "bottom": 256, "feathering": 0}
    found = {
        name: {
            f"find_{name}": (
                "FACEMUG_DetectFaces",
                {
                    "model": ["model", 0], "image": [name, 0], "which": "largest", "index": 0,
                    "aligned": False, "no_face": "error",
                },
            ),
            name + "_boxes": ("PreviewAny", {"source": [f"find_{name}", 4]}),
        }
        for name in ("photo", "wide")
    }  # fmt: skip
    prompt = graph(
        photo=loaded(PHOTO),
        wide=("ImagePadForOutpaint", {"image": ["photo", 0], **pad}),
        model=edit("photo", None)["model"],
        **found["photo"],
        **found["wide"],
    )
    run = ran(host, prompt)
    ((own,),), ((wide,),) = (
        json.loads(run.outputs[f"{name}_boxes"]["text"][0]) for name in ("photo", "wide")
    )
    moved = {**own, "x": own["x"] + 256, "y": own["y"] + 256}
    assert all(abs(wide[key] - moved[key]) <= 0.02 * own["width"] for key in moved)


def test_landmarks_that_are_missing_are_refused_with_the_way_out(host: Host) -> None:
    run = host.run(by_hand(landmarks={"frames": [[{"landmarks_xy": None}]]}))
    assert "landmarks" in run.error
    assert "by hand" in run.error


def test_a_box_by_hand_tells_where_the_face_is(host: Host) -> None:
    run = ran(host, by_hand(boxes={"x": 60, "y": 60, "width": 390, "height": 430}))
    assert host.picture(run, "shown").size == (256, 256)


def by_hand(**where: Any) -> Prompt:
    """A prompt that shows the face of a photo at a place that is given as a value."""
    find = {"which": "largest", "index": 0, "aligned": False, "no_face": "error"}
    return graph(
        photo=loaded(PHOTO),
        model=edit("photo", None)["model"],
        find=("FACEMUG_DetectFaces", {"model": ["model", 0], "image": ["photo", 0], **find, **where}),
        shown=("PreviewImage", {"images": ["find", 1]}),
    )


def test_every_preview_says_its_file_folder_and_type(host: Host) -> None:
    prompt = graph(photo=loaded(PHOTO), **masks(1), **edit("photo", ["masks", 0], variants=2))
    prompt |= graph(changed=("MaskPreview", {"mask": ["edit", 1]}))
    shown = [entry for output in ran(host, prompt).outputs.values() for entry in output.get("images", [])]
    assert len(shown) == 3 + 2 + 1 + 1  # on the edit: photo and variants; variants; mask; photo
    assert all(entry.keys() >= {"filename", "subfolder", "type"} for entry in shown)


def test_a_photo_that_the_mask_editor_has_blackened_is_completed_with_a_warning(host: Host) -> None:
    mask = read_mask(FOLDER / MOUTH_MASK)[0, 0].bool().numpy()
    black = np.asarray(read_photo(FOLDER / MOUTH_MASK).convert("RGB")).copy()
    black[mask] = 0
    alpha = np.where(mask, 0, 255).astype(np.uint8)
    Image.fromarray(np.dstack([black, alpha])).save(host.folder / "input" / "blackened.png")
    prompt = graph(photo=loaded("blackened.png"), **edit("photo", ["photo", 1], aligned=False))
    edited = pixels(host, ran(host, prompt))[..., :3]
    assert BLACKENED in host.log
    np.testing.assert_array_equal(edited[~mask], black[~mask])
    assert edited[mask].mean() > 40


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("regions", "hare+mouth", "Unknown region 'hare'"),
        ("style", "exemplr", "`style` is 'exemplr', which is none of its choices: auto, "),
        ("which", "biggest", "`which` is 'biggest', which is none of its choices: largest, "),
        ("size", "300", "`size` is '300', which is none of its choices: auto, 256, "),
        ("grow", 1000, "Value 1000 bigger than max of 64"),
    ],
)
def test_a_mistake_is_refused_before_anything_runs(name: str, value: Any, said: str, host: Host) -> None:
    prompt = graph(photo=loaded(PHOTO), **edit("photo", None, **{"regions": "hair", name: value}))
    with pytest.raises(AssertionError) as refusal:
        host.run(prompt)
    (error,) = json.loads(str(refusal.value))["node_errors"]["edit"]["errors"]
    assert said in f"{error['message']}: {error['details']}"


def test_a_linked_choice_is_left_to_the_run(host: Host) -> None:
    """What a link brings is known only then."""
    prompt = graph(
        photo=loaded(PHOTO),
        regions=("PrimitiveString", {"value": "hair"}),
        **edit("photo", None, regions=["regions", 0]),
    )
    ran(host, prompt)
