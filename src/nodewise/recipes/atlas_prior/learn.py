"""P3's network, learned: nnU-Net's schedule in two halves, and the weights and post-processing that validate best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nodewise.learn.case_cache import CachedCase
from nodewise.learn.fit import FitPlan, Progress, fit
from nodewise.learn.network import NetworkPlan
from nodewise.learn.planner import Planned
from nodewise.learn.schedule import PolyHalves
from nodewise.learn.smart_cache import SmartCache
from nodewise.models.prior_preparation import PriorPreparation
from nodewise.recipes.atlas_prior.after import NONE, After, best_after, dice, nodes
from nodewise.recipes.atlas_prior.batches import PriorBatches
from nodewise.recipes.atlas_prior.cases import NODE, answer_of
from nodewise.recipes.atlas_prior.way import CLIP, EPOCHS, LEARNING_RATE, OPTIMISER, PriorWay
from nodewise.values.box import Index3

if TYPE_CHECKING:
    from torch import Tensor, nn

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Run:
    """One network's training: its folder, how many steps, and where.

    Attributes:
        seed: everything random follows from it. device: as ``choose_device`` gives it.
        workers: threads that make batches ahead; the result does not depend on it.
        smart: which cases are in use when.
    """

    out: Path
    steps: int
    seed: int = 0
    device: str = "cpu"
    devices: int = 1
    workers: int = 1
    smart: SmartCache = field(default_factory=SmartCache)


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to learn from and to choose by, as prepared, and the network that was planned for it."""

    training: tuple[CachedCase, ...]
    validating: tuple[CachedCase, ...]
    preparation: PriorPreparation
    planned: Planned

    @property
    def patch(self) -> Index3:
        """Voxels of the network's window."""
        x, y, z = self.planned.patch
        return x, y, z

    @property
    def network(self) -> NetworkPlan:
        """Two outputs, background and node."""
        return self.planned.network


@dataclass(frozen=True, slots=True, eq=False)
class TrainedPrior:
    """Weights, and what on the validating cases went best with them.

    Attributes:
        weights: the checkpoint. after: threshold and smallest diameter; figures: measured there, empty without cases.
    """

    weights: Path
    after: After
    figures: Mapping[str, float]
    steps: int


def train_prior(
    material: Material,
    way: PriorWay,
    run: Run,
    progress: Callable[[Progress], None] = lambda _now: None,
) -> TrainedPrior:
    """Train one network; goes on where it was stopped.

    Raises:
        BadInputError: ``run.out`` belongs to another run.
    """
    from nodewise.learn.network import build_network

    plan = fit_plan(way, material, run)
    validate = Validate(material) if material.validating else None
    best = fit(
        build_network(material.network, run.seed),
        batches(material, way, run),
        way.loss,
        plan,
        run.out,
        validate=validate,
        pictures=None if validate is None else validate.pictures,
        progress=progress,
    )
    return chosen(best, material, run)


def batches(material: Material, way: PriorWay, run: Run) -> PriorBatches:
    """Those of a run, made on its GPU where it has one alone."""
    return PriorBatches(
        material.training,
        way,
        material.preparation,
        material.patch,
        material.planned.batch,
        run.steps * run.devices,
        run.seed,
        run.smart,
        run.device if run.devices == 1 else "cpu",
    )


def fit_plan(way: PriorWay, material: Material, run: Run) -> FitPlan:
    """Section 4 of the paper."""
    return FitPlan(
        steps=run.steps,
        learning_rate=LEARNING_RATE,
        optimiser=OPTIMISER,
        schedule=PolyHalves(epochs=EPOCHS),
        clip=CLIP,
        average=0.0,
        validate_every=max(25, run.steps // 40),
        seed=run.seed,
        device=run.device,
        devices=run.devices,
        precision="auto",
        workers=run.workers,
        identity=f"{way.words} {material.preparation.words}",
    )


def chosen(weights: Path, material: Material, run: Run) -> TrainedPrior:
    """The best weights with the post-processing that does best with them on the validating cases."""
    from nodewise.learn.checkpoint import load_weights
    from nodewise.learn.network import build_network

    if not material.validating:
        return TrainedPrior(weights, After(), {}, run.steps)
    network = build_network(material.network, run.seed)
    network.load_state_dict(load_weights(weights))
    network.eval().to(run.device)
    answers = [answer_of(case, probability(network, case, material)) for case in material.validating]
    truths = [case.labels()[NODE] for case in material.validating]
    after, highest = best_after(answers, truths)
    plain = [dice(nodes(a, NONE), t) for a, t in zip(answers, truths, strict=True)]
    figures = {"dice": float(np.mean(plain)), "dice_post_processed": highest}
    return TrainedPrior(weights, after, figures, run.steps)


def probability(network: nn.Module, case: CachedCase, material: Material) -> Floats:
    """Probability of being node on every voxel of a cached case (x, y, z)."""
    import torch

    from nodewise.learn.device import half_precision
    from nodewise.learn.slide import sliding_window

    device = str(next(network.parameters()).device)

    def node(windows: Tensor) -> Tensor:
        with torch.inference_mode(), half_precision(device):
            logits: Tensor = network(windows.to(device))
        return (logits[:, 1:2].float() - logits[:, 0:1].float()).cpu()

    image = material.preparation.shown(np.asarray(case.image(), np.float32))
    return np.asarray(sliding_window(node, image, material.patch, 1, overlap=0.5, sigmoid=True)[0])


@dataclass(frozen=True, slots=True)
class Validate:
    """Dice of the validating cases at a half of the probability, and a picture of the first."""

    material: Material

    def __call__(self, network: nn.Module) -> Mapping[str, float]:
        """The mean, and the share of cases with any overlap."""
        each = [self._dice(network, case) for case in self.material.validating]
        return {"dice": float(np.mean(each)), "cases_hit": float(np.mean(np.array(each) > 0))}

    def pictures(self, network: nn.Module) -> Mapping[str, Any]:
        """CT, probability and truth of the slice with most node, side by side, 0 to 1."""
        case = self.material.validating[0]
        truth = np.asarray(case.labels()[NODE] == 1, np.float32)
        at = int(np.argmax(truth.sum(axis=(0, 1))))
        grey = (np.asarray(case.image()[0, :, :, at], np.float32) + 160) / 400
        found = probability(network, case, self.material)[:, :, at]
        return {"case": np.concatenate([np.clip(a.T, 0, 1) for a in (grey, found, truth[:, :, at])], axis=1)}

    def _dice(self, network: nn.Module, case: CachedCase) -> float:
        return dice(probability(network, case, self.material) >= 0.5, np.asarray(case.labels()[NODE]))
