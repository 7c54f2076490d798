"""What is true of a drawn patient, in the form of ``truth.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.image.shape import measure
from nodewise.io.truthfile import HistologyName, TrueNode, TruePet, TrueTumour, TruthRecord, rounded, true_node
from nodewise.phantom.organ_names import NAMES
from nodewise.phantom.patient import Phantom
from nodewise.values.grid import Grid
from nodewise.values.node import Node
from nodewise.values.volume import Volume

if TYPE_CHECKING:
    from nodewise.phantom.annotation import Annotation


def truth_of(
    seed: int,
    phantom: Phantom,
    made: Mapping[str, str] | None = None,
    annotation: Annotation | None = None,
) -> TruthRecord:
    """The truth of a patient made from ``seed``; ``made`` are the settings, ``annotation`` may know histology."""
    organs = np.unique(phantom.organs.array).tolist()
    return TruthRecord(
        region=phantom.region.value,
        seed=seed,
        phase=phantom.phase.value,
        contrast=phantom.contrast,
        primary_side=phantom.primary_side.value if phantom.primary_side else "unknown",
        tumour=_tumour(phantom),
        n_category_8=phantom.n_category_8,
        n_category_9=phantom.n_category_9,
        landmarks_lps_mm={name: rounded(point) for name, point in phantom.landmarks.items()},
        hard=list(phantom.hard),
        station_histology=_histology(annotation),
        organs={NAMES[number]: number for number in organs if number},
        places={name: number for number, name in phantom.place_names.items() if number},
        pet=_pet(phantom),
        made=dict(made or {}),
        nodes=[_node(phantom, n, p) for n, p in zip(phantom.nodes, phantom.places, strict=True)],
    )


def _histology(annotation: Annotation | None) -> dict[str, HistologyName] | None:
    if annotation is None or not annotation.histology:
        return None
    return {station: verdict.value for station, verdict in annotation.histology.items()}


def _node(phantom: Phantom, node: Node, place: str) -> TrueNode:
    ct, pet = phantom.study.ct, phantom.pet
    grid = ct.grid.crop(node.box)
    centre = grid.to_lps(np.argwhere(node.mask).mean(axis=0))
    return true_node(
        node.id,
        phantom.region.value,
        place,
        node.status,
        centre.tolist(),
        measure(node.mask, grid),
        mean_hu=float(ct.array[node.box.slices][node.mask].mean(dtype=np.float64)),
        suv=(_uptake(node.mask, grid, pet.volume), float(pet.uptake.nodes[node.id - 1])) if pet else None,
    )


def _uptake(mask: npt.NDArray[np.bool_], grid: Grid, pet: Volume) -> float:
    """Largest SUV inside the mask as it is written, trilinear: thick slices hold less of a node than was drawn."""
    at = pet.grid.to_index(grid.to_lps(np.argwhere(mask)))
    return float(ndimage.map_coordinates(pet.array, at.T, order=1, mode="nearest").max())


def _tumour(phantom: Phantom) -> TrueTumour | None:
    tumour = phantom.tumour
    if tumour is None:
        return None
    return TrueTumour(
        site=tumour.site,
        side=tumour.side.value if tumour.side else None,
        diameter_mm=round(tumour.diameter_mm, 3),
        t_category=tumour.t_category,
        centroid_lps_mm=rounded(tumour.centre_mm),
        suv_drawn=round(phantom.pet.uptake.tumour, 3) if phantom.pet else None,
    )


def _pet(phantom: Phantom) -> TruePet | None:
    pet = phantom.pet
    if pet is None:
        return None
    return TruePet(
        shift_mm=pet.shift_mm,
        fwhm_mm=round(pet.fwhm_mm, 3),
        dose_bq=pet.injection.dose_bq,
        weight_kg=pet.injection.weight_kg,
        seconds_to_scan=pet.injection.seconds_to_scan,
    )
