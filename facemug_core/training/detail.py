"""Training of the detail stage: bank faces at 1024 px as photos, and edits of them at 256 px."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..checkpoints.reading import replacing
from ..conditions import Conditions
from ..config import ModelConfig, ProjectedDiscriminatorConfig
from ..conventions import WORKING_SIZE
from ..latents import broadcast
from ..model import FaceMug
from ..networks.detail import Detail, Enlarging
from ..networks.layers import place
from ..networks.mobilenet_v2 import MobileNetV2Features
from ..networks.perceptual import PerceptualLoss, feature_distance
from ..pictures import at_working_size, from_bytes, to_pixels
from .augment import Draw, random_tone
from .critics import FeatureCritic, Shown
from .data import FaceShards, random_mask
from .loop import Batch
from .losses import adversarial_loss, discriminator_loss, pixel_loss

FOLDER = "fine"
"""Folder of the fine faces beside the shards."""

SIDE = 64
"""Side of a training window on the edit's grid."""
WINDOWS = 4
"""Windows of each sample."""

NOISE = 0.06
"""Strongest noise of a photo, in [-1, 1]."""
ALIGNED = 0.6
"""Share of the samples in which the truth, blurred, stands for the edit."""
MOST_BLUR = 1.2
"""Strongest blur of it, in pixels of the edit: edits are softer than photos."""

STRIDES = (2, 4, 8)
"""Strides of the feature network that tell of texture; those beyond see the edit alone."""
CUT = 8
"""Pixels by which the judged windows are smaller than those drawn."""

WEIGHTS = {"perceptual": 1.0, "pixel": 2.0, "faithful": 4.0, "adversarial": 0.15}
"""Of the losses."""


@torch.inference_mode()
def prepare_fine_faces(folder: Path, faces: FaceShards, count: int, model: FaceMug) -> None:
    """Draw the first `count` faces of a folder's shards at the bank's size, with an edit of each.

    The edit fills a random mask, by the person's own code or as projected from what is visible. Files are
    `fine/000000.npz` and so on: `picture` (the bytes of a JPEG file), `edited` uint8 [256, 256, 3] and `mask`
    bool [256, 256]. Those that are there are skipped.
    """
    (folder / FOLDER).mkdir(exist_ok=True)
    for index in range(min(count, len(faces))):
        path = folder / FOLDER / f"{index:06d}.npz"
        if not path.exists():
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, **_fine_face(faces, index, model))  # type: ignore[arg-type]


def _fine_face(faces: FaceShards, index: int, model: FaceMug) -> dict[str, np.ndarray]:
    draw = Draw(0, index)
    _, labels, w = faces.face(index)
    own = broadcast(w[None].to(model.device))
    picture = model.bank(own)[0].cpu().clamp(-1, 1)
    if draw.chance(0.5):
        picture = random_tone(picture, draw)
    mask = random_mask(labels, draw)
    conditions = Conditions.build(image=at_working_size(picture[None]), mask=mask[None])
    codes = own if draw.chance(0.5) else model.project(conditions)
    edited = model.generate(model.aggregate(conditions), codes)
    file = BytesIO()
    Image.fromarray(to_pixels(picture)).save(file, format="JPEG", quality=95, subsampling=0)
    return {
        "picture": np.frombuffer(file.getvalue(), np.uint8),
        "edited": to_pixels(edited[0]),
        "mask": mask[0].bool().numpy(),
    }


