"""P1, step 2: the network that tells node from everything else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nodewise.learn.network import NetworkPlan
from nodewise.models.preparation import Preparation
from nodewise.recipes.detection import detection_figures, probabilities
from nodewise.recipes.examples import Example, Source

if TYPE_CHECKING:
    from torch import Tensor, nn

PREPARATION = Preparation(spacing_mm=(1.5, 1.5, 1.5), windows=((-160.0, 240.0), (-1000.0, 600.0)))
PATCH = (96, 96, 64)
PLAN = NetworkPlan(
    in_channels=len(PREPARATION.windows),
    heads=(1,),
    channels=(32, 64, 128, 192),
    blocks=(1, 2, 2, 2),
    fold=(2, 2, 2),
    auxiliary=12,
)
LEARNING_RATE = 3e-3
FALSE_POSITIVES, FALSE_NEGATIVES = 0.4, 0.6
LARGEST_CLASS_WEIGHT = 8.0
TISSUE_SHARE = 0.5
LIKELY = 0.5  # weight of a voxel that is only likely to be no node
AVERAGE = 0.995


def train_nodes(
    sources: Sequence[Source],
    held_out: Mapping[str, Sequence[Example]],
    out: Path,
    *,
    steps: int,
    seed: int,
    device: str,
    progress: Callable[[int], None] = lambda _step: None,
) -> nn.Module:
    """Train on one example of each source at every step; goes on where it was stopped.

    Args:
        sources: of training examples; the first knows tissues.
        held_out: to validate on, by kind.
        out: folder of the run.
        steps: of the optimiser.
        seed: everything random follows from it.
        device: as ``choose_device`` gives it.
        progress: told the step.

    Returns:
        The network with the best weights, in evaluation mode.
    """
    from nodewise.learn.checkpoint import load_weights
    from nodewise.learn.device import computes_in_bfloat16
    from nodewise.learn.fit import FitPlan, fit
    from nodewise.learn.network import build_network

    network = build_network(PLAN, seed)
    best = fit(
        network,
        lambda step: batch(sources, seed, step),
        node_loss(class_weights(sources[0], seed)),
        FitPlan(
            steps,
            LEARNING_RATE,
            average=AVERAGE,
            seed=seed,
            device=device,
            precision="bf16-mixed" if computes_in_bfloat16(device) else "32-true",
            validate_every=250,
        ),
        out,
        validate=lambda trained: measured(trained, held_out),
        progress=lambda now: progress(now.step),
    )
    network.load_state_dict(load_weights(best))
    return network.eval()


def measured(network: nn.Module, held_out: Mapping[str, Sequence[Example]]) -> dict[str, float]:
    """The mean of avgRecall over the kinds of held-out patches, first, and each kind's figures."""
    figures = {
        kind: detection_figures(probabilities(network, examples, PREPARATION), examples, PREPARATION.spacing_mm, 0.5)
        for kind, examples in held_out.items()
    }
    mean = float(np.mean([f["average_recall"] for f in figures.values()]))
    return {"average_recall": mean} | {
        f"{kind}_{name}": value for kind, f in figures.items() for name, value in f.items()
    }


def batch(sources: Sequence[Source], seed: int, step: int) -> tuple[Tensor, Tensor]:
    """Inputs (batch, channels, x, y, z) and truth (batch, 3, x, y, z) of a step: one example of each source.

    The truth is node, tissue and how sure it is; see ``Example``.
    """
    import torch

    from nodewise.learn.augment import gamma, intensity
    from nodewise.recipes.disturb import disturbed, redensified

    rng = np.random.default_rng((seed, 0, step))
    images, truths = [], []
    for source in sources:
        example = source.draw(rng)
        real = not example.sure.all()
        if real or rng.random() < 0.5:
            example = disturbed(example, rng, mirrored=real)
        hu = redensified(example.hu, rng) if real else intensity(example.hu, rng, shift=10, scale=0.03, noise=5)
        images.append(torch.from_numpy(gamma(PREPARATION.channels(hu), rng)))
        truths.append(torch.from_numpy(np.stack([example.node, example.tissue, example.sure])))
    return torch.stack(images), torch.stack(truths)


def node_loss(weights: Tensor) -> Callable[[Any, Tensor], Tensor]:
    """Binary cross-entropy and Tversky on node, and cross-entropy of the tissues at the network's own resolution."""
    import torch
    from torch.nn import functional

    from nodewise.learn.loss import IGNORE, cross_entropy, tversky

    a, b, c = PLAN.fold

    def loss(outputs: list[Tensor], truth: Tensor) -> Tensor:
        logits, tissues = outputs[0][:, 0].float(), outputs[1].float()
        valid = truth[:, 0] != IGNORE
        node = (truth[:, 0] == 1).float()
        weight = valid * torch.where(truth[:, 2] > 0, 1.0, LIKELY)
        binary = functional.binary_cross_entropy_with_logits(logits, node, weight=weight, reduction="sum")
        overlap = tversky(
            logits.sigmoid(), node, false_positives=FALSE_POSITIVES, false_negatives=FALSE_NEGATIVES, valid=valid
        )
        classes = truth[:, 1, ::a, ::b, ::c]
        tissue = cross_entropy(tissues, classes, weights=weights.to(tissues.device))
        return 10 * binary / weight.sum() + overlap + TISSUE_SHARE * tissue

    return loss


def class_weights(source: Source, seed: int, patches: int = 24) -> Tensor:
    """One over the root of each class's share of voxels, the commonest being 1; at most ``LARGEST_CLASS_WEIGHT``."""
    import torch

    drawn = (source.draw(np.random.default_rng((seed, 2, i))).tissue for i in range(patches))
    count = sum(np.bincount(c.ravel(), minlength=256)[: PLAN.auxiliary] for c in drawn)
    weight = np.sqrt(np.max(count) / np.maximum(count, 1))
    return torch.from_numpy(np.minimum(weight, LARGEST_CLASS_WEIGHT).astype(np.float32))


def fingerprint(sources: Sequence[Source], seed: int) -> str:
    """SHA-256 of the first four batches: the same seed, data and generator give the same."""
    digest = hashlib.sha256()
    for step in range(4):
        for tensor in batch(sources, seed, step):
            digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
