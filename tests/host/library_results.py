"""The library's own result for each workflow's inputs: what the host has to show, to the bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from facemug_core import latents
from facemug_core.conditions import Conditions, painted_over, pencil_sketch, split_paint, whole_photo
from facemug_core.conditions.reading import read_color, read_mask, read_opacity, read_semantic, read_sketch
from facemug_core.editing.clip import load_clip
from facemug_core.editing.directions import shipped_directions, sweep
from facemug_core.editing.text import TextGoal, TextOptions
from facemug_core.faces.alignment import aligned_matrix
from facemug_core.faces.pasting import mask_to_crop, mask_to_photo
from facemug_core.faces.regions import region_mask, without_holes
from facemug_core.faces.under_mask import split_mask
from facemug_core.latents import Latent
from facemug_core.modalities import Guide
from facemug_core.photo import Photo
from facemug_core.pipeline.crop import edit_crop
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.pipeline.guides import crop_conditions, guides_to_crop
from facemug_core.pipeline.locate import AlignedFace, FaceQuery
from facemug_core.pipeline.style import FIT_STEPS, StylePlan, slider_move, styled
from facemug_core.posing import Poser

from .example_inputs import FOLDER
from .running import Host, Prompt, Run
from .workflows import EXEMPLARS, GROUP, HAIR_MASK, HAIR_PAINT, HOLE, MOUTH_MASK, PAINTED, PHOTO

Pictures = list[np.ndarray]


@dataclass(frozen=True)
class Library:
    """The library, and the example photos as a host loads them: hosts decode files differently.

    Args:
        host: has the testing neighbor among its packs.
    """

    editor: PhotoEditor
    host: Host
    _photos: dict[str, Photo] = field(default_factory=dict)
    _results: dict[str, Pictures] = field(default_factory=dict)

    def photo(self, file: str) -> Photo:
        """An example photo as the host's Load Image gives it: alpha is the mask's."""
        if file not in self._photos:
            image = load_image(self.host, file)
            self._photos[file] = Photo((image * 255).round().byte().permute(0, 3, 1, 2), "RGB")
        return self._photos[file]

    def results(self, workflow: str) -> Pictures:
        """What the host has to show at the end of a workflow."""
        if workflow not in self._results:
            self._results[workflow] = RESULTS[workflow](self)
        return self._results[workflow]


def load_image(host: Host, file: str) -> Tensor:
    """The IMAGE that the host's Load Image makes of a file, in its dtype."""
    prompt: Prompt = {
        "load": {"class_type": "LoadImage", "inputs": {"image": file}},
        "keep": {"class_type": "Keep", "inputs": {"image": ["load", 0]}},
    }
    run = host.run(prompt)
    assert run.error == ""
    return kept(host, run, "keep")


def kept(host: Host, run: Run, node: str) -> Tensor:
    """What a node Keep has kept of a run."""
    return torch.load(host.folder / "output" / run.outputs[node]["file"][0], weights_only=True)


def on_a_node(picture: Image.Image) -> NDArray[np.uint8]:
    """A picture as nodes show it on themselves: at most 1024 pixels wide and high."""
    small = picture.copy()
    small.thumbnail((1024, 1024))
    return np.asarray(small)


def assert_same(shown: Pictures, expected: Pictures) -> None:
    """Both are the same number of pictures, with the same bits."""
    assert len(shown) == len(expected)
    for picture, wanted in zip(shown, expected, strict=True):
        np.testing.assert_array_equal(picture, wanted)


RESULTS: dict[str, Callable[[Library], Pictures]] = {}


def of_workflow(result: Callable[[Library], Pictures]) -> Callable[[Library], Pictures]:
    RESULTS[result.__name__] = result
    return result


@of_workflow
def portrait_sliders(library: Library) -> Pictures:
    known = shipped_directions()
    amounts = {"smile": -0.6, "eyes_open": 0.8, "age": 0.5}
    moves = [slider_move(name, known[name], amount) for name, amount in amounts.items()]
    return edited(library, EditRequest(regions="face", grow=4, directions=moves))


