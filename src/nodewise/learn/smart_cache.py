"""A part of the cases at a time, a few of them exchanged at every epoch, so that those in use stay in memory.

After MONAI's SmartCacheDataset, as P3 uses it (Engelson et al., MELBA 2024, section 4). Cases are mapped into memory
(see ``case_cache``): which pages stay there is the system's to choose, and here it is made to be few.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class SmartCache:
    """How many cases are in use at a time.

    Attributes:
        kept: of all cases; 0 for all of them. replaced: share of them that is exchanged at every epoch.
    """

    kept: int = 0
    replaced: float = 0.1

    def in_use(self, sources: Sequence[str], epoch: int, seed: int) -> tuple[int, ...]:
        """Which cases are in use in an epoch, rising; of each source its share, and at least one.

        The cases of a source follow one another in a drawn order and begin again after the last.

        Args:
            sources: of each case.
            epoch: counted from 0.
            seed: draws the order.
        """
        if not 0 < self.kept < len(sources):
            return tuple(range(len(sources)))
        chosen: list[int] = []
        for rank, source in enumerate(sorted(set(sources))):
            own = [i for i, one in enumerate(sources) if one == source]
            order = np.random.default_rng((seed, rank)).permutation(own).tolist()
            kept = min(len(own), max(1, round(self.kept * len(own) / len(sources))))
            first = epoch * max(1, math.ceil(self.replaced * kept))
            chosen += [order[(first + n) % len(own)] for n in range(kept)]
        return tuple(sorted(chosen))
