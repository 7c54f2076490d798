"""Coordinates and lines that the stations of one chest are laid out by, in mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.carina import Bronchus
from nodewise.anatomy.chest import Carina, Chest
from nodewise.anatomy.tubes import Tube
from nodewise.anatomy.working import Mask, paint_disk
from nodewise.values.box import Box

Floats = npt.NDArray[np.float64]
BONE_HU, STERNUM_MM = 130.0, 10.0  # the sternum reaches so far behind the line between the lungs' foremost points
AIR_HU = -400.0  # a pocket of lung that hangs on neither lung
INNER = 0.9  # of the ascending aorta's radius is cut out: its middle is less sure than the descending one's
# Usual places from the carina, and radii: where the vessel itself was not found.
USUAL_CAVA, USUAL_ASCENDING = (-27.0, -27.0, 9.0), (-7.0, -38.0, 15.0)
USUAL_DESCENDING = (28.0, -48.0, 12.5)  # from the spinal canal
GULLET_MM = 11.0  # from the wall of the descending aorta to the middle of the oesophagus


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A structure slice by slice: ``x``, ``y`` and ``radius`` in mm, (nz,) each."""

    x: Floats
    y: Floats
    radius: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Where:
    """Coordinates of a box's voxels and the lines between them, in mm from the carina.

    Attributes:
        x: to the left, (nx, 1, 1). y: to the back, (1, ny, 1). z: to the head, (1, 1, nz).
        trachea, cava, ascending, descending, gullet: by slice. right, left: the bronchi, as far as they run down.
        between_lungs: medial to both. behind_sternum: behind the line between their foremost points.
        not_tissue: lungs, airway, spine, aorta as far as it was found, and what lies outside the body.
        start, shape, mm: of the box in the chest's lattice, and the lattice's spacing.
    """

    x: Floats
    y: Floats
    z: Floats
    trachea: Line
    right: Line
    left: Line
    cava: Line
    ascending: Line
    descending: Line
    gullet: Line
    between_lungs: Mask
    behind_sternum: Mask
    not_tissue: Mask
    start: npt.NDArray[np.int64]
    shape: tuple[int, int, int]
    mm: float

    def heights(self, voxels: Floats) -> Floats:
        """Heights in mm of voxels (n, 3) of the chest's lattice."""
        return np.asarray(self.z.ravel()[0] + (voxels[:, 2] - self.start[2]) * self.mm)

    @staticmethod
    def of(chest: Chest, carina: Carina, box: Box) -> Where:
        """The coordinates of ``box`` of the chest's lattice."""
        mm, origin, canal = chest.spacing_mm, carina.split.point, chest.canal
        assert canal is not None
        i, j, k = np.ogrid[box.slices]
        n = k.ravel()
        z = (n - origin[2]) * mm
        lungs = chest.lungs.right[box.slices], chest.lungs.left[box.slices]
        walls = carina.walls
        trachea = Line((walls.x[n] - origin[0]) * mm, (walls.y[n] - origin[1]) * mm, (walls.left[n] - walls.x[n]) * mm)
        found = chest.vessels
        descending = _descending(chest, origin, n)
        canal_x, canal_y = ((canal.centres[n, m] - origin[m]) * mm for m in (0, 1))
        if descending is None:
            x, y, radius = USUAL_DESCENDING
            descending = Line(canal_x + x, canal_y + y, np.full(len(n), radius))
        gullet_x = 0.5 * (descending.x - descending.radius - GULLET_MM) + 0.5 * (canal_x + 4.0)
        return Where(
            x=(i - origin[0]) * mm,
            y=(j - origin[1]) * mm,
            z=z[None, None, :],
            trachea=trachea,
            right=_bronchus(carina.right, origin, z, mm),
            left=_bronchus(carina.left, origin, z, mm),
            cava=_vessel(found.cava if found else None, origin, z, mm, USUAL_CAVA),
            ascending=_vessel(found.ascending if found else None, origin, z, mm, USUAL_ASCENDING),
            descending=descending,
            gullet=Line(gullet_x, descending.y, np.full(len(n), 7.0)),
            between_lungs=~_beyond(*lungs),
            behind_sternum=_behind_sternum(chest, j, _front(*lungs, box)[:, None, :], box),
            not_tissue=_not_tissue(chest, box),
            start=np.array(box.start),
            shape=box.shape,
            mm=mm,
        )


def _vessel(tube: Tube | None, origin: Floats, z: Floats, mm: float, usual: tuple[float, float, float]) -> Line:
    """A tube along z at heights ``z``; beyond its ends those of the end."""
    if tube is None:
        return Line(*(np.full(len(z), value) for value in usual))
    along = (tube.centres[:, 2] - origin[2]) * mm
    rows = ((tube.centres[:, 0] - origin[0]) * mm, (tube.centres[:, 1] - origin[1]) * mm, tube.radii * mm)
    return Line(*(np.interp(z, along, row) for row in rows))


