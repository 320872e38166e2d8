"""The workflows of the pack as short descriptions.

`python -m tests.host.workflows [NAME …]` writes the files and draws the thumbnails, of all or of those named.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from .checking import converted
from .editor import EachRun, Node, Output, Workflow
from .installing import ROOT
from .running import Host, Prompt

FOLDER = ROOT / "workflows"
PHOTO, HOLE, MOUTH_MASK = (
    "facemug_photo.jpg",
    "facemug_photo_with_hole.png",
    "facemug_photo_with_mouth_mask.png",
)
PAINTED = "facemug_photo_painted.png"
GROUP, MAP = "facemug_group.jpg", "facemug_map.png"
HAIR_MASK, HAIR_PAINT = "facemug_hair_mask.png", "facemug_hair_paint.png"
EXEMPLARS = ("facemug_exemplar_1.jpg", "facemug_exemplar_2.jpg", "facemug_exemplar_3.jpg")

TILE = 256
"""Height of a thumbnail's pictures."""

DESCRIPTIONS: dict[str, Callable[[Workflow], None]] = {}
TITLES: dict[str, str] = {}
"""Of the workflows, by the names of their descriptions."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the pack's workflows and draw their thumbnails.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a workflow; all by default")
    names = parser.parse_args().names or list(DESCRIPTIONS)
    with tempfile.TemporaryDirectory() as folder, Host(Path(folder)) as host:
        known = host.nodes()
        files = [file_of(name) for name in names]
        for name, file in zip(names, files, strict=True):
            file.write_text(file_text(name, known))
        for name, prompt in zip(names, converted(files, known, Path(folder)), strict=True):
            thumbnail(host, prompt).save(file_of(name).with_suffix(".jpg"), quality=88)


def thumbnail(host: Host, prompt: Prompt) -> Image.Image:
    """The first picture that a workflow loads, and up to four that it shows last, in a row."""
    run = host.run(prompt)
    loaded = (node["inputs"]["image"] for node in prompt.values() if node["class_type"] == "LoadImage")
    pictures = [Image.open(FOLDER / "inputs" / next(loaded, PHOTO))]
    last = last_preview(prompt)
    shown = min(4, len(run.outputs[last]["images"]))
    pictures += [host.picture(run, last, index) for index in range(shown)]
    height = min(TILE, TILE * 4 // len(pictures))
    small = [picture.convert("RGB") for picture in pictures]
    small = [picture.resize((picture.width * height // picture.height, height)) for picture in small]
    row = Image.new("RGB", (sum(picture.width for picture in small), height))
    for i, picture in enumerate(small):
        row.paste(picture, (sum(before.width for before in small[:i]), 0))
    return row


def last_preview(prompt: Prompt) -> str:
    """The node that shows a workflow's result."""
    return max((key for key, node in prompt.items() if node["class_type"] == "PreviewImage"), key=int)


def file_text(name: str, known: Mapping[str, Any]) -> str:
    """The file of a workflow; `known` is the host's description of its nodes."""
    workflow = Workflow(name, known)
    DESCRIPTIONS[name](workflow)
    return json.dumps(workflow.written(), indent=2) + "\n"


def described(title: str) -> Callable[[Callable[[Workflow], None]], Callable[[Workflow], None]]:
    """A description whose file has this title: hosts show names of files, and list them in their order.

    The first digit is that of the nodes' category: start here, guides, styles, text, advanced.
    """

    def add(describe: Callable[[Workflow], None]) -> Callable[[Workflow], None]:
        DESCRIPTIONS[describe.__name__], TITLES[describe.__name__] = describe, title
        return describe

    return add


def file_of(name: str) -> Path:
    """The file of a workflow; its thumbnail has the same name."""
    return FOLDER / f"{TITLES[name]}.json"


def load_model(w: Workflow) -> Output:
    return w.add("FACEMUG_LoadModel")["model"]


def load_photo(w: Workflow, file: str = PHOTO, title: str = "Photo") -> Node:
    return w.add("LoadImage", title, image=file)


def preview(w: Workflow, picture: Output, title: str) -> None:
    w.add("PreviewImage", title, images=picture)


# --- in one node --------------------------------------------------------------------------------------------


@described("01 Start here - smile and age by sliders")
def portrait_sliders(w: Workflow) -> None:
    with w.group("1 · Photo"):
        w.note(
            "## A smile in two nodes\n"
            "Move a slider and run: the result is shown on *Portrait Sliders*, too.\n\n"
            "**Try:** *age*; the sliders that are folded away; your own photo in *Load Image*."
        )
        photo = load_photo(w)
    with w.group("2 · Sliders"):
        edit = w.add("FACEMUG_PortraitSliders", image=photo["IMAGE"], smile=-0.6, eyes_open=0.8, age=0.5)
    with w.group("3 · Result"):
        preview(w, edit["edited"], "Edited photo")


