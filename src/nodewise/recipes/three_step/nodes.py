"""P1, step 2: the network that tells node from everything else, and the two ways to train it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nodewise.learn.fit import Batch, FitPlan, Loss, Progress, fit
from nodewise.learn.network import NetworkPlan
from nodewise.learn.optimise import Adam, AdamW, Optimiser
from nodewise.learn.schedule import Cosine, Schedule, Steps
from nodewise.models.preparation import Preparation
from nodewise.recipes.three_step.detection import detection_figures, probabilities
from nodewise.recipes.three_step.effort import Run
from nodewise.recipes.three_step.examples import Example
from nodewise.values.box import Index3

if TYPE_CHECKING:
    from torch import nn

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True, slots=True)
class NodesWay:
    """Everything about step 2 but its data and its loss.

    Attributes:
        window: voxels it is given at a time in use.
        steps: of the whole schedule, which a scale multiplies.
        average: decay of the running average of the weights, 0 for none.
    """

    preparation: Preparation
    patch: Index3
    window: Index3
    plan: NetworkPlan
    steps: int
    learning_rate: float
    optimiser: Optimiser = field(default_factory=AdamW)
    schedule: Schedule = field(default_factory=Cosine)
    clip: float = 5.0
    average: float = 0.995


PAPER = NodesWay(
    preparation=Preparation((1.0, 1.0, 1.0), ((-160.0, 240.0),), least_voxels=(128, 128, 1)),
    patch=(128, 128, 64),
    window=(128, 128, 64),
    plan=NetworkPlan(1, (1,), channels=(32, 64, 128, 256), blocks=(1, 1, 1, 1), norm="batch", slope=0.0),
    steps=70_000,
    learning_rate=1e-3,
    optimiser=Adam(),
    schedule=Steps(((5_000, 1 / 3), (15_000, 1 / 3), (50_000, 1 / 2), (60_000, 1 / 2)), of=70_000),
    clip=float("inf"),
    average=0.0,
)
"""P1, sections 2.1 and 2.4; the patch and the width of the levels are not printed."""

PHANTOM = NodesWay(
    preparation=Preparation((1.5, 1.5, 1.5), ((-160.0, 240.0), (-1000.0, 600.0))),
    patch=(64, 64, 64),
    window=(128, 128, 96),  # quicker, no worse: docs/decisions/0008
    plan=NetworkPlan(
        2, (1,), channels=(24, 48, 96, 160), blocks=(1, 2, 2, 2), fold=(2, 2, 2), auxiliary=12, norm="batch"
    ),
    steps=70_000,
    learning_rate=3e-3,
)
"""Ours, for drawn chests and implants: see ``nodes_phantom``."""


@dataclass(frozen=True, slots=True)
class TrainedNodes:
    """The network, the threshold at which it does best on what was held out, and its figures there."""

    network: nn.Module
    threshold: float
    figures: Mapping[str, float]
    steps: int


def train_nodes(
    way: NodesWay,
    batch: Batch,
    loss: Loss,
    held_out: Mapping[str, Sequence[Example]],
    run: Run,
    progress: Callable[[Progress], None] = lambda _now: None,
) -> TrainedNodes:
    """Train; goes on where it was stopped.

    Args:
        way: see there.
        batch: of a step.
        loss: of the network's output and a batch's truth.
        held_out: to validate on, by kind; empty to keep the last weights.
        run: its folder, length and device.
        progress: told after every step.
    """
    from nodewise.learn.checkpoint import load_weights
    from nodewise.learn.network import build_network

    network = build_network(way.plan, run.seed)
    plan = FitPlan(
        steps=run.steps,
        learning_rate=way.learning_rate,
        optimiser=way.optimiser,
        schedule=way.schedule,
        clip=way.clip,
        average=way.average,
        validate_every=250,
        seed=run.seed,
        device=run.device,
        devices=run.devices,
        precision="auto",
        workers=run.workers,
        identity=way.preparation.words,
    )

    validate = partial(figures_of, way=way, held_out=held_out, threshold=0.5) if held_out else None
    pictures = partial(pictures_of, way=way, held_out=held_out)
    best = fit(network, batch, loss, plan, run.out, validate=validate, pictures=pictures, progress=progress)
    network.load_state_dict(load_weights(best))
    network.eval().to(run.device)
    if not held_out:
        return TrainedNodes(network, 0.5, {}, run.steps)
    found = found_by(network, way, held_out)
    swept = {t: figures_at(found, way, held_out, t) for t in THRESHOLDS}
    threshold = max(swept, key=lambda t: swept[t]["average_recall"] + swept[t]["object_dice"])
    return TrainedNodes(network, threshold, swept[threshold], run.steps)


def figures_of(
    network: nn.Module, way: NodesWay, held_out: Mapping[str, Sequence[Example]], threshold: float
) -> dict[str, float]:
    """See ``figures_at``."""
    return figures_at(found_by(network, way, held_out), way, held_out, threshold)


def found_by(
    network: nn.Module, way: NodesWay, held_out: Mapping[str, Sequence[Example]]
) -> dict[str, list[npt.NDArray[np.float32]]]:
    """Probability of being node on every held-out example, by kind."""
    return {kind: probabilities(network, examples, way.preparation, way.patch) for kind, examples in held_out.items()}


def figures_at(
    found: Mapping[str, Sequence[npt.NDArray[np.float32]]],
    way: NodesWay,
    held_out: Mapping[str, Sequence[Example]],
    threshold: float,
) -> dict[str, float]:
    """The mean of avgRecall, first, and of objDSC over the kinds of held-out examples; each kind's figures."""
    spacing = way.preparation.spacing_mm
    each = {kind: detection_figures(found[kind], examples, spacing, threshold) for kind, examples in held_out.items()}
    named = {f"{kind}_{name}": value for kind, figures in each.items() for name, value in figures.items()}
    means = ("average_recall", "object_dice")
    return {name: float(np.mean([figures[name] for figures in each.values()])) for name in means} | named


def pictures_of(network: nn.Module, way: NodesWay, held_out: Mapping[str, Sequence[Example]]) -> dict[str, Any]:
    """Of the first example of each kind the slice with most node: CT, probability and truth, (H, W), 0 to 1."""
    return {kind: _picture(network, way, examples[0]) for kind, examples in held_out.items()}


def _picture(network: nn.Module, way: NodesWay, example: Example) -> Any:
    at = int(np.argmax((example.node == 1).sum(axis=(0, 1))))
    grey = way.preparation.channels(example.hu)[0]
    probability = probabilities(network, [example], way.preparation, way.patch)[0]
    return np.concatenate([a[:, :, at].T for a in (grey, probability, (example.node == 1).astype(np.float32))], axis=1)
