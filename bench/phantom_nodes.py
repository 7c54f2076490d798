"""How far the phantom's lymph nodes are from real ones: number, size, shape, and how much size tells of the patient.

    python bench/phantom_nodes.py --table node_sizes_mediastinal.csv
    python bench/phantom_nodes.py --patients 40 --spacing 1.0 --first 1000

A table is a CSV with the columns ``long_axis_mm`` and ``short_axis_mm``, one node a row. Such tables hold the nodes
that a radiologist chose to mark, so they are compared from their own 10th percentile of the short axis upwards.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.stats import ks_2samp, mannwhitneyu

from nodewise.image.shape import measure
from nodewise.phantom.body import Body
from nodewise.phantom.chest import make_chest
from nodewise.phantom.geometry import Tissue
from nodewise.staging.rules import CATEGORIES, n_category
from nodewise.values.box import Box
from nodewise.values.station import Station

# Nodes a patient, and mean smallest diameter (mm) of the equivalent ellipsoid, in fully annotated sets: Engelson &
# Ehrhardt (P3), Table 1 (the training set of LNQ is annotated in part, its validation set has 20 patients).
TABLE_1 = {"NIH, Bouget's masks (89)": (15.18, 8.55), "St. Olavs (30)": (17.53, 6.65), "LNQ test (100)": (8.61, 8.18)}
# Of 422 patients with non-small-cell lung cancer, NSCLC-Radiomics (Aerts et al. 2014).
CATEGORY_SHARES = {"N0": 170 / 419, "N1": 23 / 419, "N2": 141 / 419, "N3": 85 / 419}
PATIENT_AUC = (0.55, 0.65)  # of the largest short axis; P1's Table 3 gives 0.57, its text 0.53
SHOWN = (10, 25, 50, 75, 90)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """Nodes of one patient: rows of short axis, long axis, smallest ellipsoid diameter (mm), share moulded."""

    category: str
    nodes: Floats


def measured(chest: Body) -> Measured:
    """Measure every node's voxels."""
    grid, labels, rows = chest.geometry.grid, chest.geometry.nodes, []
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        if place is None:
            continue
        box = Box(tuple(s.start for s in place), tuple(s.stop for s in place))
        size = measure(labels[place] == number, grid.crop(box))
        around = box.expanded((1, 1, 1)).clipped(grid.shape).slices
        mask = labels[around] == number
        beside = chest.geometry.tissue[around][ndimage.binary_dilation(mask) & ~mask]
        moulded = float((~np.isin(beside, (Tissue.FAT, Tissue.LUNG))).mean())
        rows.append((size.short_axis_mm, size.long_axis_mm, size.short_axis_ellipsoid_mm, moulded))
    assert chest.tumour is not None
    assert chest.tumour.side is not None
    ill = [Station(n.place) for n in chest.nodes if n.status.malignant]
    return Measured(n_category(ill, chest.tumour.side, 9).name, np.array(rows, float).reshape(-1, 4))


def read_table(path: Path) -> Floats:
    """Short and long axis (n, 2), mm."""
    with path.open(newline="") as file:
        return np.array([(float(r["short_axis_mm"]), float(r["long_axis_mm"])) for r in csv.DictReader(file)])


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Area under the ROC curve; a tie counts half."""
    return float(mannwhitneyu(positive, negative).statistic / (len(positive) * len(negative)))


def auc_with_interval(patients: Sequence[Measured], draws: int = 1000) -> tuple[float, float, float]:
    """AUC of N0 against the rest by the largest short axis, and its 95 % interval by bootstrap over patients."""
    ill = np.array([p.category != "N0" for p in patients])
    largest = np.array([p.nodes[:, 0].max(initial=0.0) for p in patients])
    rng, found = np.random.default_rng(0), []
    for _ in range(draws):
        pick = rng.integers(len(patients), size=len(patients))
        if 0 < ill[pick].sum() < len(patients):
            found.append(auc(largest[pick][ill[pick]].tolist(), largest[pick][~ill[pick]].tolist()))
    low, high = np.percentile(found, (2.5, 97.5))
    return auc(largest[ill].tolist(), largest[~ill].tolist()), float(low), float(high)


def quantiles(values: Floats) -> str:
    """The quantiles shown, one decimal."""
    return "  ".join(f"{v:5.1f}" for v in np.percentile(values, SHOWN))


def print_numbers(patients: Sequence[Measured]) -> None:
    """Nodes a patient and their size, beside fully annotated sets; how they lie."""
    nodes = np.vstack([p.nodes for p in patients])
    print(f"{'':28}nodes a patient   mean smallest diameter, mm")
    print(f"{'phantom (' + str(len(patients)) + ')':28}{len(nodes) / len(patients):15.2f}{nodes[:, 2].mean():29.2f}")
    for name, (count, size) in TABLE_1.items():
        print(f"{name:28}{count:15.2f}{size:29.2f}")
    moulded = "  ".join(f"{v:5.2f}" for v in np.percentile(nodes[:, 3], SHOWN))
    print(f"\nshare of the surface on something else than fat or lung, {SHOWN} %: {moulded}")


def print_table(patients: Sequence[Measured], path: Path) -> None:
    """Axes beside a table's, from the table's 10th percentile of the short axis upwards."""
    real, drawn = read_table(path), np.vstack([p.nodes for p in patients])
    least = float(np.percentile(real[:, 0], 10))
    real, drawn = real[real[:, 0] >= least], drawn[drawn[:, 0] >= least]
    print(f"\n{path.name}: short axis from {least:.1f} mm, {len(real)} real and {len(drawn)} drawn nodes, {SHOWN} %")
    rows = (
        ("short axis, mm", real[:, 0], drawn[:, 0]),
        ("long axis, mm", real[:, 1], drawn[:, 1]),
        ("long / short", real[:, 1] / real[:, 0], drawn[:, 1] / drawn[:, 0]),
    )
    for name, a, b in rows:
        print(f"  {name:16} real {quantiles(a)}   drawn {quantiles(b)}   KS {ks_2samp(a, b).statistic:.3f}")


def print_patients(patients: Sequence[Measured]) -> None:
    """How often each category occurs, and what the largest node alone says of it."""
    counts, total = Counter(p.category for p in patients), len(patients)
    print("\n" + "  ".join(f"{c} {counts[c] / total:.2f}" for c in CATEGORIES[9]), end="   real: ")
    print("  ".join(f"{c} {share:.2f}" for c, share in CATEGORY_SHARES.items()))
    if 0 < counts["N0"] < total:
        value, low, high = auc_with_interval(patients)
        print(
            f"AUC of the largest short axis, N0 against the rest: {value:.3f} (95 % {low:.2f} to {high:.2f})", end="; "
        )
        print(f"wanted {PATIENT_AUC[0]:.2f} to {PATIENT_AUC[1]:.2f}")


def main() -> None:
    """Draw, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=200, help="the AUC of 100 is known to ±0.11 only")
    parser.add_argument("--first", type=int, default=0, help="seed of the first patient")
    parser.add_argument("--spacing", type=float, default=1.5, help="mm, of the grid they are measured on")
    parser.add_argument("--table", type=Path, action="append", default=[], help="CSV of real nodes; may be repeated")
    given = parser.parse_args()
    patients = []
    for seed in range(given.first, given.first + given.patients):
        patients.append(measured(make_chest(seed, given.spacing, mediastinum_only=True)))
        print(f"\r{len(patients)} of {given.patients} patients", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print_numbers(patients)
    for path in given.table:
        print_table(patients, path)
    print_patients(patients)


if __name__ == "__main__":
    main()
