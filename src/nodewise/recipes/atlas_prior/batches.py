"""P3's batches: patches with nnU-Net's augmentation, half of them from full annotation, and random textures on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from nodewise.learn.case_cache import CachedCase
from nodewise.learn.patches import Patches, PatchPlan
from nodewise.learn.smart_cache import SmartCache
from nodewise.models.prior_preparation import PriorPreparation
from nodewise.recipes.atlas_prior.way import EPOCHS, FOREGROUND, RAMP_EPOCHS, STRONG, PriorWay, augmentation

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class PriorBatches:
    """``batches(number)`` gives a batch, a pure function of its number, for ``fit``.

    Attributes:
        cases: of ``prior_cases``.
        count: batches of the whole run; the ramp of the textures follows from where in it a batch lies.
        smart: which cases are in use when.
        device: where the textures are made, cpu or a GPU.
    """

    cases: tuple[CachedCase, ...]
    way: PriorWay
    preparation: PriorPreparation
    patch: tuple[int, ...]
    batch: int
    count: int
    seed: int = 0
    smart: SmartCache = field(default_factory=SmartCache)
    device: str = "cpu"

    def epoch(self, number: int) -> float:
        """Of ``EPOCHS``, whatever the length of the run."""
        return number * EPOCHS / self.count

    def __call__(self, number: int) -> tuple[Tensor, Tensor]:
        """Images (batch, channels, x, y, z), and labels (batch, 3, x, y, z): node, prior and inside, see ``cases``."""
        image, labels = self.patches(number)(number)
        if self.way.strong:
            image = stronger(image, self.seed, number)
        if self.way.gin_ipa:
            image = textured(image, self.epoch(number), self.seed, number, self.device)
        return image, labels

    def patches(self, number: int) -> Patches:
        """Those of the cases that are in use at a batch."""
        in_use = self.smart.in_use([case.source for case in self.cases], int(self.epoch(number)), self.seed)
        return _patches(self, in_use)


@lru_cache(4)
def _patches(batches: PriorBatches, in_use: tuple[int, ...]) -> Patches:
    cases = tuple(batches.cases[i] for i in in_use)
    plan = PatchPlan(
        batches.patch,
        batches.batch,
        foreground=FOREGROUND,
        off_centre=0.0,
        shares=_shares(cases) if batches.way.oversample else (),
        augmentation=augmentation(batches.patch),
        swaps=(None, None, None),
    )
    return Patches(cases, plan, batches.seed, prepare=batches.preparation.shown)


def textured(image: Tensor, epoch: float, seed: int, number: int, device: str = "cpu") -> Tensor:
    """A batch whose densities, channel 0, have random textures, stronger up to epoch ``RAMP_EPOCHS`` (GIN and IPA).

    Mean and spread of each patch are kept: a prediction sees the data set's normalisation, not one of each patch.
    """
    import torch

    from nodewise.learn.gin_ipa import gin_ipa, ramp_up

    image = image.to(device)
    generator = torch.Generator(device).manual_seed(int(np.random.SeedSequence((seed, number)).generate_state(1)[0]))
    ct = gin_ipa(image[:, :1], generator, ramp_up(epoch, RAMP_EPOCHS), keep_scale=True)
    return torch.cat((ct, image[:, 1:]), dim=1)


def stronger(image: Tensor, seed: int, number: int) -> Tensor:
    """A batch with noise and contrast on top, see ``way.STRONG``."""
    import torch

    from nodewise.learn.augment_intensity import change_intensity

    rng = np.random.default_rng((seed, number, 7))
    changed = [change_intensity(one.numpy(), STRONG, rng) for one in image.cpu()]
    return torch.from_numpy(np.stack(changed)).to(image.device)


def _shares(cases: Sequence[CachedCase]) -> tuple[tuple[str, float], ...]:
    """Every kind of annotation alike, where there are two."""
    sources = sorted({case.source for case in cases})
    return tuple((source, 1.0) for source in sources) if len(sources) > 1 else ()
