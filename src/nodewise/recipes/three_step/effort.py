"""How much to train, on what, and who is told how far it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nodewise.models.model_file import Source
from nodewise.recipes.three_step.malignancy import Curve, Rule
from nodewise.values.station import Station

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Backgrounds:
    """Real scans to implant nodes into, to train on and to validate on, and whom to credit for them.

    Attributes:
        reviews: file that tells where some of them may hold nodes of their own, see ``phantom.implant.review``.
    """

    training: tuple[Path, ...] = ()
    held_out: tuple[Path, ...] = ()
    credits: tuple[Source, ...] = ()
    reviews: Path | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One network's training: its folder, how many steps, and where.

    Attributes:
        seed: everything random follows from it. device: as ``choose_device`` gives it.
        workers: threads that make batches ahead; 0 for none. The result does not depend on it.
    """

    out: Path
    steps: int
    seed: int = 0
    device: str = "cpu"
    devices: int = 1
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to compute.

    Attributes:
        scale: of the paper's schedules: 30,000, 70,000 and 40,000 steps.
        phantoms: drawn chests to learn from, where there are no labelled scans.
        device: auto, cpu, cuda, cuda:1 or mps; devices: how many of them.
        processes: to draw and prepare with.
        rule: what a malignant station teaches of its nodes; None for what is usual.
        station_mm: voxels of the station network on labelled scans; the paper's 1 mm want a GPU, 2 mm suit a processor.
        workers: threads that make batches ahead; 0 for none.
        calibration: curve of the probabilities of malignancy.
        stations: that the station network learns on labelled scans; None for the paper's eleven.
    """

    scale: float = 1.0
    phantoms: int = 110
    seed: int = 0
    device: str = "auto"
    devices: int = 1
    processes: int = 1
    rule: Rule | None = None
    station_mm: float = 1.0
    workers: int = 1
    calibration: Curve = "temperature"
    stations: tuple[Station, ...] | None = None

    def steps(self, whole: int) -> int:
        """Of a schedule of ``whole`` steps; at least one."""
        return max(1, math.ceil(whole * self.scale))

    @property
    def helpers(self) -> int:
        """Processes beside this one; none where it works alone."""
        return self.processes if self.processes > 1 else 0

    @property
    def command(self) -> str:
        """The seed and, but for the scale, what differs from the defaults, as they are typed."""
        rule = "" if self.rule is None else f" --malignancy-rule {self.rule.name.lower()}"
        spacing = "" if self.station_mm == 1.0 else f" --station-spacing {self.station_mm:g}"
        curve = "" if self.calibration == "temperature" else f" --calibration {self.calibration}"
        codes = ",".join(station.code for station in self.stations or ())
        several = "" if self.devices == 1 else f" --devices {self.devices}"
        return f"--seed {self.seed}{rule}{spacing}{curve}{f' --stations {codes}' if codes else ''}{several}"

    def run(self, out: Path, whole: int) -> Run:
        """Of a network whose schedule has ``whole`` steps.

        Raises:
            BadInputError: there is no such device.
        """
        from nodewise.learn.device import choose_device

        return Run(out, self.steps(whole), self.seed, choose_device(self.device), self.devices, self.workers)