@of_workflow
def quick_edit(library: Library) -> Pictures:
    return edited(library, EditRequest(regions="hair", grow=6, style="random", seeds=(3,)))


@of_workflow
def painter(library: Library) -> Pictures:
    """The node reads the photo by itself."""
    paint = FOLDER / HAIR_PAINT
    request = EditRequest(
        mask=read_mask(FOLDER / HAIR_MASK),
        color=Guide(read_color(paint), 0.5, opacity=read_opacity(paint)),
    )
    return [shown(library.editor.edit(Photo.from_file(FOLDER / PHOTO), request).photos[0])]


@of_workflow
def completion(library: Library) -> Pictures:
    request = EditRequest(
        mask=read_mask(FOLDER / HOLE), style="projected", style_mix=0.3, seeds=(1, 2, 3, 4), aligned=True
    )
    return edited(library, request, HOLE)


@of_workflow
def exemplar(library: Library) -> Pictures:
    return edited(
        library,
        EditRequest(regions="hair+face", grow=4, style="exemplar", exemplar=library.photo(EXEMPLARS[0])),
    )


@of_workflow
def random_styles(library: Library) -> Pictures:
    return edited(library, EditRequest(regions="hair", grow=6, style="random", seeds=range(10, 19)))


@of_workflow
def make_up(library: Library) -> Pictures:
    request = EditRequest(
        regions="mouth+eyes",
        grow=10,
        sketch=Guide(pencil_sketch(library.photo(PHOTO).rgb / 127.5 - 1)),
        color=Guide(read_color(FOLDER / "facemug_make_up_paint.png"), 0.6),
        style="photo",
    )
    return edited(library, request)


@of_workflow
def paint_on_the_photo(library: Library) -> Pictures:
    painted, photo = (library.photo(file).rgb / 127.5 - 1 for file in (PAINTED, PHOTO))
    paint = painted_over(painted, photo)
    strokes, colors = split_paint(painted, paint)
    request = EditRequest(
        mask=without_holes(paint),
        sketch=Guide(strokes),
        color=Guide(colors, opacity=paint),
        style="photo",
    )
    return edited(library, request)


@of_workflow
def edits_in_a_chain(library: Library) -> Pictures:
    picture = library.photo(PHOTO)
    for regions, seed in (("hair", 3), ("mouth", 3), ("eyes+brows", 3)):
        request = EditRequest(regions=regions, grow=6, style="random", seeds=(seed,))
        picture = library.editor.edit(picture, request).photos[0]
    return [shown(picture)]


@of_workflow
def face_from_a_map(library: Library) -> Pictures:
    labels = read_semantic(FOLDER / "facemug_map.png")
    guides = guides_to_crop({"semantic": Guide(labels)}, aligned_matrix(tuple(labels.shape[-2:])))
    plan = StylePlan("random", seeds=(7, 8, 9, 10))
    edit = edit_crop(library.editor.model, Conditions.build(**guides), plan)
    return [shown_crop(crop) for crop in edit.pictures]


@of_workflow
def sketch(library: Library) -> Pictures:
    request = EditRequest(
        mask=read_mask(FOLDER / MOUTH_MASK),
        sketch=Guide(read_sketch(FOLDER / "facemug_sketch.png")),
        style="projected",
    )
    return staged(library, request, MOUTH_MASK)


@of_workflow
def semantic_map(library: Library) -> Pictures:
    labels = read_semantic(FOLDER / "facemug_map_with_longer_hair.png")
    request = EditRequest(mask=region_mask(labels, "hair", 4), semantic=Guide(labels), style="projected")
    return staged(library, request)


