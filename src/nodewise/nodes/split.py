"""From a probability or a label map to nodes, and back to a label map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from nodewise.image.components import boxes, components
from nodewise.image.shape import ellipsoid_diameters_mm
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.node import Node
from nodewise.values.volume import Quantity, Volume

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.integer]
_LARGEST_ID = int(np.iinfo(np.uint16).max)
_NECK_MM = 1.0  # two cores this much thicker (in radius) than the neck between them are two nodes


def split(
    probability: Volume,
    ct_grid: Grid,
    threshold: float,
    minimum_short_axis_mm: float,
    *,
    separate_touching: bool = False,
) -> tuple[Node, ...]:
    """The nodes in a probability map, numbered from head to feet.

    An instance is a 26-connected set of voxels at or above ``threshold`` (P1: touching nodes are one conglomerate);
    its score is the largest probability inside. Instances whose equivalent ellipsoid has a diameter below
    ``minimum_short_axis_mm`` are dropped (P3, post-processing); 0 keeps all.

    Args:
        probability: on a crop of ``ct_grid``.
        ct_grid: on which the nodes' boxes are given.
        threshold: from which a voxel is node.
        minimum_short_axis_mm: smallest diameter of the equivalent ellipsoid that is kept.
        separate_touching: cut conglomerates at their necks (see ``_separated``).

    Raises:
        ValueError: ``probability`` does not lie on a crop of ``ct_grid``.
    """
    offset = ct_grid.box_of(probability.grid).start
    labels: Labels = components(probability.array >= threshold)[0]
    if separate_touching:
        labels = _separated(labels, probability.grid)
    kept = []
    for label, (box, _) in boxes(labels).items():
        mask = labels[box.slices] == label
        if ellipsoid_diameters_mm(mask, probability.grid.crop(box))[0] >= minimum_short_axis_mm:
            kept.append((box, mask, min(1.0, float(probability.array[box.slices][mask].max()))))
    kept.sort(key=lambda part: _from_head(part[0], part[1], probability.grid))
    return tuple(Node(n, box.shifted(offset), mask, score) for n, (box, mask, score) in enumerate(kept, 1))


def within(nodes: Sequence[Node], region: Volume | None, ct_grid: Grid) -> tuple[Node, ...]:
    """The nodes whose centre lies in ``region`` (a MASK on any grid; None keeps all), numbered anew from 1."""
    if region is None:
        return tuple(nodes)
    index = np.rint(region.grid.to_index(_centres(nodes, ct_grid))).astype(int)
    there = np.asarray(((index >= 0) & (index < region.grid.shape)).all(axis=1))
    there[there] = region.array[tuple(index[there].T)]
    return _kept(nodes, there)


def near(nodes: Sequence[Node], places: Volume | None, reach_mm: float, ct_grid: Grid) -> tuple[Node, ...]:
    """The nodes of which half or more lies at most ``reach_mm`` from a labelled voxel, numbered anew from 1.

    Centres are compared with centres. One that only touches a station, as a vein beside the spine may, is not near.

    Args:
        nodes: with boxes on ``ct_grid``.
        places: LABEL on any grid; None keeps all.
        reach_mm: inf keeps all.
        ct_grid: of the nodes.
    """
    if places is None or reach_mm == np.inf:
        return tuple(nodes)
    return _kept(nodes, [_reaches(node, places, reach_mm, ct_grid) for node in nodes])


def _reaches(node: Node, places: Volume, reach_mm: float, ct_grid: Grid) -> bool:
    from scipy.spatial import KDTree

    points = ct_grid.crop(node.box).to_lps(np.argwhere(node.mask))
    box = places.grid.box_around(points.min(axis=0) - reach_mm, points.max(axis=0) + reach_mm)
    there = np.argwhere(places.array[box.slices] > 0)
    if not len(there):
        return False
    nearest, _ = KDTree(places.grid.crop(box).to_lps(there)).query(points)
    return bool(2 * np.count_nonzero(nearest <= reach_mm) >= len(points))


def _centres(nodes: Sequence[Node], grid: Grid) -> npt.NDArray[np.float64]:
    """LPS mm (n, 3) of the middle of each node's voxels."""
    centres = [np.argwhere(node.mask).mean(axis=0) + node.box.start for node in nodes]
    return grid.to_lps(np.reshape(centres, (-1, 3)))


