from __future__ import annotations

from typing import Any

import torch

interrupted = False


def get_torch_device() -> torch.device:
    return torch.device("cpu")


unet_offload_device = intermediate_device = get_torch_device


def load_models_gpu(models: list[Any], force_full_load: bool = False) -> None:
    pass


class InterruptProcessingException(Exception):  # noqa: N818 - the host's name
    pass


def interrupt_current_processing(value: bool = True) -> None:
    global interrupted
    interrupted = value


def throw_exception_if_processing_interrupted() -> None:
    global interrupted
    if interrupted:
        interrupted = False
        raise InterruptProcessingException
