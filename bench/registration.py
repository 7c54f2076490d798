"""How far hidden points end from where they belong when an atlas is laid over other drawn chests.

    python bench/registration.py out/registration --patients 6 --seed 6100

The first chest is the reference, the others are patients. Compared are landmarks alone (read off the CT), organs (P3's
similarity and affine, then our deformation), the affine map by itself, P3's literal mode, and SimpleITK's diffeomorphic
demons after the same affine map. Hidden from all of them are the middles of organs that no registration looks at, the
borders that the phantom knows, and the middles of stations. Chests are drawn once and kept in the folder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nodewise.anatomy.read import read_anatomy
from nodewise.anatomy.registration.frame import frame_of
from nodewise.anatomy.registration.landmarks import register_frames
from nodewise.anatomy.registration.organs import (
    EFFORT,
    Labelled,
    common_structures,
    linear_map,
    reference_lattice,
    register_organs,
)
from nodewise.anatomy.registration.structures import centroid, channels
from nodewise.anatomy.registration.warp import Warp, folded_share
from nodewise.datasets.atlas import organ_names
from nodewise.datasets.case import LabelledCase
from nodewise.datasets.read import load_case, read_dataset
from nodewise.io.truthfile import read_truth
from nodewise.values.atlas import Frame
from nodewise.values.grid import Floats, Grid
from nodewise.values.station import Station

ORGANS = (
    "pulmonary_trunk",
    "pulmonary_artery_left",
    "pulmonary_artery_right",
    "azygos_vein",
    "heart_atrium_left",
    "main_bronchus_right",
    "main_bronchus_left",
    "ligamentum_arteriosum",
    "thymus",
)
STATIONS = ("2R", "2L", "4R", "4L", "5", "6", "7", "10R", "10L")
BORDERS = ("carina", "arch_low", "left_pulmonary_artery_top", "azygos_low")
SPACING_MM = (2.0, 2.0, 3.0)


@dataclass(frozen=True, slots=True, eq=False)
class Chest:
    """One drawn chest: what registrations are given, and the points hidden from them, by name."""

    name: str
    labelled: Labelled
    frame: Frame | None
    points: Mapping[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One patient by one way: the error in mm of each hidden point, the share that folds, seconds."""

    way: str
    errors: Mapping[str, float]
    folding: float
    seconds: float

    @property
    def mean(self) -> float:
        """Over the points, mm."""
        return float(np.mean(list(self.errors.values())))

    @property
    def worst(self) -> float:
        """The largest, mm."""
        return max(self.errors.values())


def read_chest(case: LabelledCase) -> Chest:
    """A chest of the data set."""
    loaded, names = load_case(case), organ_names(case)
    assert loaded.organs is not None and loaded.stations is not None and names is not None and case.organs is not None
    told = read_truth(case.organs.parent / "truth.json").landmarks_lps_mm
    points = {name: np.asarray(told[name]) for name in BORDERS if name in told}
    for name in ORGANS:
        middle = centroid(loaded.organs, names, name)
        if middle is not None:
            points[name] = middle
    for code in STATIONS:
        places = np.argwhere(loaded.stations.array == Station(code).label)
        if len(places):
            points[f"station {code}"] = loaded.stations.grid.to_lps(places.mean(axis=0))
    return Chest(case.name, Labelled(loaded.organs, names), frame_of(read_anatomy(loaded.study)), points)


def by_landmarks(patient: Chest, reference: Chest) -> Warp | None:
    """Landmarks alone; None where no carina was found."""
    if patient.frame is None or reference.frame is None:
        return None
    return register_frames(patient.frame, reference.frame)


def by_demons(patient: Chest, reference: Chest, iterations: int = 100) -> Warp:
    """SimpleITK's diffeomorphic demons on the mean of the structures, three levels, after P3's affine map."""
    import SimpleITK as sitk  # noqa: N813

    a, b = patient.labelled, reference.labelled
    shared = common_structures(a, b)
    matrix, lattice = linear_map(a, b, shared), reference_lattice(b, shared)
    there = Grid(lattice.shape, np.linalg.inv(matrix) @ lattice.affine)
    images = []
    for side, grid in ((a, there), (b, lattice)):
        # one grey image, the only kind that it takes: every structure has a grey of its own
        parts = channels(side.organs, side.names, shared, grid)
        grey = np.tensordot(np.linspace(0.3, 1, len(shared)), parts, axes=1).astype(np.float32)
        image = sitk.GetImageFromArray(np.ascontiguousarray(grey.T))
        image.SetSpacing(lattice.spacing)
        images.append(image)
    fields = [_demons(a, b, iterations) for a, b in (images, images[::-1])]
    return Warp(matrix, lattice, fields[0], fields[1], folded_share(fields[0], lattice), "demons of SimpleITK")