def _bronchus(bronchus: Bronchus, origin: Floats, z: Floats, mm: float) -> Line:
    """The path of a bronchus by height; beyond its ends those of the end."""
    path = (bronchus.path - origin) * mm
    lowest = np.minimum.accumulate(path[:, 2]) if len(path) else np.zeros(0)
    path = path[path[:, 2] <= lowest + 1e-6][::-1] if len(path) else np.zeros((1, 3))
    x, y = (np.interp(z, path[:, 2], path[:, m]) for m in (0, 1))
    return Line(x, y, np.full(len(z), 6.0))


def _descending(chest: Chest, origin: Floats, n: npt.NDArray[np.int64]) -> Line | None:
    aorta, mm = chest.aorta, chest.spacing_mm
    if aorta is None:
        return None
    rows = ((aorta.centres[:, 0] - origin[0]) * mm, (aorta.centres[:, 1] - origin[1]) * mm, aorta.radii * mm)
    return Line(*(np.interp(n, aorta.slices, row) for row in rows))


def _beyond(right: Mask, left: Mask) -> Mask:
    """In a lung, or lateral to it."""
    return np.logical_or.accumulate(left, axis=0) | np.logical_or.accumulate(right[::-1], axis=0)[::-1]


def _not_tissue(chest: Chest, box: Box) -> Mask:
    assert chest.canal is not None
    mm = chest.spacing_mm
    i, j, k = np.ogrid[box.slices]
    centres = chest.canal.centres[k.ravel()]
    canal_x, canal_y = (i - centres[:, 0]) * mm, (j - centres[:, 1]) * mm
    from_body = np.hypot(canal_x, canal_y + 18.0)
    vertebra = (from_body < 21.0) | (canal_y > -22.0) | ((from_body < 30.0) & (chest.hu[box.slices] > BONE_HU))
    lungs = chest.lungs.right[box.slices] | chest.lungs.left[box.slices] | (chest.hu[box.slices] < AIR_HU)
    return np.asarray(lungs | chest.airway[box.slices] | vertebra | ~chest.body[box.slices] | _aorta(chest, box))


def _aorta(chest: Chest, box: Box) -> Mask:
    """The circles of the descending and of the ascending aorta, in ``box``."""
    inside, down = np.zeros(box.shape, bool), chest.aorta
    for k, centre, radius in zip(*((down.slices, down.centres, down.radii) if down else ((), (), ())), strict=True):
        if box.start[2] <= k < box.stop[2]:
            paint_disk(inside, centre - box.start[:2], radius, k - box.start[2], True)
    fore = None if chest.vessels is None else chest.vessels.ascending
    for (x, y, z), radius in zip(*((fore.centres, fore.radii) if fore else ((), ())), strict=True):
        if box.start[2] <= z < box.stop[2]:
            paint_disk(inside, (x - box.start[0], y - box.start[1]), INNER * radius, int(z) - box.start[2], True)
    return inside


def _behind_sternum(chest: Chest, rows: Floats, front: Floats, box: Box) -> Mask:
    """Behind the line ``front`` and the bone that reaches back over it."""
    over = (chest.hu[box.slices] > BONE_HU) & (rows < front + STERNUM_MM / chest.spacing_mm)
    return np.asarray((rows >= front) & ~np.logical_or.accumulate(over[:, ::-1], axis=1)[:, ::-1])


def _front(right: Mask, left: Mask, box: Box) -> Floats:
    """Row (nx, nz) of the back of the breastbone: the line between the foremost points of the two lungs.

    Infinite, so that nothing lies behind it, lateral to those points and where a lung is missing.
    """
    columns = np.arange(box.shape[0])
    front = np.full((right.shape[0], right.shape[2]), np.inf)
    for k in range(right.shape[2]):
        ends = [_foremost(lung[:, :, k]) for lung in (right, left)]
        if ends[0] is None or ends[1] is None:
            continue
        (x0, y0), (x1, y1) = sorted((ends[0], ends[1]))
        inside = (columns >= x0) & (columns <= x1)
        front[inside, k] = np.interp(columns[inside], (x0, x1), (y0, y1)) + box.start[1]
    return front


def _foremost(section: Mask) -> tuple[float, float] | None:
    """Column and row of the foremost voxel of a lung's section."""
    rows = np.flatnonzero(section.any(axis=0))
    if rows.size == 0:
        return None
    return float(np.flatnonzero(section[:, rows[0]]).mean()), float(rows[0])
