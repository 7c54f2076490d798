"""P1's third step: the malignancy of each node, learned from the histology of stations alone.

No node's own histology is known to training. A benign station says that each of its nodes is benign; a malignant one
that some node of it is metastatic, no one knows which. P1 (section 2.5) teaches all nodes of a malignant station, and
only as long as the network calls every one of them benign. ``Rule.LARGEST`` teaches the most suspicious one alone, as
multiple-instance learning does; ``Rule.ANY`` maximises the probability that any is metastatic, 1 − Π (1 − p).

Differences from the paper, whose numbers ``PAPER`` has: a first convolution of stride 2; and in ``BUNDLED`` the rule
(docs/decisions/0006), shorter training at a higher rate, and that only the node and 3 mm about it are seen, in HU from
its own mean: what lies farther was learned by heart before anything of the node. Each probability is calibrated on
held-out patients, which the paper's weight of a hundred makes necessary. Batch normalisation is as in the paper, over
the labelled nodes of a step's patients, on several devices over those of each device's patients.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

import numpy as np

from nodewise.models.calibration import Calibration, fit_isotonic, fit_temperature
from nodewise.models.node_patch import NodePatchPreparation
from nodewise.recipes.three_step.station_cases import Case, Labelled
from nodewise.recipes.three_step.station_examples import examine
from nodewise.values.errors import BadInputError

if TYPE_CHECKING:
    from torch import Tensor

    from nodewise.learn.fit import FitPlan
    from nodewise.learn.resnet import ResNetPlan
    from nodewise.recipes.three_step.effort import Run

POSITIVE_WEIGHT = 100.0
CHANNELS, BLOCKS, STEM = (16, 32, 48, 64), (1, 1, 1, 1), 2  # with the stem five levels: 32, 16, 8, 4 and 2 voxels

Curve = Literal["temperature", "isotonic"]


class Rule(Enum):
    """Which nodes of a malignant station are taught to be metastatic."""

    PAPER = "all, while all are called benign"
    LARGEST = "the most suspicious, while all are called benign"
    ANY = "the probability that any is"


@dataclass(frozen=True, slots=True)
class Schedule:
    """From what, how long and how fast to learn.

    Attributes:
        preparation: what is seen of a node.
        cosine: whether the rate rises and falls; else it is constant.
        cases: patients a step.
        visits: how many times one scan of a drawn patient is used, each time cut and turned anew.
    """

    preparation: NodePatchPreparation
    steps: int
    learning_rate: float
    cosine: bool
    cases: int
    visits: int
    positive_weight: float = POSITIVE_WEIGHT
    rule: Rule = Rule.PAPER


PAPER = Schedule(NodePatchPreparation(), 40_000, 3e-5, cosine=False, cases=1, visits=1)
BUNDLED = Schedule(
    NodePatchPreparation(windows=((-100.0, 100.0),), about_node=True, near_voxels=3, inside_hu=25.0),
    steps=3_000,
    learning_rate=1e-3,
    cosine=True,
    cases=8,
    visits=4,
    rule=Rule.ANY,
)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What training leaves: the network's plan and weights, its calibration, and what was measured, by name."""

    preparation: NodePatchPreparation
    plan: ResNetPlan
    weights: dict[str, Tensor]
    calibration: Calibration
    measures: Mapping[str, float]
    steps: int


def train_malignancy(
    cases: Sequence[Case],
    held_out: Sequence[Case],
    run: Run,
    *,
    schedule: Schedule = BUNDLED,
    calibrate: Curve = "temperature",
    progress: Callable[[int], None] = lambda _step: None,
) -> Learned:
    """Train on the stations of ``cases``; choose and calibrate on those of ``held_out``.

    Args:
        cases: to learn from; those without a node in a resected station are passed over.
        held_out: other patients.
        run: its folder gets ``fit`` with checkpoints and log, and ``reliability.png``; the same call goes on where it
            was stopped.
        schedule: how to learn; its number of steps is ``run``'s.
        calibrate: with which curve.
        progress: told the steps done.

    Raises:
        BadInputError: the cases, or those held out, lack benign or malignant stations.
    """
    from nodewise.learn.checkpoint import load_weights
    from nodewise.learn.fit import fit
    from nodewise.learn.resnet import ResNetPlan, build_resnet

    seen, material = schedule.preparation, _known(cases, "train on")
    examples = examine(_known(held_out, "validate on"), seen, run.seed)
    plan = ResNetPlan(seen.channels, CHANNELS, BLOCKS, STEM)
    network = build_resnet(plan, run.seed)
    best = fit(
        network,
        Visits(tuple(material), schedule, run.seed).batch,
        functools.partial(station_loss, rule=schedule.rule, positive_weight=schedule.positive_weight),
        _fit_plan(schedule, run),
        run.out / "fit",
        validate=examples.validate,
        pictures=examples.pictures,
        progress=lambda now: progress(now.step),
    )
    _visit.cache_clear()
    weights = load_weights(best)
    network.load_state_dict(weights)
    logits = examples.logits(network.eval())
    fitted = fit_temperature if calibrate == "temperature" else fit_isotonic
    calibration = fitted(logits, examples.bags, examples.labels)
    (run.out / "reliability.png").write_bytes(examples.reliability_picture(logits, calibration))
    return Learned(seen, plan, weights, calibration, examples.measures(logits, calibration), run.steps)


