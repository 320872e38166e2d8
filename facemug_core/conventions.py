"""Labels, palettes, value ranges, mask sense and the crop template: each convention lives here once.

Core tensors are BCHW float32. Images and color maps are in [-1, 1], sketches in {0, 1} with stroke = 1,
semantic maps one-hot over `LABELS`, masks in {0, 1} with 1 = edit. An absent guide is all zeros; a pixel of
unknown class has an all-zero label vector (different from class 0, background).
"""

from __future__ import annotations

from types import MappingProxyType

WORKING_SIZE = 256
"""Side of the aligned face crop that the networks see, in pixels."""

NUM_CODES = 18
"""Number of W+ style codes (2·log2(1024) − 2), in both sizes of the model."""

CODE_DIM = 512
"""Length of one style code."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of the channels of RGB pictures in [0, 1], to networks that learned from ImageNet."""

LABELS: tuple[str, ...] = (
    "background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear", "ear_r",
    "nose", "mouth", "u_lip", "l_lip", "neck", "neck_l", "cloth", "hair", "hat",
)  # fmt: skip
"""Face-parsing classes in BiSeNet order; left and right are the subject's own."""

NUM_LABELS = len(LABELS)

CELEBAMASK_TO_LABELS: tuple[int, ...] = (0, 1, 10, 6, 4, 5, 2, 3, 7, 8, 11, 12, 13, 17, 18, 9, 15, 14, 16)
"""`CELEBAMASK_TO_LABELS[i]` is our class for class i in CelebAMask-HQ's own numbering (a permutation)."""

FLIPPED_LABELS: tuple[int, ...] = (0, 1, 3, 2, 5, 4, 6, 8, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
"""Class of each label after a left-right flip of the picture."""

PALETTE: tuple[tuple[int, int, int], ...] = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 0, 85), (255, 0, 170), (0, 255, 0), (85, 255, 0),
    (170, 255, 0), (0, 255, 85), (0, 255, 170), (0, 0, 255), (85, 0, 255), (170, 0, 255), (0, 85, 255),
    (0, 170, 255), (255, 255, 0), (255, 255, 85), (255, 255, 170), (255, 0, 255),
)  # fmt: skip
"""Display color (8-bit RGB) of each class."""


def _classes(*names: str) -> tuple[int, ...]:
    return tuple(LABELS.index(name) for name in names)


REGIONS: MappingProxyType[str, tuple[int, ...]] = MappingProxyType(
    {
        "hair": _classes("hair"),
        "brows": _classes("l_brow", "r_brow"),
        "left_brow": _classes("l_brow"),
        "right_brow": _classes("r_brow"),
        "eyes": _classes("l_eye", "r_eye"),
        "left_eye": _classes("l_eye"),
        "right_eye": _classes("r_eye"),
        "glasses": _classes("eye_g"),
        "nose": _classes("nose"),
        "mouth": _classes("mouth", "u_lip", "l_lip"),
        "lips": _classes("u_lip", "l_lip"),
        "ears": _classes("l_ear", "r_ear"),
        "left_ear": _classes("l_ear"),
        "right_ear": _classes("r_ear"),
        "earrings": _classes("ear_r"),
        "skin": _classes("skin"),
        "face": _classes(
            "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "nose", "mouth", "u_lip", "l_lip"
        ),
        "neck": _classes("neck"),
        "necklace": _classes("neck_l"),
        "cloth": _classes("cloth"),
        "hat": _classes("hat"),
        "foreground": tuple(range(1, NUM_LABELS)),
        "background": _classes("background"),
    }
)
"""Region names a person can ask for, as sets of classes."""

GUIDE_CHANNELS: MappingProxyType[str, int] = MappingProxyType(
    {"image": 3, "sketch": 1, "semantic": NUM_LABELS, "color": 3}
)
"""Pixel-wise modalities and their channels, in the order of the encoder's 26-channel input (PAPER 2.2)."""

ENCODER_CHANNELS = sum(GUIDE_CHANNELS.values())
