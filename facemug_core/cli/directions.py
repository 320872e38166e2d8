"""`directions`: the directions of attribute sliders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..conventions import NUM_CODES
from ..errors import InputError
from . import values
from .declaring import add_actions, add_command, argument
from .options import OUTPUT, ClipOptions, ModelOptions, WeightsOptions

if TYPE_CHECKING:
    from torch import Tensor

    from ..editing.directions import Linear
    from ..pipeline.editor import PhotoEditor


@dataclass(frozen=True)
class FindOptions(ModelOptions):
    """Arguments of `directions find`."""

    name: str = argument(help="of the direction; of several, they are numbered")
    data: Path | None = argument(
        "--data", type=Path, metavar="FOLDER",
        help="faces made by prepare, on which the attribute NAME is measured",
    )  # fmt: skip
    with_it: Path | None = argument("--with", type=Path, metavar="FOLDER", help="photos that show it")
    without: Path | None = argument("--without", type=Path, metavar="FOLDER", help="photos that do not")
    components: int | None = argument(
        "--components", type=values.at_least_one, metavar="N", help="principal components of codes"
    )
    factors: int | None = argument(
        "--factors", type=values.at_least_one, metavar="N", help="factors of the bank's modulation"
    )
    layers: tuple[int, int] = argument(
        "--layers", type=values.layers, default=(0, NUM_CODES), metavar="START:END"
    )
    output: Path = argument(*OUTPUT, type=Path, required=True, metavar="FILE.safetensors")

    @property
    def examples(self) -> tuple[Path, Path] | None:
        """Folders of photos with and without the attribute."""
        return (self.with_it, self.without) if self.with_it and self.without else None


@dataclass(frozen=True)
class RelevanceOptions(ClipOptions):
    """Arguments of `directions relevance`."""

    faces: int = argument(
        "--faces", type=values.at_least_one, default=500, metavar="N", help="that are drawn"
    )
    output: Path = argument(*OUTPUT, type=Path, required=True, metavar="FOLDER")


@dataclass(frozen=True)
class SheetOptions(ModelOptions):
    """Arguments of `directions sheet`."""

    names: Sequence[str] = argument(
        nargs="*", metavar="NAME", help="names or files; all that ship by default"
    )
    seed: int = argument("--seed", type=values.whole, default=100_000, help="of the face")
    output: Path = argument(*OUTPUT, type=Path, required=True, metavar="SHEET.png")


def add_commands(commands: Any) -> None:
    """Add `directions` with its actions."""
    about = "List, find and show the directions that attribute sliders move along."
    actions = add_actions(commands, "directions", about)
    about = "Show each direction's range, effect and side effects."
    add_command(actions, "list", about, WeightsOptions, list_all)
    add_command(actions, "find", "Find a direction, and add it to a file.", FindOptions, find)
    about = "Measure the relevance of codes, which text directions need."
    add_command(actions, "relevance", about, RelevanceOptions, relevance)
    add_command(actions, "sheet", "Draw rows of faces from -1 to +1.", SheetOptions, sheet)


def list_all(options: WeightsOptions) -> None:
    """Print a line for each shipped direction."""
    from ..checkpoints.places import Places
    from ..editing.direction_facts import describe, shipped_facts

    for name, facts in shipped_facts(Places(*options.weights)).items():
        print(describe(name, facts))


def find(options: FindOptions) -> None:
    """Find directions, and add them to the file."""
    from ..editing.directions import load_directions, save_directions

    ways = (options.examples, options.data, options.components, options.factors)
    if sum(way is not None for way in ways) != 1:
        raise InputError("Give --with and --without, or --data, or --components, or --factors.")
    found = _found_in_model(options) if options.data is None else [_found_in_data(options, options.data)]
    names = [options.name] if len(found) == 1 else [f"{options.name}_{i}" for i in range(len(found))]
    known = load_directions(options.output) if options.output.exists() else {}
    save_directions(options.output, known | dict(zip(names, found, strict=True)))
    print(f"{options.output} holds {', '.join(names)}.")


def _found_in_data(options: FindOptions, data: Path) -> Linear:
    from ..editing.finding import find_attribute
    from ..training.data import FaceShards
    from ..training.facts import load_observed

    faces = FaceShards(data, coded=True)
    return find_attribute(options.name, faces.codes.astype(float), load_observed(data, faces), options.layers)


def _found_in_model(options: FindOptions) -> list[Linear]:
    from ..editing.finding import find_components, find_factors, find_from_examples
    from .loading import load_editor

    editor = load_editor(options)
    model = editor.model
    if options.components is not None:
        codes = model.random_codes(range(max(2000, options.components)), psi=1)[:, 0].cpu()
        return find_components(codes, options.components, options.layers)
    if options.factors is not None:
        weights = [weight for code in range(*options.layers) for weight in model.bank.modulation(code)]
        return find_factors(weights, options.factors, options.layers)
    assert options.examples is not None
    with_it, without = (_folder_codes(editor, folder) for folder in options.examples)
    return [find_from_examples(with_it, without, options.layers)]


def _folder_codes(editor: PhotoEditor, folder: Path) -> Tensor:
    """Codes `[N, 18, 512]` of the largest face of each photo in a folder."""
    import torch

    from ..conditions.reading import picture_files
    from ..photo import Photo

    photos = (Photo.from_file(path) for path in picture_files(folder))
    crops = (editor.find_exemplar(photo).crop for photo in photos)
    return torch.cat([editor.model.encode(crop).cpu() for crop in crops])


def relevance(options: RelevanceOptions) -> None:
    """Measure and write the relevance for text directions."""
    import torch
    from tqdm import trange

    from ..editing.relevance import measure_relevance, relevance_name, save_relevance
    from .loading import load_model, load_text_model

    clip = load_text_model(options)
    model = load_model(options)
    codes, views = [], []
    with torch.no_grad():
        for seed in trange(options.faces, unit="face"):
            codes.append(model.random_codes([seed], psi=0.8))
            views.append(clip.images(model.render(codes[-1])))
    measured = measure_relevance(torch.cat(codes)[:, 0].cpu(), torch.cat(views).cpu(), clip.name)
    path = options.output / relevance_name(clip.name)
    save_relevance(path, measured)
    print(f"Give the folder of {path} to --weights to use text directions of {clip.name}.")


def sheet(options: SheetOptions) -> None:
    """Draw a row of faces for each direction."""
    from ..editing.directions import shipped_directions
    from ..editing.foreign import parse_direction
    from ..sheets import direction_sheet
    from .loading import load_model
    from .pictures import save

    def shipped() -> Mapping[str, Linear]:
        return shipped_directions(options.all_weights())

    names = options.names or list(shipped())
    model = load_model(options)
    directions = {name: parse_direction(name, shipped) for name in names}
    save(direction_sheet(model, directions, model.random_codes([options.seed])), options.output)
