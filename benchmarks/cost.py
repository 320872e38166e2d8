"""Cost curves: time and memory of an edit against batch, photo size, faces, modalities and steps.

    python -m benchmarks.cost [--out FOLDER]

Writes `cost.json` and a plot for each curve. Times are processor seconds of one thread, so that other work on
the machine counts little; memory is the process's peak during the edit (Linux only).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image

from benchmarks.speed import everything
from facemug_core.checkpoints.places import Places
from facemug_core.conditions import Conditions
from facemug_core.evaluation.memory import peak_megabytes, restart_peak
from facemug_core.evaluation.paper.curves import Curves, curve_svg
from facemug_core.model import FaceMug
from facemug_core.photo import Photo
from facemug_core.pipeline.crop import edit_crop
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.pipeline.style import StylePlan

BATCHES = (1, 2, 4, 8)
MEGAPIXELS = (0.5, 2, 8, 12)
FACES = (1, 2, 4)
GUIDES = ("sketch", "semantic", "color")
STEPS = (0, 6, 12, 24)

Edits = Mapping[float, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/cost"))
    folder: Path = parser.parse_args().out
    torch.set_num_threads(1)
    model = FaceMug.load("light", "cpu")
    editor = PhotoEditor(model)
    portrait = Image.open(Places().path("astronaut.png")).convert("RGB")
    editor.edit(Photo.from_image(portrait), EditRequest(regions="mouth"))  # loads what edits need
    folder.mkdir(parents=True, exist_ok=True)
    figures = {}
    for name, edits in all_edits(model, editor, portrait).items():
        costs = {place: cost(edit) for place, edit in edits.items()}
        figures[name] = {f"{place:g}": one for place, one in costs.items()}
        print(name, figures[name], flush=True)
        (folder / f"{name.replace(' ', '_')}.svg").write_text(plots(name, costs) + "\n")
    (folder / "cost.json").write_text(json.dumps(figures, indent=2) + "\n")


def all_edits(model: FaceMug, editor: PhotoEditor, portrait: Image.Image) -> dict[str, Edits]:
    """The edits of each curve, by what is varied."""
    conditions, _ = everything()
    return {
        "variants": {
            count: lambda count=count: edit_crop(model, conditions, StylePlan(seeds=range(count)))
            for count in BATCHES
        },
        "megapixels": {size: lambda size=size: _edit(editor, scaled(portrait, size)) for size in MEGAPIXELS},
        "faces": {count: lambda count=count: _edit(editor, group(portrait, count)) for count in FACES},
        "guides": {
            count: lambda count=count: edit_crop(model, with_guides(conditions, GUIDES[:count]), StylePlan())
            for count in range(len(GUIDES) + 1)
        },
        "steps of inversion": {
            steps: lambda steps=steps: edit_crop(model, conditions, StylePlan(inversion=steps))
            for steps in STEPS
        },
    }


def cost(edit: Callable[[], object]) -> dict[str, float]:
    """Processor seconds and peak memory of one edit."""
    measured = restart_peak()
    begun = time.process_time()
    edit()
    seconds = time.process_time() - begun
    return {"seconds": seconds, **({"peak memory (MB)": peak_megabytes()} if measured else {})}


def plots(across: str, costs: Mapping[float, Mapping[str, float]]) -> str:
    """One plot of the seconds."""
    seconds = [one["seconds"] for one in costs.values()]
    return curve_svg(Curves("processor seconds of an edit", across, list(costs), {"seconds": seconds}))


def with_guides(conditions: Conditions, names: Sequence[str]) -> Conditions:
    """Photo and mask with some of the guides."""
    given = {name: getattr(conditions, name) for name in names}
    return Conditions.build(image=conditions.image, mask=conditions.mask, **given)


def scaled(portrait: Image.Image, megapixels: float) -> Photo:
    """The portrait at another size."""
    side = round((megapixels * 1e6) ** 0.5)
    return Photo.from_image(portrait.resize((side, side), Image.Resampling.BICUBIC))


def group(portrait: Image.Image, count: int) -> Photo:
    """The portrait so many times in a row."""
    row = Image.new("RGB", (portrait.width * count, portrait.height))
    for i in range(count):
        row.paste(portrait, (i * portrait.width, 0))
    return Photo.from_image(row)


def _edit(editor: PhotoEditor, photo: Photo) -> object:
    return editor.edit(photo, EditRequest(which="all", regions="mouth"))


if __name__ == "__main__":
    main()
