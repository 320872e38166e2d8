"""Training in two processes of one machine, as `accelerate launch` starts them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import torch
from torch.multiprocessing.spawn import spawn

from tests.training_work import PROCESSES, train_one

from .test_training import make_faces


@pytest.mark.parametrize("name", ["generator", "encoder"])
def test_two_processes_train_one_network(name: str, tmp_path: Path) -> None:
    make_faces(tmp_path / "faces")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spawn(train_one, (name, port, tmp_path), nprocs=PROCESSES)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(PROCESSES))
    for key, value in first.items():
        assert value.isfinite().all()
        assert torch.equal(value, second[key])