@described("02 Start here - new hair by its name")
def quick_edit(w: Workflow) -> None:
    with w.group("1 · Photo"):
        w.note(
            "## Quick edit\n"
            "Name face parts in **regions**, such as `hair`, `eyes, brows` or `mouth`, and run.\n\n"
            "**Try:** other regions; a higher *grow*; a new *seed*; `curly blond hair` in *text*, with the "
            "*style* auto; your own photo in *Load Image*."
        )
        model = load_model(w)
        photo = load_photo(w)
    with w.group("2 · Edit"):
        edit = w.add(
            "FACEMUG_Edit",
            model=model,
            image=photo["IMAGE"],
            regions="hair",
            grow=6,
            style="random",
            seed=EachRun(3),
        )
    with w.group("3 · Result"):
        preview(w, edit["edited"], "Edited photo")
        w.add("MaskPreview", "What changed", mask=edit["changed"])


@described("03 Start here - fill a hole")
def completion(w: Workflow) -> None:
    with w.group("1 · Photo with a hole"):
        w.note(
            "## Fill in what is missing\n"
            "The mask is painted in the photo: right-click *Load Image* → *Open in MaskEditor*. What "
            "you paint is made anew from what is left.\n\n"
            "**Try:** a higher *style_mix* for variants that differ more."
        )
        model = load_model(w)
        photo = load_photo(w, HOLE)
    with w.group("2 · Fill"):
        edit = w.add(
            "FACEMUG_Edit", model=model, image=photo["IMAGE"], mask=photo["MASK"], style="projected",
            style_mix=0.3, seed=EachRun(1), variants=4, aligned=True,
        )  # fmt: skip
    with w.group("3 · Four variants"):
        preview(w, edit["edited"], "Filled in")


@described("04 Start here - paint and see")
def painter(w: Workflow) -> None:
    layers = {
        "mask": {"file": HAIR_MASK, "on": True},
        "color": {"file": HAIR_PAINT, "on": True, "strength": 0.5},
    }
    painting = {"version": 1, "photo": PHOTO, "layers": layers}
    with w.group("1 · Paint"):
        w.note(
            "## Paint and see\n"
            "Left is the photo with what is painted over it, right the edit. It follows every stroke.\n\n"
            "**Try:** *Mask* and *Face part*, and click the mouth; another color; a sketch of longer hair; "
            "an exemplar; your own photo."
        )
        edit = w.add("FACEMUG_Painter", painting=json.dumps(painting))
    with w.group("2 · Result"):
        preview(w, edit["edited"], "Edited photo")
        w.add("MaskPreview", "What changed", mask=edit["changed"])


@described("22 Face of another photo")
def exemplar(w: Workflow) -> None:
    with w.group("1 · Photos"):
        w.note(
            "## Features of another photo\n"
            "The masked part takes its look from the exemplar's face.\n\n"
            "**Try:** other *regions*; a *style_mix* towards random looks."
        )
        model = load_model(w)
        photo = load_photo(w)
        other = load_photo(w, EXEMPLARS[0], "Exemplar")
    with w.group("2 · Edit"):
        edit = w.add(
            "FACEMUG_Edit", model=model, image=photo["IMAGE"], exemplar=other["IMAGE"], regions="hair+face",
            grow=4, style="exemplar",
        )  # fmt: skip
    with w.group("3 · Result"):
        preview(w, edit["edited"], "Edited photo")


@described("21 Nine hair styles")
def random_styles(w: Workflow) -> None:
    with w.group("1 · Photo"):
        w.note(
            "## A sheet of variants\n"
            "Each variant takes the next seed. Click the sheet to leaf through it.\n\n"
            "**Try:** *regions* `eyes+brows`; the seed of a variant that you like, with *variants* 1."
        )
        model = load_model(w)
        photo = load_photo(w)
    with w.group("2 · Nine styles"):
        edit = w.add(
            "FACEMUG_Edit", model=model, image=photo["IMAGE"], regions="hair", grow=6, style="random",
            seed=10, variants=9,
        )  # fmt: skip
    with w.group("3 · Sheet"):
        preview(w, edit["edited"], "Seeds 10 to 18")


