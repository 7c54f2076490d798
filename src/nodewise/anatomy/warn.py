"""What a reader must know about how far the anatomy can be trusted."""

from __future__ import annotations

import numpy as np

from nodewise.anatomy.chest import AGREEMENT_MM, Chest
from nodewise.anatomy.lungs import SMALLEST_ML

MIRRORED = (
    "Aorta, bronchi or heart lie as in a mirror image: check which side is left (situs inversus, or a wrong header)."
)
APEX_MISSING = "The scan does not reach the apex of the lungs."
LOWEST_NODES_MM = 60.0
HEART_MM = 4.0
SMALL_AIRWAY_ML, LARGE_AIRWAY_ML = 10.0, 100.0  # of trachea and bronchi as far as they are followed
AORTA_ON_RIGHT = "The aorta seems to descend on the right: check which side is left, or if the arch is a right one."


def chest_warnings(chest: Chest, cut: bool) -> tuple[str, ...]:
    """One line each; empty for a whole chest in which everything was found."""
    found: list[str] = []
    if cut:
        found.append("The scan is cut inside the body: parts of the chest are not in it.")
    if chest.carina is None:
        found.append(f"The carina was not found ({chest.why_no_carina}): stations are unknown.")
    else:
        if chest.carina.split.at_edge:
            found.append("The carina lies at the lower end of the scan: stations are uncertain.")
        if chest.arch is None:
            found.append("The aortic arch was not found: the borders of stations 2, 3a, 4, 5 and 6 are assumed.")
        elif chest.arch.apart_mm > AGREEMENT_MM:
            found.append(f"The top of the aortic arch is uncertain by {chest.arch.apart_mm:.0f} mm.")
        found += _airway_warnings(chest)
    if mirrored(chest):
        found.append(MIRRORED)
    elif chest.aorta_on_right:
        found.append(AORTA_ON_RIGHT)
    return (*found, *_lung_warnings(chest))


def mirrored(chest: Chest) -> bool:
    """Whether two of aorta, bronchi and heart lie as in a mirror image; an aorta on the left outweighs the others."""
    heart = chest.heart_mm is not None and chest.heart_mm < -HEART_MM
    if chest.aorta_on_right:
        return chest.bronchi_swapped or heart
    return chest.aorta is None and chest.bronchi_swapped and heart


def _airway_warnings(chest: Chest) -> list[str]:
    ml = float(np.count_nonzero(chest.airway)) * chest.spacing_mm**3 / 1000.0
    if SMALL_AIRWAY_ML <= ml <= LARGE_AIRWAY_ML:
        return []
    return [
        f"The airway found holds {ml:.0f} ml, which is unusual: it may be cut, narrowed or have leaked into a lung."
    ]


def unseen(chest: Chest, cut: bool) -> str:
    """Why nodes of the mediastinum may lie outside the scan; empty where it shows all of it.

    The mediastinum's nodes reach from the apex of the lungs to about 60 mm below the carina (stations 7 and 8).
    """
    if cut:
        return "the scan is cut inside the body"
    if chest.carina is None:
        return ""
    if chest.carina.split.point[2] * chest.spacing_mm < LOWEST_NODES_MM:
        return f"the scan ends less than {LOWEST_NODES_MM:.0f} mm below the carina"
    return "the scan does not reach the apex of the lungs" if APEX_MISSING in _lung_warnings(chest) else ""


def _lung_warnings(chest: Chest) -> list[str]:
    litre = chest.spacing_mm**3 / 1e6
    right, left = (float(np.count_nonzero(m)) * litre for m in (chest.lungs.right, chest.lungs.left))
    missing = [name for name, volume in (("right", right), ("left", left)) if volume == 0.0]
    found: list[str] = []
    if missing:
        found.append(f"Less than {SMALLEST_ML:.0f} ml of air was found in the {' and the '.join(missing)} lung.")
    elif not 0.4 < right / left < 2.5:
        found.append(
            f"The lungs differ much in size (right {right:.1f} l, left {left:.1f} l): volume loss, mass or effusion."
        )
    both = chest.lungs.right | chest.lungs.left
    smallest = 150.0 / chest.spacing_mm**2
    if np.count_nonzero(both[:, :, -1]) > smallest:
        found.append(APEX_MISSING)
    if np.count_nonzero(both[:, :, 0]) > smallest:
        found.append("The scan does not reach the base of the lungs.")
    return found
