"""Whether implants can be told from the scan they lie in, by a classifier of small windows; and what is ignored.

    python bench/implants.py scans/anna scans/bert.nii.gz
    python bench/implants.py scans/anna --paste poisson --repeats 10
    python bench/implants.py --phantoms 5

For each scan and method two AUC beside each other: pasted against real tissue, and real against real, whose places
were picked by the same rules. The second is what chance and the unevenness of real tissue give; only what the first
exceeds it by tells of pasting. *Inside* takes windows of 3×3×3 voxels within nodes and within soft tissue of the same
HU near them: noise, its correlation, slopes. *Border* takes rows of 7 voxels in plane from soft tissue into fat.
``--phantoms`` draws chests whose nodes are known and tells how many of them are ignored, and what else is.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nodewise.image.shape import measure
from nodewise.io.folder import read_study
from nodewise.phantom.implant import Background, PasteMethod, implant, implant_patch, survey
from nodewise.phantom.patient import make_patient

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]

BLOCK_MM = 10.0
ROW = np.arange(-3, 4)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Statistics of windows (n, k), their middle in mm (n, 3), and the node or block of tissue each is of (n,)."""

    features: npt.NDArray[np.float64]
    places: npt.NDArray[np.float64]
    groups: Index

    def of(self, groups: Index) -> Sample:
        """The windows of these groups."""
        kept = np.isin(self.groups, groups)
        return Sample(self.features[kept], self.places[kept], self.groups[kept])


def inside(hu: Image, at: Index) -> npt.NDArray[np.float64]:
    """Of the 3×3×3 voxels about each place: noise, its steps and correlation along each axis, extremes, slopes."""
    cube = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1)
    window = hu[tuple(np.moveaxis(at[:, None, None, None] + cube, -1, 0))].astype(np.float64)
    left = window - window.mean(axis=(1, 2, 3), keepdims=True)
    spread = np.maximum(left.std(axis=(1, 2, 3)), 0.1)
    found = [spread, np.abs(left).max(axis=(1, 2, 3)) / spread, (left**3).mean(axis=(1, 2, 3)) / spread**3]
    for axis in (1, 2, 3):
        a, b = left.take([0, 1], axis), left.take([1, 2], axis)
        found += [(b - a).std(axis=(1, 2, 3)), (a * b).mean(axis=(1, 2, 3)) / spread**2]
        found.append(np.abs((left.take(2, axis) - left.take(0, axis)).mean(axis=(1, 2))))
    return np.stack(found, axis=1)


NAMES = ["std", "max", "skew", "dx", "cx", "sx", "dy", "cy", "sy", "dz", "cz", "sz"]


def blocks(at: Index, spacing: npt.NDArray[np.float64]) -> Index:
    """A number for each block of ``BLOCK_MM`` in which places lie."""
    return np.asarray(np.rint(at * spacing / BLOCK_MM).astype(np.intp) @ (1_000_000, 1_000, 1))


def thinned(at: Index, groups: Index, most: int, rng: np.random.Generator) -> tuple[Index, Index]:
    """At most ``most`` places of each group."""
    order = rng.permutation(len(at))
    at, groups = at[order], groups[order]
    order = np.argsort(groups, kind="stable")
    at, groups = at[order], groups[order]
    first = np.searchsorted(groups, groups)
    kept = np.arange(len(groups)) - first < most
    return at[kept], groups[kept]


def windows(hu: Image, mask: Mask, range_hu: tuple[float, float]) -> Index:
    """Places whose 3×3×3 voxels lie in ``mask`` and in even tissue of this density: one rule for both kinds."""
    mean = ndimage.uniform_filter(hu, 3)
    smooth = ndimage.gaussian_filter(hu, (1.0, 1.0, 0.5))
    even = mask & (smooth > range_hu[0] - 15) & (smooth < range_hu[1] + 15)
    middle = ndimage.binary_erosion(even, np.ones((3, 3, 3), bool))
    return np.argwhere(middle & (mean > range_hu[0]) & (mean < range_hu[1]))


