"""Seconds of the lesion metrics and of surface distances on a large case, beside straightforward and other programs.

python bench/metrics.py [--sampled 4]. One case of 512 × 512 × 300 voxels of 0.7 × 0.7 × 1 mm with 60 true nodes of 5 to
20 mm inside a mediastinum of 160 × 130 × 200 mm, most of them found, and false positives. What visits the whole volume
for every lesion is timed on a few lesions and scaled to all of them; everything else is the best of three. Both sides
have to give the same figures.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.metrics.detection import count_detections
from nodewise.metrics.detections import component_hits
from nodewise.metrics.froc import average_recall, froc
from nodewise.metrics.instances import components
from nodewise.metrics.lesionwise import count_lesions
from nodewise.metrics.object_dice import object_dice
from nodewise.metrics.overlap import count_voxels
from nodewise.metrics.record import InstanceRecord, record_instances
from nodewise.metrics.surface import contour_distances, mean_distance, surfel_distances

SHAPE = (512, 512, 300)
SPACING = (0.7, 0.7, 1.0)
MEDIASTINUM = ((140, 370), (160, 346), (50, 250))
NODES, SEED = 60, 0
EVERY_NEIGHBOUR = np.ones((3, 3, 3))
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Truth and prediction as masks, and the logits that the prediction is cut from."""

    truth: Mask
    prediction: Mask
    logit: npt.NDArray[np.float32]


def make_case() -> Case:
    """Ellipsoids; each prediction is its node moved and rescaled, one in five is missed and one in five is false."""
    rng = np.random.default_rng(SEED)
    truth = np.zeros(SHAPE, dtype=bool, order="F")
    logit = np.full(SHAPE, -8, dtype=np.float32, order="F")
    made = 0
    while made < NODES:
        centre = np.array([rng.uniform(a, b) for a, b in MEDIASTINUM])
        radius = rng.uniform(2.5, 10) * rng.uniform(0.8, 1.25, 3) / SPACING
        slices = _around(centre, radius + 3)
        if truth[slices].any():
            continue
        truth[slices] = _inside(slices, centre, radius) > 0
        if made % 5:
            moved, scaled = centre + rng.normal(0, 0.15, 3) * radius, radius * rng.uniform(0.8, 1.2, 3)
            _paint(logit, moved, scaled, rng.uniform(1, 9))
        else:
            _paint(logit, np.array([rng.uniform(a, b) for a, b in MEDIASTINUM]), radius, rng.uniform(0.5, 5))
        made += 1
    return Case(truth, np.asfortranarray(logit > 0), logit)


def _paint(logit: npt.NDArray[np.float32], centre: Any, radius: Any, height: float) -> None:
    slices = _around(centre, radius + 3)
    logit[slices] = np.maximum(logit[slices], height * _inside(slices, centre, radius))


def _around(centre: Any, reach: Any) -> tuple[slice, ...]:
    return tuple(slice(max(int(c - r), 0), int(c + r) + 2) for c, r in zip(centre, reach, strict=True))


def _inside(slices: tuple[slice, ...], centre: Any, radius: Any) -> Any:
    """1 at the centre, 0 at the border of the ellipsoid, negative outside it."""
    axes = np.ogrid[slices]
    return 1 - sum(((a - c) / r) ** 2 for a, c, r in zip(axes, centre, radius, strict=True))


