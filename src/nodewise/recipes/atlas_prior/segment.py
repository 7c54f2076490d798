"""P3's network as a step of the story: study and anatomy in, and a score out that its threshold is meant for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nodewise.models.prior_preparation import PriorPreparation, prior_on
from nodewise.recipes.atlas_prior.after import After, Answer, lung_hull, scores
from nodewise.values.anatomy import Anatomy
from nodewise.values.box import Index3
from nodewise.values.study import Study
from nodewise.values.volume import Quantity, Volume

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nodewise.learn.runtime import Runtime


@dataclass(frozen=True, slots=True, eq=False)
class PriorSegmenter:
    """Networks with all it takes to use them; ``prior_segmenter`` makes one.

    Attributes:
        predict: windows (batch, channels, *patch) to the log-odds of node (batch, 1, *patch).
        after: what is done to the answer. flips: axes along which windows are mirrored too.
    """

    predict: Callable[[Tensor], Tensor]
    preparation: PriorPreparation
    patch: Index3
    after: After
    overlap: float = 0.5
    batch: int = 1
    flips: tuple[int, ...] = ()
    device: str = "cpu"

    def __call__(self, study: Study, anatomy: Anatomy) -> Volume:
        """See ``after.scores``, on a crop of the CT's grid: at ``after.threshold`` it is P3's answer.

        Raises:
            BadInputError: memory ran out, or the anatomy lacks a map that the network sees.
        """
        answer = self.answer(study, anatomy, everywhere=not self.after.hull)
        return Volume(scores(answer, self.after), answer.grid, Quantity.PROBABILITY)

    def answer(self, study: Study, anatomy: Anatomy, *, everywhere: bool = True) -> Answer:
        """The probability before anything is done to it; where not ``everywhere`` it is 0 outside the lungs' hull."""
        from nodewise.learn.device import memory_to_predict
        from nodewise.learn.slide import mirrored, sliding_window

        with memory_to_predict(self.device):
            prepared = self.preparation(study.ct, anatomy)
            found = sliding_window(
                mirrored(self.predict, self.flips),
                prepared.image,
                self.patch,
                1,
                overlap=self.overlap,
                batch=self.batch,
                mask=None if everywhere else lung_hull(anatomy, prepared.grid),
                sigmoid=True,
            )
            back = self.preparation.restore(found[0], prepared)
        grid = back.grid
        return Answer(np.array(back.array), prior_on(anatomy, grid), lung_hull(anatomy, grid), grid)


def prior_segmenter(
    networks: Sequence[nn.Module],
    preparation: PriorPreparation,
    patch: Index3,
    after: After,
    *,
    flips: tuple[int, ...] = (),
    runtime: Runtime = "auto",
    device: str = "cpu",
    cache: Path | None = None,
) -> PriorSegmenter:
    """A segmenter of one network, or of an ensemble whose probabilities are averaged (P3: five).

    Args:
        networks: logits of background and node.
        preparation: what they are given.
        patch: window in voxels.
        after: what is done to the answer.
        flips: axes along which windows are mirrored too: 2ⁿ times the work.
        runtime: auto, torch or openvino.
        device: cpu, cuda, cuda:1 or mps.
        cache: folder in which compiled networks are kept.

    Raises:
        BadInputError: the runtime is not here, or not for this device.
    """
    from nodewise.learn import runtime as learned
    from nodewise.learn.log_odds import LogOdds
    from nodewise.learn.slide import batch_on

    predict = learned.runtime([LogOdds(networks, 1)], runtime=runtime, device=device, cache=cache)
    batch = batch_on(device, networks[0], patch)
    return PriorSegmenter(predict, preparation, patch, after, batch=batch, flips=flips, device=device)