@described("14 Make-up")
def make_up(w: Workflow) -> None:
    with w.group("1 · Photo and make-up"):
        w.note(
            "## Make-up\n"
            "The photo's own edges keep the shapes; a painting on a transparent ground says where "
            "which color goes.\n\n"
            "**Try:** a lower *color_strength*; your own painting."
        )
        model = load_model(w)
        photo = load_photo(w)
        paint = load_photo(w, "facemug_make_up_paint.png", "Painting of the make-up")
    with w.group("2 · Guides"):
        sketch = w.add("FACEMUG_Sketch", "Edges of the photo", source="photo", image=photo["IMAGE"])
        color = w.add(
            "FACEMUG_ColorMap", "Make-up", source="painting", image=paint["IMAGE"], transparent=paint["MASK"]
        )
        preview(w, sketch["preview"], "Edges")
        preview(w, color["preview"], "Colors")
    with w.group("3 · Edit"):
        edit = w.add(
            "FACEMUG_Edit", model=model, image=photo["IMAGE"], regions="mouth+eyes", grow=10,
            sketch=sketch["sketch"], color=color["color"], color_strength=0.6, style="photo",
        )  # fmt: skip
    with w.group("4 · Result"):
        preview(w, edit["edited"], "Made up")


@described("15 Paint on the photo")
def paint_on_the_photo(w: Workflow) -> None:
    with w.group("1 · Photo with paint"):
        w.note(
            "## Paint on the photo\n"
            "Right-click *Painted photo* → *Open in MaskEditor*, choose the paint brush and paint: dark "
            "strokes become a sketch, other paint becomes colors, and both together are the mask.\n\n"
            "**Try:** lipstick in another color; thicker brows; your own photo in both *Load Image* nodes. "
            "Maps are painted in the same way: *facemug_map_legend.png* shows their colors."
        )
        model = load_model(w)
        painted = load_photo(w, PAINTED, "Painted photo")
        photo = load_photo(w)
    with w.group("2 · Guides and mask"):
        split = w.add("FACEMUG_SplitPaint", painted=painted["IMAGE"], original=photo["IMAGE"])
        preview(w, split["preview"], "Sketch and colors")
        mask = w.add("FACEMUG_RefineMask", mask=split["paint_mask"])
    with w.group("3 · Edit"):
        edit = w.add(
            "FACEMUG_Edit", model=model, image=photo["IMAGE"], mask=mask["mask"], sketch=split["sketch"],
            color=split["color"], style="photo",
        )  # fmt: skip
    with w.group("4 · Result"):
        preview(w, edit["edited"], "Edited photo")


@described("43 Edits in a chain")
def edits_in_a_chain(w: Workflow) -> None:
    with w.group("1 · Photo"):
        w.note(
            "## One edit after another\n"
            "Each edit takes the picture of the last one. What lies outside its mask keeps its bits, "
            "so nothing gets worse on the way.\n\n"
            "**Try:** changing the last edit: the earlier ones do not run again."
        )
        model = load_model(w)
        photo = load_photo(w)
    picture = photo["IMAGE"]
    for step, (regions, seed) in enumerate([("hair", 3), ("mouth", 3), ("eyes+brows", 3)], start=2):
        with w.group(f"{step} · {regions}"):
            edit = w.add(
                "FACEMUG_Edit", model=model, image=picture, regions=regions, grow=6, style="random", seed=seed
            )
            picture = edit["edited"]
            preview(w, picture, f"After {regions}")


@described("46 Hand over to inpainting")
def hand_over_to_inpainting(w: Workflow) -> None:
    with w.group("1 · Photo"):
        w.note(
            "## Hand over to other nodes\n"
            "*changed* is the mask of what was edited. Grown and softened, it is what a sampler or a "
            "detailer needs: connect *Softened mask* and *Edited photo* to **VAE Encode (for "
            "Inpainting)** or **Set Latent Noise Mask**, sample with a low denoise, and give the "
            "result back as *source* of **ImageCompositeMasked**. Here a core node that sharpens "
            "stands in for the sampler."
        )
        model = load_model(w)
        photo = load_photo(w)
    with w.group("2 · Edit"):
        edit = w.add(
            "FACEMUG_Edit", model=model, image=photo["IMAGE"], regions="hair", grow=6, style="random", seed=3
        )
        preview(w, edit["edited"], "Edited photo")
    with w.group("3 · Mask for what follows"):
        grown = w.add("GrowMask", mask=edit["changed"], expand=6)
        # The host's Feather Mask softens the sides of the picture, not the mask's outline.
        blurred = w.add(
            "ImageBlur", image=w.add("MaskToImage", mask=grown["MASK"])["IMAGE"], blur_radius=8, sigma=4.0
        )
        soft = w.add("ImageToMask", "Softened mask", image=blurred["IMAGE"], channel="red")
        w.add("MaskPreview", "Mask", mask=soft["MASK"])
    with w.group("4 · In place of a sampler"):
        refined = w.add("ImageSharpen", image=edit["edited"], sharpen_radius=2, sigma=1.0, alpha=0.1)
        joined = w.add(
            "ImageCompositeMasked", destination=edit["edited"], source=refined["IMAGE"], mask=soft["MASK"]
        )
        preview(w, joined["IMAGE"], "Refined")


