"""How much to train P3's network, in which way and on what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nodewise.learn.smart_cache import SmartCache
from nodewise.recipes.atlas_prior.learn import Run
from nodewise.recipes.atlas_prior.way import SIZES, STEPS, PriorWay, Size

OnProgress = Callable[[str, int, int], None]
Variant = Literal["v1", "v2"]
"""Semi-supervised: by reliable pseudo-labels, or by post-processed ones."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to compute.

    Attributes:
        steps: of the optimiser; the paper's are 2,000 epochs of 75.
        size: of the network.
        way: what of P3 takes part.
        device: auto, cpu, cuda, cuda:1 or mps; devices: how many of them. processes: to prepare with.
        workers: threads that make batches ahead. smart: which cases are in use when.
        margin_mm: around the lungs.
        atlas: as ``registered.node_atlas`` takes it; None builds it from the scans that are trained on.
        semi: go on from the best weights with the partly annotated scans as unlabelled ones; None for not at all.
    """

    steps: int = STEPS
    size: Size = SIZES["paper"]
    way: PriorWay = field(default_factory=PriorWay)
    seed: int = 0
    device: str = "auto"
    devices: int = 1
    processes: int = 1
    workers: int = 1
    smart: SmartCache = field(default_factory=SmartCache)
    margin_mm: float = 10.0
    atlas: Path | None = None
    semi: Variant | None = None

    @property
    def helpers(self) -> int:
        """Processes beside this one; none where it works alone."""
        return self.processes if self.processes > 1 else 0

    @property
    def command(self) -> str:
        """The options that decide the result, as they are typed."""
        atlas = "" if self.atlas is None else f" --atlas {self.atlas.name}"
        semi = "" if self.semi is None else f" --semi {self.semi}"
        loss = "" if self.way.loss.form == "weighted" else f" --loss {self.way.loss.form}"
        size = f"--steps {self.steps} --size {self.size.name}{loss}"
        return f"--channels {self.way.channels} {size} --seed {self.seed}{atlas}{semi}"

    def run(self, out: Path) -> Run:
        """Of one network.

        Raises:
            BadInputError: there is no such device.
        """
        from nodewise.learn.device import choose_device

        return Run(out, self.steps, self.seed, choose_device(self.device), self.devices, self.workers, self.smart)
