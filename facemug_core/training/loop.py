"""The loop that all training stages share: resume, average, log, save, draw samples."""

from __future__ import annotations

import csv
import logging
import math
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ..checkpoints.files import replacing
from ..checkpoints.reading import read_safetensors, save_safetensors
from ..errors import FacemugError
from ..networks.layers import place
from ..pictures import to_bytes
from .data import sample_numbers

log = logging.getLogger(__name__)
Batch = Mapping[str, Tensor]


@dataclass(frozen=True)
class RunConfig:
    """One training run; stored beside its results."""

    folder: str
    """Where checkpoints, curves and sample grids go; a run found there goes on."""
    steps: int
    """Where the run ends; over the last fifth the learning rates fall to zero."""
    minutes: float | None = None
    """Stop after so long, to go on another time."""
    batch: int = 4
    seed: int = 0
    learning_rate: float = 2e-3
    ema: float = 0.998
    """Decay of the averaged weights per step."""
    precision: str = "no"
    """`no` (fp32), `bf16` or `fp16`."""
    save_minutes: float = 5.0
    workers: int = 0
    """Data loading processes."""


class Stage(Protocol):
    """What is trained: the networks, and how one batch changes them."""

    name: str
    model: nn.Module
    """Trained, averaged and shipped."""

    @property
    def critic(self) -> nn.Module | None:
        """Trained along, not shipped."""

    @property
    def dataset(self) -> Dataset[dict[str, Tensor]]:
        """Samples by number."""

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """The model's parameters with their learning rates."""

    def to(self, device: torch.device) -> None:
        """Move the frozen networks."""

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        """Total, its parts for the log, and what the critic's loss needs."""

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        """The critic's loss, or None for a step without one."""

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Rows of pictures [rows, columns, 3, H, W] in [-1, 1] for the sample grid."""


def train(stage: Stage, run: RunConfig, sample_batch: Batch) -> None:
    """Train until `run.steps`, going on from the checkpoint in `run.folder` if there is one.

    Raises:
        FacemugError: a loss is not a finite number; the last checkpoint is from before that.
    """
    accelerator = Accelerator(
        mixed_precision=run.precision,
        cpu=not torch.cuda.is_available(),
        # The encoder's heads of deltas rest while it learns codes that are all equal.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
    folder = Path(run.folder)
    folder.mkdir(parents=True, exist_ok=True)
    averaged = deepcopy(stage.model).eval().requires_grad_(False).to(accelerator.device)
    modules = [stage.model] if stage.critic is None else [stage.model, stage.critic]
    groups = [stage.parameter_groups(run.learning_rate)]
    if stage.critic is not None:
        groups.append([{"params": stage.critic.parameters(), "lr": run.learning_rate}])
    # Momentum speeds up regression and unsettles the game with a critic.
    betas = (0.9 if stage.critic is None else 0.5, 0.99)
    optimizers = [torch.optim.Adam(group, betas=betas) for group in groups]
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    for module in modules:
        place(module, accelerator.device)
    stage.to(accelerator.device)
    prepared = accelerator.prepare(*modules, *optimizers)
    wrapped, optimizers = prepared[: len(modules)], prepared[len(modules) :]

    checkpoint = _Checkpoint(folder, modules, averaged, optimizers)
    step = checkpoint.load()
    loader = DataLoader(
        stage.dataset,
        batch_sampler=_Numbers(step, run, accelerator),
        num_workers=run.workers,
        persistent_workers=run.workers > 0,
    )
    sample_batch = _placed(sample_batch, accelerator.device)
    curves = _Curves(folder, step) if accelerator.is_main_process else None
    started = last_save = time.monotonic()
    for batch in loader:
        if step >= run.steps:
            return
        torch.manual_seed(run.seed * 1_000_003 + step * accelerator.num_processes + accelerator.process_index)
        batch = _placed(batch, accelerator.device)
        _set_rates(optimizers, rates, cooling(step, run.steps))
        with accelerator.autocast():
            total, parts, made = stage.loss(wrapped[0], batch, step)
        _update(accelerator, optimizers[0], total)
        if stage.critic is not None:
            with accelerator.autocast():
                critic_loss = stage.critic_loss(wrapped[1], batch, made, step)
            if critic_loss is not None:
                _update(accelerator, optimizers[1], critic_loss)
                parts["critic"] = critic_loss.detach()
        _average(averaged, stage.model, min(run.ema, (step + 1) / (step + 10)))
        step += 1
        stopping = step == run.steps or _out_of_time(accelerator, run, started)
        if curves is not None:
            values = {name: float(value) for name, value in parts.items()}
            if not all(map(math.isfinite, values.values())):
                raise FacemugError(
                    f"Training of {stage.name} gave a loss that is not a number at step {step}. "
                    f"The checkpoint in {folder} is from before; go on from it with a lower learning rate."
                )
            curves.add(step, values)
            if stopping or time.monotonic() - last_save > run.save_minutes * 60:
                checkpoint.save(step, run)
                with torch.no_grad():
                    save_grid(stage.samples(averaged, sample_batch), folder / "samples.jpg")
                last_save = time.monotonic()
        if stopping:
            return


def _placed(batch: Batch, device: torch.device) -> Batch:
    """A batch on a device, pictures in the layout that convolutions like."""
    return {
        name: x.to(device, memory_format=torch.channels_last if x.ndim == 4 else torch.preserve_format)
        for name, x in batch.items()
    }


def cooling(step: int, steps: int) -> float:
    """Share of the learning rate at a step: 1, and over the last fifth of the steps linearly down to 0."""
    return min(1.0, (steps - step) / (0.2 * steps))


def _set_rates(optimizers: list[Any], rates: list[list[float]], share: float) -> None:
    for optimizer, own in zip(optimizers, rates, strict=True):
        for group, rate in zip(optimizer.param_groups, own, strict=True):
            group["lr"] = rate * share


def _out_of_time(accelerator: Accelerator, run: RunConfig, started: float) -> bool:
    """Whether the run's minutes are over; all processes agree."""
    if run.minutes is None:
        return False
    if time.monotonic() - started > run.minutes * 60:
        accelerator.set_trigger()
    return accelerator.check_trigger()