class FineEdits(Dataset[dict[str, Tensor]]):
    """Edits of photos of any sharpness, for the detail stage.

    Item i is a dict of `edited` [3, 256, 256], `photo` [3, S, S] (noisy, compressed), `mask` [1, 256, 256],
    `truth` [3, S, S] (without noise and compression) and `corners` int64 [4, 2], the first row and column of
    windows of `SIDE` pixels on the edit's grid, each with masked pixels in it. In a part of the samples a
    slightly blurred truth stands for the edit.
    """

    def __init__(self, folder: str | Path, seed: int) -> None:
        self.files = sorted((Path(folder) / FOLDER).glob("*.npz"))
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        with np.load(self.files[draw.integer(len(self.files))]) as stored:
            picture = Image.open(BytesIO(stored["picture"].tobytes()))
            edited, mask = stored["edited"], torch.from_numpy(stored["mask"])[None]
        truth, photo = as_photo(picture, draw)
        kept = photo.reduce(photo.width // WORKING_SIZE)
        aligned = draw.chance(ALIGNED)
        if aligned:
            mask = random_mask(torch.full(mask.shape[1:], -1), draw).bool()
            inside = _blurred(
                _tensor(truth.reduce(truth.width // WORKING_SIZE)), draw.uniform(0.2, MOST_BLUR)
            )
        else:
            inside = from_bytes(torch.from_numpy(edited).permute(2, 0, 1))
        return {
            "edited": torch.where(mask, inside, _tensor(kept)),
            "photo": _tensor(photo),
            "mask": mask.float(),
            "truth": _tensor(truth),
            "noise": draw.normal(1, truth.height, truth.width),
            "aligned": torch.tensor(float(aligned)),
            "corners": torch.stack([_corner(mask, draw) for _ in range(WINDOWS)]),
        }


def as_photo(picture: Image.Image, draw: Draw) -> tuple[Image.Image, Image.Image]:
    """A picture as a camera and a file would show it: at a resolution of its own, without and with noise and
    compression; both at the picture's size."""
    size = picture.size
    if draw.chance(0.7):
        side = round(size[0] * draw.uniform(0.35, 1))
        picture = picture.resize((side, side), Image.Resampling.BICUBIC)
    photo = picture
    if draw.chance(0.7):
        noise = draw.normal(picture.height, picture.width, 1).numpy() * (127.5 * draw.uniform(0, NOISE))
        photo = Image.fromarray((np.asarray(picture) + noise).round().clip(0, 255).astype(np.uint8))
    if draw.chance(0.7):
        file = BytesIO()
        photo.save(file, format="JPEG", quality=60 + draw.integer(38))
        photo = Image.open(file)
    truth, photo = (one.resize(size, Image.Resampling.BICUBIC) for one in (picture, photo))
    return truth, photo


class DetailStage:
    """Detail stage against the truth and a critic of texture, inside the mask.

    Where the truth stands for the edit the picture is compared with it; edits that show something else have
    the critic, and shall stay what they are at 256 px.
    """

    name = "detail"

    def __init__(self, config: ModelConfig, dataset: FineEdits, perceptual: PerceptualLoss) -> None:
        self.model: nn.Module = Detail(config.detail)
        self.critic = FeatureCritic(ProjectedDiscriminatorConfig(STRIDES, channels=32))
        self.factor = config.detail.factor
        self.dataset = dataset
        self.perceptual = perceptual

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": self.model.parameters(), "lr": learning_rate}]

    def to(self, device: torch.device) -> None:
        place(self.perceptual, device)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        windows = self._windows(batch)
        drawn = model(_enlarging(windows), _enlarging(batch))
        shown = F.interpolate(windows["mask"], scale_factor=float(self.factor))
        picture = torch.where(shown > 0, drawn, windows["truth"])
        small = F.avg_pool2d(drawn, self.factor)
        cut = _random_cut(picture)
        mask = cut(shown)
        known = mask * windows["aligned"][:, None, None, None]
        fake = self._shown(cut(picture))
        with torch.no_grad():
            real = self._shown(cut(windows["truth"]))
        self.critic.requires_grad_(False)
        parts = {
            "perceptual": feature_distance(fake.features, real.features, known),
            "pixel": pixel_loss(fake.image, real.image, known),
            "faithful": pixel_loss(small, windows["edited"], windows["mask"]),
            "adversarial": adversarial_loss(self.critic(fake), mask),
        }
        self.critic.requires_grad_(True)
        total = torch.stack([WEIGHTS[name] * part for name, part in parts.items()]).sum()
        return total, {name: part.detach() for name, part in parts.items()}, (real, fake.detach(), mask)

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        real, fake, mask = made
        return discriminator_loss(critic(real), critic(fake), mask)

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: the photo with its edit as an enlarged window, the stage's, the truth."""
        windows = self._windows(batch)
        mask = F.interpolate(windows["mask"], scale_factor=float(self.factor))
        plain = F.interpolate(windows["edited"], scale_factor=self.factor, mode="bicubic")
        drawn = model(_enlarging(windows), _enlarging(batch))
        shown = (torch.where(mask > 0, picture, windows["photo"]) for picture in (plain, drawn))
        return torch.stack([*shown, windows["truth"]], 1)[::WINDOWS]

    def _shown(self, image: Tensor) -> Shown:
        return Shown(image, self.perceptual.features(image))

    def _windows(self, batch: Batch) -> Batch:
        """All windows of a batch, those of one sample beside each other: [B · 4, C, h, w] by name."""
        cut = {
            name: self._cut(batch[name], batch["corners"])
            for name in ("edited", "photo", "mask", "truth", "noise")
        }
        return {**cut, "aligned": batch["aligned"].repeat_interleave(WINDOWS)}

    def _cut(self, pictures: Tensor, corners: Tensor) -> Tensor:
        scale = pictures.shape[-1] // WORKING_SIZE
        cut = [
            picture[:, scale * top : scale * (top + SIDE), scale * left : scale * (left + SIDE)]
            for picture, windows in zip(pictures, corners.tolist(), strict=True)
            for top, left in windows
        ]
        return torch.stack(cut).contiguous(memory_format=torch.channels_last)


class FineFeatures(nn.Module):
    """The levels of a feature network that tell of texture: others see the edit alone."""

    def __init__(self, network: MobileNetV2Features) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> dict[int, Tensor]:
        return self.network(x, up_to=max(STRIDES))


def _random_cut(picture: Tensor) -> Callable[[Tensor], Tensor]:
    """Cuts off up to `CUT` pixels on each side, the same of all pictures.

    The network draws in blocks of its factor: were the feature network's strides always at the same place
    in them, patterns would go unseen that lie between.
    """
    top, left = torch.randint(CUT + 1, (2,)).tolist()
    height, width = (side - CUT for side in picture.shape[-2:])
    return lambda x: x[..., top : top + height, left : left + width].contiguous(
        memory_format=torch.channels_last
    )


def _enlarging(batch: Batch) -> Enlarging:
    return Enlarging(batch["edited"], batch["photo"], batch["mask"], batch["noise"])


def _corner(mask: Tensor, draw: Draw) -> Tensor:
    """First row and column, even, of a window with a random masked pixel in it."""
    masked = mask[0].nonzero()
    pixel = masked[draw.integer(len(masked))]
    offset = torch.tensor([draw.integer(SIDE), draw.integer(SIDE)])
    return (pixel - offset).clamp(0, WORKING_SIZE - SIDE) // 2 * 2


def _blurred(picture: Tensor, sigma: float) -> Tensor:
    """[3, H, W] through a Gaussian filter of five taps."""
    taps = torch.exp(-torch.arange(-2.0, 3.0).square() / (2 * max(sigma, 0.05) ** 2))
    kernel = torch.outer(taps, taps) / taps.sum() ** 2
    padded = F.pad(picture[:, None], (2, 2, 2, 2), mode="replicate")
    return F.conv2d(padded, kernel[None, None])[:, 0]


def _tensor(picture: Image.Image) -> Tensor:
    """[3, H, W] in [-1, 1]."""
    return from_bytes(torch.from_numpy(np.array(picture)).permute(2, 0, 1))
