"""Another pack, whose node tells what others must leave alone."""

import hashlib
import pickle
import random

import numpy as np
import torch


class Watcher:
    """Passes an image on; reports random states, the default dtype, and the image's bits."""

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {"image": ("IMAGE",)}, "optional": {"after": ("IMAGE",)}}

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "watch"
    CATEGORY = "testing"
    OUTPUT_NODE = True

    @classmethod
    def IS_CHANGED(cls, **inputs):  # noqa: N802
        return float("nan")  # it looks anew in every run

    def watch(self, image, after=None):
        states = (torch.get_rng_state().numpy().tobytes(), random.getstate(), np.random.get_state())  # noqa: NPY002
        report = {
            "random": [hashlib.sha256(pickle.dumps(states)).hexdigest()],
            "dtype": [str(torch.get_default_dtype())],
            "image": [hashlib.sha256(image.numpy().tobytes()).hexdigest()],
        }
        return {"ui": report, "result": (image,)}


class Failing(Watcher):
    """Raises an error."""

    def watch(self, image, after=None):
        raise RuntimeError("on purpose")


NODE_CLASS_MAPPINGS = {"Watcher": Watcher, "Failing": Failing}
