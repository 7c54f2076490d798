"""Figures that are computed together, as a function of how often each case is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Figures that are computed together.

    Attributes:
        names: of the figures; ``statistic`` gives their values in this order and then ``band`` points of a curve.
        undefined: cases that cannot contribute, by name; none where not given.
        notes: what must be known of a figure, by name.
        why: why one is not defined.
    """

    names: tuple[str, ...]
    statistic: Callable[[npt.NDArray[np.int64]], Sequence[float]]
    why: str
    undefined: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    notes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    band: int = 0