def _fit_plan(schedule: Schedule, run: Run) -> FitPlan:
    """In float32: a small network whose deepest levels are too small for bfloat16 on a CPU."""
    from nodewise.learn.fit import FitPlan
    from nodewise.learn.optimise import Adam
    from nodewise.learn.schedule import Constant, Cosine

    seen = schedule.preparation
    return FitPlan(
        run.steps,
        schedule.learning_rate,
        Adam(),
        Cosine() if schedule.cosine else Constant(),
        validate_every=max(1, min(250, run.steps // 4)),
        save_every=50,
        seed=run.seed,
        device=run.device,
        devices=run.devices,
        workers=run.workers,
        identity=f"rule {schedule.rule.name.lower()}, cubes of {seen.size_voxels} voxels of {seen.spacing_mm:g} mm",
    )


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """Batches for training, each a pure function of its number."""

    cases: tuple[Case, ...]
    schedule: Schedule
    seed: int

    def batch(self, step: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Patches (n, channels, x, y, z) of some cases' labelled nodes; the bag of each node and the bags' labels.

        The cases go by in rounds of 64 (fewer where there are fewer): each round's are scanned once and visited
        ``schedule.visits`` times.
        """
        import torch

        from nodewise.recipes.three_step.node_visits import augmented, shown

        seen = self.schedule.preparation
        a_round = min(_ROUND, len(self.cases))
        rng = np.random.default_rng((self.seed, 0, step))
        images, bags, labels, found = [], [], [], 0
        for k in range(step * self.schedule.cases, (step + 1) * self.schedule.cases):
            number = k // (a_round * self.schedule.visits)
            chosen = np.random.default_rng((self.seed, 1, number)).permutation(len(self.cases))[:a_round]
            cubes, labelled = _visit(self, int(chosen[k % a_round]), number)
            images.append(shown(augmented(cubes, seen.size_voxels, rng), seen))
            bags.append(labelled.bags + found)
            labels.append(labelled.labels)
            found += len(labelled.labels)
        target = torch.from_numpy(np.concatenate(bags)), torch.from_numpy(np.concatenate(labels))
        return torch.cat(images), target


_ROUND = 64


@functools.lru_cache(maxsize=2 * _ROUND)
def _visit(visits: Visits, case: int, number: int) -> tuple[Tensor, Labelled]:
    """The cubes of a case's labelled nodes at one visit; kept until the round is over."""
    import torch

    labelled = Labelled.of(visits.cases[case])
    cubes = visits.cases[case].cubes(labelled.nodes, (visits.seed, 2, number, case))
    return torch.from_numpy(cubes), labelled


def station_loss(
    logits: Tensor, target: tuple[Tensor, Tensor], *, rule: Rule = Rule.PAPER, positive_weight: float = POSITIVE_WEIGHT
) -> Tensor:
    """Loss of nodes' logits (n,) from their bags (n,) and the bags' labels, by the rule."""
    from nodewise.learn.loss_bags import bag_loss

    bags, labels = target
    if rule is not Rule.ANY:
        return bag_loss(logits, bags, labels, positive_weight=positive_weight, largest_only=rule is Rule.LARGEST)
    return any_loss(logits.float(), bags, labels)


def any_loss(logits: Tensor, bags: Tensor, labels: Tensor) -> Tensor:
    """Mean over bags of −log P(label), where P(malignant) = 1 − Π (1 − p): each label counts as often as it occurs."""
    import torch
    from torch.nn import functional

    clear = logits.new_zeros(len(labels)).index_add(0, bags, functional.softplus(logits))
    metastatic = -torch.log(-torch.expm1(-clear.clamp_min(1e-30)))
    return torch.where(labels == 1, metastatic, clear).mean()


def _known(cases: Sequence[Case], purpose: str) -> list[Case]:
    """The cases with a node in a resected station."""
    known = [(case, labelled) for case in cases if (labelled := Labelled.of(case)).nodes]
    verdicts = {int(label) for _, labelled in known for label in labelled.labels}
    if verdicts != {0, 1}:
        raise BadInputError(f"the patients to {purpose} have no benign or no malignant stations with nodes: give more")
    return [case for case, _ in known]
