"""A whole patient as a scanner writes one, with all that is true of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from nodewise.phantom.body import Body
from nodewise.phantom.chest import make_chest
from nodewise.phantom.geometry import Geometry, Tissue
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
        study: the scan, with the primary tumour's mask.
        nodes: every lymph node, on the scan's grid, its malignancy known; ``stations`` in the same order.
        station_map: label map of ``Station.label`` on the scan's grid.
        landmarks: LPS mm, by name.
        n_category_8, n_category_9: by the stations of the malignant nodes.
        contrast: whether contrast medium was given.
    """

    study: Study
    nodes: tuple[Node, ...]
    stations: tuple[Station, ...]
    station_map: Volume
    landmarks: Mapping[str, Point]
    primary_side: Side
    n_category_8: str
    n_category_9: str
    contrast: bool


def make_patient(seed: int, spacing_mm: Point = (0.8, 0.8, 2.0), field_mm: float = 400.0) -> Phantom:
    """Draw and scan the patient that belongs to ``seed``.

    Args:
        seed: from 0; the same seed gives the same patient, bit for bit.
        spacing_mm: of the scan along x, y, z; its slices are as thick as they are far apart.
        field_mm: width of the square field of view.
    """
    chest = make_chest(seed, spacing_mm, field_mm=field_mm, square=True)
    rng = np.random.default_rng([20261, seed])
    phase = draw_phase(rng)
    protocol = replace(draw_protocol(rng, spacing_mm[2]), blur_mm=float(rng.uniform(0.45, 0.75)))
    image = np.rint(scan(chest.geometry, rng, phase, protocol).array)
    ct = Volume(np.asfortranarray(image, np.float32), chest.geometry.grid, Quantity.HU)
    nodes = _nodes(chest)
    stations = tuple(Station(chest.nodes[n.id - 1].place) for n in nodes)
    ill = [s for n, s in zip(nodes, stations, strict=True) if n.status and n.status.malignant]
    side = chest.tumour.side if chest.tumour else None
    assert side is not None
    return Phantom(
        study=_study(ct, chest.geometry, phase),
        nodes=nodes,
        stations=stations,
        station_map=chest.places,
        landmarks=chest.landmarks,
        primary_side=side,
        n_category_8=n_category(ill, side, 8).name,
        n_category_9=n_category(ill, side, 9).name,
        contrast=phase is not Phase.NONE,
    )


def _study(ct: Volume, geometry: Geometry, phase: Phase) -> Study:
    tumour = Volume(np.asfortranarray(geometry.tissue == Tissue.TUMOUR), ct.grid, Quantity.MASK)
    digest = hashlib.sha256(np.ascontiguousarray(ct.array.T).tobytes()).hexdigest()[:16]
    facts = {"scanner": "phantom", "contrast": phase.value, "slice_thickness_mm": ct.grid.spacing[2]}
    return Study(digest, ct, Source(ct.grid, facts), tumor=tumour)


def _nodes(chest: Body) -> tuple[Node, ...]:
    """The nodes that fill at least one voxel."""
    found = []
    for number, place in enumerate(ndimage.find_objects(chest.geometry.nodes), 1):
        if place is None:
            continue
        start, stop = tuple(s.start for s in place), tuple(s.stop for s in place)
        mask = np.asfortranarray(chest.geometry.nodes[place] == number)
        found.append(Node(number, Box(start, stop), mask, 1.0, chest.nodes[number - 1].status))
    return tuple(found)