def rows(hu: Image, soft: Mask, where: Mask, range_hu: tuple[float, float], fat_hu: float) -> tuple[Index, Image]:
    """Places on the border of ``soft`` in ``where``, and the HU along rows from inside, across it, into fat."""
    places, values = [], []
    pad = 3
    for axis in (0, 1):
        for sign in (1, -1):
            step = np.zeros(3, int)
            step[axis] = sign
            border = soft & ~np.roll(soft, -sign, axis) & where
            for edge in range(3):
                border[(slice(None),) * edge + (slice(0, pad),)] = False
                border[(slice(None),) * edge + (slice(-pad, None),)] = False
            at = np.argwhere(border)
            line = hu[tuple(np.moveaxis(at[:, None] + ROW[:, None] * step, -1, 0))]
            inner, outer = line[:, :3].mean(axis=1), line[:, 5:].mean(axis=1)
            fits = (inner > range_hu[0]) & (inner < range_hu[1]) & (np.abs(outer - fat_hu) < 30)
            places.append(at[fits])
            values.append(line[fits])
    return np.concatenate(places), np.concatenate(values)


def profile(line: Image) -> npt.NDArray[np.float64]:
    """Of rows across a border: widths in voxels from 80 % and to 20 % about its middle, steepest step, roughness."""
    inner, outer = line[:, :2].mean(axis=1), line[:, -2:].mean(axis=1)
    scaled = ((line - outer[:, None]) / np.maximum(inner - outer, 20)[:, None]).astype(np.float64)
    high, half, low = (_crossing(scaled, level) for level in (0.8, 0.5, 0.2))
    steep = -np.diff(scaled, axis=1).min(axis=1)
    return np.column_stack([half - high, low - half, steep, scaled.max(axis=1), scaled.min(axis=1)])


EDGES = ["from80", "to20", "steep", "over", "under"]


def _crossing(falling: npt.NDArray[np.float64], level: float) -> npt.NDArray[np.float64]:
    """Where each row first falls to ``level``, in voxels."""
    after = np.maximum((falling <= level).argmax(axis=1), 1)
    row = np.arange(len(falling))
    a, b = falling[row, after - 1], falling[row, after]
    return np.asarray(after - np.clip((level - b) / np.maximum(a - b, 1e-6), 0, 1))


def matched(pasted: Sample, real: Sample) -> tuple[Sample, Sample]:
    """For each node in turn the nearest block of real tissue not yet taken, and the nearest after it."""
    middles = np.array([real.places[real.groups == g].mean(axis=0) for g in np.unique(real.groups)])
    names, tree = np.unique(real.groups), cKDTree(middles)
    taken: set[int] = set()
    both: tuple[list[int], list[int]] = ([], [])
    for turn, node in enumerate(np.unique(pasted.groups)):
        near = tree.query(pasted.places[pasted.groups == node].mean(axis=0), min(len(names), 60))[1]
        free = [int(n) for n in np.atleast_1d(near) if int(n) not in taken][:2]
        taken.update(free)
        if len(free) == 2:
            both[turn % 2].append(free[0])  # neither set is the nearer one
            both[1 - turn % 2].append(free[1])
    return real.of(names[both[0]]), real.of(names[both[1]])


def auc(a: Sample, b: Sample) -> tuple[float, float]:
    """AUC of logistic regression and of a forest, ``a`` against ``b``, by cross-validation over groups."""
    if min(len(np.unique(s.groups)) for s in (a, b)) < 5:
        return float("nan"), float("nan")  # too few to cross-validate
    x = np.concatenate([a.features, b.features])
    y = np.repeat([1, 0], [len(a.groups), len(b.groups)])
    groups = np.concatenate([a.groups, b.groups + a.groups.max() + 1])
    found = []
    for model in (
        LogisticRegression(max_iter=500, class_weight="balanced"),
        RandomForestClassifier(200, min_samples_leaf=5, class_weight="balanced", random_state=0),
    ):
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
        way = make_pipeline(StandardScaler(), model)
        chance = cross_val_predict(way, x, y, groups=groups, cv=folds, method="predict_proba")[:, 1]
        found.append(float(roc_auc_score(y, chance)))
    return found[0], found[1]


