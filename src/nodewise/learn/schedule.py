"""Learning rates over a run: each schedule gives the factor of a step, counted from 0, in a run of so many steps."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constant:
    """The same rate throughout."""

    def factor(self, step: int, steps: int) -> float:  # noqa: ARG002
        """1."""
        return 1.0


@dataclass(frozen=True, slots=True)
class Steps:
    """A factor at each of some steps, each on top of those before.

    Attributes:
        at: (step, factor), such as (5000, 1/3) for a third from the step numbered 5000 on.
        of: the run that ``at`` is meant for; in one of another length they come at the same fractions of it. 0 takes
            ``at`` as it is.
    """

    at: tuple[tuple[int, float], ...]
    of: int = 0

    def factor(self, step: int, steps: int) -> float:
        """The product of the factors reached."""
        wanted, there = (steps, self.of) if self.of else (1, 1)
        return math.prod(factor for first, factor in self.at if step * there >= first * wanted)


@dataclass(frozen=True, slots=True)
class Poly:
    """(1 − t / T) to a power, as nnU-Net has it (Isensee et al., Nature Methods 2021)."""

    power: float = 0.9

    def factor(self, step: int, steps: int) -> float:
        """From 1 at the first step to nearly 0 at the last."""
        return math.pow(max(0.0, 1 - step / steps), self.power)


@dataclass(frozen=True, slots=True)
class PolyHalves:
    """``Poly`` over the first half of so many epochs, and again, from where that ended, over the second.

    P3's two lines from 0.01 by 2·10⁻⁵ to 4·10⁻⁸ (Engelson et al., MELBA 2024, section 4) are these, to the digit.

    Attributes:
        epochs: the rate changes as often, whatever the number of steps.
    """

    power: float = 0.9
    epochs: int = 2000

    def factor(self, step: int, steps: int) -> float:
        """From 1 down, twice."""
        half, epoch = self.epochs // 2, step * self.epochs // steps
        last = math.pow(1 / half, self.power)
        if epoch < half:
            return math.pow(1 - epoch / half, self.power)
        return last * math.pow(max(0.0, 2 - epoch / half), self.power)


@dataclass(frozen=True, slots=True)
class Cosine:
    """A straight rise over ``warmup`` steps, and half a cosine down to ``floor``."""

    warmup: int = 20
    floor: float = 0.01

    def factor(self, step: int, steps: int) -> float:
        """Rise times fall."""
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        return rise * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * step / steps)))


Schedule = Constant | Steps | Poly | PolyHalves | Cosine