# --- stage by stage -----------------------------------------------------------------------------------------


@described("42 New faces from a map")
def face_from_a_map(w: Workflow) -> None:
    with w.group("1 · Map"):
        w.note(
            "## A face from a map alone\n"
            "No photo: the map says where what is, and the first eight codes fit it; random styles say how "
            "it looks.\n\n"
            "**Try:** a new *seed*; *psi* 0.4 for plainer faces; painting on the map in its own "
            "colors."
        )
        model = load_model(w)
        drawn = load_photo(w, MAP, "Map in the palette of Parse Face")
    with w.group("2 · Conditions and styles"):
        semantic = w.add("FACEMUG_SemanticMap", image=drawn["IMAGE"])
        conditions = w.add("FACEMUG_Conditions", semantic=semantic["semantic"])
        shape = w.add(
            "FACEMUG_ProjectConditions", model=model, conditions=conditions["conditions"], inversion_steps=0
        )
        look = w.add("FACEMUG_RandomStyle", model=model, seed=EachRun(7), variants=4)
        style = w.add("FACEMUG_MixLatents", coarse=shape["latent"], fine=look["latent"], crossover=8)
    with w.group("3 · Generate"):
        features = w.add("FACEMUG_Aggregate", model=model, conditions=conditions["conditions"])
        made = w.add("FACEMUG_Generate", model=model, features=features["features"], latent=style["latent"])
    with w.group("4 · Faces"):
        preview(w, made["crops"], "Four styles of one map")


@described("11 Sketch a mouth")
def sketch(w: Workflow) -> None:
    with w.group("1 · Photo and drawing"):
        w.note(
            "## Draw what should be there\n"
            "Dark strokes on white. The mask, painted in the photo, says where they count.\n\n"
            "**Try:** a lower *sketch_strength*; your own drawing."
        )
        model = load_model(w)
        photo = load_photo(w, MOUTH_MASK)
        drawing = load_photo(w, "facemug_sketch.png", "Drawing")
    with w.group("2 · Face and strokes"):
        faces = detect(w, model, photo["IMAGE"])
        strokes = w.add("FACEMUG_Sketch", source="drawing", image=drawing["IMAGE"])
    with w.group("3 · Conditions and style"):
        conditions = w.add(
            "FACEMUG_Conditions", faces=faces["faces"], mask=photo["MASK"], sketch=strokes["sketch"]
        )
        style = w.add("FACEMUG_ProjectConditions", model=model, conditions=conditions["conditions"])
    generate_and_paste(w, model, faces, conditions, style["latent"], photo["MASK"])


@described("12 Longer hair by a map")
def semantic_map(w: Workflow) -> None:
    with w.group("1 · Photo and map"):
        w.note(
            "## Change shapes by the map\n"
            "The map is the photo's own, with longer hair painted into it. Its hair is the mask.\n\n"
            "**Try:** painting on the map of *Parse Face* in a paint program."
        )
        model = load_model(w)
        photo = load_photo(w)
        drawn = load_photo(w, "facemug_map_with_longer_hair.png", "Map with longer hair")
    with w.group("2 · Face, map and mask"):
        faces = detect(w, model, photo["IMAGE"])
        semantic = w.add("FACEMUG_SemanticMap", image=drawn["IMAGE"])
        mask = w.add("FACEMUG_RegionMask", semantic=semantic["semantic"], hair=True, grow=4)
        w.add("MaskPreview", "Mask", mask=mask["mask"])
    with w.group("3 · Conditions and style"):
        conditions = w.add(
            "FACEMUG_Conditions", faces=faces["faces"], mask=mask["mask"], semantic=semantic["semantic"]
        )
        style = w.add("FACEMUG_ProjectConditions", model=model, conditions=conditions["conditions"])
    generate_and_paste(w, model, faces, conditions, style["latent"], mask["mask"])


