"""Great vessels of a chest whose landmarks someone has corrected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.chest import Carina, Chest
from nodewise.anatomy.tubes import Tube
from nodewise.anatomy.vessels import Vessels, find_vessels

HALF_MM, SURE = 12.0, 1e3  # half the length of a vessel of which only a point is known; its score
# Landmark, axis that the vessel follows, and usual radius in mm.
VESSELS = {
    "cava": ("superior_vena_cava", 2, 9.0),
    "ascending": ("ascending_aorta", 2, 15.0),
    "left_vein": ("left_brachiocephalic_vein", 0, 6.0),
    "azygos": ("azygos_arch", 1, 5.0),
    "left_artery": ("left_pulmonary_artery", 1, 10.0),
}


def with_vessels(chest: Chest, carina: Carina, at: Mapping[str, npt.NDArray[np.float64]]) -> Chest:
    """The chest with each vessel through its given point; all looked for again where carina or arch is given.

    Args:
        chest: with ``carina`` and arch as given.
        carina: of the chest.
        at: voxels (3,) by name of landmark.
    """
    found = chest.vessels
    if found is None or "carina" in at or "arch_top" in at:
        top = None if chest.arch is None else chest.arch.top[2]
        found = find_vessels(chest.hu, chest.lungs, carina.walls, carina.split.point, top, chest.spacing_mm)
    given = {
        field: _through(getattr(found, field), at[name], axis, radius_mm / chest.spacing_mm, chest.spacing_mm)
        for field, (name, axis, radius_mm) in VESSELS.items()
        if name in at
    }
    return replace(chest, vessels=Vessels(**{field: given.get(field, getattr(found, field)) for field in VESSELS}))


def _through(tube: Tube | None, point: npt.NDArray[np.float64], axis: int, radius: float, mm: float) -> Tube:
    """The tube moved across its axis to meet the point; a short straight one where there was none."""
    if tube is None:
        steps = np.arange(-round(HALF_MM / mm), round(HALF_MM / mm) + 1)
        centres = np.tile(point, (len(steps), 1))
        centres[:, axis] += steps
        return Tube(centres, np.full(len(steps), radius), SURE)
    shift = point - tube.centres[int(np.abs(tube.centres[:, axis] - point[axis]).argmin())]
    return Tube(tube.centres + shift, tube.radii, SURE)
