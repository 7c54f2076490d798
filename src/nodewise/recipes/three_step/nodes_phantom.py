"""Step 2 learned without patients' labels: drawn chests, and implants in real scans, side by side in every batch.

Beside node the network learns the tissues of the drawn chests (``phantom.patches.CLASSES``), at half its resolution and
in training only: what looks like a node and is none then has a name of its own.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.learn.augment import Augmentation, augmented, gamma, intensity
from nodewise.learn.augment_spatial import Spatial
from nodewise.learn.loss import IGNORE
from nodewise.recipes.three_step.examples import Example, Source
from nodewise.recipes.three_step.nodes import PHANTOM

if TYPE_CHECKING:
    from torch import Tensor

FALSE_POSITIVES, FALSE_NEGATIVES = 0.4, 0.6
NODE_WEIGHT = 3.0  # of a voxel of a node, and of what was made to look like one
EACH = 2
LARGEST_CLASS_WEIGHT = 8.0
BINARY_SHARE, TISSUE_SHARE = 10.0, 0.5
GUESS = 0.2  # weight of a voxel that is no node as far as one can guess
PLACES = Spatial(rotation=1.0, rotation_deg=(12.0, 12.0, 12.0), scaling=1.0, magnification=(0.83, 1.18))
BENT = Spatial(
    rotation=1.0,
    rotation_deg=(15.0, 15.0, 25.0),
    scaling=1.0,
    magnification=(0.75, 1.33),
    elastic=0.7,
    flips=(0.5, 0, 0),
)
"""Of the few real scans, lest they be learned by heart; a node has no side of its own."""


def batch(sources: tuple[Source, ...], seed: int, step: int) -> tuple[Tensor, Tensor]:
    """Inputs (batch, channels, x, y, z) and truth (batch, 3, x, y, z) of a step: ``EACH`` examples of each source.

    The truth is node, tissue and how sure it is; see ``Example``.
    """
    import torch

    rng = np.random.default_rng((seed, 0, step))
    images, truths = [], []
    for source in sources * EACH:
        example = source.draw(rng)
        if example.real:
            example = _moved(example, BENT, rng)
            hu = redensified(example.hu, rng)
        else:
            example = _moved(example, PLACES, rng) if rng.random() < 0.5 else example
            hu = intensity(example.hu, rng, shift=10, scale=0.03, noise=5)
        images.append(torch.from_numpy(gamma(PHANTOM.preparation.channels(hu), rng)))
        truths.append(torch.from_numpy(np.stack([example.node, example.tissue, example.sure])))
    return torch.stack(images), torch.stack(truths)


def redensified(hu: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Densities of a real scan changed a little: contrast medium stronger or weaker, all of it shifted and scaled."""
    out = hu * np.float32(rng.uniform(0.94, 1.06)) + np.float32(rng.uniform(-12, 12))
    if rng.random() < 0.5:
        knee = np.float32(rng.uniform(85, 120))  # above nodes and muscle: contrast medium and bone
        above = out > knee
        out[above] = knee + (out[above] - knee) * np.float32(np.exp(rng.uniform(np.log(0.4), np.log(1.6))))
    if rng.random() < 0.4:
        out += np.float32(rng.uniform(2, 15)) * rng.standard_normal(out.shape, dtype=np.float32)
    return out


def node_loss(outputs: list[Tensor], truth: Tensor, weights: Tensor) -> Tensor:
    """Binary cross-entropy on node, Tversky where node is known, and cross-entropy of the tissues at half resolution.

    Tversky is that of each example, else the nodes of drawn chests would make up for missed ones in real scans.

    Args:
        outputs: logits of node (batch, 1, x, y, z), and of the tissues where voxels are folded.
        truth: see ``batch``.
        weights: of each tissue's class, see ``class_weights``.
    """
    import torch

    from nodewise.learn.loss import binary_cross_entropy, cross_entropy, tversky

    a, b, c = PHANTOM.plan.fold
    logits, tissues = outputs[0][:, 0].float(), outputs[1].float()
    target, sure = truth[:, 0], truth[:, 2]
    counts = torch.tensor((GUESS, 1.0, NODE_WEIGHT), device=logits.device)[sure.long()]
    binary = binary_cross_entropy(logits, target, weights=counts, positive_weight=NODE_WEIGHT)
    share = partial(tversky, false_positives=FALSE_POSITIVES, false_negatives=FALSE_NEGATIVES)
    valid, found = (sure > 0) & (target != IGNORE), logits.sigmoid()
    overlap = torch.stack([share(p, t == 1, valid=v) for p, t, v in zip(found, target, valid, strict=True)]).mean()
    tissue = cross_entropy(tissues, truth[:, 1, ::a, ::b, ::c], weights=weights.to(tissues.device))
    return BINARY_SHARE * binary + overlap + TISSUE_SHARE * tissue


def class_weights(source: Source, seed: int, patches: int = 24) -> Tensor:
    """One over the root of each class's share of voxels, the commonest being 1; at most ``LARGEST_CLASS_WEIGHT``."""
    import torch

    classes = PHANTOM.plan.auxiliary
    drawn = (source.draw(np.random.default_rng((seed, 2, i))).tissue for i in range(patches))
    count = sum(np.bincount(c.ravel(), minlength=256)[:classes] for c in drawn)
    weight = np.sqrt(np.max(count) / np.maximum(count, 1))
    return torch.from_numpy(np.minimum(weight, LARGEST_CLASS_WEIGHT).astype(np.float32))


def fingerprint(sources: tuple[Source, ...], seed: int) -> str:
    """SHA-256 of the first four batches: the same seed, data and generator give the same."""
    digest = hashlib.sha256()
    for step in range(4):
        for tensor in batch(sources, seed, step):
            digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _moved(example: Example, how: Spatial, rng: np.random.Generator) -> Example:
    (hu,), (node, tissue, sure) = augmented(
        example.hu[None], (example.node, example.tissue, example.sure), Augmentation(how), rng,
        spacing=PHANTOM.preparation.spacing_mm, swaps=(None, None, None),
    )  # fmt: skip
    return Example(hu, node, tissue, np.where(sure == IGNORE, 0, sure).astype(np.uint8), example.real)
