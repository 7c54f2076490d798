"""What is true of a scan with implants, as written to ``truth.json``."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from nodewise.image.shape import measure
from nodewise.phantom.implant_item import Item
from nodewise.phantom.implant_scan import Implanted
from nodewise.values.box import Box
from nodewise.values.node import Status
from nodewise.values.station import Station
from nodewise.values.volume import Volume

SCHEMA_VERSION = "1.0"


def truth_of(seed: int, made: Implanted, stations: Volume | None, paste: str) -> dict[str, Any]:
    """Nodes and controls as they show in the scan; lengths in mm, places in LPS mm.

    The scan's own disease is not known, so there is no N category. Sizes are those of the label, which is moulded.

    Args:
        seed: of the patient.
        made: the scan with its implants.
        stations: ``Station.label`` on the scan's grid, None where it is not known.
        paste: name of the method.
    """
    look = made.background.look
    return {
        "schema_version": SCHEMA_VERSION,
        "seed": seed,
        "made_by": "implants",
        "paste": paste,
        "contrast": look.enhanced,
        "scan": {
            "fat_hu": round(look.fat_hu, 1),
            "muscle_hu": round(look.muscle_hu, 1),
            "blood_hu": None if look.blood_hu is None else round(look.blood_hu, 1),
            "noise_hu": round(look.noise_hu, 1),
            "blur_mm": [round(b, 2) for b in look.blur_mm],
        },
        "nodes": [_node(e, item, stations) for e, item in _entries(made.labels, made.nodes)],
        "negatives": [{**e, "kind": item.kind.value} for e, item in _entries(made.controls, made.control_items)],
    }


def _entries(labels: Volume, items: tuple[Item, ...]) -> list[tuple[dict[str, Any], Item]]:
    """What every implant has; those that later ones hid whole are left out."""
    found = []
    for number, place in enumerate(ndimage.find_objects(labels.array), 1):
        if place is None:
            continue
        box = Box(tuple(s.start for s in place), tuple(s.stop for s in place))
        mask = np.asfortranarray(labels.array[place] == number)
        item, grid = items[number - 1], labels.grid.crop(box)
        size = measure(mask, grid)
        entry = {
            "id": number,
            "centroid_lps_mm": [round(c, 2) for c in grid.to_lps(np.argwhere(mask).mean(axis=0)).tolist()],
            "short_axis_mm": round(size.short_axis_mm, 2),
            "long_axis_mm": round(size.long_axis_mm, 2),
            "short_axis_ellipsoid_mm": round(size.short_axis_ellipsoid_mm, 2),
            "volume_mm3": round(size.volume_mm3, 1),
            "hu": round(item.hu, 1),
            "contents": list(item.contents),
        }
        found.append((entry, item))
    return found


def _node(entry: dict[str, Any], item: Item, stations: Volume | None) -> dict[str, Any]:
    station = None if stations is None else _station(entry["centroid_lps_mm"], stations)
    ragged = item.status is Status.EXTRANODAL
    status = None if item.status is None else item.status.value
    return {**entry, "station": station, "status": status, "extranodal": ragged}


def _station(centre: list[float], stations: Volume) -> str | None:
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