@of_workflow
def color(library: Library) -> Pictures:
    face = library.editor.find_faces(library.photo(PHOTO))[0]
    labels = library.editor.parser.parse(face.crop)
    request = EditRequest(
        mask=part_mask(library, face, labels, "hair", 3),
        latent=Latent(encoded(library, PHOTO)),
        fit=0,
        **own_guides(face, labels, "facemug_hair_paint.png"),
    )
    return staged(library, request)


@of_workflow
def exemplars_blended(library: Library) -> Pictures:
    first, second, third = (encoded(library, file) for file in EXEMPLARS)
    codes = latents.mix_layers(latents.interpolate(first, second, 0.5), third, 8)
    mask = own_mask(library, "hair+skin+ears+mouth+nose")
    return staged(library, EditRequest(mask=mask, latent=Latent(codes)))


@of_workflow
def part_of_another_photo(library: Library) -> Pictures:
    other = library.photo(EXEMPLARS[2])
    return edited(library, EditRequest(regions="mouth", grow=8, style="exemplar", exemplar=other))


@of_workflow
def everything_at_once(library: Library) -> Pictures:
    face = library.editor.find_faces(library.photo(PHOTO))[0]
    labels = library.editor.parser.parse(face.crop)
    codes = latents.interpolate(encoded(library, EXEMPLARS[0]), library.editor.model.random_codes([3]), 0.3)
    request = EditRequest(
        mask=part_mask(library, face, labels, "hair+mouth", 4),
        latent=Latent(codes),
        **own_guides(face, labels, "facemug_hair_paint.png"),
    )
    return staged(library, request)


@of_workflow
def group_photo(library: Library) -> Pictures:
    group = library.photo(GROUP)
    faces = library.editor.find_faces(group, FaceQuery("left to right"))
    mask = torch.zeros(1, 1, *group.size)
    for face in faces:
        own = region_mask(library.editor.parser.parse(face.crop), "hair", 4)
        mask = torch.maximum(mask, mask_to_photo(own, face.matrix, group.size))
    result, styles = group, library.editor.model.random_codes([20, 21, 22])
    own_parts = split_mask(mask, [face.matrix for face in faces])
    for face, own, codes in zip(faces, own_parts, styles, strict=True):
        conditions = crop_conditions(face, mask_to_crop(own, face.matrix), {})
        plan = StylePlan(latent=Latent(codes[None]), fit=FIT_STEPS)
        style = styled(library.editor.model, conditions, plan).latent.codes
        crop = library.editor.model.generate(library.editor.model.aggregate(conditions), style)
        result = result.with_crop(crop, own, face.matrix, 0, 1.0)
    return [shown(result)]


@of_workflow
def saved_face(library: Library) -> Pictures:
    face, mask = library.editor.find_faces(library.photo(PHOTO))[0], own_mask(library, "hair")
    conditions = crop_conditions(face, mask_to_crop(mask, face.matrix), {})
    own = styled(library.editor.model, conditions, StylePlan("projected")).latent.codes
    saved = latents.load_codes(FOLDER / "facemug_face.safetensors")
    return staged(library, EditRequest(mask=mask, latent=Latent(latents.interpolate(own, saved, 0.8))))


@of_workflow
def inside_a_subgraph(library: Library) -> Pictures:
    """Its stages leave out warping, which `edit` does by itself."""
    codes = library.editor.model.random_codes([4])
    return staged(library, EditRequest(mask=own_mask(library, "hair"), latent=Latent(codes)))


@of_workflow
def hand_over_to_inpainting(library: Library) -> Pictures:
    """The host's own nodes have the last word there; what is handed over to them is compared."""
    return quick_edit(library)


@of_workflow
def pose(library: Library) -> Pictures:
    poser = Poser(library.editor)
    wanted = poser.read(library.editor.model.render(encoded(library, PHOTO)))
    turned = poser.turn(encoded(library, EXEMPLARS[1]), wanted)
    return staged(library, EditRequest(mask=own_mask(library, WHOLE_FACE), latent=Latent(turned.codes)))