def _kept(nodes: Sequence[Node], which: Iterable[bool]) -> tuple[Node, ...]:
    kept = [node for node, keep in zip(nodes, which, strict=True) if keep]
    return tuple(replace(node, id=number) for number, node in enumerate(kept, 1))


def nodes_from_labels(labels: Volume) -> tuple[Node, ...]:
    """The nodes that someone has drawn; score 1.

    With one positive value (a binary mask) each 26-connected component is a node, numbered from head to feet. With
    several, each value is a node as given, however many parts it has, and keeps its value as id.

    Args:
        labels: LABEL or MASK on the CT's grid.

    Raises:
        BadInputError: a value is negative, or larger than a 16-bit label map can hold.
    """
    array = labels.array.view(np.uint8) if labels.quantity is Quantity.MASK else labels.array
    if array.size and int(array.min()) < 0:
        raise BadInputError(
            f"the node mask holds negative labels ({int(array.min())}): give 0 for none, 1, 2, … for nodes"
        )
    positive = array > 0
    if not positive.any():
        return ()
    around = Box.around(positive)
    inside = array[around.slices]
    values = np.unique(inside[positive[around.slices]])
    if values.size == 1:
        found, _ = components(positive[around.slices])
        grid = labels.grid.crop(around)
        parts = [(box, found[box.slices] == n) for n, (box, _) in boxes(found).items()]
        parts.sort(key=lambda part: _from_head(part[0], part[1], grid))
        return tuple(Node(n, box.shifted(around.start), mask, 1.0) for n, (box, mask) in enumerate(parts, 1))
    if int(values[-1]) > _LARGEST_ID:
        raise BadInputError(
            f"the node mask holds the label {int(values[-1])}: renumber its nodes from 1 to {_LARGEST_ID}"
        )
    return tuple(
        Node(n, box.shifted(around.start), inside[box.slices] == n, 1.0)
        for n, (box, _) in boxes(inside.astype(np.uint16)).items()
    )


def label_map(nodes: Iterable[Node], grid: Grid) -> Volume:
    """Each node's id in its voxels, 0 elsewhere: LABEL, uint16; where nodes overlap the later one stands.

    Raises:
        BadInputError: an id does not fit 16 bits.
    """
    labels = np.zeros(grid.shape, dtype=np.uint16, order="F")
    for node in nodes:
        if not 1 <= node.id <= _LARGEST_ID:
            raise BadInputError(f"node id {node.id} does not fit a label map: number nodes from 1 to {_LARGEST_ID}")
        labels[node.box.slices][node.mask] = node.id
    return Volume(labels, grid, Quantity.LABEL)


def _from_head(box: Box, mask: Mask, grid: Grid) -> tuple[float, float, float]:
    """Sorts from head to feet, then from right to left, then from front to back."""
    x, y, z = grid.to_lps(np.argwhere(mask).mean(axis=0) + box.start).round(3).tolist()
    return -z, x, y


def _separated(labels: Labels, grid: Grid) -> Labels:
    """The instances cut at their necks, renumbered.

    Watershed of the depth inside the instance (exact distance to its surface, mm): two cores stay one unless both
    are ``_NECK_MM`` deeper than the neck between them (h-maxima; Soille, Morphological Image Analysis, 2nd ed.).
    """
    out = np.zeros(labels.shape, dtype=np.uint32, order="F")
    count = 0
    for label, (box, _) in boxes(labels).items():
        mask = labels[box.slices] == label
        basins = _basins(mask, grid.spacing)
        for piece in np.unique(basins[mask]):
            count += 1
            out[box.slices][mask & (basins == piece)] = count
    return out


def _basins(mask: Mask, spacing: Sequence[float]) -> Labels:
    """Number of the core that each voxel of one instance belongs to."""
    import SimpleITK as sitk  # noqa: N813
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask, 1), sampling=spacing)[1:-1, 1:-1, 1:-1].astype(np.float32)
    image = sitk.GetImageFromArray(-depth.T)
    watershed = sitk.MorphologicalWatershed(image, level=_NECK_MM, markWatershedLine=False, fullyConnected=True)
    return np.asarray(sitk.GetArrayFromImage(watershed)).T