@described("13 Color the hair")
def color(w: Workflow) -> None:
    with w.group("1 · Photo and paint"):
        w.note(
            "## Color the hair\n"
            "A painting on a transparent ground says which color goes where; the photo's own style, edges "
            "and map keep the hair as it is.\n\n"
            "**Try:** a lower *color_strength*; another color in a paint program."
        )
        model = load_model(w)
        photo = load_photo(w)
        paint = load_photo(w, "facemug_hair_paint.png", "Painting of the hair")
    with w.group("2 · Face and mask"):
        faces = detect(w, model, photo["IMAGE"])
        parsed = w.add("FACEMUG_ParseFace", model=model, faces=faces["faces"])
        mask = w.add("FACEMUG_RegionMask", semantic=parsed["semantic"], hair=True, grow=3)
        preview(w, parsed["palette"], "Map")
    with w.group("3 · Guides"):
        edges = w.add("FACEMUG_Sketch", source="photo", faces=faces["faces"])
        colors = w.add("FACEMUG_ColorMap", source="painting", image=paint["IMAGE"], transparent=paint["MASK"])
        conditions = w.add(
            "FACEMUG_Conditions", faces=faces["faces"], mask=mask["mask"], sketch=edges["sketch"],
            semantic=parsed["semantic"], color=colors["color"],
        )  # fmt: skip
        own = w.add("FACEMUG_EncodeExemplar", "Its own style", model=model, faces=faces["faces"])
    generate_and_paste(w, model, faces, conditions, own["latent"], mask["mask"])


@described("24 Blend of three people")
def exemplars_blended(w: Workflow) -> None:
    with w.group("1 · Photos"):
        w.note(
            "## Blend exemplars\n"
            "Two exemplars are blended, the fine layers of a third laid over the blend, and the style is "
            "fitted to the photo.\n\n"
            "**Try:** other *weights*; the third exemplar as *latent_3*, too; *crossover* 4 and 12."
        )
        model = load_model(w)
        photo = load_photo(w)
        others = [load_photo(w, file, f"Exemplar {i}") for i, file in enumerate(EXEMPLARS, start=1)]
    with w.group("2 · Latents"):
        first, second, third = (
            w.add("FACEMUG_EncodeExemplar", f"Encode exemplar {i}", model=model, image=other["IMAGE"])
            for i, other in enumerate(others, start=1)
        )
        blend = w.add("FACEMUG_BlendLatents", latent_1=first["latent"], latent_2=second["latent"])
        mixed = w.add("FACEMUG_MixLatents", coarse=blend["latent"], fine=third["latent"], crossover=8)
    with w.group("3 · Face and mask"):
        parts = dict.fromkeys(("hair", "skin", "left_ear", "right_ear", "mouth", "nose"), True)
        faces, mask = face_and_mask(w, model, photo["IMAGE"], **parts)
        conditions = w.add("FACEMUG_Conditions", faces=faces["faces"], mask=mask)
        style = fitted(w, model, conditions, mixed["latent"])
    generate_and_paste(w, model, faces, conditions, style, mask)


@described("23 Mouth of another photo")
def part_of_another_photo(w: Workflow) -> None:
    with w.group("1 · Photos"):
        w.note(
            "## A part of another face\n"
            "The mouth is drawn as the other person has it, in the pose and the light of the photo.\n\n"
            "**Try:** *regions* `eyes+brows` or `nose`; a *fit_steps* of 12."
        )
        model = load_model(w)
        photo = load_photo(w)
        other = load_photo(w, EXEMPLARS[2], "The part's photo")
    with w.group("2 · Edit"):
        edit = w.add(
            "FACEMUG_Edit", model=model, image=photo["IMAGE"], exemplar=other["IMAGE"], regions="mouth",
            grow=8, style="exemplar",
        )  # fmt: skip
    with w.group("3 · Result"):
        preview(w, edit["edited"], "Photo with the part")


