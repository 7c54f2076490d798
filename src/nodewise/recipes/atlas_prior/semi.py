"""P3's semi-supervised variants (section 3.5), which go on from the best weights of supervised training.

V1: the student sees strong augmentation, and learns where the teacher is sure. V2: wherever, from the teacher's answer
after P3's post-processing, which makes nodes larger where they are likely. In the paper both did harm.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nodewise.learn.checkpoint import load_weights, save
from nodewise.learn.fit import Progress, fit
from nodewise.learn.loss import IGNORE
from nodewise.learn.loss_prior import UNKNOWN, PriorLoss
from nodewise.learn.schedule import Poly
from nodewise.recipes.atlas_prior.after import After, Answer, nodes
from nodewise.recipes.atlas_prior.batches import PriorBatches, stronger, textured
from nodewise.recipes.atlas_prior.cases import INSIDE, NODE, PRIOR
from nodewise.recipes.atlas_prior.effort import Variant
from nodewise.recipes.atlas_prior.learn import Material, Run, TrainedPrior, Validate, batches, chosen, fit_plan
from nodewise.recipes.atlas_prior.way import RAMP_EPOCHS, PriorWay
from nodewise.values.grid import Grid, Point

if TYPE_CHECKING:
    from torch import Tensor

LEARNING_RATE = 1e-3  # not printed: a tenth of what supervised training began with
UNLABELLED_SHARE = 1.0  # weight of the loss on pseudo-labels; not printed


def train_semi(
    material: Material,
    way: PriorWay,
    run: Run,
    before: TrainedPrior,
    variant: Variant,
    progress: Callable[[Progress], None] = lambda _now: None,
) -> TrainedPrior:
    """Go on from ``before`` with pseudo-labels on the partly annotated cases, or on all where there are none.

    Raises:
        BadInputError: ``run.out`` belongs to another run.
    """
    from nodewise.learn.network import build_network
    from nodewise.learn.teacher import Student

    network = build_network(material.network, run.seed)
    network.load_state_dict(load_weights(before.weights))
    plan = fit_plan(way, material, run)
    plan = replace(
        plan, learning_rate=LEARNING_RATE, schedule=Poly(), identity=f"semi-supervised {variant} {plan.identity}"
    )
    best = fit(
        Student(network),
        SemiBatches(batches(material, way, run), _unlabelled(material, way, run)),
        SemiLoss(way.loss, variant, before.after, material.planned.spacing_mm),
        plan,
        run.out,
        validate=Validate(material) if material.validating else None,
        progress=progress,
    )
    return chosen(_students(best), material, run)


def _unlabelled(material: Material, way: PriorWay, run: Run) -> PriorBatches:
    """Batches of what is taken for unlabelled, plainly augmented, of other patches than the labelled ones."""
    partial = tuple(case for case in material.training if case.source == "partial")
    plain = replace(way, gin_ipa=False, strong=False, oversample=False)
    return replace(
        batches(replace(material, training=partial or material.training), plain, run), seed=run.seed + 1_000_003
    )


@dataclass(frozen=True, slots=True)
class SemiBatches:
    """A labelled batch, and an unlabelled one as the teacher and as the student see it."""

    labelled: PriorBatches
    unlabelled: PriorBatches

    def __call__(self, number: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What ``Student`` is given, and what ``SemiLoss`` is."""
        import torch

        image, truth = self.labelled(number)
        weak, known = self.unlabelled(number)
        strong = stronger(weak, self.unlabelled.seed, number)
        strong = textured(strong, RAMP_EPOCHS, self.unlabelled.seed, number, self.unlabelled.device)
        done = torch.tensor(number / self.labelled.count)
        return {"image": image, "weak": weak, "strong": strong}, {"truth": truth, "known": known, "done": done}


@dataclass(frozen=True, slots=True)
class SemiLoss:
    """The supervised loss of what is labelled, and the same of what is not with the teacher's labels.

    Attributes:
        after: post-processing that V2's labels are made by. spacing_mm: of the network's voxels.
    """

    loss: PriorLoss
    variant: Variant
    after: After
    spacing_mm: tuple[float, ...]

    def __call__(self, outputs: Any, target: dict[str, Tensor]) -> Tensor:
        """Of what ``Student`` gives and ``SemiBatches`` tells."""
        import torch

        labelled, unlabelled, taught = outputs
        known = target["known"]
        pseudo = torch.stack((self.labels(taught, known, float(target["done"])), known[:, PRIOR]), dim=1)
        return self.loss(labelled, target["truth"]) + UNLABELLED_SHARE * self.loss(unlabelled, pseudo)

    def labels(self, taught: Tensor, known: Tensor, done: float) -> Tensor:
        """Pseudo-labels (batch, …) uint8; ``IGNORE`` outside the scan and, in V1, where the teacher is not sure."""
        from nodewise.learn.teacher import reliable_labels, reliable_percent

        valid = known[:, NODE] != IGNORE
        if self.variant == "v1":
            return reliable_labels(taught, reliable_percent(done), valid)
        return post_processed(taught, known, self.after, self.spacing_mm).masked_fill(~valid, IGNORE)


def post_processed(taught: Tensor, known: Tensor, after: After, spacing_mm: tuple[float, ...]) -> Tensor:
    """The teacher's answer on patches after P3's post-processing, 1 in nodes (batch, …) uint8.

    Args:
        taught: logits (batch, 2, x, y, z).
        known: labels (batch, 3, x, y, z), see ``cases``.
        after: see there.
        spacing_mm: of the voxels.
    """
    import torch

    probability = taught.float().softmax(dim=1)[:, 1].cpu().numpy()
    maps = known.cpu().numpy()
    x, y, z = spacing_mm
    voxels: Point = (x, y, z)
    found = []
    for p, labels in zip(probability, maps, strict=True):
        prior = np.where(labels[PRIOR] == UNKNOWN, 0, labels[PRIOR]) / np.float32(UNKNOWN - 1)
        grid = Grid.of(p.shape, voxels)
        found.append(nodes(Answer(p, prior.astype(np.float32), labels[INSIDE] == 1, grid), after))
    return torch.from_numpy(np.stack(found).astype(np.uint8)).to(taught.device)


def _students(checkpoint: Path) -> Path:
    """The student's weights out of a checkpoint of both, in a file of their own."""
    weights = load_weights(checkpoint)
    own = {re.sub(r"^student\.", "", name): one for name, one in weights.items() if name.startswith("student.")}
    path = checkpoint.with_name("student.pt")
    save({"network": own}, path)
    return path
