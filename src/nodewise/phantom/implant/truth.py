"""What is true of a scan with implants, as written to ``truth.json``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from nodewise.image.shape import measure
from nodewise.io.truthfile import RegionName, TrueControl, TrueNode, TruthRecord, rounded, true_node
from nodewise.phantom.implant.item import Item
from nodewise.phantom.implant.scan import Implanted
from nodewise.values.box import Box
from nodewise.values.grid import Point
from nodewise.values.node import Size
from nodewise.values.station import Station
from nodewise.values.volume import Volume


def truth_of(seed: int, made: Implanted, stations: Volume | None, paste: str) -> TruthRecord:
    """Nodes and controls as they show in the scan; lengths in mm, places in LPS mm.

    The scan's own disease is not known, so there is no N category. Sizes are those of the label, which is moulded.

    Args:
        seed: of the patient.
        made: the scan with its implants.
        stations: ``Station.label`` on the scan's grid, None where it is not known.
        paste: name of the method.
    """
    look = made.background.look
    facts = {
        "made_by": "implants",
        "paste": paste,
        "fat_hu": f"{look.fat_hu:.1f}",
        "muscle_hu": f"{look.muscle_hu:.1f}",
        "blood_hu": "unknown" if look.blood_hu is None else f"{look.blood_hu:.1f}",
        "noise_hu": f"{look.noise_hu:.1f}",
        "blur_mm": " × ".join(f"{b:.2f}" for b in look.blur_mm),
    }
    return TruthRecord(
        region="chest" if stations else None,
        seed=seed,
        phase=None if look.enhanced else "none",
        contrast=look.enhanced,
        primary_side="unknown",
        places={} if stations is None else {s.code: s.label for s in Station if s.label},
        made=facts,
        nodes=_nodes(made, stations),
        negatives=_negatives(made),
    )


def _nodes(made: Implanted, stations: Volume | None) -> list[TrueNode]:
    found = []
    for number, item, centre, size, mean_hu in _measured(made.labels, made.nodes, made.ct):
        region: RegionName | None = "chest" if stations else None
        place = (stations and _station(centre, stations)) or Station.UNKNOWN.code
        found.append(true_node(number, region, place, item.status, centre, size, mean_hu=mean_hu))
    return found


def _negatives(made: Implanted) -> list[TrueControl]:
    return [
        TrueControl(
            id=number,
            kind=item.kind.value,
            centroid_lps_mm=rounded(centre),
            short_axis_mm=round(size.short_axis_mm, 3),
            long_axis_mm=round(size.long_axis_mm, 3),
            volume_mm3=round(size.volume_mm3, 3),
        )
        for number, item, centre, size, _ in _measured(made.controls, made.control_items, made.ct)
    ]


def _measured(labels: Volume, items: tuple[Item, ...], ct: Volume) -> Iterator[tuple[int, Item, Point, Size, float]]:
    """Number, item, centroid, size and mean HU of every implant; those that later ones hid whole are left out."""
    for number, place in enumerate(ndimage.find_objects(labels.array), 1):
        if place is None:
            continue
        box = Box(tuple(s.start for s in place), tuple(s.stop for s in place))
        mask = np.asfortranarray(labels.array[place] == number)
        grid = labels.grid.crop(box)
        x, y, z = grid.to_lps(np.argwhere(mask).mean(axis=0)).tolist()
        mean_hu = float(ct.array[place][mask].mean(dtype=np.float64))
        yield number, items[number - 1], (x, y, z), measure(mask, grid), mean_hu


def _station(centre: Point, stations: Volume) -> str | None:
    """The station at the node's middle, or the nearest within about 6 mm; None beyond."""
    index = np.rint(stations.grid.to_index(centre)).astype(int)
    reach = np.ceil(6.0 / np.asarray(stations.grid.spacing)).astype(int)
    low, high = np.maximum(index - reach, 0), np.minimum(index + reach + 1, stations.grid.shape)
    near = stations.array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    places = np.argwhere(near > 0)
    if len(places) == 0:
        return None
    apart = np.linalg.norm((places + low - index) * stations.grid.spacing, axis=1)
    return Station.of_label(int(near[tuple(places[apart.argmin()])])).code
