"""P1: stations, node segmentation and malignancy in three steps, for lung cancer on CT.

Shevtsov, Tominin, Tominin, et al. Automatic lymph nodes segmentation and histological status classification on computed
tomography scans using convolutional neural network. medRxiv 2024, doi:10.1101/2024.05.07.24304092.

The paper trains on 8 venous-phase CTs with voxel masks and station histology, and reports an average recall of
0.74 ± 0.01 and an object Dice of 0.53 ± 0.26 for nodes above 5 mm (0.95 ± 0.01 and 0.56 ± 0.26 above 10 mm).

Differences from the paper, in this first version:
    - stations come from landmarks and planes (``nodewise.anatomy``), not from a two-headed network;
    - one segmentation network sees a mediastinum box found by landmarks, at 1.5 mm instead of 1 mm, in two windows
      (−160…240 and −1000…600 HU) instead of one;
    - it is trained on drawn phantoms, not on patients, with several classes (node, vessel, oesophagus …) instead of
      one, by weighted cross-entropy and a Tversky loss on node, with AdamW and a cosine;
    - no flips and no turns, which would make patients that do not exist: the phantoms vary enough;
    - malignancy is a logistic function of the short axis, not a network trained on station histology.
None of the paper's scores has been reproduced: its data cannot be had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nodewise.models.first_bundle import ModelFile, describe_network, describe_preparation, load_bundle, save_bundle
from nodewise.models.preparation import Preparation
from nodewise.models.segmenter import segmenter
from nodewise.recipes.validation import Patch, validate
from nodewise.values.pipeline import Pipeline

if TYPE_CHECKING:
    from torch import Tensor

    from nodewise.learn.first_network import NetworkPlan
    from nodewise.learn.runtime import Runtime

NAME = "three-step-phantom"
PREPARATION = Preparation(spacing_mm=(1.5, 1.5, 1.5), windows=((-160.0, 240.0), (-1000.0, 600.0)))
PATCH = (96, 96, 64)
CHANNELS = (12, 24, 48, 96)
BATCH = 2
LEARNING_RATE = 4e-3
FALSE_POSITIVES, FALSE_NEGATIVES = 0.3, 0.7
LARGEST_CLASS_WEIGHT = 8.0
NODE = 1
MINIMUM_SHORT_AXIS_MM = 4.0
VALIDATION_PATCHES = 16


class Source(Protocol):
    """Where patches come from: HU and classes, each of shape ``PATCH``."""

    def draw(self, rng: np.random.Generator) -> Patch:
        """One patch; the same generator draws the same patch."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What to learn from: patches to train and to validate on, their classes, and what they are, in a sentence."""

    source: Source
    held_out: Source
    classes: tuple[str, ...]
    words: str


