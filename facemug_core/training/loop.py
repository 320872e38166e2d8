"""The training loop of all stages: resume, average, log, save, draw samples."""

from __future__ import annotations

import csv
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..checkpoints.files import replacing
from ..checkpoints.reading import save_safetensors
from ..errors import FacemugError
from ..networks.layers import place
from ..pictures import to_bytes
from .options import Run, Settings
from .stages.stage import Batch, Stage

log = logging.getLogger(__name__)


def train(stage: Stage, settings: Settings, run: Run, sample_batch: Batch) -> bool:
    """Train until `settings.steps`, from the checkpoint in `run.folder` if there is one.

    Returns:
        Whether the run has ended; False if its time was up before.

    Raises:
        FacemugError: a loss is not finite; the last checkpoint is from before.
    """
    accelerator = Accelerator(
        mixed_precision=settings.precision,
        cpu=not torch.cuda.is_available(),
        # The encoder's delta heads get no gradient while its 18 codes are equal.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
    run.folder.mkdir(parents=True, exist_ok=True)
    averaged = deepcopy(stage.model).eval().requires_grad_(False).to(accelerator.device)
    modules = [stage.model] if stage.critic is None else [stage.model, stage.critic]
    optimizers = _optimizers(stage, settings.learning_rate)
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    for module in modules:
        place(module, accelerator.device)
    stage.to(accelerator.device)
    prepared = accelerator.prepare(*modules, *optimizers)
    wrapped, optimizers = prepared[: len(modules)], prepared[len(modules) :]

    checkpoint = _Checkpoint(run.folder, modules, averaged, optimizers)
    step = checkpoint.load()
    if step >= settings.steps:
        return True
    loader = DataLoader(
        stage.dataset,
        batch_sampler=_Numbers(step, settings.batch, accelerator),
        num_workers=run.workers,
        persistent_workers=run.workers > 0,
    )
    sample_batch = _placed(sample_batch, accelerator.device)
    curves = _Curves(run.folder, step) if accelerator.is_main_process else None
    started = last_save = time.monotonic()
    for batch in loader:
        number = step * accelerator.num_processes + accelerator.process_index
        torch.manual_seed(settings.seed * 1_000_003 + number)
        _set_rates(optimizers, rates, cooling(step, settings.steps))
        parts = _learn(accelerator, stage, wrapped, optimizers, _placed(batch, accelerator.device), step)
        _average(averaged, stage.model, min(settings.ema, (step + 1) / (step + 10)))
        step += 1
        stopping = step == settings.steps or _out_of_time(accelerator, run, started)
        if curves is not None:
            curves.add(step, _finite(parts, f"Training of {stage.name}", step, run.folder))
            if stopping or time.monotonic() - last_save > run.save_minutes * 60:
                checkpoint.save(step, settings)
                with torch.no_grad():
                    save_grid(stage.samples(averaged, sample_batch), run.folder / "samples.jpg")
                last_save = time.monotonic()
        if stopping:
            break
    return step == settings.steps


def _optimizers(stage: Stage, learning_rate: float) -> list[Any]:
    """Optimizers of the model and of the critic if there is one."""
    groups = [stage.parameter_groups(learning_rate)]
    if stage.critic is not None:
        groups.append([{"params": stage.critic.parameters(), "lr": learning_rate}])
    # Momentum speeds up regression, but makes adversarial training unstable.
    betas = (0.9 if stage.critic is None else 0.5, 0.99)
    return [torch.optim.Adam(group, betas=betas) for group in groups]


def _learn(
    accelerator: Accelerator,
    stage: Stage,
    networks: Sequence[nn.Module],  # model and critic, wrapped by the accelerator
    optimizers: Sequence[Any],  # one for each
    batch: Batch,
    step: int,
) -> dict[str, Tensor]:
    """One step of the model, and one of its critic; returns the parts of the losses."""
    with accelerator.autocast():
        total, parts, made = stage.loss(networks[0], batch, step)
    _update(accelerator, optimizers[0], total)
    if stage.critic is not None:
        with accelerator.autocast():
            critic_loss = stage.critic_loss(networks[1], batch, made, step)
        if critic_loss is not None:
            _update(accelerator, optimizers[1], critic_loss)
            parts["critic"] = critic_loss.detach()
    return parts


def _finite(parts: Mapping[str, Tensor], what: str, step: int, folder: Path) -> dict[str, float]:
    """Parts of a loss as numbers.

    Raises:
        FacemugError: one of them is not finite.
    """
    values = {name: float(value) for name, value in parts.items()}
    if not all(map(math.isfinite, values.values())):
        raise FacemugError(
            f"{what} gave a loss that is not finite at step {step}. "
            f"The checkpoint in {folder} is from before: resume from it with a lower learning rate."
        )
    return values


def _placed(batch: Batch, device: torch.device) -> Batch:
    """A batch on a device, pictures in channels-last layout, which convolutions prefer."""
    return {
        name: x.to(device, memory_format=torch.channels_last if x.ndim == 4 else torch.preserve_format)
        for name, x in batch.items()
    }


def cooling(step: int, steps: int) -> float:
    """Factor of the learning rate at a step: 1, then linearly down to 0 over the last fifth of the steps."""
    return min(1.0, (steps - step) / (0.2 * steps))


def _set_rates(optimizers: list[Any], rates: list[list[float]], share: float) -> None:
    for optimizer, own in zip(optimizers, rates, strict=True):
        for group, rate in zip(optimizer.param_groups, own, strict=True):
            group["lr"] = rate * share


def _out_of_time(accelerator: Accelerator, run: Run, started: float) -> bool:
    """Whether the run's time is up; the same in all processes."""
    if run.minutes is None:
        return False
    if time.monotonic() - started > run.minutes * 60:
        accelerator.set_trigger()
    return accelerator.check_trigger()


class _Numbers:
    """Batch sampler: sample numbers from the current step on."""

    def __init__(self, step: int, batch: int, accelerator: Accelerator) -> None:
        self.arguments = (step, batch, accelerator.process_index, accelerator.num_processes)

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
    """The state of a run: networks, averaged network, optimizers, step."""

    def __init__(
        self, folder: Path, modules: list[nn.Module], averaged: nn.Module, optimizers: list[Any]
    ) -> None:
        self.path = folder / "state.pt"
        self.weights = folder / "averaged.safetensors"
        self.modules = modules
        self.averaged = averaged
        self.optimizers = optimizers

    def load(self) -> int:
        """Restore the state and return its step (0 for a new run)."""
        if not self.path.exists():
            return 0
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        for module, values in zip(self.modules, state["modules"], strict=True):
            module.load_state_dict(values)
        for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        self.averaged.load_state_dict(state["averaged"])
        return state["step"]

    def save(self, step: int, settings: Settings) -> None:
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
            {"step": str(step), **{name: str(value) for name, value in asdict(settings).items()}},
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


def save_grid(pictures: Tensor, path: Path) -> None:
    """Write pictures `[rows, columns, 3, H, W]` in [-1, 1] as one."""
    rows, columns, _, height, width = pictures.shape
    grid = pictures.permute(0, 3, 1, 4, 2).reshape(rows * height, columns * width, 3)
    with replacing(path) as temporary:
        Image.fromarray(to_bytes(grid).numpy()).save(temporary, format="JPEG", quality=92)


def sample_numbers(step: int, batch: int, rank: int, ranks: int) -> Iterator[list[int]]:
    """Sample numbers of this process's batches from `step` on; ranks interleave and share no number."""
    while True:
        first = step * batch * ranks + rank
        yield list(range(first, first + batch * ranks, ranks))
        step += 1