class _Numbers:
    """Batch sampler: the sample numbers from the step where the run stands."""

    def __init__(self, step: int, run: RunConfig, accelerator: Accelerator) -> None:
        self.arguments = (step, run.batch, accelerator.process_index, accelerator.num_processes)

    def __iter__(self) -> Iterator[list[int]]:
        return sample_numbers(*self.arguments)


def _update(accelerator: Accelerator, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    accelerator.backward(loss)
    optimizer.step()


@torch.no_grad()
def _average(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    ours, theirs = averaged.state_dict(), model.state_dict()
    floats = [name for name, value in ours.items() if value.is_floating_point()]
    torch._foreach_lerp_([ours[n] for n in floats], [theirs[n] for n in floats], 1 - decay)
    for name in ours.keys() - set(floats):
        ours[name].copy_(theirs[name])


class _Checkpoint:
    """The whole state of a run: networks, averaged network, optimisers, step."""

    def __init__(
        self, folder: Path, modules: list[nn.Module], averaged: nn.Module, optimizers: list[Any]
    ) -> None:
        self.path = folder / "state.pt"
        self.weights = folder / "averaged.safetensors"
        self.modules = modules
        self.averaged = averaged
        self.optimizers = optimizers

    def load(self) -> int:
        """Restore, and return the step to go on from (0 for a new run)."""
        if not self.path.exists():
            return 0
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        for module, values in zip(self.modules, state["modules"], strict=True):
            module.load_state_dict(values)
        for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        self.averaged.load_state_dict(state["averaged"])
        return state["step"]

    def save(self, step: int, run: RunConfig) -> None:
        state = {
            "step": step,
            "modules": [module.state_dict() for module in self.modules],
            "averaged": self.averaged.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        with replacing(self.path) as temporary:
            torch.save(state, temporary)
        save_safetensors(
            self.weights,
            self.averaged.state_dict(),
            {"step": str(step), **{k: str(v) for k, v in asdict(run).items() if k != "folder"}},
        )


class _Curves:
    """Learning curves: `curves.csv` and TensorBoard, each line the mean of 20 steps."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.path = folder / "curves.csv"
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=step)
        self.window: list[dict[str, float]] = []
        self.since = time.monotonic()

    def add(self, step: int, values: dict[str, float]) -> None:
        self.window.append(values)
        if step % 20:
            return
        names = sorted({name for row in self.window for name in row})
        means = {}
        for name in names:
            column = [row[name] for row in self.window if name in row]
            means[name] = sum(column) / len(column)
            self.board.add_scalar(name, means[name], step)
        means["seconds"] = (time.monotonic() - self.since) / len(self.window)
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", *means])
            writer.writerow([step, *(f"{value:.5g}" for value in means.values())])
        log.info("step %d  %s", step, "  ".join(f"{k} {v:.4f}" for k, v in means.items()))
        self.window.clear()
        self.since = time.monotonic()


def load_weights(module: nn.Module, path: Path) -> None:
    """Start a module from shipped or averaged weights."""
    module.load_state_dict({name: value.float() for name, value in read_safetensors(path)[0].items()})


def save_grid(pictures: Tensor, path: Path) -> None:
    """Write [rows, columns, 3, H, W] in [-1, 1] as one picture."""
    rows, columns, _, height, width = pictures.shape
    grid = pictures.permute(0, 3, 1, 4, 2).reshape(rows * height, columns * width, 3)
    with replacing(path) as temporary:
        Image.fromarray(to_bytes(grid).numpy()).save(temporary, format="JPEG", quality=92)
