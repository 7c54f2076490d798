"""What whole numbers in a file mean, and how they come onto the truth's grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nodewise.image.components import Connectivity, components
from nodewise.image.onto import labels_onto
from nodewise.metrics.instances import support
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.node import Status
from nodewise.values.volume import Quantity, Volume

Labelling = Literal["auto", "mask", "instances", "classes"]
CLASSES = (Status.BENIGN, Status.MALIGNANT, Status.EXTRANODAL)
"""P4's voxel classes, in the order of their numbers in a class map: 1 negative, 2 positive, 3 extranodal extension."""


def instances_of(
    given: Volume, labelling: Labelling, connectivity: Connectivity, where: str
) -> tuple[Volume, Mapping[int, Status]]:
    """Labels as instances, and the class of each where they were classes.

    Args:
        given: LABEL.
        labelling: what its numbers mean; ``auto`` takes one value for a mask and several for instances.
        connectivity: of the components of a mask.
        where: the file, for messages.

    Raises:
        BadInputError: several values that could be instances or classes, or a class that is none.
    """
    values = np.array(ids_of(given), dtype=np.int64)
    if labelling == "instances" or values.size == 0:
        return given, {}
    if labelling == "mask" or (labelling == "auto" and values.size == 1):
        return _labels(parts_of(given.array > 0, connectivity)[0], given.grid), {}
    if labelling == "classes":
        return _classes(given, int(values.max(initial=0)), connectivity, where)
    if parts_of(given.array)[1] > values.size:
        raise BadInputError(
            f"{where} has {values.size} labels and some have several parts, so they may be no instances but classes, "
            "or a map in whole numbers: say what they are with --truth-labels or --prediction-labels"
        )
    return given, {}


def _classes(
    given: Volume, highest: int, connectivity: Connectivity, where: str
) -> tuple[Volume, Mapping[int, Status]]:
    """The parts of each class."""
    if highest > len(CLASSES):
        raise BadInputError(f"{where} has the class {highest}: 1 is negative, 2 positive, 3 extranodal extension")
    parts, n = parts_of(given.array, connectivity)
    class_of = np.zeros(n + 1, dtype=np.int64)
    class_of[parts] = given.array
    return _labels(parts, given.grid), {i: CLASSES[c - 1] for i, c in enumerate(class_of.tolist()) if i}


def parts_of(labels: npt.NDArray[Any], connectivity: Connectivity = 26) -> tuple[npt.NDArray[Any], int]:
    """``components`` of the box that holds all labels, in the smallest type: large scans are mostly empty."""
    box = support(labels)
    if box is None:
        return np.zeros(labels.shape, np.uint8, order="F"), 0
    found, n = components(np.asfortranarray(labels[box.slices]), connectivity)
    parts = np.zeros(labels.shape, np.min_scalar_type(n), order="F")
    parts[box.slices] = found
    return parts, n


def _labels(array: npt.NDArray[Any], grid: Grid) -> Volume:
    return Volume(array, grid, Quantity.LABEL)


def onto_truth(labels: Volume, grid: Grid, where: str) -> tuple[Volume, tuple[str, ...]]:
    """Labels on the truth's grid; the words of ``labels_onto``, of which the truth's grid is "the CT".

    Raises:
        BadInputError: all of them lie outside.
    """
    try:
        moved, told = labels_onto(labels, grid)
    except BadInputError as error:
        raise BadInputError(f"{where} lies wholly outside the truth's image: are they of one patient?") from error
    return moved, tuple(line.replace("the CT", "the truth's image") for line in told)


def left_out(above: npt.NDArray[np.bool_], old: Grid, new: Grid, where: str) -> tuple[str, ...]:
    """What of a binarised map lies beyond the truth's image.

    Raises:
        BadInputError: all of it.
    """
    if old.same_as(new) or not above.any():
        return ()
    index = new.to_index(old.to_lps(np.argwhere(above)))
    inside = ((index >= -0.501) & (index <= np.asarray(new.shape) - 0.499)).all(axis=1)
    if not inside.any():
        raise BadInputError(f"{where} lies wholly outside the truth's image: are they of one patient?")
    lost = int(np.count_nonzero(~inside))
    if not lost:
        return ()
    return (f"{lost * old.voxel_volume_mm3 / 1000:.2f} ml of the prediction lie outside the truth's image, left out",)


def ids_of(labels: Volume) -> list[int]:
    """Every label but 0, rising."""
    box = support(labels.array)
    if box is None:
        return []
    array = labels.array[box.slices].T  # arrays are kept x fastest
    return [int(n) for n in np.unique(array[array > 0])]