def pasted_samples(background: Background, paste: PasteMethod, repeats: int) -> tuple[Sample, Sample]:
    """Windows inside nodes, and rows across their borders."""
    spacing = np.array(background.grid.spacing)
    look, box = background.look, background.box
    middle = 0.5 * (look.fat_hu + look.muscle_hu)
    parts: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Index]] = []
    edges = []
    range_hu = node_range(background)
    for turn in range(repeats):
        rng = np.random.default_rng([31, turn])
        made = implant(background.study, rng, count=40, paste=paste, negatives=False, background=background)
        hu, labels = np.asarray(made.ct.array[box.slices]), made.labels.array[box.slices].astype(np.int64)
        plain = np.isin(labels, [n for n, item in enumerate(made.nodes, 1) if not item.contents])
        at = windows(hu, plain, range_hu)
        alone = ndimage.minimum_filter(labels, 3) == ndimage.maximum_filter(labels, 3)
        at = at[alone[tuple(at.T)]]
        at, groups = thinned(at, labels[tuple(at.T)], 8, rng)
        if len(at):
            parts.append((inside(hu, at), at * spacing, groups + 1000 * turn))
        soft = ndimage.gaussian_filter(hu, 0.7) > middle
        at, line = rows(hu, soft, plain & (background.share > 0.9), range_hu, look.fat_hu)
        edges.append((profile(line), at * spacing, labels[tuple(at.T)] + 1000 * turn))
    return joined(parts), joined(edges)


def joined(parts: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Index]]) -> Sample:
    """One sample of all."""
    features, places, groups = zip(*parts, strict=True)
    return Sample(np.concatenate(features), np.concatenate(places), np.concatenate(groups))


def node_range(background: Background) -> tuple[float, float]:
    """The HU that tissue is taken from, pasted or real."""
    return (35.0, 110.0) if background.look.enhanced else (15.0, 60.0)


def real_samples(background: Background) -> tuple[Sample, Sample]:
    """Windows in soft tissue near where implants go, and rows from such tissue into fat."""
    hu, spacing, rng = background.hu, np.array(background.grid.spacing), np.random.default_rng(32)
    look, range_hu = background.look, node_range(background)
    near = ndimage.distance_transform_edt(background.room <= 1.5, sampling=spacing) < 25
    at = windows(hu, near & (background.share < 0.05), range_hu)
    at, groups = thinned(at, blocks(at, spacing), 8, rng)
    real = Sample(inside(hu, at), at * spacing, groups)
    soft = ndimage.gaussian_filter(hu, 0.7) > 0.5 * (look.fat_hu + look.muscle_hu)
    at, line = rows(hu, soft, near, range_hu, look.fat_hu)
    order = rng.permutation(len(at))[:40000]
    at, line = at[order], line[order]
    return real, Sample(profile(line), at * spacing, blocks(at, spacing))


def told(background: Background, paste: PasteMethod, repeats: int, every: bool) -> None:
    """Print what one scan and method give."""
    nodes, borders = pasted_samples(background, paste, repeats)
    tissue, edges = real_samples(background)
    for name, pasted, real in (("inside", nodes, tissue), ("border", borders, edges)):
        one, other = matched(pasted, real)
        a, b = auc(pasted, one), auc(one, other)
        print(
            f"  {paste.value:8}{name:7} pasted-real {a[0]:.2f} {a[1]:.2f}   real-real {b[0]:.2f} {b[1]:.2f}"
            f"   ({len(pasted.groups)}, {len(one.groups)}, {len(other.groups)} windows)",
            end="",
        )
        p, r, o = (np.median(s.features, axis=0) for s in (pasted, one, other))
        if name == "inside":
            lag = [float(s.features[:, 4::3].mean(axis=0)[k]) for k in (0, 1, 2) for s in (pasted, one, other)]
            print(f"   std {p[0] / r[0]:.2f} ({o[0] / r[0]:.2f})", end="   lag-1 ")
            print("  ".join("{:.2f}/{:.2f} ({:.2f})".format(*lag[i : i + 3]) for i in (0, 3, 6)))
        else:
            print(f"   steepest {p[2] / r[2]:.2f} ({o[2] / r[2]:.2f})")
        if every:
            names = NAMES if name == "inside" else EDGES
            for s, who in ((pasted, "pasted"), (other, "real")):
                y = np.repeat([1, 0], [len(s.groups), len(one.groups)])
                x = np.concatenate([s.features, one.features])
                print(f"      {who:7}" + " ".join(f"{n}:{roc_auc_score(y, x[:, k]):.2f}" for k, n in enumerate(names)))