def train(
    out: Path,
    *,
    steps: int = 2000,
    seed: int = 0,
    phantoms: int = 120,
    device: str = "auto",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Path:
    """Draw phantoms, train on them, write the model; the same command goes on where it was stopped.

    Args:
        out: folder of the run: ``bank`` of phantoms, ``fit`` with checkpoints and log, ``model`` at the end.
        steps: of the optimiser, ``BATCH`` patches each.
        seed: everything random follows from it.
        phantoms: how many to train on; some more are drawn for validation.
        device: auto, cpu, cuda or mps.
        progress: told (done, total), phantoms and steps alike.

    Returns:
        The model's folder.
    """
    import torch

    from nodewise.phantom.patches import CLASSES, PatchSource
    from nodewise.recipes.bank import phantom_bank

    drawn = phantoms + max(2, phantoms // 20)
    total = drawn + steps
    bank = phantom_bank(
        out / "bank",
        drawn,
        seed,
        PREPARATION.spacing_mm,
        processes=torch.get_num_threads(),
        progress=lambda n: progress(n, total),
    )
    material = Material(
        source=PatchSource(bank[:phantoms], PATCH),
        held_out=PatchSource(bank[phantoms:], PATCH),
        classes=tuple(CLASSES),
        words=f"The network was trained on {phantoms} drawn phantom chests and on no patient: "
        "on a real scan expect missed and false nodes.",
    )
    return train_on(material, out, steps=steps, seed=seed, device=device, progress=lambda n: progress(drawn + n, total))


def train_on(
    material: Material,
    out: Path,
    *,
    steps: int,
    seed: int,
    device: str,
    progress: Callable[[int], None] = lambda _step: None,
) -> Path:
    """Train the segmentation network on any material and write the model folder; see ``train``."""
    from nodewise.learn.checkpoint import load_weights
    from nodewise.learn.device import choose_device, computes_in_bfloat16
    from nodewise.learn.first_network import NetworkPlan, build_network
    from nodewise.learn.fit import FitPlan, fit

    where = choose_device(device)
    precision = "bf16-mixed" if computes_in_bfloat16(where) else "32-true"
    plan = NetworkPlan(in_channels=len(PREPARATION.windows), out_channels=len(material.classes), channels=CHANNELS)
    network = build_network(plan, seed)
    examples = [material.held_out.draw(np.random.default_rng((seed, 1, i))) for i in range(VALIDATION_PATCHES)]
    best = fit(
        network,
        lambda step: batch(material.source, seed, step),
        node_loss(class_weights(material.source, len(material.classes), seed)),
        FitPlan(steps, LEARNING_RATE, seed=seed, device=where, precision=precision),
        out / "fit",
        validate=lambda trained: validate(trained, examples, PREPARATION, NODE)[0],
        progress=lambda now: progress(now.step),
    )
    network.load_state_dict(load_weights(best))
    measures, threshold = validate(network.eval(), examples, PREPARATION, NODE)
    model = _model_file(material, plan, threshold, measures, steps=steps, seed=seed)
    return save_bundle(out / "model", model, network.state_dict(), card(model)).folder


def _model_file(
    material: Material, plan: NetworkPlan, threshold: float, measures: Mapping[str, float], *, steps: int, seed: int
) -> ModelFile:
    return ModelFile(
        name=NAME,
        recipe="three_step",
        preparation=describe_preparation(PREPARATION),
        network=describe_network(plan),
        patch=PATCH,
        classes=material.classes,
        threshold=threshold,
        minimum_short_axis_mm=MINIMUM_SHORT_AXIS_MM,
        trained_on=material.words,
        data_fingerprint=fingerprint(material.source, seed),
        steps=steps,
        seed=seed,
        versions={name: version(name) for name in ("nodewise", "torch", "numpy")},
        licence="Apache-2.0",
        metrics={name: round(value, 4) for name, value in measures.items()},
    )


def pipeline(folder: Path, device: str, runtime: Runtime = "auto", cache: Path | None = None) -> Pipeline:
    """The three steps with the weights in ``folder``; see ``nodewise.learn.runtime`` for all else."""
    from nodewise.anatomy.read import read_anatomy
    from nodewise.nodes.suspicion import size_suspicion

    bundle = load_bundle(folder)
    model = bundle.model
    return Pipeline(
        read_anatomy=read_anatomy,
        segment=segmenter(
            [bundle.network(device)],
            bundle.preparation,
            model.patch,
            node_class=model.classes.index("node"),
            runtime=runtime,
            device=device,
            cache=cache,
        ),
        malignancy=size_suspicion,
        threshold=model.threshold,
        minimum_short_axis_mm=model.minimum_short_axis_mm,
        name=model.name,
        weights_sha256=model.weights_sha256,
        trained_on=model.trained_on,
        device=device,
    )


def batch(source: Source, seed: int, step: int) -> tuple[Tensor, Tensor]:
    """Inputs (batch, channels, x, y, z) and classes (batch, x, y, z) of a step, from ``seed`` and ``step`` alone."""
    import torch

    from nodewise.learn.augment import gamma, intensity

    rng = np.random.default_rng((seed, 0, step))
    images, truths = [], []
    for _ in range(BATCH):
        hu, classes = source.draw(rng)
        channels = PREPARATION.channels(intensity(hu, rng, shift=10, scale=0.03, noise=5))
        images.append(torch.from_numpy(gamma(channels, rng)))
        truths.append(torch.from_numpy(np.ascontiguousarray(classes)))
    return torch.stack(images), torch.stack(truths)


def node_loss(weights: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Weighted cross-entropy over all classes plus Tversky on node, which minds missed voxels more than extra ones."""
    from nodewise.learn.loss import IGNORE, cross_entropy, tversky

    def loss(logits: Tensor, classes: Tensor) -> Tensor:
        node = logits.softmax(dim=1)[:, NODE]
        valid = classes != IGNORE
        overlap = tversky(
            node, classes == NODE, false_positives=FALSE_POSITIVES, false_negatives=FALSE_NEGATIVES, valid=valid
        )
        return cross_entropy(logits, classes, weights=weights.to(logits.device)) + overlap

    return loss


def class_weights(source: Source, classes: int, seed: int, patches: int = 24) -> Tensor:
    """One over the root of each class's share of voxels, the commonest being 1; at most ``LARGEST_CLASS_WEIGHT``."""
    import torch

    drawn = (source.draw(np.random.default_rng((seed, 2, i)))[1] for i in range(patches))
    count = sum(np.bincount(c.ravel(), minlength=256)[:classes] for c in drawn)
    weight = np.sqrt(np.max(count) / np.maximum(count, 1))
    return torch.from_numpy(np.minimum(weight, LARGEST_CLASS_WEIGHT).astype(np.float32))


def fingerprint(source: Source, seed: int) -> str:
    """SHA-256 of the first four batches: the same seed, phantoms and generator give the same."""
    digest = hashlib.sha256()
    for step in range(4):
        for tensor in batch(source, seed, step):
            digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def card(model: ModelFile) -> str:
    """The model's card, Markdown."""
    command = f"nodewise train {model.recipe} --steps {model.steps} --seed {model.seed}"
    measured = "\n".join(f"- {name.replace('_', ' ')}: {value}" for name, value in model.metrics.items())
    return f"""# {model.name}

Lymph nodes of the chest on CT, with or without contrast. **Research use only**; not a medical device.

- Made by `{command}` with nodewise {model.versions["nodewise"]}.
- {model.trained_on} It has never seen a real node, nor been measured on patients.
- Network: residual U-Net, channels {", ".join(map(str, model.network.channels))}; classes: {", ".join(model.classes)}.
- A voxel is node from a probability of {model.threshold}; nodes under {model.minimum_short_axis_mm} mm are dropped.
- Licence: {model.licence}.

## Measured on held-out patches of phantoms from the same generator

At the threshold above, which was chosen on these same patches ({VALIDATION_PATCHES}, each 144 × 144 × 96 mm):

{measured}

Phantoms are easier than patients: expect fewer nodes found and more false ones on real scans, with oesophagus,
unenhanced vessels and thymus taken for nodes.
"""