@described("44 All guides at once")
def everything_at_once(w: Workflow) -> None:
    with w.group("1 · Photos"):
        w.note(
            "## All guides at once\n"
            "Each stage is a node, and each can be left out: disconnect a guide, or set its strength "
            "to 0.\n\n"
            "**Try:** the *amount* between the exemplar and a random style: only what follows runs "
            "again."
        )
        model = load_model(w)
        photo = load_photo(w)
        other = load_photo(w, EXEMPLARS[0], "Exemplar")
        paint = load_photo(w, "facemug_hair_paint.png", "Painting of the hair")
    with w.group("2 · Face, map and mask"):
        faces = detect(w, model, photo["IMAGE"])
        parsed = w.add("FACEMUG_ParseFace", model=model, faces=faces["faces"])
        mask = w.add("FACEMUG_RegionMask", semantic=parsed["semantic"], hair=True, mouth=True, grow=4)
        preview(w, faces["overlay"], "Face found")
        preview(w, parsed["palette"], "Map")
    with w.group("3 · Guides"):
        edges = w.add("FACEMUG_Sketch", source="photo", faces=faces["faces"])
        colors = w.add("FACEMUG_ColorMap", source="painting", image=paint["IMAGE"], transparent=paint["MASK"])
        preview(w, edges["preview"], "Edges")
        conditions = w.add(
            "FACEMUG_Conditions", faces=faces["faces"], mask=mask["mask"], sketch=edges["sketch"],
            semantic=parsed["semantic"], color=colors["color"],
        )  # fmt: skip
    with w.group("4 · Style"):
        encoded = w.add("FACEMUG_EncodeExemplar", model=model, image=other["IMAGE"])
        random = w.add("FACEMUG_RandomStyle", model=model, seed=3)
        mixed = w.add(
            "FACEMUG_InterpolateLatents", latent=encoded["latent"], other=random["latent"], amount=0.3
        )
        style = fitted(w, model, conditions, mixed["latent_out"])
    generate_and_paste(w, model, faces, conditions, style, mask["mask"], group=5)


@described("41 Several faces")
def group_photo(w: Workflow) -> None:
    with w.group("1 · Photo"):
        w.note(
            "## Several faces\n"
            "All faces are found, from left to right; each gets a hair style of its own, fitted to it, and "
            "all are pasted back.\n\n"
            "**Try:** *which* = index, to edit one of them: all are numbered then."
        )
        model = load_model(w)
        photo = load_photo(w, GROUP, "Group photo")
    with w.group("2 · Faces and masks"):
        faces = w.add("FACEMUG_DetectFaces", model=model, image=photo["IMAGE"], which="left to right")
        parsed = w.add("FACEMUG_ParseFace", model=model, faces=faces["faces"])
        mask = w.add("FACEMUG_RegionMask", semantic=parsed["semantic"], hair=True, grow=4)
        preview(w, faces["overlay"], "Faces found")
    with w.group("3 · Conditions and styles"):
        conditions = w.add("FACEMUG_Conditions", faces=faces["faces"], mask=mask["mask"])
        random = w.add("FACEMUG_RandomStyle", model=model, seed=20, variants=3)
        style = fitted(w, model, conditions, random["latent"])
    generate_and_paste(w, model, faces, conditions, style, mask["mask"])


@described("45 Saved face")
def saved_face(w: Workflow) -> None:
    with w.group("1 · Saved face"):
        w.note(
            "## Use a saved face again\n"
            "*Save FACEMUG Latent* stores style codes in the output folder, *Load FACEMUG Latent* reads "
            "them from there or from the input folder.\n\n"
            "**Try:** saving the blend, and loading it after pressing R."
        )
        model = load_model(w)
        photo = load_photo(w)
        saved = w.add("FACEMUG_LoadLatent", file="facemug_face.safetensors")
    with w.group("2 · Face and blend"):
        faces, mask = face_and_mask(w, model, photo["IMAGE"], hair=True)
        conditions = w.add("FACEMUG_Conditions", faces=faces["faces"], mask=mask)
        own = w.add("FACEMUG_ProjectConditions", model=model, conditions=conditions["conditions"])
        blend = w.add("FACEMUG_InterpolateLatents", latent=own["latent"], other=saved["latent"], amount=0.8)
        w.add("FACEMUG_SaveLatent", latent=blend["latent_out"], model=model)
        style = fitted(w, model, conditions, blend["latent_out"])
    generate_and_paste(w, model, faces, conditions, style, mask, group=3)


@described("47 Inside a subgraph")
def inside_a_subgraph(w: Workflow) -> None:
    with w.group("1 · Photo"):
        w.note(
            "## Your own node from ours\n"
            "All stages of an edit lie in one subgraph: double-click *New hair* to see and change them.\n\n"
            "**Try:** another *seed* inside; unpacking it by a right-click."
        )
        model = load_model(w)
        photo = load_photo(w)
    with w.group("2 · A subgraph"), w.subgraph("New hair"):
        faces, mask = face_and_mask(w, model, photo["IMAGE"], hair=True)
        conditions = w.add("FACEMUG_Conditions", faces=faces["faces"], mask=mask)
        random = w.add("FACEMUG_RandomStyle", model=model, seed=4)
        style = fitted(w, model, conditions, random["latent"])
        features = w.add("FACEMUG_Aggregate", model=model, conditions=conditions["conditions"])
        made = w.add("FACEMUG_Generate", model=model, features=features["features"], latent=style)
        pasted = w.add("FACEMUG_PasteFaces", faces=faces["faces"], crops=made["crops"], mask=mask)
    with w.group("3 · Result"):
        preview(w, pasted["image"], "Edited photo")