def _demons(fixed: object, moving: object, iterations: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    import SimpleITK as sitk  # noqa: N813

    field = None
    for factor in (4, 2, 1):
        a, b = (sitk.BinShrink(image, [factor] * 3) for image in (fixed, moving))
        demons = sitk.DiffeomorphicDemonsRegistrationFilter()
        demons.SetNumberOfIterations(iterations)
        demons.SetStandardDeviations(1.0)
        field = demons.Execute(a, b) if field is None else demons.Execute(a, b, sitk.Resample(field, a))
    return np.asarray(sitk.GetArrayFromImage(field).T, np.float32)


WAYS: Mapping[str, Callable[[Chest, Chest], Warp | None]] = {
    "landmarks": by_landmarks,
    "affine": lambda a, b: register_organs(a.labelled, b.labelled, deform=False),
    "organs": lambda a, b: register_organs(a.labelled, b.labelled, EFFORT),
    "literal": lambda a, b: register_organs(a.labelled, b.labelled, EFFORT, literal=True),
    "SimpleITK demons": by_demons,
}


def errors_of(warp: Warp, patient: Chest, reference: Chest) -> dict[str, float]:
    """Distance in mm between each hidden point carried into the reference and where it is there."""
    shared = sorted(patient.points.keys() & reference.points.keys())
    return {
        name: float(np.linalg.norm(warp.to_reference(patient.points[name]) - reference.points[name])) for name in shared
    }


def main() -> None:
    """Draw what is missing, register, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patients", type=int, default=6, help="the reference is one of them")
    parser.add_argument("--seed", type=int, default=6100)
    parser.add_argument("--ways", nargs="+", choices=tuple(WAYS), default=tuple(WAYS))
    parser.add_argument("--points", action="store_true", help="print the error of each point too")
    asked = parser.parse_args()
    chests = _chests(asked.folder, asked.patients, asked.seed)
    reference = chests[0]
    print(f"reference {reference.name}, {len(chests) - 1} patients, {len(reference.points)} hidden points", flush=True)
    results = [found for patient in chests[1:] for way in asked.ways if (found := _tried(way, patient, reference))]
    for way in asked.ways:
        _print(way, [result for result in results if result.way == way], points=asked.points)


def _tried(way: str, patient: Chest, reference: Chest) -> Result | None:
    start = time.perf_counter()
    warp = WAYS[way](patient, reference)
    seconds = time.perf_counter() - start
    if warp is None:
        print(f"{patient.name} {way}: no carina was found")
        return None
    result = Result(way, errors_of(warp, patient, reference), warp.folding, seconds)
    folds = f"folds {warp.folding:.3%}, {seconds:.1f} s"
    print(f"{patient.name} {way:17s} mean {result.mean:5.1f} mm, worst {result.worst:5.1f}, {folds}", flush=True)
    return result


def _print(way: str, results: list[Result], *, points: bool) -> None:
    if not results:
        return
    means = [r.mean for r in results]
    folding, seconds = np.mean([r.folding for r in results]), np.mean([r.seconds for r in results])
    each = f"(patients {min(means):.1f} to {max(means):.1f}), worst point {max(r.worst for r in results):.1f}"
    print(f"{way:17s} mean {np.mean(means):5.1f} mm {each}, folds {folding:.3%}, {seconds:.1f} s")
    if points:
        names = sorted({name for r in results for name in r.errors})
        parts = [f"{name} {np.mean([r.errors[name] for r in results if name in r.errors]):.1f}" for name in names]
        print("   " + ", ".join(parts))


def _chests(folder: Path, patients: int, seed: int) -> list[Chest]:
    from nodewise.phantom.cohort import Plan, write_cohort

    write_cohort(folder, patients, seed, Plan(spacing_mm=SPACING_MM))
    cases = [case for case in read_dataset(folder).cases if seed <= int(case.name.rsplit("-", 1)[-1]) < seed + patients]
    return [read_chest(case) for case in cases]


if __name__ == "__main__":
    main()
