"""Small chests by hand: air on both sides, fat between, nodes in it, and a prior that knows where they tend to be."""

import numpy as np
import pytest

from nodewise.io.itk import write_nifti
from nodewise.recipes.atlas_prior.material import Reader
from nodewise.values.anatomy import Anatomy, Landmark, LandmarkStatus, Region
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((40, 36, 32), (3.0, 3.0, 3.0), (-58.5, -52.5, -46.5))
SEATS = ((16, 14, 12), (23, 20, 18))


def by_hand(study):
    """The anatomy of a small chest, from nothing but its voxels."""
    grid = study.ct.grid
    air = study.ct.array < -500
    organs = np.zeros(grid.shape, np.uint8)
    organs[:12], organs[28:] = 1, 2
    organs *= air
    organs[19:21, 17:19, 16:] = 3
    away = np.moveaxis(np.indices(grid.shape), 0, -1)
    near = [np.linalg.norm((away - seat) * 3.0, axis=-1) for seat in SEATS]
    prior = np.exp(-0.5 * (np.min(near, axis=0) / 9.0) ** 2).astype(np.float32)
    distance = np.linalg.norm((away - (20, 18, 16)) * 3.0, axis=-1).astype(np.float32)
    point = tuple(grid.to_lps((20, 18, 16)).tolist())
    low, high = (tuple(grid.to_lps(end).tolist()) for end in ((0, 0, 0), (39, 35, 31)))
    return Anatomy(
        landmarks={"carina": Landmark(point, LandmarkStatus.FOUND, 1.0)},
        mediastinum=Region(low, high),
        how="by hand",
        organs=Volume(organs, grid, Quantity.LABEL),
        organ_names={1: "lung_right", 2: "lung_left", 3: "airway"},
        prior=Volume(prior, grid, Quantity.PROBABILITY),
        distance=Volume(distance, grid, Quantity.MILLIMETRE),
    )


def without_prior(study):
    """The same as a reader gives it that knows of no atlas."""
    from dataclasses import replace

    return replace(by_hand(study), prior=None, distance=None)


HAND = Reader(by_hand, "by hand", has_prior=True)
PLAIN = Reader(without_prior, "by hand without prior")


def chest(folder, number):
    rng = np.random.default_rng(number)
    hu = np.full(GRID.shape, -100, np.float32)
    hu[2:12, 4:32, 2:30] = hu[28:38, 4:32, 2:30] = -850
    x, y, z = np.ogrid[:40, :36, :32]
    nodes = np.zeros(GRID.shape, np.uint8)
    for label, seat in enumerate(SEATS, 1):
        a, b, c = np.array(seat) + rng.uniform(-1.5, 1.5, 3)
        ball = (x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < rng.uniform(2.2, 3.2) ** 2
        hu[ball], nodes[ball] = 60, label
    hu += 8 * rng.standard_normal(GRID.shape).astype(np.float32)
    for kind, array, quantity in (("images", hu, Quantity.HU), ("labels", nodes, Quantity.LABEL)):
        (folder / kind).mkdir(exist_ok=True)
        write_nifti(Volume(np.asfortranarray(array), GRID, quantity), folder / kind / f"case-{number:02d}.nii.gz")
    return nodes


@pytest.fixture(scope="session")
def chests(tmp_path_factory):
    """Eight fully annotated scans, and four of whose two nodes one is labelled."""
    folder = tmp_path_factory.mktemp("chests")
    lines = ["name,annotation"]
    for number in range(12):
        nodes, partial = chest(folder, number), number >= 8
        if partial:
            path = folder / "labels" / f"case-{number:02d}.nii.gz"
            write_nifti(Volume(np.asfortranarray(nodes * (nodes == 1)), GRID, Quantity.LABEL), path)
        lines.append(f"case-{number:02d},{'partial' if partial else 'full'}")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    return folder
