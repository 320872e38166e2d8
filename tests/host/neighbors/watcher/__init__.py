"""Another pack, whose nodes report what others must leave alone, and bring and keep tensors for tests."""

import hashlib
import pickle
import random
import uuid
from pathlib import Path

import folder_paths
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


class Keep:
    """Writes a tensor as it is into the output folder, and says the file's name."""

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {"image": ("IMAGE,MASK",)}}

    RETURN_TYPES = ()
    FUNCTION = "keep"
    CATEGORY = "testing"
    OUTPUT_NODE = True

    def keep(self, image):
        name = f"{uuid.uuid4()}.pt"
        torch.save(image.cpu(), Path(folder_paths.get_output_directory(), name))
        return {"ui": {"file": [name]}}


class Bring:
    """Gives a tensor of the input folder, [B, H, W, C], as it is, and its first channel as MASK."""

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {"file": ("STRING", {})}}

    RETURN_TYPES = ("IMAGE", "MASK")
    FUNCTION = "bring"
    CATEGORY = "testing"

    def bring(self, file):
        image = torch.load(Path(folder_paths.get_input_directory(), file), weights_only=True)
        return (image, image[..., 0])


NODE_CLASS_MAPPINGS = {"Watcher": Watcher, "Failing": Failing, "Keep": Keep, "Bring": Bring}