@described("25 Turn a head")
def pose(w: Workflow) -> None:
    with w.group("1 · Photos"):
        w.note(
            "## Turn an exemplar into the photo's pose\n"
            "The exemplar looks aside. *Warp FACEMUG Latent* turns its style in one pass, *Face Pose* "
            "measures and corrects; both are shown beside the style as it is, each fitted to the photo. "
            "Without *target*, *Face Pose* turns to *yaw* and *pitch*: *Frontal* has both at 0.\n\n"
            "**Try:** other angles in *Frontal*."
        )
        model = load_model(w)
        photo = load_photo(w)
        other = load_photo(w, EXEMPLARS[1], "Exemplar that looks aside")
    with w.group("2 · Face and mask"):
        faces, mask = face_and_mask(w, model, photo["IMAGE"], **WHOLE_FACE)
        conditions = w.add("FACEMUG_Conditions", faces=faces["faces"], mask=mask)
        features = w.add("FACEMUG_Aggregate", model=model, conditions=conditions["conditions"])
    with w.group("3 · Styles"):
        own = w.add("FACEMUG_EncodeExemplar", "The photo's own style", model=model, faces=faces["faces"])
        aside = w.add("FACEMUG_EncodeExemplar", "The exemplar's style", model=model, image=other["IMAGE"])
        warped = w.add("FACEMUG_WarpLatent", model=model, latent=aside["latent"], target=own["latent"])
        turned = w.add("FACEMUG_Pose", model=model, latent=aside["latent"], target=own["latent"])
        preview(w, turned["pictures"], "Its style, turned")
        frontal = w.add("FACEMUG_Pose", "Frontal", model=model, latent=aside["latent"])
        preview(w, frontal["pictures"], "Its style, looking straight ahead")
    for number, title, latent in (
        (4, "As it is", aside["latent"]),
        (5, "Warped", warped["latent_out"]),
        (6, "Turned", turned["latent_out"]),
    ):
        with w.group(f"{number} · {title}"):
            style = fitted(w, model, conditions, latent)
            made = w.add("FACEMUG_Generate", model=model, features=features["features"], latent=style)
            pasted = w.add("FACEMUG_PasteFaces", faces=faces["faces"], crops=made["crops"], mask=mask)
            preview(w, pasted["image"], title)


@described("26 Sliders on a style")
def attributes(w: Workflow) -> None:
    with w.group("1 · Photo"):
        w.note(
            "## Attribute sliders\n"
            "The face's own style, moved by sliders. All at 0 give the face as the model sees it; only what "
            "follows the sliders runs again.\n\n"
            "**Try:** any slider; *hair* in *Region Mask* too for those of the hair."
        )
        model = load_model(w)
        photo = load_photo(w)
    with w.group("2 · Face and mask"):
        faces, mask = face_and_mask(w, model, photo["IMAGE"], **WHOLE_FACE)
        conditions = w.add("FACEMUG_Conditions", faces=faces["faces"], mask=mask)
        own = w.add("FACEMUG_EncodeExemplar", "Its own style", model=model, faces=faces["faces"])
    with w.group("3 · Sliders"):
        moved = w.add(
            "FACEMUG_AttributeSliders", latent=own["latent"], smile=-0.6, eyes_open=0.8, lipstick=0.8
        )
    generate_and_paste(w, model, faces, conditions, moved["latent_out"], mask)


