"""Batches of patches drawn from cached cases: a pure function of the seed and the step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nodewise.learn.augment import NONE, Augmentation
from nodewise.learn.augment_intensity import change_intensity
from nodewise.learn.augment_spatial import draw_transform
from nodewise.learn.augment_take import check_swap, take_patch
from nodewise.learn.case_cache import CachedCase
from nodewise.values.errors import BadInputError

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class PatchPlan:
    """How patches are drawn.

    Attributes:
        patch: voxels along each axis.
        batch: patches a step.
        foreground: share of patches centred near a voxel of a class, the classes of the first label array being
            equally likely; the others lie anywhere.
        off_centre: how far from the patch's centre that voxel may lie, as a share of the patch; 0 for at the centre.
        shares: (source, weight), every source once; empty for every case alike. As many patches of a batch come from
            each source as its share allows, so two sources of equal weight give half each.
        augmentation: see there; with flips, ``swaps`` must be told.
        swaps: for each label array the table that swaps its sides, or None where it has none; empty for none at all.
        order: 1 or 3, of the image's interpolation.

    Raises:
        ValueError: the numbers make no sense.
    """

    patch: tuple[int, ...]
    batch: int = 2
    foreground: float = 1 / 3
    off_centre: float = 0.25
    shares: tuple[tuple[str, float], ...] = ()
    augmentation: Augmentation = NONE
    swaps: tuple[Labels | None, ...] = ()
    order: int = 1

    def __post_init__(self) -> None:
        if min(self.patch) < 1 or self.batch < 1:
            raise ValueError(f"patches of {self.patch} voxels, {self.batch} a batch: at least 1 each")
        if not (0 <= self.foreground <= 1 and 0 <= self.off_centre <= 0.5):
            raise ValueError("the share of foreground is 0 to 1, how far off centre it may lie 0 to 0.5")
        if any(weight <= 0 for _, weight in self.shares) or len(dict(self.shares)) < len(self.shares):
            raise ValueError(f"every source has one share above 0: {self.shares}")
        for table in self.swaps:
            if table is not None:
                check_swap(table)


@dataclass(frozen=True, slots=True)
class Patches:
    """``patches(step)`` gives a batch, for ``fit`` and ``ahead``.

    Attributes:
        cases: of one number of channels and label arrays.
        plan: how they are drawn.
        seed: with it, everything drawn follows from the step.
        prepare: of the patch's image (channels, …) as cached, after it was sampled and before its intensity changes;
            a function of a module, where processes make batches ahead.

    Raises:
        BadInputError: no cases, or other sources than ``plan.shares`` names.
        ValueError: flips without a word on sides, or another dimension.
    """

    cases: tuple[CachedCase, ...]
    plan: PatchPlan
    seed: int = 0
    prepare: Callable[[Floats], Floats] | None = None

    def __post_init__(self) -> None:
        plan, there = self.plan, {case.source for case in self.cases}
        if not self.cases:
            raise BadInputError("there are no cases to draw patches from: name some to train on")
        if plan.shares and set(dict(plan.shares)) != there:
            raise BadInputError(f"cases come from {sorted(there)}, shares are given for {sorted(dict(plan.shares))}")
        if any(len(case.shape) != len(plan.patch) for case in self.cases):
            raise ValueError(f"a patch of {len(plan.patch)} axes out of cases of {len(self.cases[0].shape)}")
        if plan.augmentation.spatial.mirrors and len(plan.swaps) != len(self.cases[0].labels()):
            raise ValueError("flips need to know, for every label array, how its sides swap, or None: see swaps")

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Images (batch, channels, …) float32, and labels (batch, …) uint8, or (batch, arrays, …) where there are more.

        Voxels outside a case repeat the image's edge and are ``IGNORE``.
        """
        images, labels = zip(*(self.draw(step, number) for number in range(self.plan.batch)), strict=True)
        marked = [one[0] if len(one) == 1 else np.stack(one) for one in labels]
        return _tensor(images), _tensor(marked)

    def draw(self, step: int, number: int) -> tuple[Floats, tuple[Labels, ...]]:
        """One patch of a step's batch: image (channels, …) and label arrays."""
        plan, rng = self.plan, np.random.default_rng((self.seed, step, 1 + number))
        case, row = self._choose(step, number, rng)
        transform = draw_transform(plan.augmentation.spatial, plan.patch, case.spacing, rng)
        centre = _centre(case, row, plan, rng)
        labels = case.labels()
        image, marked = take_patch(
            case.image(),
            labels,
            centre,
            plan.patch,
            transform,
            spacing=case.spacing,
            swaps=plan.swaps or (None,) * len(labels),
            order=plan.order,
        )
        if self.prepare is not None:
            image = self.prepare(image)
        return change_intensity(image, plan.augmentation.intensity, rng), marked

    def _choose(self, step: int, number: int, rng: np.random.Generator) -> tuple[CachedCase, int | None]:
        """A case, and the row of the place to centre the patch near; None for anywhere."""
        plan, rules = self.plan, np.random.default_rng((self.seed, step))
        cases: Sequence[CachedCase] = self.cases
        if plan.shares:
            weights = np.array([weight for _, weight in plan.shares])
            source = plan.shares[_slots(weights, plan.batch, rules)[number]][0]
            cases = [case for case in cases if case.source == source]
        wanted = _slots(np.array([1 - plan.foreground, plan.foreground]), plan.batch, rules)[number] == 1
        if wanted:
            cases = [case for case in cases if case.classes] or cases
        case = cases[int(rng.integers(len(cases)))]
        if not (wanted and case.classes):
            return case, None
        _, first, last = case.classes[int(rng.integers(len(case.classes)))]
        return case, int(rng.integers(first, last))


def _slots(weights: npt.NDArray[np.float64], count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Which kind each of ``count`` places gets, in a drawn order: of each kind its share, rounded up or down."""
    ends = np.cumsum(weights / weights.sum())[:-1]
    kinds = np.searchsorted(ends, (rng.random() + np.arange(count)) / count, side="right")
    return rng.permutation(kinds)


def _centre(case: CachedCase, row: int | None, plan: PatchPlan, rng: np.random.Generator) -> list[float]:
    """Index of the patch's centre: inside the case where the patch is the smaller, else at its middle."""
    size = np.array(plan.patch)
    room = np.array(case.shape) - size
    if row is None:
        start = np.floor(rng.random(len(size)) * (room + 1))
    else:
        off = rng.uniform(-plan.off_centre, plan.off_centre, len(size)) * size
        start = np.round(np.array(case.place(row)) - (size - 1) / 2 + off)
    start = np.where(room >= 0, np.clip(start, 0, np.maximum(room, 0)), np.floor(room / 2))
    return [float(x) for x in start + (size - 1) / 2]


def _tensor(arrays: Sequence[npt.NDArray[np.generic]]) -> Tensor:
    """Stacked, x slowest, as a network reads them."""
    return torch.from_numpy(np.ascontiguousarray(np.stack(arrays)))
