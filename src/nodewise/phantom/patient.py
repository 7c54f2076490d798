"""A whole patient as a scanner writes one, with all that is true of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from nodewise.phantom.body import Body, BodyRegion, Tumour
from nodewise.phantom.drawn_body import draw_body
from nodewise.phantom.geometry import Geometry, Tissue
from nodewise.phantom.pet import PetScan, scan_pet
from nodewise.phantom.protocol import draw_protocol
from nodewise.phantom.scanner import scan
from nodewise.phantom.tissue import Phase, draw_phase
from nodewise.staging.rules import n_category
from nodewise.values.box import Box
from nodewise.values.grid import Point
from nodewise.values.node import Node
from nodewise.values.station import Side, Station
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A drawn patient.

    Attributes:
        study: the scan, with the PET where one was asked for, and the primary tumour's mask where there is one.
        region: which part of the body.
        nodes: every lymph node that fills a voxel, on the scan's grid, its malignancy known.
        places: station (chest), level (neck) or compartment (abdomen) of each node.
        place_map: label map of where nodes can lie, on the scan's grid; ``place_names`` gives each label's code.
        organs: label map on the scan's grid, numbers of ``organ_names``.
        landmarks: LPS mm, by name.
        n_category_8, n_category_9: by the stations of the malignant nodes; None outside the chest.
        hard: what makes the patient hard to read, by name.
        pet: how the PET was made and what it shows of each node; None without PET.
    """

    study: Study
    region: BodyRegion
    nodes: tuple[Node, ...]
    places: tuple[str, ...]
    place_map: Volume
    place_names: Mapping[int, str]
    organs: Volume
    landmarks: Mapping[str, Point]
    tumour: Tumour | None
    n_category_8: str | None
    n_category_9: str | None
    phase: Phase
    hard: tuple[str, ...] = ()
    pet: PetScan | None = None

    @property
    def contrast(self) -> bool:
        """Whether contrast medium was given."""
        return self.phase is not Phase.NONE

    @property
    def primary_side(self) -> Side | None:
        """Side of the primary tumour; None where it has none."""
        return self.tumour.side if self.tumour else None

    @property
    def stations(self) -> tuple[Station, ...]:
        """IASLC station of each node of a chest."""
        return tuple(Station(place) for place in self.places)


def make_patient(
    seed: int,
    spacing_mm: Point = (0.8, 0.8, 2.0),
    field_mm: float | None = None,
    *,
    region: BodyRegion = BodyRegion.CHEST,
    hard: tuple[str, ...] | None = None,
    pet: bool = False,
    phase: Phase | None = None,
    slice_mm: float | None = None,
) -> Phantom:
    """Draw and scan the patient that belongs to ``seed``.

    Args:
        seed: from 0; the same seed gives the same patient, bit for bit, and the same body whatever the spacing.
        spacing_mm: of the scan along x, y, z.
        field_mm: width of the square field of view; the region's usual one where None.
        region: which part of the body.
        hard: what makes the patient hard to read, by name (``phantom.hard.Hard``); drawn where None.
        pet: whether a PET is taken too; the CT is the same with and without.
        phase: of the contrast medium; drawn where None.
        slice_mm: thickness of the slices; as far apart as they are where None.

    Raises:
        BadInputError: no such kind of hard patient, or not in this region.
    """
    body = draw_body(seed, spacing_mm, field_mm, region, hard)
    rng = np.random.default_rng([20261, seed])
    drawn = draw_phase(rng)
    phase = phase or drawn
    protocol = replace(draw_protocol(rng, slice_mm or spacing_mm[2]), blur_mm=float(rng.uniform(0.45, 0.75)))
    image = scan(body.geometry, rng, phase, protocol).array
    ct = Volume(np.asfortranarray(np.rint(image), np.float32), body.geometry.grid, Quantity.HU)
    scanned = scan_pet(body, np.random.default_rng([20263, seed])) if pet else None
    nodes = _nodes(body)
    places = tuple(body.nodes[n.id - 1].place for n in nodes)
    return Phantom(
        study=_study(ct, body.geometry, scanned, {"contrast": phase.value, "slice_thickness_mm": protocol.slice_mm}),
        region=region,
        nodes=nodes,
        places=places,
        place_map=body.places,
        place_names=body.place_names,
        organs=body.organs,
        landmarks=body.landmarks,
        tumour=body.tumour,
        n_category_8=_category(body, nodes, places, 8),
        n_category_9=_category(body, nodes, places, 9),
        phase=phase,
        hard=body.hard,
        pet=scanned,
    )


def _category(body: Body, nodes: tuple[Node, ...], places: tuple[str, ...], edition: int) -> str | None:
    if body.region is not BodyRegion.CHEST or body.tumour is None or body.tumour.side is None:
        return None
    ill = [Station(p) for n, p in zip(nodes, places, strict=True) if n.status and n.status.malignant]
    return n_category(ill, body.tumour.side, edition).name


def _study(ct: Volume, geometry: Geometry, pet: PetScan | None, facts: Mapping[str, str | float]) -> Study:
    tumour = np.asfortranarray(geometry.tissue == Tissue.TUMOUR)
    mask = Volume(tumour, ct.grid, Quantity.MASK) if tumour.any() else None
    digest = hashlib.sha256(np.ascontiguousarray(ct.array.T).tobytes()).hexdigest()[:16]
    return Study(
        digest, ct, Source(ct.grid, {"scanner": "phantom", **facts}), pet=pet.volume if pet else None, tumor=mask
    )


def _nodes(body: Body) -> tuple[Node, ...]:
    """The nodes that fill at least one voxel."""
    found = []
    for number, place in enumerate(ndimage.find_objects(body.geometry.nodes), 1):
        if place is None:
            continue
        start, stop = tuple(s.start for s in place), tuple(s.stop for s in place)
        mask = np.asfortranarray(body.geometry.nodes[place] == number)
        found.append(Node(number, Box(start, stop), mask, 1.0, body.nodes[number - 1].status))
    return tuple(found)
