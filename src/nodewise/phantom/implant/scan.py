"""A scan, or a piece of one, with implants: in turn each is drawn, given a place, and pasted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from nodewise.phantom.implant.ground import Ground, Paste
from nodewise.phantom.implant.item import Item
from nodewise.phantom.implant.paste_alpha import paste_alpha
from nodewise.phantom.implant.paste_poisson import paste_poisson
from nodewise.phantom.implant.place import Placed, Room, place_control, place_node
from nodewise.phantom.implant.site import Background, survey
from nodewise.values.box import Box, Index3
from nodewise.values.grid import Grid
from nodewise.values.study import Study
from nodewise.values.volume import Quantity, Volume

LEAST_MM3 = 12.0


class PasteMethod(Enum):
    """How implants are blended in: one to train with, the other kept for testing."""

    ALPHA = "alpha"
    POISSON = "poisson"

    @property
    def paste(self) -> Paste:
        """The function that does it."""
        return paste_alpha if self is PasteMethod.ALPHA else paste_poisson


@dataclass(frozen=True, slots=True, eq=False)
class Implanted:
    """A scan, or a piece of one, with implants.

    Attributes:
        labels: LABEL, uint16, node i+1 is ``nodes[i]``. controls: the same of ``control_items``.
        kinds: LABEL, uint8, ``Kind.label`` of each implant.
        ignore: MASK, what may be a real node.
    """

    ct: Volume
    labels: Volume
    controls: Volume
    kinds: Volume
    ignore: Volume
    nodes: tuple[Item, ...]
    control_items: tuple[Item, ...]
    background: Background


def implant(
    study: Study,
    rng: np.random.Generator,
    *,
    count: int,
    paste: PasteMethod = PasteMethod.ALPHA,
    negatives: bool = True,
    region: Volume | None = None,
    background: Background | None = None,
) -> Implanted:
    """Implant nodes into a scan.

    Args:
        study: any CT.
        rng: draws everything; the same state, the same result.
        count: how many nodes are tried; those that find no room are left out.
        paste: the method.
        negatives: as many vessels, pseudo-oesophagi, thymus-like triangles and slips of muscle as nodes too.
        region: MASK of where they may go; the mediastinum, or the deep fat of other scans, unless given.
        background: of ``survey(study, region)``, to save doing it again.

    Raises:
        BadInputError: too little fat in the region.
    """
    background = background or survey(study, region)
    ground, nodes, controls = _laid(background, rng, count, paste, negatives)
    grid, box = study.ct.grid, background.box
    hu = np.array(study.ct.array, np.float32, order="F")
    hu[box.slices] = ground.hu
    return _implanted(ground, Volume(hu, grid, Quantity.HU), box, nodes, controls)


def implant_patch(
    background: Background,
    rng: np.random.Generator,
    *,
    patch: Index3,
    count: int = 3,
    paste: PasteMethod = PasteMethod.ALPHA,
    negatives: bool = True,
) -> Implanted:
    """A piece of a surveyed scan of at most ``patch`` voxels about a place with room, with new implants in it."""
    room = background.room
    places = background.places
    place = np.array(np.unravel_index(int(places[int(rng.integers(len(places)))]), room.shape))
    corner = np.rint(place + (rng.uniform(-0.25, 0.25, 3) - 0.5) * patch).astype(int)
    x, y, z = np.clip(corner, 0, np.maximum(0, np.array(room.shape) - patch)).tolist()
    part = background.crop(Box((x, y, z), (x + patch[0], y + patch[1], z + patch[2])).clipped(room.shape))
    ground, nodes, controls = _laid(part, rng, count, paste, negatives)
    return _implanted(ground, Volume(ground.hu, part.grid, Quantity.HU), None, nodes, controls)


def _laid(
    background: Background, rng: np.random.Generator, count: int, paste: PasteMethod, negatives: bool
) -> tuple[Ground, tuple[Item, ...], tuple[Item, ...]]:
    """Nodes and controls in turn, each moulded to those before it."""
    ground = Ground(background)
    room = Room(ground)
    nodes: list[Item] = []
    controls: list[Item] = []
    hu = background.look.node_hu(rng)
    turns = rng.permutation([True] * count + [False] * (count if negatives else 0))
    for is_node in turns:
        placed = place_node(room, nodes, hu, rng) if is_node else place_control(room, hu, rng)
        if placed is None:
            continue
        into = nodes if is_node else controls
        if _lay(ground, placed, paste.paste, len(into) + 1, rng):
            into.append(placed.item)
    return ground, tuple(nodes), tuple(controls)


def _lay(ground: Ground, placed: Placed, paste: Paste, number: int, rng: np.random.Generator) -> bool:
    """Paste one, unless hardly a voxel would come to be its own."""
    pasted = paste(ground, placed.part, placed.item, placed.allowed, rng)
    own = float((ground.share[placed.part] * pasted.cover).sum()) * float(np.prod(ground.spacing))
    if own < LEAST_MM3:
        return False
    return ground.add(placed.item, placed.part, pasted, number) > 0


def _implanted(
    ground: Ground, ct: Volume, box: Box | None, nodes: tuple[Item, ...], controls: tuple[Item, ...]
) -> Implanted:
    grid = ct.grid
    return Implanted(
        ct,
        _on_whole(ground.nodes, grid, box, Quantity.LABEL),
        _on_whole(ground.controls, grid, box, Quantity.LABEL),
        _on_whole(ground.kinds, grid, box, Quantity.LABEL),
        _on_whole(ground.background.ignore & (ground.kinds == 0), grid, box, Quantity.MASK),
        nodes,
        controls,
        ground.background,
    )


def _on_whole(array: npt.NDArray[np.generic], grid: Grid, box: Box | None, quantity: Quantity) -> Volume:
    """An array of ``box``, on the whole grid; as it is where it fills the grid."""
    if box is None:
        return Volume(np.asfortranarray(array), grid, quantity)
    whole = np.zeros(grid.shape, array.dtype, order="F")
    whole[box.slices] = array
    return Volume(whole, grid, quantity)
