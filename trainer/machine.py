"""What a run computes on: the device, its bfloat16, and the other processes of a torchrun."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from shared.errors import TrainingError
from shared.settings.learning import TrainingSettings
from trainer.chunks import Batch

_CPU_BF16 = ("amx_bf16", "amx-bf16", "avx512_bf16")  # of /proc/cpuinfo: without them bfloat16 is emulated, and slow


@dataclass(frozen=True)
class Machine:
    """One process of a run."""

    device: torch.device
    amp: bool  # products in bfloat16 while learning
    rank: int = 0
    world: int = 1

    @property
    def main(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[None]:
        """Context in which products are made in bfloat16, where asked for."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp)

    def take(self, batch: Batch) -> Batch:
        """Take this process's share of a batch's chunks, on the device; every process makes the same batch."""
        part = slice(self.rank, None, self.world)
        return Batch(
            batch.rows[part].to(self.device),
            {head: labels[part].to(self.device) for head, labels in batch.labels.items()},
            None if batch.present is None else batch.present[part].to(self.device),
        )

    def sum(self, values: Tensor) -> Tensor:
        """Add up a tensor over all processes."""
        if self.world > 1:
            values = values.to(self.device)
            distributed.all_reduce(values)
        return values.cpu()

    def wait(self) -> None:
        """Return when every process is here."""
        self.sum(torch.zeros(1))

    def spread(self, module: nn.Module) -> nn.Module:
        """Wrap a module so that going back averages the gradients of all processes."""
        if self.world == 1:
            return module
        ids = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=ids, broadcast_buffers=False, find_unused_parameters=True)


ALONE = Machine(torch.device("cpu"), amp=False)
"""One process on the CPU, in float32."""


@contextmanager
def open_machine(settings: TrainingSettings) -> Iterator[Machine]:
    """Choose the device, and join the other processes where torchrun started several.

    Raises
    ------
    TrainingError
        A GPU is asked for and there is none.
    """
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    device = _device(settings.device, int(os.environ.get("LOCAL_RANK", "0")))
    machine = Machine(device, _amp(settings.amp, device), rank, world)
    if world == 1 or distributed.is_initialized():
        yield machine
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield machine
    finally:
        distributed.destroy_process_group()


def _device(asked: str, local_rank: int) -> torch.device:
    found = torch.cuda.is_available()
    if asked == "cuda" and not found:
        raise TrainingError("training.device", asked, "is not there: torch finds no GPU", "write auto or cpu")
    return torch.device("cuda", local_rank) if found and asked != "cpu" else torch.device("cpu")


def _amp(asked: str, device: torch.device) -> bool:
    if asked != "auto":
        return asked == "on"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - no file, a view
            return any(flag in line for line in file if line.startswith("flags") for flag in _CPU_BF16)
    except OSError:
        return False