def ignored(seed: int) -> tuple[int, int, float, float]:
    """Nodes of 5 mm and more of a drawn chest, how many are ignored, ml of them, ml of what else is."""
    patient = make_patient(seed, (1.25, 1.25, 2.0), hard=())
    background = survey(patient.study)
    mask = np.zeros(patient.study.ct.grid.shape, bool)
    mask[background.box.slices] = background.ignore
    labels = np.zeros(mask.shape, np.uint16)
    count = found = 0
    for node in patient.nodes:
        part = node.box.slices
        labels[part][node.mask] = node.id
        if measure(node.mask, patient.study.ct.grid.crop(node.box)).short_axis_mm >= 5:
            count += 1
            found += int(mask[part][node.mask].mean() > 0.3)
    ml = patient.study.ct.grid.voxel_volume_mm3 / 1000
    return count, found, float((mask & (labels > 0)).sum() * ml), float((mask & (labels == 0)).sum() * ml)


def print_ignored(count: int) -> None:
    """Print what share of drawn nodes is ignored."""
    results = []
    for seed in range(900, 900 + count):
        results.append(ignored(seed))
        print("  seed {}: {} nodes, {} ignored; {:.1f} ml of nodes, {:.1f} ml of else".format(seed, *results[-1]))
    total = np.sum(results, axis=0)
    print(
        f"ignored: {total[1]:.0f} of {total[0]:.0f} drawn nodes of 5 mm and more ({total[1] / total[0]:.2f}), ", end=""
    )
    print(f"with {total[3] / count:.1f} ml a chest of what is none")


def rate(background: Background, paste: PasteMethod, count: int = 20) -> float:
    """Patches of 96×96×64 voxels a second of processor time."""
    rng = np.random.default_rng(0)
    start = time.process_time()
    for _ in range(count):
        implant_patch(background, rng, patch=(96, 96, 64), paste=paste)
    return count / (time.process_time() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path, nargs="*", metavar="SCAN", help="CT: DICOM folder or file")
    parser.add_argument("--paste", choices=[m.value for m in PasteMethod], help="one method only")
    parser.add_argument("--repeats", type=int, default=6, help="times that 40 nodes are laid into each (default 6)")
    parser.add_argument("--features", action="store_true", help="the AUC of each single figure too")
    parser.add_argument("--phantoms", type=int, default=0, help="drawn chests for what is ignored (default none)")
    asked = parser.parse_args()
    for path in asked.scans:
        background = survey(read_study(path))
        look, ml = background.look, float(background.ignore.sum()) * background.grid.voxel_volume_mm3 / 1000
        print(
            f"{path.name}: {'contrast' if look.enhanced else 'no contrast'}, noise {look.noise_hu:.1f} HU, "
            f"{ml:.0f} ml ignored; AUC by logistic regression and forest; in brackets real tissue, by the same rules"
        )
        for paste in PasteMethod:
            if asked.paste in (None, paste.value):
                told(background, paste, asked.repeats, asked.features)
                print(f"  {paste.value:8}{rate(background, paste):.1f} patches a second of processor time", flush=True)
    if asked.phantoms:
        print_ignored(asked.phantoms)


if __name__ == "__main__":
    main()
