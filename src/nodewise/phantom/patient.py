"""A whole patient as a scanner writes one, with all that is true of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from nodewise.phantom.body import Body, BodyRegion, Tumour
from nodewise.phantom.drawn_body import draw_body
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.pet import PetScan, scan_pet
from nodewise.phantom.scan.acquisition import Acquisition, plain_acquisition, varied_acquisition
from nodewise.phantom.scan.framing import Framing
from nodewise.phantom.scan.protocol import Protocol
from nodewise.phantom.scan.scanner import acquire
from nodewise.phantom.scan.stored import Storage, stored
from nodewise.phantom.scan.tissue import Phase, draw_appearance, draw_phase
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
        protocol: how the CT was made. storage: the order of axes that it is written in.
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
    protocol: Protocol
    storage: Storage
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
    *,
    region: BodyRegion = BodyRegion.CHEST,
    hard: tuple[str, ...] | None = None,
    pet: bool = False,
    phase: Phase | None = None,
    slice_mm: float | None = None,
    varied: bool = False,
) -> Phantom:
    """Draw and scan the patient that belongs to ``seed``.

    Args:
        seed: from 0; the same seed gives the same patient, bit for bit, and the same body whatever the spacing.
        spacing_mm: of the scan along x, y, z.
        region: which part of the body.
        hard: what makes the patient hard to read, by name (``chest.hard.Hard``); drawn where None.
        pet: whether a PET is taken too; the CT is the same with and without.
        phase: of the contrast medium; drawn where None.
        slice_mm: thickness of the slices; as far apart as they are where None.
        varied: whether spacing, slices, field of view and orientation are drawn too, as scanners differ; what
            is asked of them is left aside.

    Raises:
        BadInputError: no such kind of hard patient, or not in this region.
    """
    rng = np.random.default_rng([20261, seed])
    how = varied_acquisition(rng, region) if varied else plain_acquisition(rng, region, spacing_mm, slice_mm)
    drawn = draw_phase(rng)
    phase = phase or drawn
    body = draw_body(seed, how.drawn_mm, how.drawn_field_mm, region, hard)
    ct, framing = acquire(body.geometry, rng, draw_appearance(rng, phase), how.protocol)
    scanned = scan_pet(body, np.random.default_rng([20263, seed])) if pet else None
    labels, places, organs, tumour = _maps(body, framing, how)
    ct = _leant(Volume(np.asfortranarray(np.rint(ct.array), np.float32), ct.grid, Quantity.HU), how)
    nodes = _nodes(body, labels)
    named = tuple(body.nodes[n.id - 1].place for n in nodes)
    facts = {"contrast": phase.value, **{k: v for k, v in how.protocol.facts.items() if v is not None}}
    return Phantom(
        study=_study(ct, tumour, scanned, facts),
        region=region,
        nodes=nodes,
        places=named,
        place_map=places,
        place_names=body.place_names,
        organs=organs,
        landmarks=body.landmarks,
        tumour=body.tumour,
        n_category_8=_category(body, nodes, named, 8),
        n_category_9=_category(body, nodes, named, 9),
        phase=phase,
        protocol=how.protocol,
        storage=replace(how.storage, tilt_deg=0.0, turn_deg=(0.0, 0.0, 0.0)),
        hard=body.hard,
        pet=scanned,
    )


def _leant(volume: Volume, how: Acquisition) -> Volume:
    """Tilted and turned as the scan is; its axes still run to left, back and head."""
    return stored(volume, Storage(tilt_deg=how.storage.tilt_deg, turn_deg=how.storage.turn_deg))


def _maps(body: Body, framing: Framing, how: Acquisition) -> tuple[Volume, Volume, Volume, Volume]:
    """Nodes, places, organs and tumour on the scan's grid."""
    grid = body.geometry.grid
    drawn = (
        Volume(body.geometry.nodes, grid, Quantity.LABEL),
        body.places,
        body.organs,
        Volume(np.asfortranarray(body.geometry.tissue == Tissue.TUMOUR), grid, Quantity.MASK),
    )
    nodes, places, organs, tumour = (_leant(framing.labels(volume), how) for volume in drawn)
    return nodes, places, organs, tumour


def _category(body: Body, nodes: tuple[Node, ...], places: tuple[str, ...], edition: int) -> str | None:
    if body.region is not BodyRegion.CHEST or body.tumour is None or body.tumour.side is None:
        return None
    ill = [Station(p) for n, p in zip(nodes, places, strict=True) if n.status and n.status.malignant]
    return n_category(ill, body.tumour.side, edition).name


def _study(ct: Volume, tumour: Volume, pet: PetScan | None, facts: Mapping[str, str | float]) -> Study:
    mask = tumour if tumour.array.any() else None
    digest = hashlib.sha256(np.ascontiguousarray(ct.array.T).tobytes()).hexdigest()[:16]
    return Study(
        digest, ct, Source(ct.grid, {"scanner": "phantom", **facts}), pet=pet.volume if pet else None, tumor=mask
    )


def _nodes(body: Body, labels: Volume) -> tuple[Node, ...]:
    """The nodes that fill at least one voxel of the scan."""
    found = []
    for number, place in enumerate(ndimage.find_objects(labels.array), 1):
        if place is None:
            continue
        start, stop = tuple(s.start for s in place), tuple(s.stop for s in place)
        mask = np.asfortranarray(labels.array[place] == number)
        found.append(Node(number, Box(start, stop), mask, 1.0, body.nodes[number - 1].status))
    return tuple(found)
