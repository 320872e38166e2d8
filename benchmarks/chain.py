"""Twenty local edits of different kinds in a row on one photo of 12 megapixels.

    python benchmarks/chain.py [--threads N] [-o FILE.png]

Prints the seconds of every edit, the ratio of the last five to the first five, and the number of changed kept
pixels (must be 0). Every edit includes face detection.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from pathlib import Path

import torch
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from facemug_core.checkpoints.places import Places  # noqa: E402
from facemug_core.modalities import Guide  # noqa: E402
from facemug_core.model import FaceMug  # noqa: E402
from facemug_core.photo import Photo  # noqa: E402
from facemug_core.pipeline.editor import EditRequest, PhotoEditor  # noqa: E402

SIZE = (3464, 3464)
REGIONS = ("hair", "mouth", "eyes", "brows", "nose", "skin")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--edits", type=int, default=20)
    parser.add_argument("-o", "--output", type=Path, help="write the last photo")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    editor = PhotoEditor(FaceMug.load("light", "cpu"))
    picture = Image.open(Places().path("astronaut.png")).convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
    first = photo = Photo.from_image(picture)
    touched = torch.zeros(1, 1, *photo.size, dtype=torch.bool)
    editor.edit(photo, EditRequest(regions="mouth"))  # the first edit of a process loads the parser
    seconds = []
    for step in range(options.edits):
        request = step_request(step, photo)
        start = time.perf_counter()
        result = editor.edit(photo, request)
        seconds.append(time.perf_counter() - start)
        photo, touched = result.photos[0], touched | result.mask
        print(f"{step + 1:3} {request.regions:8} {seconds[-1]:6.2f} s")
    lost = int(((photo.pixels != first.pixels).any(1, keepdim=True) & ~touched).sum())
    ratio = statistics.median(seconds[-5:]) / statistics.median(seconds[:5])
    print(f"kept pixels that changed: {lost}; last five edits / first five: {ratio:.2f}")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
    if options.output is not None:
        photo.to_image().save(options.output)


def step_request(step: int, photo: Photo) -> EditRequest:
    """A different kind of edit at every step."""
    color = torch.full((1, 3, *photo.size), 0.3)
    kinds = (
        {"style": "random", "seeds": [step]},
        {"color": Guide(color, 0.5)},
        {"style_mix": 0.5, "feather": 20},
        {"opacity": 0.5},
        {"grow": 4},
    )
    return EditRequest(regions=REGIONS[step % len(REGIONS)], **kinds[step % len(kinds)])  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