@of_workflow
def attributes(library: Library) -> Pictures:
    directions = shipped_directions()
    amounts = {"smile": -0.6, "eyes_open": 0.8, "lipstick": 0.8}
    codes = encoded(library, PHOTO)
    for name, amount in amounts.items():
        codes = directions[name].apply(codes, amount)
    return staged(library, EditRequest(mask=own_mask(library, WHOLE_FACE), latent=Latent(codes), fit=0))


@of_workflow
def attributes_grid(library: Library) -> Pictures:
    directions = shipped_directions()
    rows = sweep(encoded(library, PHOTO), directions["age"], (-1, 0, 1))
    grid = sweep(rows, directions["smile"], (-1, -0.5, 0, 0.5, 1))
    face = library.editor.find_faces(library.photo(PHOTO))[0]
    conditions = crop_conditions(face, mask_to_crop(own_mask(library, WHOLE_FACE), face.matrix), {})
    features = library.editor.model.aggregate(conditions)
    with torch.inference_mode():
        return [shown_crop(library.editor.model.generate(features, codes[None])[0]) for codes in grid]


@of_workflow
def text(library: Library) -> Pictures:
    mask = own_mask(library, f"{WHOLE_FACE}+hair")
    goal = TextGoal("curly blond hair", load_clip(), TextOptions(steps=15))
    return staged(library, EditRequest(mask=mask, latent=Latent(encoded(library, PHOTO)), fit=0, text=goal))


WHOLE_FACE = "skin+brows+eyes+nose+mouth"


def edited(library: Library, request: EditRequest, file: str = PHOTO) -> Pictures:
    return [shown(result) for result in library.editor.edit(library.photo(file), request).photos]


def staged(library: Library, request: EditRequest, file: str = PHOTO) -> Pictures:
    """What the wired stages make, without the one that adds detail."""
    fit = FIT_STEPS if request.fit is None else request.fit
    return edited(library, replace(request, size=256, fit=fit), file)


def encoded(library: Library, file: str) -> Tensor:
    crop = library.editor.find_exemplar(library.photo(file)).crop
    model = library.editor.model
    return model.invert(model.encode(crop), whole_photo(crop))


def own_mask(library: Library, names: str) -> Tensor:
    """The mask of parts of the photo's own face, grown by 4."""
    face = library.editor.find_faces(library.photo(PHOTO))[0]
    return part_mask(library, face, library.editor.parser.parse(face.crop), names, 4)


def part_mask(library: Library, face: AlignedFace, labels: Tensor, names: str, grow: int) -> Tensor:
    return mask_to_photo(region_mask(labels, names, grow), face.matrix, library.photo(PHOTO).size)


def own_guides(face: AlignedFace, labels: Tensor, paint: str) -> Mapping[str, Guide]:
    """The face's own edges and map, and a painting on the photo."""
    return {
        "sketch": Guide(pencil_sketch(face.crop), aligned=True),
        "semantic": Guide(labels, aligned=True),
        "color": Guide(read_color(FOLDER / paint)),
    }


def shown(picture: Photo) -> np.ndarray:
    """The values that the host's preview writes: it cuts fractions off."""
    return _cut(picture.pixels[0].permute(1, 2, 0) / 255)


def shown_crop(crop: Tensor) -> np.ndarray:
    return _cut((crop.clamp(-1, 1) + 1).mul(0.5).permute(1, 2, 0))


def _cut(values: Tensor) -> np.ndarray:
    return (255.0 * values.numpy()).clip(0, 255).astype(np.uint8)


def shortest_edit(library: Library) -> Pictures:
    """What FACEMUG Edit makes of hair if all else stays as it is in a new node."""
    return edited(library, EditRequest(regions="hair"))


def faces_of_the_group(library: Library) -> Pictures:
    """The crops of Detect & Align Faces."""
    faces = library.editor.find_faces(library.photo(GROUP), FaceQuery("left to right"))
    return [shown_crop(face.crop[0]) for face in faces]
