"""What parts the stations of one level from each other, read off organ masks.

Citations as in ``borders``: Rusch et al., J Thorac Oncol 4:568-577, 2009, table 1 and figures 2 to 4. Coordinates are
LPS mm; arrays over a plane or a slice follow the lattice of the organs.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nodewise.anatomy.organ_masks import Floats, Line, Organs, line
from nodewise.anatomy.working import Mask

ROUND_MM = 6.0  # so far above the carina the trachea's section is still one round hole
BIN_MM = 4.0


def trachea_line(organs: Organs, carina_z: float) -> Line | None:
    """The trachea's course; from its last round section downwards it goes on straight."""
    mask = organs.mask("trachea")
    if mask is None:
        return None
    above = organs.along(2) >= carina_z + ROUND_MM
    cut = mask & above
    return line(organs, cut) if cut.any() else line(organs, mask)


def left_tracheal_wall(trachea: Line) -> Floats:
    """Left lateral wall of the trachea by slice, x (nz,): between 2R and 2L, 4R and 4L (Rusch 2009, table 1)."""
    smooth = ndimage.median_filter(trachea.left, 5, mode="nearest")
    return np.asarray(smooth)


def tracheal_midline(trachea: Line) -> Floats:
    """Midline of the trachea by slice, x (nz,): between 1R and 1L (Rusch 2009, table 1)."""
    return trachea.x


def prevascular_back(organs: Organs, trachea: Line, arch_top: float, x: Floats) -> Floats | None:
    """Back of 3a, y (nx, nz): front of the upper vena cava on the right, of the left carotid on the left (table 1).

    From the arch down the ascending aorta takes the carotid's place. Never behind the trachea's front.
    """
    vein, aorta = organs.mask("superior_vena_cava", "brachiocephalic_vein_right"), organs.mask("aorta")
    if vein is None or aorta is None:
        return None
    cava, fore = line(organs, vein), _ascending(organs, aorta)
    carotid = organs.mask("common_carotid_artery_left")
    artery = fore if carotid is None else line(organs, carotid)
    low = trachea.z <= arch_top
    ax, ay = np.where(low, fore.x, artery.x), np.where(low, fore.front, artery.front)
    share = np.clip((x[:, None] - cava.x) / np.maximum(ax - cava.x, 1.0), 0.0, 1.0)
    return np.asarray(np.minimum((1 - share) * cava.front + share * ay, trachea.front))


def _ascending(organs: Organs, aorta: Mask) -> Line:
    """Its ascending part by slice: the section's foremost 25 mm."""
    whole, y = line(organs, aorta), organs.along(1)
    return line(organs, aorta & (y[:, None] < whole.front + 25.0)[None])


def ascending_line(organs: Organs) -> Line | None:
    """The ascending aorta, behind whose middle 4L and 5 begin below the arch (Rusch 2009, figure 4)."""
    aorta = organs.mask("aorta")
    return None if aorta is None else _ascending(organs, aorta)


def outside_arch(organs: Organs, arch_low: float, arch_top: float) -> tuple[Mask, Mask, float] | None:
    """Where 6 lies: before and lateral to the arch (Rusch 2009, table 1).

    Returns:
        Masks (nx, ny) of what lies on the arch's outer side, and of the arch itself, as seen from above; and the y
        where the arch ends behind.
    """
    aorta = organs.mask("aorta")
    if aorta is None:
        return None
    x, y, z = (organs.along(axis) for axis in range(3))
    arch = aorta[:, :, (z > arch_low) & (z <= arch_top)]
    seen = arch.any(axis=2)
    if np.count_nonzero(seen) < 10:
        return None
    i, j = np.nonzero(seen)
    points = np.column_stack([x[i], y[j]])
    middle = points.mean(axis=0)
    way = np.linalg.svd(points - middle, full_matrices=False)[2][0]
    way = way if way[1] > 0 else -way  # from front to back
    normal = np.array([way[1], -way[0]])  # to the left and to the front
    along, aside = (points - middle) @ way, (points - middle) @ normal
    bins = np.floor(along / BIN_MM).astype(int)
    bins -= bins.min()
    counts = np.bincount(bins)
    there = counts > 0
    at, centre = (np.bincount(bins, values)[there] / counts[there] for values in (along, aside))
    dx, dy = x[:, None] - middle[0], y[None, :] - middle[1]
    outer = np.asarray(dx * normal[0] + dy * normal[1] > np.interp(dx * way[0] + dy * way[1], at, centre))
    half_width = float(np.count_nonzero(seen)) * organs.mm**2 / max(float(np.ptp(along)), 1.0) / 2
    return outer, np.asarray(seen), float(points[:, 1].max()) - half_width


def ligament_x(organs: Organs) -> Floats | None:
    """Ligamentum arteriosum by slice, x (nz,): 4L lies medial to it, 5 lateral (Rusch 2009, table 1)."""
    mask = organs.mask("ligamentum_arteriosum")
    return None if mask is None else line(organs, mask).x
