"""Time of a training step of the generator: feature bank, convolutions and the rest.

    python -m benchmarks.profile_training --data faces [--batch 4] [--rounds 4] [--threads 1]

A step has the losses of generator and discriminator, their gradients and both optimizers. Times are torch's
self times, without making samples.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, record_function
from torch.utils.data import default_collate

from benchmarks.profile_edit import KINDS, REST, kind_of
from facemug_core.config import LIGHT
from facemug_core.networks.layers import place
from facemug_core.training.data import FaceShards
from facemug_core.training.options import Run, Settings
from facemug_core.training.run import STAGES
from facemug_core.training.stages.stage import Batch, Stage

BANK = "feature bank"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    settings, run = Settings("generator", adversarial_from=0), Run(Path(), options.data)
    stage = STAGES["generator"].build(LIGHT, FaceShards(options.data), settings, run)
    cpu = torch.device("cpu")
    stage.to(cpu)
    networks = [network for network in (stage.model, stage.critic) if network is not None]
    for network in networks:
        place(network, cpu)
    optimizers = [torch.optim.Adam(network.parameters(), lr=0.0) for network in networks]
    batches = [_batch(stage, i * options.batch, options.batch) for i in range(options.rounds + 1)]
    _mark_bank(stage)
    _step(stage, optimizers, batches[0])
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for batch in batches[1:]:
            _step(stage, optimizers, batch)
    seconds: Counter[str] = Counter()
    for event in profiled.events():
        seconds[_place(event)] += event.self_cpu_time_total / 1e6 / options.rounds
    print(f"{seconds.total():.2f} s for a step of {options.batch}")
    for kind in (BANK, *KINDS, REST):
        print(f"{kind:24} {seconds[kind]:6.2f} s {seconds[kind] / seconds.total():6.1%}")
    outside = 1 - (seconds[BANK] + seconds["convolutions"]) / seconds.total()
    print(f"outside bank and convolutions: {outside:.1%}")


def _batch(stage: Stage, first: int, count: int) -> Batch:
    """A batch in the training loop's memory layout."""
    batch = default_collate([stage.dataset[i] for i in range(first, first + count)])
    return {
        name: values.contiguous(memory_format=torch.channels_last) if values.ndim == 4 else values
        for name, values in batch.items()
    }


def _step(stage: Stage, optimizers: list[torch.optim.Optimizer], batch: Batch) -> None:
    total, _, made = stage.loss(stage.model, batch, 1)
    losses = [total, stage.critic_loss(stage.critic, batch, made, 1)]
    for optimizer, loss in zip(optimizers, losses, strict=True):
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def _mark_bank(stage: Stage) -> None:
    """Mark the bank's features in the profile."""
    features = stage.bank.features

    def marked(*arguments: object, **options: object) -> object:
        with record_function(BANK):
            return features(*arguments, **options)

    stage.bank.features = marked


def _place(event: torch.autograd.profiler_util.FunctionEvent | None) -> str:
    """The bank, or else the kind of operation."""
    kind, outer = kind_of(event.name), event
    while outer is not None:
        if outer.name == BANK:
            return BANK
        outer = outer.cpu_parent
    return kind


if __name__ == "__main__":
    main()