def seconds(work: Callable[[], Any], times: int = 1) -> tuple[float, Any]:
    """The shortest of several runs, and what it gave."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        found = work()
        taken.append(time.perf_counter() - began)
    return min(taken), found


def ours(case: Case) -> tuple[InstanceRecord, dict[str, float]]:
    """Everything of section 6 that is about lesions, from the masks on."""
    record = record_instances(components(case.truth), components(case.prediction), SPACING, scores=case.logit)
    counts, lesions = count_detections(record), count_lesions(case.truth, case.prediction)
    return record, {
        "Dice": count_voxels(case.truth, case.prediction).dice(),
        "objDSC": object_dice(record),
        "avgRecall": average_recall(froc(component_hits([record]))),
        "detected": counts.detected,
        "false positives": counts.false_positives,
        "LN found": lesions.found,
    }


def straightforward(case: Case, sampled: int) -> tuple[float, float, list[float]]:
    """Seconds for everything but LN found, seconds with it, both scaled to all lesions; Dice of the lesions visited."""
    labelled, parts = seconds(lambda: [ndimage.label(mask, EVERY_NEIGHBOUR) for mask in (case.truth, case.prediction)])
    (truth, n_true), (predicted, n_predicted) = parts
    visited = np.linspace(1, n_true, sampled).astype(int).tolist()
    dices, structure = [], ndimage.generate_binary_structure(3, 2)

    def overlaps() -> None:
        for lesion in visited:
            own = truth == lesion
            hits = [int(k) for k in np.unique(predicted[own]) if k]
            dice = [2 * (own & (predicted == k)).sum() / (own.sum() + (predicted == k).sum()) for k in hits]
            (own & (predicted > 0)).sum()
            dices.append(float(max(dice, default=0.0)))

    def peaks() -> None:
        for part in np.linspace(1, n_predicted, sampled).astype(int):
            own = predicted == part
            case.logit[own].max()
            truth[own].any()

    def found() -> None:
        for lesion in visited:
            np.unique(predicted[ndimage.binary_dilation(truth == lesion, structure, 2)])

    overlap, peak, dilation = (seconds(work)[0] / sampled for work in (overlaps, peaks, found))
    merging, _ = seconds(lambda: ndimage.label(ndimage.binary_dilation(case.truth, structure, 2), EVERY_NEIGHBOUR))
    without = labelled + overlap * n_true + peak * n_predicted
    return without, without + merging + dilation * n_true, dices


def lesions(case: Case, sampled: int) -> None:
    """Both ways, and how many times as long the straightforward one takes."""
    taken, (record, figures) = seconds(lambda: ours(case), 3)
    print(
        f"lesion metrics, {record.matches.truth_ids.size} true and {record.matches.predicted_ids.size} predicted nodes"
    )
    print(f"  nodewise                            {taken:8.2f} s   {figures}")
    part, _ = seconds(
        lambda: record_instances(components(case.truth), components(case.prediction), SPACING, scores=case.logit), 3
    )
    without, whole, dices = straightforward(case, sampled)
    best = record.matches.best_dice
    if not all(np.isclose(best, d).any() for d in dices):
        raise SystemExit("the two ways do not agree")
    print(
        f"  whole volume for each lesion        {whole:8.1f} s   {whole / taken:7.0f} ×   ({sampled} lesions, scaled)"
    )
    print(f"  the same without LN found, on both  {without:8.1f} s   {without / part:7.0f} ×   (nodewise {part:.2f} s)")


def surfaces(case: Case) -> None:
    """ASSD of the whole masks beside MONAI's and surface-distance's."""
    import torch
    from monai.metrics import compute_average_surface_distance
    from surface_distance import metrics as peer

    torch.set_num_threads(1)
    print("average symmetric surface distance")
    pooled, contours = seconds(lambda: contour_distances(case.truth, case.prediction, SPACING), 3)
    truth, prediction = (torch.from_numpy(m)[None, None] for m in (case.truth, case.prediction))
    monai, theirs = seconds(
        lambda: compute_average_surface_distance(
            prediction, truth, include_background=True, symmetric=True, spacing=list(SPACING)
        ).item(),
        3,
    )
    _row("pooled", pooled, mean_distance(contours, pooled=True), "MONAI", monai, theirs)
    surfel, corners = seconds(lambda: surfel_distances(case.truth, case.prediction, SPACING), 3)
    deepmind, found = seconds(lambda: peer.compute_surface_distances(case.truth, case.prediction, SPACING), 3)
    theirs = sum(peer.compute_average_surface_distance(found)) / 2
    _row("surfel", surfel, mean_distance(corners), "surface-distance", deepmind, theirs)


def _row(method: str, taken: float, value: float, peer: str, peer_taken: float, peer_value: float) -> None:
    if not np.isclose(value, peer_value, rtol=1e-4):
        raise SystemExit(f"{method} is {value} mm here and {peer_value} mm by {peer}")
    print(f"  nodewise {method:<26} {taken:8.2f} s   {value:.4f} mm")
    print(f"  {peer:<35} {peer_taken:8.2f} s   {peer_value:.4f} mm   {peer_taken / taken:5.1f} ×")


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sampled", type=int, default=4, help="lesions that the straightforward way visits")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    case = make_case()
    lesions(case, arguments.sampled)
    surfaces(case)


if __name__ == "__main__":
    main()