@described("27 Grid of age and smile")
def attributes_grid(w: Workflow) -> None:
    with w.group("1 · Photo and directions"):
        w.note(
            "## A grid of values\n"
            "Two directions at several amounts: each sweep makes a batch of styles, the second one of every "
            "style of the first.\n\n"
            "**Try:** other directions; a file of your own in `models/facemug`."
        )
        model = load_model(w)
        photo = load_photo(w)
        down = w.add("FACEMUG_LoadDirection", "Downwards", direction="age")
        across = w.add("FACEMUG_LoadDirection", "To the right", direction="smile")
    with w.group("2 · Face and mask"):
        faces, mask = face_and_mask(w, model, photo["IMAGE"], **WHOLE_FACE)
        conditions = w.add("FACEMUG_Conditions", faces=faces["faces"], mask=mask)
        own = w.add("FACEMUG_EncodeExemplar", "Its own style", model=model, faces=faces["faces"])
    with w.group("3 · Fifteen styles"):
        rows = w.add(
            "FACEMUG_SweepDirection", "Three rows", latent=own["latent"], direction=down["direction"], steps=3
        )
        styles = w.add(
            "FACEMUG_SweepDirection", "Five columns", latent=rows["latent_out"],
            direction=across["direction"], steps=5,
        )  # fmt: skip
    with w.group("4 · Generate"):
        features = w.add("FACEMUG_Aggregate", model=model, conditions=conditions["conditions"])
        made = w.add(
            "FACEMUG_Generate", model=model, features=features["features"], latent=styles["latent_out"]
        )
        preview(w, made["crops"], "All values")
    with w.group("5 · Grid"):
        single = w.add("RebatchImages", images=made["crops"], batch_size=1)
        grid = w.add("ImageGrid", images=single["IMAGE"], columns=5)
        preview(w, grid["images"], "Older down, smiling right")


@described("31 Follow a text")
def text(w: Workflow) -> None:
    with w.group("1 · Photo"):
        w.note(
            "## Say it in words\n"
            "A style is searched for whose edit looks as the text says; watch it while it runs. The small "
            "model knows some 160 words; the help of *Load FACEMUG Text Model* names others.\n\n"
            "**Try:** another *text*, with a mask that holds what it speaks of; *Text Direction* with *Apply "
            "Direction*, which needs no search."
        )
        model = load_model(w)
        photo = load_photo(w)
        clip = w.add("FACEMUG_LoadClip")
    with w.group("2 · Face and mask"):
        faces, mask = face_and_mask(w, model, photo["IMAGE"], **WHOLE_FACE | {"hair": True})
        conditions = w.add("FACEMUG_Conditions", faces=faces["faces"], mask=mask)
        features = w.add("FACEMUG_Aggregate", model=model, conditions=conditions["conditions"])
        own = w.add("FACEMUG_EncodeExemplar", "Its own style", model=model, faces=faces["faces"])
    with w.group("3 · Text"):
        found = w.add(
            "FACEMUG_OptimizeText", model=model, clip=clip["clip"], features=features["features"],
            latent=own["latent"], text="curly blond hair", steps=15,
        )  # fmt: skip
        preview(w, found["loss_curve"], "Loss")
    with w.group("4 · Generate"):
        made = w.add(
            "FACEMUG_Generate", model=model, features=features["features"], latent=found["latent_out"]
        )
        preview(w, made["crops"], "Edited crop")
    with w.group("5 · Result"):
        pasted = w.add("FACEMUG_PasteFaces", faces=faces["faces"], crops=made["crops"], mask=mask)
        preview(w, pasted["image"], "Edited photo")


WHOLE_FACE = dict.fromkeys(
    ("skin", "left_brow", "right_brow", "left_eye", "right_eye", "nose", "mouth"), True
) | {"hair": False}
"""Switches of Region Mask for a face without its hair."""


def detect(w: Workflow, model: Output, image: Output) -> Node:
    return w.add("FACEMUG_DetectFaces", model=model, image=image)


def face_and_mask(w: Workflow, model: Output, image: Output, **parts: bool) -> tuple[Node, Output]:
    faces = detect(w, model, image)
    parsed = w.add("FACEMUG_ParseFace", model=model, faces=faces["faces"])
    return faces, w.add("FACEMUG_RegionMask", semantic=parsed["semantic"], grow=4, **parts)["mask"]


def fitted(w: Workflow, model: Output, conditions: Node, latent: Output) -> Output:
    """Another person's style, as it fits the photo."""
    return w.add("FACEMUG_FitLatent", model=model, conditions=conditions["conditions"], latent=latent)[
        "latent_out"
    ]


def generate_and_paste(
    w: Workflow, model: Output, faces: Node, conditions: Node, latent: Output, mask: Output, group: int = 4
) -> None:
    """The last two groups of a workflow that goes stage by stage."""
    with w.group(f"{group} · Generate"):
        features = w.add("FACEMUG_Aggregate", model=model, conditions=conditions["conditions"])
        made = w.add("FACEMUG_Generate", model=model, features=features["features"], latent=latent)
        preview(w, made["crops"], "Edited crop")
    with w.group(f"{group + 1} · Result"):
        pasted = w.add("FACEMUG_PasteFaces", faces=faces["faces"], crops=made["crops"], mask=mask)
        preview(w, pasted["image"], "Edited photo")


if __name__ == "__main__":
    main()
