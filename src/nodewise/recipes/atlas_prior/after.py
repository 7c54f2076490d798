"""P3's post-processing: a threshold that falls where nodes are likely, a smallest diameter, the lungs' convex hull."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.cavity import chest_cavity
from nodewise.image.components import Connectivity, boxes, components
from nodewise.image.resample import resample
from nodewise.image.shape import ellipsoid_diameters_mm
from nodewise.metrics.overlap import count_voxels
from nodewise.models.prior_preparation import lungs
from nodewise.values.anatomy import Anatomy
from nodewise.values.grid import Grid

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

THRESHOLDS = (0.2, 0.3, 0.5)
DIAMETERS_MM = (0.0, 3.0, 5.0, 7.0)


@dataclass(frozen=True, slots=True)
class After:
    """What is done to a probability of being node.

    Attributes:
        threshold: t of equation 3. diameter_mm: components with a shorter axis of their equivalent ellipsoid are
            dropped; 0 keeps all.
        prior_share: how far a prior of 1 lowers the threshold, as a share of it; 0 for one threshold everywhere.
        hull: drop what lies outside the convex hull of the lungs.
        connectivity: of components; 6 in P3's program (SimpleITK's default).
    """

    threshold: float = 0.5
    diameter_mm: float = 0.0
    prior_share: float = 0.5
    hull: bool = True
    connectivity: Connectivity = 6


NONE = After(prior_share=0.0, hull=False)
"""Tables 3: a half of the probability, and nothing else."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A network's probability of being node, the prior and the inside of the lungs' hull on the same ``grid``."""

    probability: Floats
    prior: Floats
    inside: Mask
    grid: Grid


def scores(answer: Answer, after: After) -> Floats:
    """The probability, stretched so that equation 3's threshold t (1 − ½ p) becomes t, and 0 and 1 stay: 0 to 1.

    0 outside the hull and in components that are too small.
    """
    t = np.float32(after.threshold)
    least = t * (1 - np.float32(after.prior_share) * answer.prior)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = np.minimum(answer.probability * (t / least), np.nextafter(t, np.float32(0)))
        above = np.maximum(1 - (1 - answer.probability) * ((1 - t) / (1 - least)), t)
    score: Floats = np.where(answer.probability >= least, above, below)
    if after.hull:
        score[~answer.inside] = 0
    if after.diameter_mm > 0:
        found = score >= t
        score[found & ~large_enough(found, answer.grid, after.diameter_mm, after.connectivity)] = 0
    return score


def nodes(answer: Answer, after: After) -> Mask:
    """Which voxels are node."""
    return np.asarray(scores(answer, after) >= np.float32(after.threshold))


def large_enough(mask: Mask, grid: Grid, diameter_mm: float, connectivity: Connectivity = 6) -> Mask:
    """The components of which no axis of the equivalent ellipsoid is shorter than ``diameter_mm``."""
    labels, count = components(mask, connectivity)
    keep = np.zeros(count + 1, bool)
    for label, (box, _) in boxes(labels).items():
        part = labels[box.slices] == label
        keep[label] = ellipsoid_diameters_mm(part, grid.crop(box))[0] >= diameter_mm
    return np.asarray(keep[labels])


def lung_hull(anatomy: Anatomy, grid: Grid) -> Mask:
    """The inside of the convex hull of the lungs on ``grid``; everything where no lungs were found."""
    there = lungs(anatomy)
    hull = None if there is None else chest_cavity(there, None)
    return np.ones(grid.shape, bool) if hull is None else np.asarray(resample(hull, grid).array)


def best_after(
    answers: Sequence[Answer],
    truths: Sequence[npt.NDArray[np.uint8]],
    base: After = After(),
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    diameters_mm: Sequence[float] = DIAMETERS_MM,
) -> tuple[After, float]:
    """The threshold and the smallest diameter of the largest mean Dice, and that; of equal ones the first.

    Args:
        answers: of the cases to choose by.
        truths: 1 in nodes, 0 elsewhere, anything else counts as neither.
        base: what else is done.
        thresholds: to try, each with each smallest diameter.
        diameters_mm: likewise.
    """
    best, highest = base, -1.0
    for threshold, diameter in itertools.product(thresholds, diameters_mm):
        after = After(threshold, diameter, base.prior_share, base.hull, base.connectivity)
        mean = float(np.mean([dice(nodes(a, after), t) for a, t in zip(answers, truths, strict=True)]))
        if mean > highest:
            best, highest = after, mean
    return best, highest


def dice(found: Mask, truth: npt.NDArray[np.uint8]) -> float:
    """Dice of a mask and labels of 1, 0 and what is not known, which does not count; 1 where both are empty."""
    return count_voxels(truth == 1, found & (truth <= 1)).dice()
